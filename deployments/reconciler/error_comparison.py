"""Compares the errors of different runs of a program without what differs in each run: times, ids, addresses."""

from __future__ import annotations

import re

# The parts of an error that differ from run to run.
_CHANGING = re.compile(
    r"0x[0-9a-f]+"  # addresses in memory
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"  # UUIDs
    r"|\b[0-9a-f]{12,}\b"  # digests, ids
    r"|/tmp[\w.-]*(?:/[\w.-]+)*"
    r"|[0-9]+",  # times, pids, ports, numbers of attempts
    re.IGNORECASE,
)


def without_changing_parts(text: str) -> str:
    """Return an error without the parts that differ from run to run."""
    return " ".join(_CHANGING.sub("#", text).split())
