"""Whose a replica is: a file in its folder, written before anything else of it.

One without is of a version that had no such file. It is adopted: the home that it lies in is ours alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from deployments.runtimes.base import Owner
from deployments.runtimes.local.attempt_files import write_first
from deployments.runtimes.local.known_files import read_known

_FILE = "owner.json"


def note_owner(replica: Path, owner: Owner) -> None:
    """Write down whose a replica is, unless that is known."""
    if not (path := replica / _FILE).exists():
        write_first(str(path), json.dumps(asdict(owner)))


def is_owned(replica: Path, owner: Owner | None) -> bool:
    """Return whether a replica is this owner's; None owns all."""
    return owner is None or read_known(f"{replica}/{_FILE}") in (None, vars(owner))
