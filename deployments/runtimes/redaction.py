"""Removes secrets from texts that are written or shown. Standard library only, as the shim imports it."""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_REDACTED = 6  # characters; shorter values would black out half of every log
REDACTED = "[secret]"


class Redaction:
    """Replaces secrets in texts: whole values and each of their lines."""

    def __init__(self, secrets: Iterable[str]) -> None:
        parts = {part for value in secrets for part in (value, *value.splitlines())}
        self._parts = sorted((part for part in parts if len(part) >= MIN_REDACTED), key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return a text without the secrets."""
        for part in self._parts:
            text = text.replace(part, REDACTED)
        return text
