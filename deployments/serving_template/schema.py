"""A deployment template as plain data, and the vocabulary of its format.

The format is ServingTemplate YAML (`ai.sap.com/v1alpha1`). What it cannot express is in annotations of our own,
in `metadata.annotations`; all are optional and may contain placeholders:

- `launchpad/requirements`: Python requirements of the server, one per line.
- `launchpad/health-path`: the path that answers 2xx when the server is healthy. Default:
  `readinessProbe.httpGet.path` of the container; without a readiness probe `/`, or in an image, whose paths nobody
  knows here, an open port as on Knative.
- `launchpad/readiness-check`: the request through the gateway that must succeed before a deployment is RUNNING, YAML
  or JSON: `method`, `path`, `body`, `headers`. Default: a GET of the health path; where an open port is enough, any
  answer below 500 to `GET /`. A body written as a mapping or list,
  or as JSON text, is sent as JSON. `launchpad/proof` is its former name, which is still accepted.
- `launchpad/sample-request`: the request that the playground starts with: the same and `description`. Default: the
  readiness check.
- `launchpad/deadlines`: seconds that each step may take, counted from the step before it; names in any case:
  `placed` (default 3600: resources are free), `prepared` (1800: Python environment), `fetched` (3600: artifacts),
  `started` (300: the port is open), `healthy` (300: the health path answers 2xx), `verified` (60: the readiness check
  succeeds; `proved` is its former name), `routed` (60). A server that loads a large model before it opens its port
  needs a longer `started`.
- `launchpad/drain-seconds`: how long requests may take to finish when their servers are updated or stopped. Default:
  30, at most 3600.
- `launchpad/retry`: whether a request whose server ended before it answered is retried once on another replica.
  Default: GET, HEAD and PUT are; `"on"`: all methods are, if the whole request had arrived; `"off"`: none is. Requests
  that never reached a server are always sent to another one.
- `launchpad/split-arguments`: names of parameters, one per line. An item of `command` or `args` that is only the
  placeholder of such a parameter becomes several arguments, split like a shell does but without any expansion, or
  taken from a JSON list when the value begins with `[`.
- `launchpad/json-values`: names of parameters, one per line. A text in a request's body that is only the placeholder
  of such a parameter becomes the JSON value in the parameter.

What is used of `spec.template.spec.predictor`:

- `containers`, one of them: `image`, `command`, `args`, `env` (`value`, `secretKeyRef`), `ports`, `workingDir`,
  `readinessProbe`, `volumeMounts`, `resources`, `securityContext.readOnlyRootFilesystem`. `$(NAME)` in `command`,
  `args` and `env` is filled in as Kubernetes does, `$(PORT)` is the port to listen on. The first of the ports is the
  one that requests go to; without ports it is that of the readiness probe.
- `readinessProbe`: `httpGet` (`path`, `port` by number or name, `httpHeaders`) or `tcpSocket`, `initialDelaySeconds`,
  `periodSeconds` (of a healthy server; one that starts is asked more often), `timeoutSeconds` (at most 3 are waited),
  `failureThreshold`. Numbers that are not given are 0, 1 and 1; the initial delay adds to the deadline `started`.
- `volumes` of the kind `emptyDir` (`medium: Memory`, `sizeLimit`), each mounted once; other kinds are refused.
- `imagePullSecrets`: secrets of the resource group in Docker's config form (`.dockerconfigjson`).
- `env` STORAGE_URI: the input artifact that a container finds at `/mnt/models`.
- `model` instead of containers: `modelFormat` (`sklearn` or `onnx`) and `storageUri`, an input artifact, run on the
  server of that format that comes with Launchpad. `name` (default: the template's) is the model's in URLs; `args` and
  `env` are passed on.
- `minReplicas` (0 counts as 1, as nothing is put to sleep) and `maxReplicas`.

The label `ai.sap.com/resourcePlan` (or `ai.sap.com/instanceType`) of `spec.template.metadata` names the resource
plan. Without it `resources` choose one, the smallest that has its `cpu`, `memory` and `nvidia.com/gpu` (limits, else
requests): the fewest GPUs, then the least memory. Without both it is `starter`.

An import refuses with line and sentence what changes what runs and is not supported (`refusals`), and lists what only
matters in a cluster (`leftovers`).

A line of `launchpad/requirements` that is only a placeholder may become several lines, or none.

Placeholders beside `inputs.…`: `{{runtime.port}}` and `{{runtime.artifacts.NAME}}` (local path) stay for the runtime
to fill in. In the command and the environment they also work inside values. A server also gets its address from
the environment variables HOST and PORT, which every runtime sets. The servers that come with Launchpad are modules of
the package that a line `launchpad-model-servers` of the requirements installs (see `modules`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from deployments.errors import LaunchpadError
from deployments.serving_template.yaml_source import Problem, Tree

API_VERSION = "ai.sap.com/v1alpha1"
KIND = "ServingTemplate"
ID = re.compile(r"[\w.-]{4,64}", re.ASCII)  # the AI API's pattern for ids
SCENARIO_ID = re.compile(r"[\w.-]{2,64}", re.ASCII)  # existing templates use shorter ones, too
MAX_PARAMETERS = 1000
MAX_VALUE = 5000  # characters
ARTIFACT_KINDS = ("model", "dataset", "resultset", "other")
PARAMETER_TYPES = {
    "string": "string",
    "str": "string",
    "number": "number",
    "float": "number",
    "integer": "integer",
    "int": "integer",
    "boolean": "boolean",
    "bool": "boolean",
}
DEFAULT_PLAN = "starter"


class TemplateInvalid(LaunchpadError):
    """A file has no valid serving templates; `problems` lists all problems that were found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Retry(StrEnum):
    """Which requests are sent to another replica when their server ended before it answered."""

    SAFE = "safe"  # GET, HEAD, PUT
    ALL = "on"
    NONE = "off"

    @classmethod
    def _missing_(cls, value: object) -> Retry | None:
        return cls.SAFE if value is True else cls.NONE if value is False else None  # as older generations were stored


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """An input parameter: type is one of the values of PARAMETER_TYPES, default is None when a value is required."""

    name: str
    type: str = "string"
    default: str | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class InputArtifact:
    """An input artifact: kind is one of ARTIFACT_KINDS, or `""` for any."""

    name: str
    kind: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RequestTemplate:
    """A request with placeholders. `body` is None, a text, or a tree that is sent as JSON."""

    method: str = "GET"
    path: str
    body: Tree = None
    headers: dict[str, str] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """Where an environment variable takes its value from (`secretKeyRef`).

    Args:
        secret: name of a secret of the resource group.
        key: one of its keys.
        optional: whether the variable stays unset when there is no such secret or key.
    """

    secret: str
    key: str
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class ProbeTemplate:
    """A readiness probe with placeholders; see `server_spec.HealthCheck` for the meaning of each field.

    Args:
        path: `""` if an open port is enough.
        port: number of a port of the container, `""` for the one that it serves on.
        headers: sent with the request.
    """

    path: str
    port: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    initial_delay_seconds: str = ""
    period_seconds: str = ""
    timeout_seconds: str = ""
    failure_threshold: str = ""


@dataclass(frozen=True, kw_only=True)
class MountTemplate:
    """An `emptyDir` of a container: where it is mounted, and how much it may hold (a quantity, `""` for no limit)."""

    path: str
    in_memory: bool = False
    size: str = ""


@dataclass(frozen=True, kw_only=True)
class ServerTemplate:
    """The server spec with placeholders; see `server_spec.ServerSpec` for the meaning of each field.

    Args:
        secret_env: the secrets of environment variables; their names may contain placeholders.
        resource_plan: `""` when `amounts` say what is needed.
        amounts: quantities of `cpu`, `memory` and `nvidia.com/gpu`, only without a resource plan.
        probe: the readiness probe; None for a GET of `health_path`.
        model: a text that names the model's input artifact.
        unsupported: why it cannot run as it was meant, of a template from before these were refused at import.
        split_arguments: parameters whose value becomes several arguments.
        json_values: parameters whose value is JSON.
    """

    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    secret_env: dict[str, SecretKey] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    resource_plan: str = DEFAULT_PLAN
    min_replicas: str = "1"
    max_replicas: str = ""
    health_path: str = "/"
    requirements: tuple[str, ...] = ()
    readiness_check: RequestTemplate | None = None
    sample: RequestTemplate | None = None
    deadlines: dict[str, str] = field(default_factory=dict)
    drain_seconds: str = ""
    retry: Retry = Retry.SAFE
    split_arguments: frozenset[str] = frozenset()
    json_values: frozenset[str] = frozenset()
    amounts: dict[str, str] = field(default_factory=dict)
    probe: ProbeTemplate | None = None
    model: str = ""
    mounts: tuple[MountTemplate, ...] = ()
    working_dir: str = ""
    read_only_root: bool = False
    pull_secrets: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServingTemplate:
    """One serving executable ("deployment template").

    Args:
        labels, annotations: those of the document's own metadata.
        body: `spec.template` with sections in block strings parsed, every scalar as the text that was written.
        server: the server that body and annotations describe.
        text: source of this document only.
    """

    executable_id: str
    name: str
    description: str
    scenario_id: str
    scenario_name: str
    scenario_description: str
    version: str
    parameters: tuple[Parameter, ...]
    artifacts: tuple[InputArtifact, ...]
    labels: dict[str, str]
    annotations: dict[str, str]
    body: dict[str, Tree]
    server: ServerTemplate
    text: str
    deployable: bool = True

    @property
    def resource_plan_expression(self) -> str:
        """The name of the resource plan, or the placeholder that gives it."""
        return self.server.resource_plan
