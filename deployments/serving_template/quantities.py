"""The quantities of Kubernetes: `500m` CPU, `3Gi` of memory."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_QUANTITY = re.compile(r"(\d{1,18}(?:\.\d{0,9})?|\.\d{1,9})(?:[eE]([+-]?\d{1,2})|(m|k|[KMGTPE]i|[MGTPE]))?", re.ASCII)
_SUFFIXES = {
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    **{name: Decimal(1000) ** power for power, name in enumerate("MGTPE", start=2)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", start=1)},
}


def quantity(text: str) -> Decimal | None:
    """Return the number that a quantity stands for, None when the text is none."""
    if (match := _QUANTITY.fullmatch(text.strip())) is None:
        return None
    number, exponent, suffix = match.groups()
    factor = Decimal(10) ** int(exponent) if exponent else _SUFFIXES.get(suffix or "", Decimal(1))
    return Decimal(number) * factor


def rounded_up(number: Decimal) -> int:
    """Return the next whole number, as there are no parts of a byte or of a thousandth of a core."""
    return int(number.to_integral_value(rounding=ROUND_CEILING))
