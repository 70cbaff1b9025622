"""Creates configurations: they are checked against their template, and immutable afterwards."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from deployments import serving_template
from deployments.auth.permissions import require
from deployments.errors import InvalidInput
from deployments.models import Actor, Artifact, Configuration, Executable, ResourceGroup, Role, User
from deployments.operations.audit import record

NAME_LIMIT = 256


def create_configuration(
    actor: Actor,
    group: ResourceGroup,
    executable: Executable,
    *,
    name: str,
    parameters: Mapping[str, str],
    inputs: Mapping[str, str],
    created_by: User | None = None,
) -> Configuration:
    """Create a configuration; missing parameters get the template's defaults.

    Args:
        parameters: parameter name -> value.
        inputs: name of an input artifact -> id of an artifact of the same resource group.

    Raises:
        InvalidInput: "name", "parameters.NAME" or "artifacts.NAME" -> what is wrong.
    """
    require(actor, Role.EDITOR, group)
    artifacts = _existing_artifacts(group, inputs)
    problems = _name_problems(name) | serving_template.validate_bindings(
        executable.template,
        parameters=parameters,
        artifacts={slot: artifacts.get(pk, (pk, "")) for slot, pk in inputs.items()},
    )
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        configuration = Configuration.objects.create(
            resource_group=group,
            scenario=executable.scenario,
            executable=executable,
            name=name.strip(),
            parameters={**_defaults(executable.template), **parameters},
            inputs=dict(inputs),
            created_by=created_by,
        )
        record(actor.name, "create", configuration, after={"executable": executable.pk})
    return configuration


def _defaults(template: serving_template.ServingTemplate) -> dict[str, str]:
    """Return parameter name -> value of the parameters that a template has a value for."""
    return {one.name: one.default for one in template.parameters if one.default is not None}


def _name_problems(name: str) -> dict[str, str]:
    if not name.strip():
        return {"name": _("Give the configuration a name.")}
    if len(name.strip()) > NAME_LIMIT:
        return {
            "name": _("The name has %(count)s characters; %(name_limit)s are allowed.")
            % {"count": len(name.strip()), "name_limit": NAME_LIMIT}
        }
    return {}


def _existing_artifacts(group: ResourceGroup, inputs: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return id -> (id, kind) of the artifacts that exist in this group."""
    artifacts: dict[str, tuple[str, str]] = {}
    for pk in set(inputs.values()):
        try:
            artifact = Artifact.objects.get(pk=pk, resource_group=group)
        except (Artifact.DoesNotExist, ValidationError):
            continue
        artifacts[pk] = (pk, artifact.kind)
    return artifacts
