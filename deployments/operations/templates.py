"""Imports deployment templates (ServingTemplate YAML). A template with a known id is updated in place."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from deployments import serving_template
from deployments.auth.permissions import require
from deployments.models import Actor, Executable, Role, Scenario
from deployments.operations.audit import record
from deployments.scheduling.compatibility import warnings_of
from deployments.serving_template.leftovers import unused_parts


@dataclass(frozen=True, kw_only=True)
class ImportedTemplate:
    """One imported document.

    Args:
        executable: the executable after the import.
        created: False when it was updated in place.
        warning: why connections cannot run it, and which parts of it are not used; `""` for neither.
    """

    executable: Executable
    created: bool
    warning: str


def import_templates(actor: Actor, text: str, *, filename: str = "", built_in: bool = False) -> list[ImportedTemplate]:
    """Import every document of a file, all or none.

    Raises:
        serving_template.TemplateInvalid: with file, line, field and sentence of each problem, and of each part that
            is not supported.
    """
    require(actor, Role.ADMINISTRATOR)
    templates = serving_template.parse(text, filename=filename, to_import=True)
    with transaction.atomic():
        imported = [_import(template, built_in=built_in) for template in templates]
        for template in imported if not built_in else ():
            record(actor.name, "import", template.executable, after={"version": template.executable.version})
    return imported


def _import(template: serving_template.ServingTemplate, *, built_in: bool) -> ImportedTemplate:
    scenario, _ = Scenario.objects.update_or_create(
        pk=template.scenario_id,
        defaults={
            "name": template.scenario_name or template.scenario_id,
            "description": template.scenario_description,
        },
    )
    executable, created = Executable.objects.update_or_create(
        pk=template.executable_id,
        defaults={
            "scenario": scenario,
            "name": template.name or template.executable_id,
            "description": template.description,
            "version": template.version,
            "labels": dict(template.labels),
            "text": template.text,
            "built_in": built_in,
        },
    )
    return ImportedTemplate(executable=executable, created=created, warning=" ".join(_warnings(template)))


def _warnings(template: serving_template.ServingTemplate) -> list[str]:
    warnings = warnings_of(template)
    if template.server.min_replicas.strip() == "0":
        warnings.append(gettext("minReplicas 0 counts as 1: servers are not put to sleep when nobody asks them."))
    if parts := unused_parts(template):
        warnings.append(gettext("Not carried over: %(parts)s.") % {"parts": ", ".join(parts)})
    return warnings
