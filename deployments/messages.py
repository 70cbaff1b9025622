"""What happened as a code with values, as in the conditions of Kubernetes, and the place that makes sentences of it.

Rows, state files and the API carry `reason` (a stable CamelCase code) and `params`; `render` gives the sentence where
it is shown, in the reader's language. The control plane declares its reasons in `reasons.py`, a runtime its own in
`runtimes/<kind>/messages.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import translation
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

Sentence = str | Promise

# Around the sentence of any reason: `during` names the reason whose sentence says what was going on, `log` is the line
# of the server's log that says why, `also` is a message of its own that follows.
_DURING, _LOG, _ALSO = "during", "log", "also"
_SEPARATOR = "; "
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class Message:
    """A code with values.

    Args:
        reason: CamelCase, stable; the sentence may change, this does not.
        params: plain JSON values or messages. The end of a name gives its unit: `limit_seconds` is shown as `limit`
            ("5 min"), `free_bytes` as `free` ("3 GB"), `need_millis` (of a core) as `need` ("0.25").
    """

    reason: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"reason": self.reason, "params": {name: _to_json(value) for name, value in self.params.items()}}

    @classmethod
    def from_json(cls, value: object) -> Message | None:
        """Return what was stored: None for nothing; a sentence from before there were codes is kept as a text."""
        if isinstance(value, Mapping) and isinstance(value.get("reason"), str):
            return cls(value["reason"], values_from_json(value.get("params")))
        return TEXT(text=str(value)) if value else None


def values_from_json(params: object) -> dict[str, Any]:
    """Return stored params with the messages among them."""
    return {str(name): _from_json(value) for name, value in params.items()} if isinstance(params, Mapping) else {}


class Reason:
    """A code and what is said for it; calling it with values gives the message.

    Args:
        code: CamelCase.
        sentences: the first one is shown for which all values are given.
    """

    def __init__(self, code: str, sentences: Sequence[Sentence]) -> None:
        self.code = code
        self.sentences = sentences

    def __call__(self, **params: Any) -> Message:
        """Return the message. Values that are None, "" or an empty list count as not given."""
        return Message(self.code, {name: value for name, value in params.items() if value not in (None, "", [], ())})


_declared: dict[str, Reason] = {}


def declare(code: str, *sentences: Sentence) -> Reason:
    """Put a reason into the table.

    Raises:
        ValueError: there is one with this code already.
    """
    if code in _declared:
        raise ValueError(f"The reason {code} is declared twice.")
    _declared[code] = Reason(code, sentences)
    return _declared[code]


def declared() -> Mapping[str, Reason]:
    """Return code -> reason of all that are declared."""
    return _declared


TEXT = declare("Message", "%(text)s")  # words of somebody else: a server, a library, a version before there were codes


def render(message: Message | None) -> str:
    """Return the sentence in the reader's language, `""` for nothing. It never fails, whoever wrote the message."""
    if message is None:
        return ""
    values = _shown(message.params)
    text = _sentence(message.reason, values)
    if during := values.get(_DURING):
        text = _sentence(during, {"message": text})
    if log := values.get(_LOG):
        text = _sentence("LogSays", {"message": text, "error": log if log.endswith((".", "!", "?")) else f"{log}."})
    return f"{text} {values[_ALSO]}" if values.get(_ALSO) else text


def render_english(message: Message | None) -> str:
    """Return the sentence in English: for programs and for the terminal."""
    with translation.override("en"):
        return render(message)


def distinct(messages: Iterable[Message | None]) -> list[Message]:
    """Return the messages that there are, each once, in a stable order."""
    by_text = {json.dumps(one.to_json(), sort_keys=True): one for one in messages if one is not None}
    return [by_text[text] for text in sorted(by_text)]


def span(seconds: float) -> str:
    """Return a length of time in its largest whole unit: "90 s", "5 min", "1 h"."""
    whole = int(seconds)
    if whole == seconds and whole and whole % 3600 == 0:
        return _("%s h") % (whole // 3600)
    if whole == seconds and whole and whole % 60 == 0:
        return _("%s min") % (whole // 60)
    return _("%(seconds)s s") % {"seconds": _number(seconds)}


def size(number: float) -> str:
    """Return an amount of memory or disk as resource plans are written: "512 MB", "1.5 GB" (1 GB = 10^9 bytes)."""
    for unit, amount in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if number >= amount:
            return f"{_number(number / amount)} {unit}"
    return f"{_number(number)} B"


def _number(value: float) -> str:
    """Return a number with at most two decimals, as the reader's language writes it."""
    rounded = round(value, 2)
    decimals = 0 if rounded == int(rounded) else 1 if round(rounded, 1) == rounded else 2
    return str(number_format(rounded, decimals, use_l10n=True))


_UNITS: Mapping[str, Callable[[float], str]] = {
    "_seconds": span,
    "_bytes": size,
    "_millis": lambda value: _number(value / 1000),
}


def _shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for each value in a sentence; integers stay numbers, for the choice of a plural."""
    values: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Message):
            values[name] = render(value)
        elif isinstance(value, list | tuple):
            values[name] = _SEPARATOR.join(render(one) if isinstance(one, Message) else str(one) for one in value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            values[name] = value if isinstance(value, int) else _number(value)
            for ending, words in _UNITS.items():
                if name.endswith(ending):
                    values.setdefault(name.removesuffix(ending), words(value))
        elif value is not None:
            values[name] = str(value)
    return values


def _sentence(code: str, values: Mapping[str, Any]) -> str:
    for sentence in _declared[code].sentences if code in _declared else ():
        try:
            return str(sentence % values)
        except (KeyError, TypeError, ValueError):
            continue  # it needs a value that is not given, or is of another kind
    return str(values["text"]) if "text" in values else _in_plain_words(code, values)


def _in_plain_words(code: str, values: Mapping[str, Any]) -> str:
    """Return what can be said of a reason of a newer version, or without its values."""
    words = [word if word.isupper() else word.lower() for word in _WORDS.split(code)]
    text = " ".join(words)
    given = ", ".join(f"{name}: {value}" for name, value in values.items())
    text = text[:1].upper() + text[1:]
    return f"{text} ({given})" if given else text


def _to_json(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    return [_to_json(one) for one in value] if isinstance(value, list | tuple) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Message.from_json(value) or dict(value)
    return [_from_json(one) for one in value] if isinstance(value, list) else value
