"""Whether an exception means that the disk of LAUNCHPAD_HOME is full, be it from SQLite or from writing a file."""

from __future__ import annotations

import errno
import shutil
import sqlite3

from django.conf import settings

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
# What SQLite says when it cannot extend its write-ahead log or the file beside it; each has other causes, too.
_MAY_BE_FULL = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_LITTLE_ROOM = 1_000_000  # bytes: several times a page of the write-ahead log and its index


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether the exception, or one in its chain of causes and contexts, means a full disk."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if _is_full_error(error):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _is_full_error(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    if not isinstance(error, sqlite3.OperationalError):
        return False
    # The higher bits of an extended code tell which step failed; errors of the Python module itself have no code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or (code in _MAY_BE_FULL and has_little_room())


def has_little_room() -> bool:
    """Return whether the disk of LAUNCHPAD_HOME has no space for even a few changes of the database."""
    return shutil.disk_usage(settings.LAUNCHPAD_HOME).free < _LITTLE_ROOM
