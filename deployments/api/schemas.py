"""What the AI API's bodies look like: camelCase, times in UTC, nothing where there is nothing to say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from deployments.api.fields import LongText, Text


class Body(BaseModel):
    """All bodies: camelCase outside, snake_case inside; fields that are not known are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class ErrorBody(Body):
    code: str
    message: str
    request_id: str
    target: str
    details: list[dict[str, str]] | None = None


class Failure(Body):
    """Every answer that is not a success."""

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
