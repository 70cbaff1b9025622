"""Our API beside the specification file that AI_API_SPEC names: paths, parameters, fields, enums, status codes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

SPECIFICATION = os.environ.get("AI_API_SPEC", "")
pytestmark = pytest.mark.skipif(
    not SPECIFICATION, reason="AI_API_SPEC does not name a specification of the AI API to compare with."
)

METHODS = ("get", "post", "patch", "delete")
# In the specification and on purpose not here: the token is in every request's header, and groups come all at once.
LEFT_OUT = {"Authorization", "Prefer", "continueToken", "$count"}
# Specified and answered with 501, as GET /lm/meta says.
NOT_OFFERED = (
    *("/lm/executions", "/lm/executionSchedules", "/lm/metrics", "/lm/dataset", "/analytics"),
    *("/admin/objectStoreSecrets", "/admin/repositories", "/admin/applications"),
    *("/admin/services", "/admin/resources/", "/admin/tenantInfo", "/admin/resourceQuota/resourceGroups"),
    *("/admin/resourceQuota/applications", "/admin/resourceQuota/repositories", "/admin/resourceQuota/secrets"),
    "/admin/resourceQuota/dockerRegistrySecrets",
)


class Document:
    """An OpenAPI document whose references are followed."""

    def __init__(self, content: dict[str, Any], prefix: str = "") -> None:
        self.content = content
        self.paths = {path.removeprefix(prefix): item for path, item in content["paths"].items()}

    def follow(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self.content
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            node = found
        return node

    def operations(self) -> Iterator[tuple[str, str]]:
        for path, item in self.paths.items():
            yield from ((path, method) for method in METHODS if method in item)

    def parameters(self, path: str, method: str) -> set[tuple[str, str]]:
        item = self.paths[path]
        found = [self.follow(one) for one in (*item.get("parameters", []), *item[method].get("parameters", []))]
        return {(one["in"], one["name"]) for one in found if one["name"] not in LEFT_OUT}

    def statuses(self, path: str, method: str) -> set[str]:
        return {str(status) for status in self.paths[path][method]["responses"]} - {"default"}

    def body(self, path: str, method: str) -> dict[str, Any]:
        return self._schema(self.paths[path][method].get("requestBody", {}))

    def answer(self, path: str, method: str) -> dict[str, Any]:
        responses = self.paths[path][method]["responses"]
        status = next(status for status in responses if str(status).startswith("2"))
        return self._schema(self.follow(responses[status]))

    def _schema(self, holder: dict[str, Any]) -> dict[str, Any]:
        for media in self.follow(holder).get("content", {}).values():
            return self.follow(media.get("schema", {}))
        return {}

    def flat(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a schema with what its parts (allOf, anyOf, oneOf) say, together."""
        schema = self.follow(schema)
        whole: dict[str, Any] = {
            "properties": dict(schema.get("properties", {})),
            "required": set(schema.get("required", [])),
            "enum": list(schema.get("enum", [])),
            "items": schema.get("items"),
        }
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, []):
                more = self.flat(part)
                whole["properties"] |= more["properties"]
                whole["enum"] += more["enum"]
                whole["items"] = whole["items"] or more["items"]
                if word == "allOf":
                    whole["required"] |= more["required"]
        return whole


@pytest.fixture(scope="module")
def theirs() -> Document:
    return Document(yaml.safe_load(Path(SPECIFICATION).read_text()))


@pytest.fixture(scope="module")
def ours() -> Document:
    return Document(Client().get("/v2/openapi.json").json(), prefix="/v2")


def test_every_endpoint_of_the_specification_is_there_or_left_out_on_purpose(theirs: Document, ours: Document) -> None:
    offered = set(ours.operations())
    missing = {one for one in theirs.operations() if one not in offered and not one[0].startswith(NOT_OFFERED)}

    assert missing == set()
    assert offered <= set(theirs.operations()), "nothing is invented"


def test_parameters_and_statuses_are_those_of_the_specification(theirs: Document, ours: Document) -> None:
    for path, method in ours.operations():
        missing = theirs.parameters(path, method) - ours.parameters(path, method)
        assert missing == set(), (path, method)
        assert theirs.statuses(path, method) <= ours.statuses(path, method), (path, method)


def test_bodies_and_answers_have_the_specified_fields(theirs: Document, ours: Document) -> None:
    faults: list[str] = []
    for path, method in ours.operations():
        sent, wanted = ours.flat(ours.body(path, method)), theirs.flat(theirs.body(path, method))
        if sent["required"] - wanted["required"] - {"labels", "resourceGroupId", "deployments"}:
            faults.append(f"{method} {path} asks for more: {sent['required'] - wanted['required']}")
        if wanted["properties"].keys() - sent["properties"].keys():
            faults.append(f"{method} {path} takes less: {wanted['properties'].keys() - sent['properties'].keys()}")
        _compare(theirs, ours, theirs.answer(path, method), ours.answer(path, method), f"{method} {path}", faults)
    assert faults == []


def _compare(
    theirs: Document, ours: Document, wanted: dict[str, Any], given: dict[str, Any], place: str, faults: list[str]
) -> None:
    """Note what an answer lacks, says beside the specification, or says in other words."""
    one, other = theirs.flat(wanted), ours.flat(given)
    if not other["properties"] and other["items"] is None:
        return  # free in form
    if lacking := one["required"] - other["properties"].keys():
        faults.append(f"{place} lacks {sorted(lacking)}")
    for name, schema in other["properties"].items():
        if one["properties"] and name not in one["properties"]:
            faults.append(f"{place} has {name}, which is not specified")
            continue
        said, allowed = ours.flat(schema), theirs.flat(one["properties"].get(name, {}))
        if allowed["enum"] and not set(said["enum"]) <= set(allowed["enum"]):
            faults.append(f"{place}.{name} may be {said['enum']}, allowed are {allowed['enum']}")
        if name in {"resources", "labels", "parameters", "inputArtifacts", "parameterBindings"} and allowed["items"]:
            _compare(theirs, ours, allowed["items"], said["items"], f"{place}.{name}", faults)
