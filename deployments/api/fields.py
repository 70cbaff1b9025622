"""The types of the fields of the AI API, and their validation."""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

ID_PATTERN = r"^[\w.-]{4,64}$"
SECRET_PATTERN = r"^[a-z0-9\-\.]+$"  # noqa: S105  the pattern of a name
REGISTRY_SECRET_PATTERN = r"^[a-z0-9](?:_?[a-z0-9\.\-]+)*[a-z0-9]$"  # noqa: S105  the pattern of a name
TTL_PATTERN = r"^[0-9]+[mMhHdD]$"


def _storable(text: str) -> str:
    """Refuse characters that JSON allows and databases do not: NUL, and a lone surrogate."""
    if "\0" in text:
        raise ValueError("A NUL character cannot be stored")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("It contains half of a surrogate pair, which is not a character")
    return text


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError as error:
        raise ValueError("Give the value as UTF-8 text in Base64") from error


Text = Annotated[str, AfterValidator(_storable)]
Base64Text = Annotated[str, AfterValidator(_from_base64), Field(json_schema_extra={"format": "byte"})]
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=256)]
LongText = Annotated[Text, StringConstraints(max_length=5000)]
