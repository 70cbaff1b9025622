"""The owner of a replica: a file in its folder, written before its other files.

A replica without this file was started by an earlier version. It counts as owned by whoever uses the home.
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
    """Write the owner of a replica unless it has one."""
    if not (path := replica / _FILE).exists():
        write_first(str(path), json.dumps(asdict(owner)))


def is_owned(replica: Path, owner: Owner | None) -> bool:
    """Return whether a replica belongs to this owner; None owns all."""
    return owner is None or read_known(f"{replica}/{_FILE}") in (None, vars(owner))
