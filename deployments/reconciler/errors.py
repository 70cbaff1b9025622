"""When two errors are the same one."""

from __future__ import annotations

import re

# What differs from one run of a program to the next though the error is the same.
_CHANGING = re.compile(
    r"0x[0-9a-f]+"  # addresses in memory
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"  # UUIDs
    r"|\b[0-9a-f]{12,}\b"  # digests, ids
    r"|/tmp[\w.-]*(?:/[\w.-]+)*"
    r"|[0-9]+",  # times, pids, ports, numbers of attempts
    re.IGNORECASE,
)


def same_error(text: str) -> str:
    """Return what an error has in common with the same error of another run."""
    return " ".join(_CHANGING.sub("#", text).split())
