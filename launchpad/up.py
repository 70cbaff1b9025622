"""`make up`: checks, prepares, starts everything under a supervisor, tells what matters, and stops everything.

This process stays in the foreground for as long as Launchpad runs, so it imports little of the standard library and
nothing else (11 MB); whatever needs more runs as a process of its own and ends.

    up ── preflight (checks, clears what a crash left) ── manage.py prepare ── supervisord ── valkey, gateway, web, ...

When this process is told to stop, the supervisor stops its programs first, then the model servers are stopped, when
nothing is left that would start them again. When it is killed instead, nothing is stopped: the model servers go on
and the next start adopts them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launchpad.console import Console, say
from launchpad.home import BASE_DIR, StartRefused, home_path, take

TICK_SECONDS = 0.1
KNOCKS = 100
KNOCK_SECONDS = 0.02
MARK = "LAUNCHPAD_STARTED_FOR"  # as in leftovers.py, which is too heavy to be imported here


class Interrupted(Exception):
    """A second request to stop came while stopping."""


class Wishes:
    """Counts the requests to stop: Ctrl-C, SIGTERM, and a closed terminal, which may be told of twice."""

    def __init__(self) -> None:
        self.count = 0
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as after nohup
            signal.signal(signal.SIGHUP, self._note)

    def _note(self, number: int, _frame: object) -> None:
        self.count = max(self.count, 1) if number == signal.SIGHUP else self.count + 1


def main() -> int:
    home = home_path()
    try:
        lock = take(home)
    except StartRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    wishes = Wishes()
    with lock:
        # The children must not die of a Ctrl-C in the terminal, this process decides when they end: own sessions.
        checked = _run([sys.executable, "-m", "launchpad.preflight"], home)
        if checked.returncode or wishes.count:
            return checked.returncode or 130
        say("Starting Launchpad ...")
        prepared = _run([sys.executable, "manage.py", "prepare"], home, answers=True)
        if prepared.returncode or wishes.count:
            return prepared.returncode or 130
        return _serve(home, json.loads(prepared.stdout.splitlines()[-1]), wishes)


def _serve(home: Path, facts: dict[str, Any], wishes: Wishes) -> int:
    """Keep the supervisor running until there is a wish to stop."""
    console = Console(home, facts)
    supervisor = _start_supervisor(home)
    while not wishes.count:
        if supervisor.poll() is not None:
            say("The supervisor ended unexpectedly; starting everything again. The model servers go on.")
            _run([sys.executable, "-m", "launchpad.leftovers", str(home)], home)
            supervisor = _start_supervisor(home)
        console.tick()
        time.sleep(TICK_SECONDS)
    try:
        _stop(home, supervisor, wishes)
    except Interrupted:
        say("Stopping at once. The model servers go on; the next start takes them over.")
        _run([sys.executable, "-m", "launchpad.leftovers", str(home)], home)
        return 130
    say("Launchpad has stopped.")
    return 0


def _stop(home: Path, supervisor: subprocess.Popen[bytes], wishes: Wishes) -> None:
    say("\nStopping ... (press Ctrl-C again to stop at once and leave the model servers running)")
    supervisor.terminate()
    _wait(supervisor, wishes)
    _wait(subprocess.Popen([sys.executable, "manage.py", "stop_replicas"], **_how(home)), wishes)


def _wait(process: subprocess.Popen[bytes], wishes: Wishes) -> None:
    """Wait for the end of a process.

    Raises:
        Interrupted: there was a second wish to stop.
    """
    while process.poll() is None:
        if wishes.count > 1:
            process.kill()
            process.wait()
            raise Interrupted
        time.sleep(TICK_SECONDS)


def _start_supervisor(home: Path) -> subprocess.Popen[bytes]:
    configuration = home / "run" / "supervisord.conf"
    command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration)]
    with (home / "log" / "supervisord.err").open("ab") as errors:
        supervisor = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors, **_how(home))
    _knock(home / "run" / "supervisor.sock")
    return supervisor


def _knock(path: Path) -> None:
    """Make the supervisor start its programs now: left alone it waits a second before its first look at them."""
    for _ in range(KNOCKS):
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.connect(str(path))
            return
        except OSError:
            time.sleep(KNOCK_SECONDS)


def _run(command: Sequence[str], home: Path, *, answers: bool = False) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, stdout=subprocess.PIPE if answers else None, check=False, **_how(home))


def _how(home: Path) -> dict[str, Any]:
    return {
        "cwd": BASE_DIR,
        "env": {**os.environ, MARK: str(home), "PYTHONUNBUFFERED": "1"},
        "start_new_session": True,
    }


if __name__ == "__main__":
    sys.exit(main())
