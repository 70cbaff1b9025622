"""Request and response bodies of secrets, as the AI API specifies them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from deployments.api.fields import SECRET_PATTERN, Base64Text, LongText, Text
from deployments.api.schemas import Body, LabelBody


class SecretLabel(Body):
    key: Annotated[Text, StringConstraints(max_length=63)]
    value: LongText


SecretData = Annotated[dict[str, Base64Text], Field(description="Key -> value in Base64; the value is UTF-8 text.")]


class SecretPost(Body):
    name: Annotated[str, StringConstraints(pattern=SECRET_PATTERN, max_length=252)]
    data: SecretData
    labels: list[SecretLabel] = []


class SecretPatch(Body):
    data: SecretData
    labels: list[SecretLabel] | None = None


class SecretBody(Body):
    name: str
    created_at: datetime
    labels: list[LabelBody]


class SecretList(Body):
    count: int
    resources: list[SecretBody]


class SecretChanged(Body):
    name: str
    message: str
