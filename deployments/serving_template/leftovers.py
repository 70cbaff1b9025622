"""Finds the parts of a template that Launchpad does not use, so that an import can report them."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.serving_template.yaml_source import Tree, dotted

_SPEC = {"predictor"}
_PREDICTOR = {"minReplicas", "maxReplicas", "containers"}
_CONTAINER = {
    "name",
    "image",
    "command",
    "args",
    "env",
    "ports",
    "readinessProbe",
}  # the warnings of a template cover its image
_PROBE = {"httpGet"}


def unused_parts(body: Tree) -> list[str]:
    """Return the paths of the parts that are not used, in the order of the template.

    Args:
        body: `spec.template` of a template, its block strings parsed.
    """
    tree = _mapping(body)
    metadata, spec = _mapping(tree.get("metadata")), _mapping(tree.get("spec"))
    unused = [dotted(("metadata", "annotations", name)) for name in _mapping(metadata.get("annotations"))]
    unused += [name for name in spec if name not in _SPEC]
    predictor = _mapping(spec.get("predictor"))
    unused += [name for name in predictor if name not in _PREDICTOR]
    containers = predictor.get("containers")
    for number, container in enumerate(containers if isinstance(containers, list) else []):
        unused += _of_container(number, _mapping(container))
    return unused


def _of_container(number: int, container: dict[str, Tree]) -> Iterator[str]:
    if number:
        yield dotted(("containers", number))
        return
    for name in container:
        if name not in _CONTAINER:
            yield f"containers[0].{name}"
    for name in _mapping(container.get("readinessProbe")):
        if name not in _PROBE:
            yield f"containers[0].readinessProbe.{name}"
    env = container.get("env")
    for index, variable in enumerate(env if isinstance(env, list) else []):
        origin = _mapping(_mapping(variable).get("valueFrom"))
        yield from (f"containers[0].env[{index}].valueFrom.{name}" for name in origin if name != "secretKeyRef")


def _mapping(tree: Tree) -> dict[str, Tree]:
    return tree if isinstance(tree, dict) else {}
