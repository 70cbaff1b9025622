"""Parses Launchpad's own annotations, with which a template says what the ServingTemplate format cannot express.

`schema.py` documents each of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from deployments.lifecycle import DEADLINES
from deployments.serving_template.schema import RequestTemplate, Retry, ServerTemplate
from deployments.serving_template.yaml_source import PLACEHOLDER, Path, Source, Tree

PREFIX = "launchpad/"
ANNOTATIONS: Path = ("metadata", "annotations")
_NAMES = {
    "requirements",
    "health-path",
    "readiness-check",
    "sample-request",
    "deadlines",
    "drain-seconds",
    "retry",
    "split-arguments",
    "json-values",
}
_FORMER_NAMES = {"proof": "readiness-check"}
_FORMER_STEPS = {"PROVED": "VERIFIED"}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def with_annotations(source: Source, annotations: dict[str, str], server: ServerTemplate) -> ServerTemplate:
    given = {name.removeprefix(PREFIX): text for name, text in annotations.items() if name.startswith(PREFIX)}
    for name in given.keys() - _NAMES - _FORMER_NAMES.keys():
        known = ", ".join(f"{PREFIX}{word}" for word in sorted(_NAMES))
        source.report((*ANNOTATIONS, PREFIX + name), f"There is no annotation of this name: use one of {known}.")
    if (retry := given.get("retry", "")) not in ("", "on", "off"):
        source.report((*ANNOTATIONS, f"{PREFIX}retry"), f"“{retry}” is neither on nor off.")
    health_path = given.get("health-path", "").strip()
    return replace(
        server,
        requirements=(*server.requirements, *_lines(given.get("requirements", ""))),
        health_path=health_path or server.health_path,
        probe=replace(server.probe, path=health_path) if health_path and server.probe else server.probe,
        readiness_check=_request(source, given, "readiness-check"),
        sample=_request(source, given, "sample-request") or server.sample,
        deadlines=server.deadlines | _deadlines(source, given),
        drain_seconds=source.whole(given.get("drain-seconds"), (*ANNOTATIONS, f"{PREFIX}drain-seconds")),
        retry=Retry(retry) if retry in ("on", "off") else Retry.SAFE,
        split_arguments=frozenset(_lines(given.get("split-arguments", ""))),
        json_values=frozenset(_lines(given.get("json-values", ""))),
    )


def _lines(text: str) -> tuple[str, ...]:
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def _deadlines(source: Source, given: dict[str, str]) -> dict[str, str]:
    path: Path = (*ANNOTATIONS, f"{PREFIX}deadlines")
    deadlines: dict[str, str] = {}
    for name, value in source.mapping(given.get("deadlines"), path).items():
        step = _FORMER_STEPS.get(name.upper(), name.upper())
        if step not in DEADLINES:
            known = ", ".join(step.lower() for step in DEADLINES)
            source.report((*path, name), f"“{name}” is no step: use one of {known}.")
        deadlines[step] = source.whole(value, (*path, name))
    return deadlines


def _request(source: Source, given: dict[str, str], name: str) -> RequestTemplate | None:
    former = next((old for old, new in _FORMER_NAMES.items() if new == name and old in given), name)
    name = name if name in given else former
    if name not in given:
        return None
    field: Path = (*ANNOTATIONS, PREFIX + name)
    tree = source.mapping(source.load(given[name], field, typed=True), field)
    for unknown in tree.keys() - {"method", "path", "body", "headers", "description"}:
        source.report((*field, unknown), "A request has method, path, body, headers and description.")
    method = source.text(tree.get("method"), (*field, "method")).upper() or "GET"
    if method not in _METHODS:
        source.report((*field, "method"), f"“{method}” is no method: use one of {', '.join(_METHODS)}.")
    path = source.text(tree.get("path"), (*field, "path"))
    if not path.startswith("/") and not PLACEHOLDER.fullmatch(path):
        source.report((*field, "path"), "A path that begins with / is needed.")
    return RequestTemplate(
        method=method,
        path=path,
        body=_json_or_text(tree.get("body")),
        headers=source.texts(tree.get("headers"), (*field, "headers")),
        description=source.text(tree.get("description"), (*field, "description")).strip(),
    )


def _json_or_text(body: Tree) -> Tree:
    """Return the tree of a body that was written as JSON text, so that values are filled into it as data."""
    if not isinstance(body, str):
        return body
    try:
        tree: Tree = json.loads(body)
    except ValueError:
        return body
    return tree if isinstance(tree, (dict, list)) else body
