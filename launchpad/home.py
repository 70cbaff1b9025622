"""LAUNCHPAD_HOME, the folder that Launchpad keeps everything in, and its lock. Standard library only; see `up.py`."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

BASE_DIR = Path(__file__).resolve().parent.parent
SOCKET_PATH_LIMIT = 92  # bytes; the system allows 103 (macOS) or 107 (Linux), and some bind to a longer name first
MAX_SOCKET = len("/run/supervisor.sock")


class StartRefused(Exception):
    """Launchpad cannot start; the message is one sentence for whoever started it."""


def home_path() -> Path:
    """Return LAUNCHPAD_HOME, made absolute."""
    return Path(os.environ.get("LAUNCHPAD_HOME") or BASE_DIR / "var").expanduser().absolute()


def lock_home(home: Path) -> IO[str]:
    """Create `home` and lock it for this process.

    Returns:
        The lock; it is held until it is closed or this process ends, however it ends.

    Raises:
        StartRefused: it cannot be written, its path is too long, or another Launchpad has locked it.
    """
    if len(os.fsencode(home)) + MAX_SOCKET > SOCKET_PATH_LIMIT:
        longest = SOCKET_PATH_LIMIT - MAX_SOCKET
        raise StartRefused(
            f"The path {home} is too long for the sockets inside it: set LAUNCHPAD_HOME to one of at most "
            f"{longest} bytes."
        )
    try:
        make_folders(home)
        lock = (home / "run" / "lock").open("a+")
    except OSError as error:
        raise StartRefused(
            f"The folder {home} cannot be written ({error.strerror}): set LAUNCHPAD_HOME to one that can."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise StartRefused(
            f"Launchpad is running already with the folder {home} (process {owner}): stop that one with Ctrl-C, "
            "or set LAUNCHPAD_HOME to another folder."
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def make_folders(home: Path) -> None:
    """Create the missing folders, readable by their owner only.

    A `home` that root creates can be traversed by others, since its model servers run as another user.

    Raises:
        OSError: it cannot be written.
    """
    if not home.exists():
        home.mkdir(parents=True)
        home.chmod(0o711 if os.getuid() == 0 else 0o700)
    for name in ("run", "log", "uploads"):
        (home / name).mkdir(mode=0o700, exist_ok=True)
