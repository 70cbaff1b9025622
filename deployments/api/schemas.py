"""Base classes and shared bodies of the AI API: camelCase, times in UTC, no nulls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from deployments.api.fields import LongText, Text


class Body(BaseModel):
    """Base of all bodies: camelCase in JSON, snake_case in Python; unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class ErrorBody(Body):
    code: str
    message: str
    request_id: str
    target: str
    details: list[dict[str, str]] | None = None


class Failure(Body):
    """The body of every error."""

    error: ErrorBody


class LabelBody(Body):
    key: Annotated[Text, StringConstraints(max_length=256)]
    value: LongText


class ScenarioBody(Body):
    id: str
    name: str
    description: str
    labels: list[LabelBody]
    created_at: datetime
    modified_at: datetime


class Created(Body):
    id: str
    message: str
