"""Text that programs write for a terminal: without its escape sequences, or in parts with their colours.

Standard library only, as the shim imports it.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COLOURS = ("", "red", "green", "yellow", "blue", "magenta", "cyan", "")  # black and white follow the page's theme
# ECMA-48: control sequences, control strings up to their terminator, other escapes, single control characters.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_RENDITION = re.compile(r"(?:\x1b\[|\x9b)([0-9;:]*)m")


def plain(text: str) -> str:
    """Return the text without control characters and sequences; tabs and line ends are kept."""
    return text if text.isprintable() else _ESCAPES.sub("", text)


def newest_state(line: str) -> str:
    """Return what a terminal shows of a line with carriage returns, e.g. the present state of a progress bar."""
    if "\r" not in line:
        return line
    return next((state for state in reversed(line.split("\r")) if state.strip()), "")


def styled(text: str) -> Sequence[tuple[str, str]]:
    """Return the text in parts with the names of their colour and weight, e.g. `("failed", "red bold")`."""
    parts = [(plain(part), style) for part, style in _parts(text)]
    return [(part, style) for part, style in parts if part]


def _parts(text: str) -> Iterator[tuple[str, str]]:
    colour, bold, begin = "", False, 0
    for match in _RENDITION.finditer(text):
        yield text[begin : match.start()], _name(colour, bold)
        begin = match.end()
        colour, bold = _after(match[1], colour, bold)
    yield text[begin:], _name(colour, bold)


def _name(colour: str, bold: bool) -> str:
    return f"{colour} bold".strip() if bold else colour


def _after(codes: str, colour: str, bold: bool) -> tuple[str, bool]:
    """Return colour and weight after a "select graphic rendition" sequence."""
    numbers = iter([int(code or 0) for code in codes.replace(":", ";").split(";")])
    for number in numbers:
        if number == 0:
            colour, bold = "", False
        elif number in {1, 22}:
            bold = number == 1
        elif 30 <= number <= 37 or 90 <= number <= 97:
            colour = _COLOURS[number % 10]
        elif number == 39:
            colour = ""
        elif number in {38, 48, 58}:
            chosen = _palette_colour(numbers)
            colour = chosen if number == 38 else colour
    return colour, bold


def _palette_colour(numbers: Iterator[int]) -> str:
    """Take the arguments of an extended colour; only the sixteen basic ones of the palette are distinguished."""
    kind = next(numbers, 0)
    if kind == 5:
        index = next(numbers, 0)
        return _COLOURS[index % 8] if index < 16 else ""
    if kind == 2:
        for _ in range(3):
            next(numbers, 0)
    return ""
