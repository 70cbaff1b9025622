"""Converts a configuration to a ServerSpec, and a replica to the ReplicaSpec of its runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings

from deployments import serving_template
from deployments.models import Artifact, Configuration, Executable, Replica
from deployments.runtimes.base import ArtifactSource, ReplicaSpec, Resources
from deployments.serving_template import ReadinessCheck, Retry, Sample, SecretKey, ServerSpec
from deployments.serving_template.modules import DISTRIBUTION, with_modules

_FORMER_STEPS = {"PROVED": "VERIFIED"}


def server_spec_of(configuration: Configuration) -> ServerSpec:
    """Render the configuration's template with its values.

    Raises:
        TemplateInvalid: the template's text is not valid (any more).
        InvalidInput: the template cannot be rendered with the values.
    """
    return serving_template.render(
        configuration.executable.template,
        parameters=configuration.parameters,
        artifacts={slot: f"{{{{runtime.artifacts.{slot}}}}}" for slot in configuration.inputs},
    )


def to_dict(server_spec: ServerSpec) -> dict[str, Any]:
    """Return a server spec as a mapping for JSON."""
    return asdict(server_spec)


def from_dict(stored: Mapping[str, Any]) -> ServerSpec:
    """Return the server spec that `to_dict` was given; older versions named model servers by their files."""
    values = dict(stored)
    for name in ("ports", "requirements"):
        values[name] = tuple(values[name])
    for name in ("command", "args"):
        values[name], values["requirements"] = with_modules(values.get(name, ()), values["requirements"])
    values["secret_env"] = {name: SecretKey(**key) for name, key in values.get("secret_env", {}).items()}
    # Former names, in server specs that were stored before they were renamed.
    values["readiness_check"] = ReadinessCheck(**(values.pop("proof", None) or values["readiness_check"]))
    values["deadlines"] = {_FORMER_STEPS.get(step, step): seconds for step, seconds in values["deadlines"].items()}
    values["sample"] = Sample(**values["sample"]) if values["sample"] else None
    values["retry"] = Retry(values["retry"])
    return ServerSpec(**values)


def artifact_source_of(artifact: Artifact, placeholder: str = "") -> ArtifactSource:
    """Return the source of an artifact for a runtime."""
    return ArtifactSource(placeholder=placeholder, url=artifact.url, sha256=artifact.sha256, folder=artifact.owner)


def replica_spec(
    replica: Replica, server_spec: ServerSpec, artifacts: Mapping[str, Artifact], secrets: Mapping[str, str]
) -> ReplicaSpec:
    """Return the spec with which a runtime starts the replica's current attempt.

    Args:
        artifacts: those of the configuration, by the name of the input artifact.
        secrets: values of the server spec's `secret_env`, by variable.
    """
    configuration = replica.generation.configuration
    executable = configuration.executable
    return ReplicaSpec(
        name=replica.name,
        resource_group=configuration.resource_group_id,
        attempt=replica.attempt,
        image=server_spec.image,
        command=server_spec.command,
        args=server_spec.args,
        port=server_spec.ports[0] if server_spec.ports else None,
        env=server_spec.env,
        secret_env=dict(secrets),
        requirements=server_spec.requirements,
        shares_environment=_are_ours(server_spec.requirements, executable),
        fetches=tuple(artifact_source_of(artifact, placeholder) for placeholder, artifact in artifacts.items()),
        resources=Resources(cpu_millis=replica.cpu_millis, memory_bytes=replica.memory_bytes, gpus=replica.gpus),
        health_path=server_spec.health_path,
        grace_seconds=settings.LAUNCHPAD_GRACE_SECONDS,
    )


def _are_ours(requirements: tuple[str, ...], executable: Executable) -> bool:
    """Return whether the packages were chosen by Launchpad, not by a user."""
    if set(requirements) == {DISTRIBUTION}:
        return True
    return executable.built_in and sorted(requirements) == sorted(executable.template.server.requirements)
