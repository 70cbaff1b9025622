"""The files of an attempt that the shim and the driver share. Standard library only, for the shim's sake.

<home>/replicas/<name>/owner.json           installation and connection (ownership.py)
<home>/replicas/<name>/stop                 the highest attempt number that was requested to stop
<home>/replicas/<name>/attempt-<n>/spec.json    what to run, written once by the driver
<home>/replicas/<name>/attempt-<n>/state.json   its phase and exit, written only by the shim while it runs
<home>/replicas/<name>/attempt-<n>/log*.jsonl   its output
"""

from __future__ import annotations

import _thread
import json
import os

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any


def write_atomically(path: str, text: str, mode: int = 0o600) -> None:
    """Replace a file as a whole: a reader sees the old or the new text, never a part."""
    draft = f"{path}.{os.getpid()}.{_thread.get_ident()}.new"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(fd, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(draft, path)


def write_first(path: str, text: str) -> bool:
    """Write a file as a whole unless there is one; of concurrent calls exactly one returns True."""
    draft = f"{path}.{os.getpid()}.{_thread.get_ident()}.first"
    write_atomically(draft, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True


def read_json(path: str) -> dict[str, Any] | None:
    """Return the content of a file, None when it does not exist or a crash of the machine has truncated it."""
    try:
        with open(path, encoding="utf-8") as file:
            content: dict[str, Any] = json.load(file)
    except (FileNotFoundError, ValueError):
        return None
    return content


class StateFile:
    """The state of an attempt; every write replaces the whole file."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "state.json")
        self._state: dict[str, Any] = {}

    def begin(self, **values: Any) -> bool:
        """Write the first state; return False when the attempt has one, since another shim runs it."""
        self._state = values
        return write_first(self._path, json.dumps(values))

    def write(self, **values: Any) -> None:
        if any(self._state.get(name) != value for name, value in values.items()):
            self._state |= values
            write_atomically(self._path, json.dumps(self._state))


def is_stop_requested(replica_folder: str, attempt: int) -> bool:
    """Return whether this attempt was requested to stop, possibly before it was started."""
    try:
        with open(os.path.join(replica_folder, "stop"), encoding="ascii") as file:
            return attempt <= int(file.read() or 0)
    except FileNotFoundError:
        return False
