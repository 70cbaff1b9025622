"""Request and response bodies of artifacts, as the AI API specifies them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from deployments.api.fields import Id, LongText, Name, Text
from deployments.api.schemas import Body, LabelBody, ScenarioBody
from deployments.models import ArtifactKind


class ArtifactPost(Body):
    name: Name
    kind: ArtifactKind
    url: Annotated[Text, StringConstraints(max_length=1024)]
    scenario_id: Id
    description: LongText = ""
    labels: list[LabelBody] = []


class ArtifactBody(Body):
    id: str
    name: str
    kind: ArtifactKind
    url: str
    description: str
    scenario_id: str
    labels: list[LabelBody]
    created_at: datetime
    modified_at: datetime
    scenario: ScenarioBody | None = None


class ArtifactList(Body):
    count: int
    resources: list[ArtifactBody]


class ArtifactCreated(Body):
    id: str
    message: str
    url: str
