"""Fills a configuration's values into a deployment template.

Values are data: the template is parsed before they are filled in, so that quotes, line ends or YAML in a value
cannot change its structure. A value in a path is percent-encoded (unless it is the whole path), a value
in a JSON body is part of a JSON string, a value in a command is one argument, or several where the
template says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from django.utils.translation import gettext as _

from deployments.lifecycle import DEADLINES, DRAIN_SECONDS, DRAIN_SECONDS_MAX, Step
from deployments.serving_template.container import GPU
from deployments.serving_template.modules import with_modules
from deployments.serving_template.schema import (
    MountTemplate,
    ProbeTemplate,
    RequestTemplate,
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
from deployments.serving_template.values import Values
from deployments.serving_template.yaml_source import Tree

_NUMBERS = re.compile(
    r"\[\n([-+.\deE,\s]+)\]"
)  # a list of numbers in indented JSON, where no string contains a line end
_CLOSED_FOLDER = re.compile(r"/(?:proc|sys|dev(?!/shm$))(?:/|$)")
_MODEL = re.compile(r"\{\{[ \t]*(?:inputs|runtime)\.artifacts\.([\w.-]+)[ \t]*\}\}")
_MAX_SECONDS = 3600  # of the numbers of a readiness probe
_JSON_HEADERS = {"Content-Type": "application/json"}


def render(template: ServingTemplate, *, parameters: Mapping[str, str], artifacts: Mapping[str, str]) -> ServerSpec:
    """Fill values into a template.

    Args:
        parameters: values by name; defaults stand in for those that are missing.
        artifacts: the values of `{{inputs.artifacts.NAME}}`, by name. For a runtime that fetches artifacts to its
            disk pass `{{runtime.artifacts.NAME}}`, for one that passes their URLs on pass the URL.

    Raises:
        InvalidInput: a value is missing or not valid where it is used; the keys are `parameters.NAME`,
            `artifacts.NAME` or `""`.
    """
    values = Values(template, parameters, artifacts)
    server = template.server
    health_path = values.path(server.health_path)
    min_replicas, max_replicas = _replicas(values, server)
    command, requirements = with_modules(values.command(server.command), values.requirements(server.requirements))
    args, requirements = with_modules(values.command(server.args), requirements)
    ports = tuple(values.port(port) for port in server.ports)
    health_check = _health_check(values, server.probe, ports, health_path) if server.probe else None
    spec = ServerSpec(
        image=values.image(server.image),
        command=command,
        args=args,
        env={name: values.argument(text) for name, text in server.env.items()},
        ports=ports,
        resource_plan=values.text(server.resource_plan).strip(),
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        health_path=health_path,
        requirements=requirements,
        readiness_check=_readiness_check(values, server, health_path, health_check),
        sample=_sample(values, server.sample or server.readiness_check),
        deadlines=_deadlines(values, server, health_check),
        retry=server.retry,
        health_check=health_check,
    )
    return _with_container(spec, values, server)


def _with_container(spec: ServerSpec, values: Values, server: ServerTemplate) -> ServerSpec:
    """Add what a template says in the words of containers."""
    return replace(
        spec,
        drain_seconds=values.seconds(server.drain_seconds or str(DRAIN_SECONDS), DRAIN_SECONDS_MAX),
        secret_env={name: values.secret_key(pattern) for name, pattern in server.secret_env.items()},
        amounts=_amounts(values, server.amounts) if server.amounts else None,
        model=match[1] if (match := _MODEL.search(server.model)) else "",
        mounts=_mounts(values, server.mounts),
        working_dir=values.folder(server.working_dir) if server.working_dir else "",
        read_only_root=server.read_only_root,
        pull_secrets=tuple(values.text(name).strip() for name in server.pull_secrets),
    )


def _replicas(values: Values, server: ServerTemplate) -> tuple[int, int]:
    minimum = max(values.whole(server.min_replicas), 1)
    maximum = values.whole(server.max_replicas) if server.max_replicas else minimum
    if maximum < minimum:
        values.refuse(
            server.max_replicas,
            _("At most %(most)s replicas cannot be fewer than at least %(least)s.")
            % {"most": maximum, "least": minimum},
        )
    return minimum, maximum


def _amounts(values: Values, amounts: Mapping[str, str]) -> Amounts:
    return Amounts(
        cpu_millis=values.quantity(amounts.get("cpu", "0"), thousandths=True),
        memory_bytes=values.quantity(amounts.get("memory", "0")),
        gpus=values.quantity(amounts.get(GPU, "0")),
    )


def _mounts(values: Values, patterns: tuple[MountTemplate, ...]) -> tuple[Mount, ...]:
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


def _health_check(
    values: Values, probe: ProbeTemplate, ports: tuple[int, ...], health_path: str
) -> HealthCheck | None:
    """Return how the probe asks, None if it is a GET of the health path as without it."""

    def seconds(pattern: str, default: int) -> int:
        return (values.seconds(pattern, _MAX_SECONDS) if pattern else 0) or default

    port = values.port(probe.port) if probe.port else None
    health_check = HealthCheck(
        path=values.path(probe.path) if probe.path else "",
        port=None if port in ports[:1] else port,
        headers={name: values.header(name, text) for name, text in probe.headers.items()},
        initial_delay_seconds=seconds(probe.initial_delay_seconds, 0),
        period_seconds=seconds(probe.period_seconds, 0),
        timeout_seconds=seconds(probe.timeout_seconds, 1),
        failure_threshold=seconds(probe.failure_threshold, 1),
    )
    return None if health_check == HealthCheck(path=health_path) else health_check


def _check_by_health(health_path: str, health_check: HealthCheck | None) -> ReadinessCheck:
    """Return the check of a template that names none: its health path, if the server that gets the requests has it."""
    is_elsewhere = health_check is not None and (not health_check.path or health_check.port is not None)
    return ReadinessCheck(
        method="GET",
        path=health_path,
        headers=dict(health_check.headers) if health_check and not is_elsewhere else {},
        any_answer=is_elsewhere,
    )


def _deadlines(values: Values, server: ServerTemplate, health_check: HealthCheck | None) -> dict[str, int]:
    """Return the deadlines of the template; before the initial delay of a probe nobody knows what a server does."""
    deadlines = {step: values.positive(seconds) for step, seconds in server.deadlines.items()}
    delay = health_check.initial_delay_seconds if health_check else 0
    if delay and Step.STARTED not in deadlines:
        deadlines[Step.STARTED] = int(DEADLINES[Step.STARTED].total_seconds() + delay)
    return deadlines


def _readiness_check(
    values: Values, server: ServerTemplate, health_path: str, health_check: HealthCheck | None
) -> ReadinessCheck:
    pattern = server.readiness_check
    if pattern is None:
        return _check_by_health(health_path, health_check)
    return ReadinessCheck(
        method=pattern.method,
        path=values.path(pattern.path),
        body=_body(values, pattern.body),
        headers=_headers(values, pattern),
    )


def _sample(values: Values, pattern: RequestTemplate | None) -> Sample | None:
    if pattern is None:
        return None
    return Sample(
        method=pattern.method,
        path=values.path(pattern.path),
        body=_body(values, pattern.body, indent=2),
        headers=_headers(values, pattern),
        description=values.text(pattern.description),
    )


def _body(values: Values, pattern: Tree, *, indent: int | None = None) -> str | None:
    if pattern is None or isinstance(pattern, str):
        return None if pattern is None else values.text(pattern)
    text = json.dumps(values.tree(pattern), ensure_ascii=False, indent=indent)
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text)


def _headers(values: Values, pattern: RequestTemplate) -> dict[str, str]:
    headers = {name: values.header(name, text) for name, text in pattern.headers.items()}
    is_json = pattern.body is not None and not isinstance(pattern.body, str)
    lower_names = {name.lower() for name in headers}
    return headers if not is_json or "content-type" in lower_names else _JSON_HEADERS | headers
