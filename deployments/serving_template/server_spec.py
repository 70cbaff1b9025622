"""What a template and the values of a configuration give: all that is needed to run the servers of a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.lifecycle import DRAIN_SECONDS
from deployments.serving_template.schema import Retry, SecretKey

_INSTANCE_KEYS = (
    "instances",
    "inputs",
)  # the inputs of a prediction in KServe's v1 and in the Open Inference Protocol v2


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """What a container asks for (`resources`), of which the smallest resource plan that has it is chosen.

    Args:
        cpu_millis: CPU in thousandths of a core, 0 when it does not say.
        memory_bytes: memory in bytes, 0 when it does not say.
        gpus: whole GPUs.
    """

    cpu_millis: int = 0
    memory_bytes: int = 0
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Mount:
    """An empty folder that a server may write to, gone with its attempt (`emptyDir` of a template).

    Args:
        path: absolute path in the server's file system.
        in_memory: it lies in memory, and counts as the server's.
        size_bytes: how much it may hold, None for no limit of its own.
    """

    path: str
    in_memory: bool = False
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How a server is asked whether it is healthy, as `readinessProbe` of a template says it.

    Args:
        path: HTTP path that answers 2xx; `""` if an open port is enough (`tcpSocket`).
        port: port that is asked, in the server; None for the port that it serves on.
        headers: sent with the request.
        initial_delay_seconds: after its start it is not asked for so long.
        period_seconds: between two checks, at least.
        timeout_seconds: for one answer.
        failure_threshold: checks that have to fail in a row before a healthy server counts as unhealthy.
    """

    path: str = "/"
    port: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    initial_delay_seconds: float = 0.0
    period_seconds: float = 0.0
    timeout_seconds: float = 1.0
    failure_threshold: int = 1


@dataclass(frozen=True, kw_only=True)
class ReadinessCheck:
    """The request that must succeed before a deployment is RUNNING.

    Args:
        path: below the deployment's URL, with its query, percent-encoded.
        body: the request's body, None for none.
        headers: in addition to those that the client sets by itself.
        any_answer: whether every answer of the server below 500 is a success: nobody has said which path it has.
    """

    method: str
    path: str
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    any_answer: bool = False

    @property
    def is_prediction(self) -> bool:
        """Whether the request makes the model predict: it has a body, and not an empty list of instances."""
        if self.method in {"GET", "HEAD", "OPTIONS"} or not (self.body or "").strip():
            return False
        try:
            tree = json.loads(self.body or "")
        except ValueError:
            return True  # an image, a text ...: some other input of a model
        lists = [tree[name] for name in _INSTANCE_KEYS if name in tree] if isinstance(tree, dict) else [tree]
        return any(lists) if lists else bool(tree)


@dataclass(frozen=True, kw_only=True)
class Sample(ReadinessCheck):
    """The request that the playground starts with; its JSON body is indented for people."""

    description: str = ""


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """Everything needed to run the servers of a deployment.

    Args:
        image: container image, `""` when the template names none.
        command: the program; empty when the template gives an image alone. `{{runtime.port}}` and
            `{{runtime.artifacts.NAME}}` may stand in it, in `args` and in the values of `env`.
        args: its arguments, or those of the program inside the image.
        env: environment of the server.
        secret_env: the secrets of further environment variables, whose values are read when a server starts.
        ports: container ports.
        resource_plan: name of the plan; `""` until one is chosen for `amounts`.
        min_replicas: servers to start, at least 1 (a template's 0, "sleep when idle", counts as 1).
        max_replicas: at least `min_replicas`.
        health_path: the HTTP path that answers 2xx when the server is healthy.
        requirements: Python requirement lines, without options of an installer (checked).
        deadlines: seconds by step (values of `lifecycle.Step`), only those that the template sets.
        drain_seconds: how long requests may take to finish when the servers are drained.
        retry: which requests are sent to another replica when their server ended before it answered.
        amounts: what the container asks for; None when the template names a plan instead.
        health_check: how else it is asked for its health, None for a GET of `health_path`.
        model: the input artifact that is a container's `/mnt/models` (`storageUri`, STORAGE_URI), `""` for none named.
        mounts: empty folders of the container.
        working_dir: folder that the command starts in, `""` for the image's own.
        read_only_root: whether the container may write to its mounts alone.
        pull_secrets: names of the secrets that open the registry of the image.
    """

    image: str
    command: tuple[str, ...]
    env: dict[str, str]
    ports: tuple[int, ...]
    resource_plan: str
    min_replicas: int
    max_replicas: int
    health_path: str
    requirements: tuple[str, ...]
    readiness_check: ReadinessCheck
    sample: Sample | None
    deadlines: dict[str, int]
    retry: Retry
    secret_env: dict[str, SecretKey] = field(default_factory=dict)
    drain_seconds: int = DRAIN_SECONDS
    args: tuple[str, ...] = ()
    amounts: Amounts | None = None
    health_check: HealthCheck | None = None
    model: str = ""
    mounts: tuple[Mount, ...] = ()
    working_dir: str = ""
    read_only_root: bool = False
    pull_secrets: tuple[str, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line, for who runs it without an image."""
        return (*self.command, *self.args)


def stored_readiness_check(server_spec: Mapping[str, Any]) -> ReadinessCheck | None:
    """Return the readiness check of a stored server spec, None when it has none. `proof` is its former key."""
    values = server_spec.get("readiness_check") or server_spec.get("proof")
    return ReadinessCheck(**values) if values else None
