"""Files that several processes read while one writes them: atomic replacement, and locks."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; waits for other processes and for other threads of this one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed, also by the end of the process
        yield


def write(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replace `path` atomically: readers see the old or the new content, also after a crash of the machine."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)  # independent of the umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_dir(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_dir(folder: Path) -> None:
    """Write the new name of a file to the disk, too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def version_of(path: Path) -> tuple[str, int, int]:
    """Return what is another one after each replacement of a file.

    Raises:
        OSError: it is not there, or may not be looked at.
    """
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_ino


def holds(path: Path, content: str) -> bool:
    """Return whether a file has exactly this content; False when it cannot be read."""
    try:
        return path.read_bytes() == content.encode()
    except OSError:
        return False


def write_if_changed(path: Path, content: str, *, mode: int = 0o600) -> None:
    """Like `write`, without touching a file that has this content already."""
    if not holds(path, content):
        write(path, content, mode=mode)
