"""A cached value is made once for all that ask, and again when what it was made from has changed."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from deployments.cached import CachedValue


def test_of_many_that_ask_at_once_one_makes_it() -> None:
    cached: CachedValue[int] = CachedValue()
    numbers, start = itertools.count(), Barrier(8)

    def ask(_: int) -> int:
        start.wait(10)
        return cached.get("same", lambda: next(numbers))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [0] * 8


def test_it_is_made_again_when_what_it_is_made_from_has_changed() -> None:
    cached: CachedValue[int] = CachedValue()
    numbers = itertools.count()

    assert [cached.get(key, lambda: next(numbers)) for key in ("one", "one", "two", "one")] == [0, 0, 1, 2]


def test_it_is_made_again_when_it_is_old() -> None:
    cached: CachedValue[int] = CachedValue()
    numbers = itertools.count()

    assert [cached.get("same", lambda: next(numbers), max_age=0) for _ in range(2)] == [0, 1]


def test_an_error_is_not_kept() -> None:
    cached: CachedValue[int] = CachedValue()
    cached.get("one", lambda: 1)

    with pytest.raises(ZeroDivisionError):
        cached.get("two", lambda: 1 // 0)

    assert cached.get("two", lambda: 2) == 2
