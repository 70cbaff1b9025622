"""Converts a configuration to a ServerSpec, and a replica to the ReplicaSpec of its runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.conf import settings

from deployments import serving_template
from deployments.models import Artifact, Configuration, Executable, Replica
from deployments.runtimes.base import ArtifactSource, HealthCheck, Mount, ReplicaSpec, Resources
from deployments.scheduling.resource_plans import smallest_plan
from deployments.serving_template import Amounts, ReadinessCheck, Retry, Sample, SecretKey, ServerSpec
from deployments.serving_template.model_formats import FORMATS
from deployments.serving_template.modules import DISTRIBUTION, with_modules

_FORMER_STEPS = {"PROVED": "VERIFIED"}


def server_spec_of(configuration: Configuration) -> ServerSpec:
    """Render the configuration's template with its values, and choose the resource plan that it leaves open.

    Raises:
        TemplateInvalid: the template's text is not valid (any more).
        InvalidInput: the template cannot be rendered with the values, or no resource plan has what it asks for.
    """
    server_spec = serving_template.render(
        configuration.executable.template,
        parameters=configuration.parameters,
        artifacts={slot: f"{{{{runtime.artifacts.{slot}}}}}" for slot in configuration.inputs},
    )
    if server_spec.resource_plan or server_spec.amounts is None:
        return server_spec
    return replace(server_spec, resource_plan=smallest_plan(server_spec.amounts).pk)


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
    # What older versions did not store.
    values["pull_secrets"] = tuple(values.get("pull_secrets", ()))
    values["mounts"] = tuple(Mount(**mount) for mount in values.get("mounts", ()))
    for name, kind in (("amounts", Amounts), ("health_check", HealthCheck)):
        values[name] = kind(**values[name]) if values.get(name) else None
    return ServerSpec(**values)


def artifact_source_of(artifact: Artifact, placeholder: str = "") -> ArtifactSource:
    """Return the source of an artifact for a runtime."""
    return ArtifactSource(placeholder=placeholder, url=artifact.url, sha256=artifact.sha256, folder=artifact.owner)


def replica_spec(
    replica: Replica,
    server_spec: ServerSpec,
    artifacts: Mapping[str, Artifact],
    secrets: Mapping[str, str],
    pull_secrets: Sequence[str] = (),
) -> ReplicaSpec:
    """Return the spec with which a runtime starts the replica's current attempt.

    Args:
        artifacts: those of the configuration, by the name of the input artifact.
        secrets: values of the server spec's `secret_env`, by variable.
        pull_secrets: what the secrets in the server spec's `pull_secrets` hold.
    """
    configuration = replica.generation.configuration
    executable = configuration.executable
    return ReplicaSpec(
        name=replica.name,
        node=replica.node,
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
        health_check=server_spec.health_check,
        model=server_spec.model,
        mounts=server_spec.mounts,
        working_dir=server_spec.working_dir,
        read_only_root=server_spec.read_only_root,
        pull_secrets=tuple(pull_secrets),
        grace_seconds=settings.LAUNCHPAD_GRACE_SECONDS,
    )


def _are_ours(requirements: tuple[str, ...], executable: Executable) -> bool:
    """Return whether the packages were chosen by Launchpad, not by a user."""
    if set(requirements) == {DISTRIBUTION} or requirements in {one.requirements for one in FORMATS.values()}:
        return True
    return executable.built_in and sorted(requirements) == sorted(executable.template.server.requirements)
