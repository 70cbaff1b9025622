"""Request and response bodies of configurations, as the AI API specifies them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from deployments.api.fields import Id, Name, Text
from deployments.api.schemas import Body, ScenarioBody


class ParameterBinding(Body):
    key: Annotated[Text, StringConstraints(max_length=256)]
    value: Text


class ArtifactBinding(Body):
    key: Annotated[Text, StringConstraints(max_length=256)]
    artifact_id: Text


class ConfigurationPost(Body):
    name: Name
    executable_id: Id
    scenario_id: Id
    parameter_bindings: list[ParameterBinding] = []
    input_artifact_bindings: list[ArtifactBinding] = []


class ConfigurationBody(Body):
    id: str
    name: str
    executable_id: str
    scenario_id: str
    parameter_bindings: list[ParameterBinding]
    input_artifact_bindings: list[ArtifactBinding]
    created_at: datetime
    scenario: ScenarioBody | None = None


class ConfigurationList(Body):
    count: int
    resources: list[ConfigurationBody]
