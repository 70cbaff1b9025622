"""Fills a configuration's values into a deployment template.

Values are data: the template is parsed before they are filled in, so that quotes, line ends or YAML in a value
cannot change its structure. A value in a path is percent-encoded (unless it is the whole path), a value
in a JSON body is part of a JSON string, a value in a command is one argument, or several where the
template says so.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote

from django.utils.translation import gettext as _
from packaging.requirements import InvalidRequirement, Requirement

from deployments.errors import InvalidInput
from deployments.lifecycle import DRAIN_SECONDS, DRAIN_SECONDS_MAX
from deployments.serving_template.modules import with_modules
from deployments.serving_template.schema import RequestTemplate, Retry, SecretKey, ServerTemplate, ServingTemplate
from deployments.serving_template.yaml_source import PLACEHOLDER, Tree

_PATH = re.compile(r"/[!-~]*")  # printable ASCII without a space: what may stand in a request line
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_RUNTIME_PLACEHOLDER = re.compile(r"\{\{[ \t]*(runtime\.[\w.-]+)[ \t]*\}\}")
_NUMBERS = re.compile(
    r"\[\n([-+.\deE,\s]+)\]"
)  # a list of numbers in indented JSON, where no string contains a line end
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INSTANCE_KEYS = (
    "instances",
    "inputs",
)  # the inputs of a prediction in KServe's v1 and in the Open Inference Protocol v2
_JSON_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class ReadinessCheck:
    """The request that must succeed before a deployment is RUNNING.

    Args:
        path: below the deployment's URL, with its query, percent-encoded.
        body: the request's body, None for none.
        headers: in addition to those that the client sets by itself.
    """

    method: str
    path: str
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

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
        resource_plan: name of the plan.
        min_replicas: servers to start, at least 1 (a template's 0, "sleep when idle", counts as 1).
        max_replicas: at least `min_replicas`.
        health_path: the HTTP path that answers 2xx when the server is healthy.
        requirements: Python requirement lines, without options of an installer (checked).
        deadlines: seconds by step (values of `lifecycle.Step`), only those that the template sets.
        drain_seconds: how long requests may take to finish when the servers are drained.
        retry: which requests are sent to another replica when their server ended before it answered.
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

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line, for who runs it without an image."""
        return (*self.command, *self.args)


def stored_readiness_check(server_spec: Mapping[str, Any]) -> ReadinessCheck | None:
    """Return the readiness check of a stored server spec, None when it has none. `proof` is its former key."""
    values = server_spec.get("readiness_check") or server_spec.get("proof")
    return ReadinessCheck(**values) if values else None


def render(
    template: ServingTemplate,
    *,
    parameters: Mapping[str, str],
    artifacts: Mapping[str, str],
) -> ServerSpec:
    """Fill values into a template.

    Args:
        parameters: values by name; defaults stand in for those that are missing.
        artifacts: the values of `{{inputs.artifacts.NAME}}`, by name. For a runtime that fetches artifacts to its
            disk pass `{{runtime.artifacts.NAME}}`, for one that passes their URLs on pass the URL.

    Raises:
        InvalidInput: a value is missing or not valid where it is used; the keys are `parameters.NAME`,
            `artifacts.NAME` or `""`.
    """
    values = _Values(template, parameters, artifacts)
    server = template.server
    health_path = values.path(server.health_path)
    min_replicas, max_replicas = _replicas(values, server)
    command, requirements = with_modules(values.command(server.command), values.requirements(server.requirements))
    args, requirements = with_modules(values.command(server.args), requirements)
    return ServerSpec(
        image=values.text(server.image),
        command=command,
        args=args,
        env={name: values.argument(text) for name, text in server.env.items()},
        ports=tuple(values.whole(port) for port in server.ports),
        resource_plan=values.text(server.resource_plan).strip(),
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        health_path=health_path,
        requirements=requirements,
        readiness_check=(
            _readiness_check(values, server.readiness_check)
            if server.readiness_check
            else ReadinessCheck(method="GET", path=health_path)
        ),
        sample=_sample(values, server.sample or server.readiness_check),
        deadlines={step: values.positive(seconds) for step, seconds in server.deadlines.items()},
        retry=server.retry,
        drain_seconds=values.seconds(server.drain_seconds or str(DRAIN_SECONDS), DRAIN_SECONDS_MAX),
        secret_env={name: values.secret_key(pattern) for name, pattern in server.secret_env.items()},
    )


class _Values:
    """The values of one rendering, and their checks for each place where they may be used."""

    def __init__(
        self,
        template: ServingTemplate,
        parameters: Mapping[str, str],
        artifacts: Mapping[str, str],
    ) -> None:
        self.template = template
        self.by_name: dict[str, str] = {}
        for parameter in template.parameters:
            value = parameters.get(parameter.name, parameter.default)
            if value is not None:
                self.by_name[f"inputs.parameters.{parameter.name}"] = value
        self.by_name |= {f"inputs.artifacts.{name}": value for name, value in artifacts.items()}

    def text(self, pattern: str, *, encode: bool = False) -> str:
        """Return the pattern with its values filled in. Placeholders inside a value are not replaced."""

        def fill(match: re.Match[str]) -> str:
            value = self.by_name.get(match[1])
            if value is None and match[1].startswith("runtime."):
                return f"{{{{{match[1]}}}}}"
            if value is None:
                name = match[1].removeprefix("inputs.")
                raise InvalidInput({name: _("A value for “%(name)s” is missing.") % {"name": name.partition(".")[2]}})
            return quote(value, safe="") if encode else value

        return PLACEHOLDER.sub(fill, pattern)

    def argument(self, pattern: str) -> str:
        """Return one argument or value of the environment."""
        text = self.text(pattern)
        if "\0" in text:
            self.refuse(pattern, _("The value holds a character (NUL) that no program can be given."))
        return self._runtime(text)

    def secret_key(self, pattern: SecretKey) -> SecretKey:
        return SecretKey(
            secret=self.text(pattern.secret).strip(), key=self.text(pattern.key).strip(), optional=pattern.optional
        )

    def command(self, patterns: tuple[str, ...]) -> tuple[str, ...]:
        command: list[str] = []
        for pattern in patterns:
            if self._is_one_of(self.template.server.split_arguments, pattern):
                command += self._split(pattern)
            else:
                command.append(self.argument(pattern))
        return tuple(command)

    def _split(self, pattern: str) -> list[str]:
        text = self.text(pattern).strip()
        try:
            items = json.loads(text) if text.startswith("[") else shlex.split(text)
        except ValueError as error:
            self.refuse(
                pattern,
                _("This cannot be split into arguments (%(error)s): quote them, or write a JSON list.")
                % {"error": error},
            )
        if not items or not all(isinstance(item, str) and "\0" not in item for item in items):
            self.refuse(pattern, _("At least one argument is needed; in a JSON list, all must be texts."))
        return [self._runtime(item) for item in items]

    def _is_one_of(self, names: frozenset[str], pattern: str) -> bool:
        """Whether the pattern is only the placeholder of one of these parameters."""
        match = PLACEHOLDER.fullmatch(pattern)
        return match is not None and match[1].removeprefix("inputs.parameters.") in names

    def _runtime(self, text: str) -> str:
        """Return the text with the runtime's placeholders (also those in values) in the form that drivers replace."""

        return _RUNTIME_PLACEHOLDER.sub(r"{{\1}}", text)

    def path(self, pattern: str) -> str:
        is_whole = PLACEHOLDER.fullmatch(pattern)  # then the value is a path, not a part of one
        text = self.text(pattern, encode=not is_whole)
        if not _PATH.fullmatch(text):
            self.refuse(pattern, _("“%(text)s” is no path: it must begin with / and hold no spaces.") % {"text": text})
        return text

    def whole(self, pattern: str) -> int:
        text = self.text(pattern).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            self.refuse(pattern, _("A whole number is needed, not “%(text)s”.") % {"text": text})
        return int(text)

    def seconds(self, pattern: str, maximum: int) -> int:
        number = self.whole(pattern)
        if number > maximum:
            self.refuse(pattern, _("At most %(most)s seconds are possible.") % {"most": maximum})
        return number

    def positive(self, pattern: str) -> int:
        number = self.whole(pattern)
        if number == 0:
            self.refuse(pattern, _("A number above 0 is needed."))
        return number

    def requirements(self, patterns: tuple[str, ...]) -> tuple[str, ...]:
        requirements: list[str] = []
        for pattern in patterns:
            may_be_several = PLACEHOLDER.fullmatch(pattern)
            text = self.text(pattern)
            lines = [line.strip() for line in (text.splitlines() if may_be_several else [text])]
            for line in filter(None, lines):
                try:
                    Requirement(line)
                except InvalidRequirement as error:
                    reason = str(error).splitlines()[0].rstrip(".")
                    self.refuse(
                        pattern,
                        _("“%(line)s” is no Python requirement: %(reason)s.") % {"line": line, "reason": reason},
                    )
                requirements.append(line)
        return tuple(requirements)

    def header(self, name: str, pattern: str) -> str:
        text = self.text(pattern)
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(text) or not text.isascii():
            self.refuse(pattern, _("The header %(name)s must be plain text on one line.") % {"name": name})
        return text

    def tree(self, pattern: Tree) -> Tree:
        if isinstance(pattern, dict):
            return {name: self.tree(value) for name, value in pattern.items()}
        if isinstance(pattern, list):
            return [self.tree(value) for value in pattern]
        if not isinstance(pattern, str):
            return pattern
        text = self.text(pattern)
        return self._json(pattern, text) if self._is_one_of(self.template.server.json_values, pattern) else text

    def _json(self, pattern: str, text: str) -> Tree:
        try:
            tree: Tree = json.loads(text)
        except (ValueError, RecursionError) as error:
            self.refuse(pattern, _("This is not valid JSON: %(error)s.") % {"error": error})
        return tree

    def refuse(self, pattern: str, sentence: str) -> NoReturn:
        """Raise InvalidInput for the parameter in the pattern, for the whole input when it has none or several."""
        names = set(re.findall(r"(?<=inputs\.)parameters\.[\w.-]+", pattern))
        raise InvalidInput({names.pop() if len(names) == 1 else "": sentence})


def _replicas(values: _Values, server: ServerTemplate) -> tuple[int, int]:
    minimum = max(values.whole(server.min_replicas), 1)
    maximum = values.whole(server.max_replicas) if server.max_replicas else minimum
    if maximum < minimum:
        values.refuse(
            server.max_replicas,
            _("At most %(most)s replicas cannot be fewer than at least %(least)s.")
            % {"most": maximum, "least": minimum},
        )
    return minimum, maximum


def _readiness_check(values: _Values, pattern: RequestTemplate) -> ReadinessCheck:
    return ReadinessCheck(
        method=pattern.method,
        path=values.path(pattern.path),
        body=_body(values, pattern.body),
        headers=_headers(values, pattern),
    )


def _sample(values: _Values, pattern: RequestTemplate | None) -> Sample | None:
    if pattern is None:
        return None
    return Sample(
        method=pattern.method,
        path=values.path(pattern.path),
        body=_body(values, pattern.body, indent=2),
        headers=_headers(values, pattern),
        description=values.text(pattern.description),
    )


def _body(values: _Values, pattern: Tree, *, indent: int | None = None) -> str | None:
    if pattern is None or isinstance(pattern, str):
        return None if pattern is None else values.text(pattern)
    text = json.dumps(values.tree(pattern), ensure_ascii=False, indent=indent)
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text)


def _headers(values: _Values, pattern: RequestTemplate) -> dict[str, str]:
    headers = {name: values.header(name, text) for name, text in pattern.headers.items()}
    is_json = pattern.body is not None and not isinstance(pattern.body, str)
    lower_names = {name.lower() for name in headers}
    return headers if not is_json or "content-type" in lower_names else _JSON_HEADERS | headers
