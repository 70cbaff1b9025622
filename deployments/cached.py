"""A value that is expensive to make: made once for all threads that ask for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class CachedValue(Generic[Value]):
    """Keeps a value until what it was made from has changed, or it has become old.

    Threads that ask meanwhile wait for the one that makes it. An error is not kept: the next one tries again.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[object, float, Value] | None = None

    def get(self, made_from: object, make: Callable[[], Value], *, max_age: float = math.inf) -> Value:
        """Return the value.

        Args:
            made_from: equal for as long as the value stays right, e.g. the version of a file.
            make: called for a new value.
            max_age: seconds after which it is made again in any case.
        """
        with self._lock:
            if self._kept is None or self._kept[0] != made_from or time.monotonic() - self._kept[1] >= max_age:
                self._kept = (made_from, time.monotonic(), make())
            return self._kept[2]
