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
from typing import NoReturn
from urllib.parse import quote

from django.utils.translation import gettext as _
from packaging.requirements import InvalidRequirement, Requirement

from deployments.errors import InvalidInput
from deployments.lifecycle import DEADLINES, DRAIN_SECONDS, DRAIN_SECONDS_MAX, Step
from deployments.serving_template.container import GPU
from deployments.serving_template.modules import with_modules
from deployments.serving_template.quantities import quantity, rounded_up
from deployments.serving_template.schema import (
    MountTemplate,
    ProbeTemplate,
    RequestTemplate,
    SecretKey,
    ServerTemplate,
    ServingTemplate,
)
from deployments.serving_template.server_spec import (
    Amounts,
    HealthCheck,
    Mount,
    ReadinessCheck,
    Sample,
    ServerSpec,
)
from deployments.serving_template.yaml_source import PLACEHOLDER, Tree

_PATH = re.compile(r"/[!-~]*")  # printable ASCII without a space: what may stand in a request line
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_RUNTIME_PLACEHOLDER = re.compile(r"\{\{[ \t]*(runtime\.[\w.-]+)[ \t]*\}\}")
_NUMBERS = re.compile(
    r"\[\n([-+.\deE,\s]+)\]"
)  # a list of numbers in indented JSON, where no string contains a line end
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FOLDER = re.compile(r"(?:/[\w.@+~-]+)+/?", re.ASCII)  # no commas and colons, which engines separate options by
_CLOSED_FOLDER = re.compile(r"/(?:proc|sys|dev(?!/shm$))(?:/|$)")
_MODEL = re.compile(r"\{\{[ \t]*(?:inputs|runtime)\.artifacts\.([\w.-]+)[ \t]*\}\}")
_MAX_SECONDS = 3600  # of the numbers of a readiness probe
_JSON_HEADERS = {"Content-Type": "application/json"}


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
    ports = tuple(values.port(port) for port in server.ports)
    health_check = _health_check(values, server.probe, ports) if server.probe else None
    if health_check == HealthCheck(path=health_path):
        health_check = None
    return ServerSpec(
        image=values.text(server.image).strip(),
        command=command,
        args=args,
        env={name: values.argument(text) for name, text in server.env.items()},
        ports=ports,
        resource_plan=values.text(server.resource_plan).strip(),
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        health_path=health_path,
        requirements=requirements,
        readiness_check=(
            _readiness_check(values, server.readiness_check)
            if server.readiness_check
            else _check_by_health(health_path, health_check)
        ),
        sample=_sample(values, server.sample or server.readiness_check),
        deadlines=_deadlines(values, server, health_check),
        retry=server.retry,
        drain_seconds=values.seconds(server.drain_seconds or str(DRAIN_SECONDS), DRAIN_SECONDS_MAX),
        secret_env={name: values.secret_key(pattern) for name, pattern in server.secret_env.items()},
        amounts=_amounts(values, server.amounts) if server.amounts else None,
        health_check=health_check,
        model=match[1] if (match := _MODEL.search(server.model)) else "",
        mounts=_mounts(values, server.mounts),
        working_dir=values.folder(server.working_dir) if server.working_dir else "",
        read_only_root=server.read_only_root,
        pull_secrets=tuple(values.text(name).strip() for name in server.pull_secrets),
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

    def port(self, pattern: str) -> int:
        number = self.whole(pattern)
        if not 0 < number < 65536:
            self.refuse(pattern, _("%(port)s is not a port: use 1 to 65535.") % {"port": number})
        return number

    def folder(self, pattern: str) -> str:
        text = self.text(pattern).strip()
        if not _FOLDER.fullmatch(text) or {".", ".."} & set(text.split("/")):
            self.refuse(
                pattern,
                _(
                    "“%(text)s” is no folder: it must begin with / and hold only letters, digits, and the characters "
                    "- _ . @ + ~ in each part."
                )
                % {"text": text},
            )
        return text.rstrip("/")

    def quantity(self, pattern: str, *, thousandths: bool = False) -> int:
        """Return a quantity, rounded up, or its thousandths."""
        text = self.text(pattern).strip()
        if (number := quantity(text)) is None:
            self.refuse(
                pattern, _("“%(text)s” is no amount: write for example 500m, 2, 512Mi or 3Gi.") % {"text": text}
            )
        return rounded_up(number * 1000 if thousandths else number)

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


def _amounts(values: _Values, amounts: Mapping[str, str]) -> Amounts:
    return Amounts(
        cpu_millis=values.quantity(amounts.get("cpu", "0"), thousandths=True),
        memory_bytes=values.quantity(amounts.get("memory", "0")),
        gpus=values.quantity(amounts.get(GPU, "0")),
    )


def _mounts(values: _Values, patterns: tuple[MountTemplate, ...]) -> tuple[Mount, ...]:
    mounts: dict[str, Mount] = {}
    for pattern in patterns:
        path = values.folder(pattern.path)
        if _CLOSED_FOLDER.match(path):
            values.refuse(pattern.path, _("No folder can be mounted at %(path)s.") % {"path": path})
        if path in mounts:
            values.refuse(pattern.path, _("Two folders are mounted at %(path)s.") % {"path": path})
        size = (values.quantity(pattern.size) or None) if pattern.size else None
        # What Docker has at /dev/shm lies in memory, whatever the medium of the volume is.
        mounts[path] = Mount(path=path, in_memory=pattern.in_memory or path == "/dev/shm", size_bytes=size)  # noqa: S108
    return tuple(mounts.values())


def _health_check(values: _Values, probe: ProbeTemplate, ports: tuple[int, ...]) -> HealthCheck:
    def seconds(pattern: str, default: int) -> int:
        return (values.seconds(pattern, _MAX_SECONDS) if pattern else 0) or default

    port = values.port(probe.port) if probe.port else None
    return HealthCheck(
        path=values.path(probe.path) if probe.path else "",
        port=None if port in ports[:1] else port,
        headers={name: values.header(name, text) for name, text in probe.headers.items()},
        initial_delay_seconds=seconds(probe.initial_delay_seconds, 0),
        period_seconds=seconds(probe.period_seconds, 0),
        timeout_seconds=seconds(probe.timeout_seconds, 1),
        failure_threshold=seconds(probe.failure_threshold, 1),
    )


def _check_by_health(health_path: str, health_check: HealthCheck | None) -> ReadinessCheck:
    """Return the check of a template that names none: its health path, if the server that gets the requests has it."""
    is_elsewhere = health_check is not None and (not health_check.path or health_check.port is not None)
    return ReadinessCheck(
        method="GET",
        path=health_path,
        headers=dict(health_check.headers) if health_check and not is_elsewhere else {},
        any_answer=is_elsewhere,
    )


def _deadlines(values: _Values, server: ServerTemplate, health_check: HealthCheck | None) -> dict[str, int]:
    """Return the deadlines of the template; before the initial delay of a probe nobody knows what a server does."""
    deadlines = {step: values.positive(seconds) for step, seconds in server.deadlines.items()}
    delay = health_check.initial_delay_seconds if health_check else 0
    if delay and Step.STARTED not in deadlines:
        deadlines[Step.STARTED] = int(DEADLINES[Step.STARTED].total_seconds() + delay)
    return deadlines


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
