"""The only way tests wait: for a condition, looked at again after a pause, with a sentence when it never comes."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_until(condition: Callable[[], Result], *, timeout: float = 10.0, what: str, pause: float = 0.02) -> Result:
    """Return what the condition gives as soon as that is true.

    Args:
        timeout: seconds until the test fails.
        what: what is waited for, for the message.
        pause: seconds between two looks.

    Raises:
        AssertionError: the condition did not come true in time.
    """
    end = time.monotonic() + timeout
    never = threading.Event()
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"After {timeout} seconds still not: {what}.")
        never.wait(pause)
    return result
