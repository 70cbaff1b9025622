"""Checks a configuration's values against its template, before they are saved or rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.errors import InvalidInput
from deployments.serving_template.renderer import render
from deployments.serving_template.schema import MAX_PARAMETERS, MAX_VALUE, Parameter, ServingTemplate

_TYPES = {
    "number": (gettext_lazy("a number"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)),
    "integer": (gettext_lazy("a whole number"), re.compile(r"[+-]?\d+", re.ASCII)),
    "boolean": (gettext_lazy("true or false"), re.compile(r"true|false")),
}


def validate_bindings(
    template: ServingTemplate, parameters: Mapping[str, str], artifacts: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """Check the values of a configuration against its template.

    Args:
        parameters: values by name; those with a default may be missing.
        artifacts: (id, kind) of the chosen artifact, by the name of the input artifact.

    Returns:
        The problems, one sentence each, by `parameters.NAME`, `artifacts.NAME` or `""`; empty when there is none.
    """
    problems: dict[str, str] = {}
    if len(parameters) > MAX_PARAMETERS:
        problems[""] = _("There are %(count)s parameters; at most %(most_parameters)s are allowed.") % {
            "count": len(parameters),
            "most_parameters": MAX_PARAMETERS,
        }
    declared = {parameter.name: parameter for parameter in template.parameters}
    for name, value in parameters.items():
        sentence = (
            _problem_of_value(declared[name], value) if name in declared else _unknown("parameter", name, template)
        )
        if sentence:
            problems[f"parameters.{name}"] = sentence
    for name, parameter in declared.items():
        if name not in parameters and parameter.default is None:
            problems[f"parameters.{name}"] = _("A value for “%(name)s” is missing.") % {"name": name}
    problems |= _problems_of_artifacts(template, artifacts)
    if not problems:
        try:
            render(template, parameters=parameters, artifacts=dict.fromkeys(artifacts, ""))
        except InvalidInput as error:
            problems |= error.problems
    return problems


def _problem_of_value(parameter: Parameter, value: str) -> str:
    if len(value) > MAX_VALUE:
        return _("The value has %(count)s characters; at most %(longest_value)s are allowed.") % {
            "count": f"{len(value):,}",
            "longest_value": f"{MAX_VALUE:,}",
        }
    if "\0" in value:
        return _("The value holds a character (NUL) that no program can be given.")
    if parameter.type in _TYPES:
        type_name, pattern = _TYPES[parameter.type]
        if not pattern.fullmatch(value.strip()):
            return _("“%(name)s” must be %(wanted)s, not “%(value)s”.") % {
                "name": parameter.name,
                "wanted": type_name,
                "value": value[:60],
            }
    return ""


def _problems_of_artifacts(template: ServingTemplate, artifacts: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    problems: dict[str, str] = {}
    inputs = {declared.name: declared for declared in template.artifacts}
    for name, (artifact_id, kind) in artifacts.items():
        if name not in inputs:
            problems[f"artifacts.{name}"] = _unknown("input artifact", name, template)
        elif inputs[name].kind not in ("", kind):
            problems[f"artifacts.{name}"] = _("“%(name)s” must be a %(kind)s; %(artifact_id)s is a %(kind2)s.") % {
                "name": name,
                "kind": inputs[name].kind,
                "artifact_id": artifact_id,
                "kind2": kind,
            }
    for name in inputs.keys() - artifacts.keys():
        problems[f"artifacts.{name}"] = _("An artifact for “%(name)s” is missing.") % {"name": name}
    return problems


def _unknown(kind: str, name: str, template: ServingTemplate) -> str:
    if kind == "parameter":
        known = [parameter.name for parameter in template.parameters]
        sentence = _("“%(template)s” has no parameter “%(name)s”.")
    else:
        known = [declared.name for declared in template.artifacts]
        sentence = _("“%(template)s” has no input artifact “%(name)s”.")
    declared_names = _("It has: %(known)s.") % {"known": ", ".join(known[:10])} if known else ""
    return f"{sentence % {'template': template.name, 'name': name}} {declared_names}".rstrip()
