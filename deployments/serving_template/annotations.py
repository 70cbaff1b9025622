"""Reads the annotations of our own, by which a template says what the ServingTemplate format has no word for.

`schema.py` says what each of them means.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from deployments.lifecycle import DEADLINES
from deployments.serving_template.schema import RequestTemplate, Retry, ServerTemplate
from deployments.serving_template.yaml_source import PLACEHOLDER, Path, Source, Tree

OWN = "launchpad/"
NOTES: Path = ("metadata", "annotations")
_OWN_NAMES = {
    "requirements",
    "health-path",
    "proof",
    "sample-request",
    "deadlines",
    "drain-seconds",
    "retry",
    "split-arguments",
    "json-values",
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def with_own_annotations(source: Source, notes: dict[str, str], server: ServerTemplate) -> ServerTemplate:
    own = {name.removeprefix(OWN): text for name, text in notes.items() if name.startswith(OWN)}
    for name in own.keys() - _OWN_NAMES:
        known = ", ".join(f"{OWN}{word}" for word in sorted(_OWN_NAMES))
        source.report((*NOTES, OWN + name), f"There is no annotation of this name: use one of {known}.")
    if (retry := own.get("retry", "")) not in ("", "on", "off"):
        source.report((*NOTES, f"{OWN}retry"), f"“{retry}” is neither on nor off.")
    return replace(
        server,
        requirements=_lines(own.get("requirements", "")),
        health_path=own.get("health-path", "").strip() or server.health_path,
        proof=_request(source, own, "proof"),
        sample=_request(source, own, "sample-request"),
        deadlines=_deadlines(source, own),
        drain_seconds=source.whole(own.get("drain-seconds"), (*NOTES, f"{OWN}drain-seconds")),
        retry=Retry(retry) if retry in ("on", "off") else Retry.SAFE,
        split_arguments=frozenset(_lines(own.get("split-arguments", ""))),
        json_values=frozenset(_lines(own.get("json-values", ""))),
    )


def _lines(text: str) -> tuple[str, ...]:
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def _deadlines(source: Source, own: dict[str, str]) -> dict[str, str]:
    path: Path = (*NOTES, f"{OWN}deadlines")
    deadlines: dict[str, str] = {}
    for name, value in source.mapping(own.get("deadlines"), path).items():
        if name.upper() not in DEADLINES:
            steps = ", ".join(step.lower() for step in DEADLINES)
            source.report((*path, name), f"“{name}” is no step: use one of {steps}.")
        deadlines[name.upper()] = source.whole(value, (*path, name))
    return deadlines


def _request(source: Source, own: dict[str, str], name: str) -> RequestTemplate | None:
    if name not in own:
        return None
    place: Path = (*NOTES, OWN + name)
    tree = source.mapping(source.load(own[name], place, typed=True), place)
    for unknown in tree.keys() - {"method", "path", "body", "headers", "description"}:
        source.report((*place, unknown), "A request has method, path, body, headers and description.")
    method = source.text(tree.get("method"), (*place, "method")).upper() or "GET"
    if method not in _METHODS:
        source.report((*place, "method"), f"“{method}” is no method: use one of {', '.join(_METHODS)}.")
    path = source.text(tree.get("path"), (*place, "path"))
    if not path.startswith("/") and not PLACEHOLDER.fullmatch(path):
        source.report((*place, "path"), "A path that begins with / is needed.")
    return RequestTemplate(
        method=method,
        path=path,
        body=_json_or_text(tree.get("body")),
        headers=source.texts(tree.get("headers"), (*place, "headers")),
        description=source.text(tree.get("description"), (*place, "description")).strip(),
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
