"""Whether an exception means that the disk of LAUNCHPAD_HOME is full, whoever met it: SQLite or a write of a file."""

from __future__ import annotations

import errno
import shutil
import sqlite3

from django.conf import settings

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
# What SQLite says when it cannot extend its write-ahead log or the file beside it; each has other causes, too.
_MAY_BE_FULL = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_LITTLE_ROOM = 1_000_000  # bytes: a page of the log and its index fit into this several times


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether the exception, or one that it was raised from or while handling, is of a full disk."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if _says_full(error):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _says_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    if not isinstance(error, sqlite3.OperationalError):
        return False
    # The rest of the code tells which step failed; errors of the Python module itself have none.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or (code in _MAY_BE_FULL and has_little_room())


def has_little_room() -> bool:
    """Return whether the disk of LAUNCHPAD_HOME has no room for even a few changes of the database."""
    return shutil.disk_usage(settings.LAUNCHPAD_HOME).free < _LITTLE_ROOM
