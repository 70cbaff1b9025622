"""What an installation with many deployments costs while nothing happens."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil

from tests.bench.figures import Figure
from tests.bench.installation import _CREATE
from tests.person import make_configurations
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

MANY = int(os.environ.get("LAUNCHPAD_TEST_MANY_IDLE", "65"))
SETTLE_SECONDS = 30.0  # after all run, until nothing of it goes on
MEASURED_SECONDS = 120.0
SAMPLE_SECONDS = 0.02  # between two looks for a commit


def measure() -> Iterator[Figure]:
    with running_stack() as stack:
        (configuration,) = make_configurations(stack, hello={"resourcePlan": "nano"}).values()
        stack.manage("shell", "--no-imports", "-c", _CREATE.format(pk=configuration, count=MANY))
        wait_until(
            lambda: stack.rows("SELECT count(*) FROM deployments_deployment WHERE status = 'RUNNING'")[0][0] == MANY,
            timeout=600,
            what="all run",
            pause=1,
        )
        threading.Event().wait(SETTLE_SECONDS)
        yield from _idle(stack)


def _idle(stack: Stack) -> Iterator[Figure]:
    processes = stack.all_processes()
    names = {process.pid: _name(process) for process in processes}
    before = {process.pid: _cpu(process) for process in processes}
    began = time.monotonic()
    commits = _commits(stack.home / "launchpad.sqlite3", MEASURED_SECONDS)
    seconds = time.monotonic() - began
    used: dict[str, float] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            share = 100 * (_cpu(process) - before[process.pid]) / seconds
            used[names[process.pid]] = used.get(names[process.pid], 0.0) + share
    yield Figure(what=f"{MANY} idle deployments: CPU of one core", value=sum(used.values()), unit="%", limit=2)
    for name, share in sorted(used.items()):
        yield Figure(what=f"  {name}", value=share, unit="%")
    yield Figure(what="  commits a minute", value=60 * commits / seconds, unit="", limit=12)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _name(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    for word in ("valkey", "celery", "gunicorn", "gateway_keeper", "haproxy", "supervis"):
        if word in line:
            return word
    return process.name()


def _commits(database: Path, seconds: float) -> int:
    """Count the changes of a database for so long; several within SAMPLE_SECONDS count once."""
    until, changes = time.monotonic() + seconds, 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        while time.monotonic() < until:
            threading.Event().wait(SAMPLE_SECONDS)
            now = connection.execute("PRAGMA data_version").fetchone()
            changes += now != before
            before = now
    return changes
