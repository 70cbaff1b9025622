"""Finds the parts of a template that Launchpad does not use, so that an import can report them.

They only matter in a cluster. What changes what runs is refused instead, see `refusals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deployments.serving_template.container import AMOUNTS
from deployments.serving_template.model_formats import FORMATS
from deployments.serving_template.schema import ServingTemplate
from deployments.serving_template.yaml_source import Tree, as_list, as_mapping, dotted

_SPEC = {"predictor"}
_HOST = {"hostNetwork", "hostPID", "hostIPC"}  # true is refused, and false is what there is
_PREDICTOR = {
    *("minReplicas", "maxReplicas", "containers", "imagePullSecrets", "volumes", "securityContext"),
    *("model", *FORMATS, *_HOST),
}
_CONTAINER = {
    *("name", "image", "command", "args", "env", "ports", "readinessProbe"),
    *("volumeMounts", "workingDir", "securityContext", "resources"),
}
_MODEL = (_CONTAINER - {"image", "command"}) | {"modelFormat", "protocolVersion", "storageUri"}
_PROBE = {
    *("httpGet", "tcpSocket", "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"),
}
_MOUNT = {"name", "mountPath", "subPath", "subPathExpr"}
# What a container may not have is what it never has here, so that it is kept.
_SECURITY = {
    *("readOnlyRootFilesystem", "privileged", "allowPrivilegeEscalation", "capabilities", "seccompProfile"),
    *("procMount", "sysctls"),
}
_SECTIONS = ("limits", "requests")


def unused_parts(template: ServingTemplate) -> list[str]:
    """Return the paths of the parts that are not used, in the order of the template."""
    metadata, spec = as_mapping(template.body.get("metadata")), as_mapping(template.body.get("spec"))
    unused = [dotted(("metadata", "annotations", name)) for name in as_mapping(metadata.get("annotations"))]
    unused += [name for name in spec if name not in _SPEC]
    predictor = as_mapping(spec.get("predictor"))
    unused += [name for name in predictor if name not in _PREDICTOR]
    unused += _others(as_mapping(predictor.get("securityContext")), _SECURITY, "securityContext")
    has_plan = not template.server.amounts
    containers = as_list(predictor.get("containers"))
    if containers:
        unused += _of_container(as_mapping(containers[0]), "containers[0]", _CONTAINER, has_plan=has_plan)
    for name in ("model", *FORMATS):
        model = as_mapping(predictor.get(name))
        unused += [f"{name}.modelFormat.version"] if as_mapping(model.get("modelFormat")).get("version") else []
        unused += _of_container(model, name, _MODEL, has_plan=has_plan)
    return unused


def _of_container(container: Mapping[str, Tree], at: str, known: set[str], *, has_plan: bool) -> Iterator[str]:
    yield from _others(container, known, at)
    yield from _others(as_mapping(container.get("readinessProbe")), _PROBE, f"{at}.readinessProbe")
    yield from _others(as_mapping(container.get("securityContext")), _SECURITY, f"{at}.securityContext")
    for index, mount in enumerate(as_list(container.get("volumeMounts"))):
        yield from _others(as_mapping(mount), _MOUNT, f"{at}.volumeMounts[{index}]")
    resources = as_mapping(container.get("resources"))
    if resources and has_plan:
        yield f"{at}.resources"
        return
    yield from _others(resources, set(_SECTIONS), f"{at}.resources")
    for section in _SECTIONS:
        yield from _others(as_mapping(resources.get(section)), set(AMOUNTS), f"{at}.resources.{section}")


def _others(tree: Mapping[str, Tree], known: set[str], at: str) -> Iterator[str]:
    return (f"{at}{dotted(('.', name)).removeprefix('[.]')}" for name in tree if name not in known)
