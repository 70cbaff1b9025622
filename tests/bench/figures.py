"""What a measurement gives, and how it is told."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure beside what is promised.

    Args:
        what: a line for people.
        value, limit: in `unit`; limit None when nothing is promised.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def is_kept(self) -> bool:
        return self.limit is None or self.value <= self.limit

    def __str__(self) -> str:
        promised = "" if self.limit is None else f"at most {self.limit:g} {self.unit}"
        mark = "" if self.is_kept else "  NOT KEPT"
        return f"{self.what:<62}{self.value:>10.2f} {self.unit:<8}{promised}{mark}"


def tell(line: object) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median_ms(action: Callable[[], object], *, times: int = 30) -> float:
    """Return the median time of an action in milliseconds, after three rounds that warm up."""
    for _ in range(3):
        action()
    return median(seconds(action) for _ in range(times)) * 1000
