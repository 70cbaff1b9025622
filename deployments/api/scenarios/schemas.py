"""Request and response bodies of scenarios, as the AI API specifies them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from deployments.api.schemas import Body, LabelBody, ScenarioBody


class ScenarioList(Body):
    count: int
    resources: list[ScenarioBody]


class ParameterBody(Body):
    name: str
    description: str
    default: str | None = None
    type: Literal["string"] = "string"


class ExecutableArtifactBody(Body):
    name: str
    kind: str | None = None
    description: str
    labels: list[LabelBody]


class ExecutableBody(Body):
    id: str
    name: str
    description: str
    scenario_id: str
    version_id: str
    labels: list[LabelBody]
    parameters: list[ParameterBody]
    input_artifacts: list[ExecutableArtifactBody]
    output_artifacts: list[ExecutableArtifactBody]
    deployable: bool
    created_at: datetime
    modified_at: datetime


class ExecutableList(Body):
    count: int
    resources: list[ExecutableBody]


class VersionBody(Body):
    id: str
    scenario_id: str
    description: str
    created_at: datetime
    modified_at: datetime


class VersionList(Body):
    count: int
    resources: list[VersionBody]


class ModelList(Body):
    """The foundation models of a scenario; always empty, since Launchpad has no shared models."""

    count: int
    resources: list[dict[str, Any]]
