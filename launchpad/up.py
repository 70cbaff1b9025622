"""`make up`: checks, prepares, starts everything under a supervisor, prints what matters, and stops everything.

This process stays in the foreground for as long as Launchpad runs, so it imports little of the standard library and
nothing else (11 MB); whatever needs more runs as a process of its own and ends.

    up ── preflight (checks, clears what a crash left) ── manage.py prepare ── supervisord ── valkey, web, worker, ...
                 └─ gateway, which outlives all of them; a keeper under supervisord looks after it

When this process is told to stop, in whatever phase, or fails, the supervisor stops its programs first, then the model
servers are stopped, when nothing is left that would start them again. When it is killed instead, nothing is stopped:
the model servers and the gateway go on and the next start adopts them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from launchpad.console import Console, say
from launchpad.home import BASE_DIR, StartRefused, home_path, lock_home
from launchpad.stop_requests import StopRequests

POLL_INTERVAL = 0.1
STEADY_SECONDS = 30.0  # a supervisor that has lived as long is started again without a pause
MAX_PAUSE = 30.0
MARK = "LAUNCHPAD_STARTED_FOR"  # as in leftovers.py, which is too heavy to be imported here


class Interrupted(Exception):
    """A second request to stop came."""


class NotStarted(Exception):
    """A check or a preparation has failed; it has printed why.

    Args:
        code: its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def main() -> int:
    home = home_path()
    try:
        lock = lock_home(home)
    except StartRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    with lock:
        launchpad = Launchpad(home, StopRequests())
        try:
            return launchpad.run()
        except NotStarted as failure:
            return failure.code
        except Interrupted:
            say("Stopping at once. The model servers go on; the next start takes them over.")
            launchpad.end_programs(gateway=True)
            return 130
        except BaseException:
            say("Launchpad has failed; stopping everything.")
            launchpad.stop()
            raise


class Launchpad:
    """Starts, supervises and stops all programs of one installation.

    Args:
        home: LAUNCHPAD_HOME, locked for us.
        stop_requests: the requests to stop.
    """

    def __init__(self, home: Path, stop_requests: StopRequests) -> None:
        self._home = home
        self._stop_requests = stop_requests
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._supervisor_since = 0.0
        self._pause = 0.0

    def run(self) -> int:
        """Start, run until a stop is requested, and stop; return the exit code.

        Raises:
            NotStarted: a check or a preparation has failed.
            Interrupted: a second request to stop came.
        """
        facts = self._prepare()
        if facts is not None:
            self._serve(facts)
        say("\nStopping ... (press Ctrl-C again to stop at once and leave the model servers running)")
        self.stop()
        return 0

    def stop(self) -> None:
        """Stop the programs, then the model servers.

        Raises:
            Interrupted: a second request to stop came.
        """
        if self._supervisor is not None:
            self._supervisor.terminate()
            self._wait(self._supervisor)
        self.end_programs(
            gateway=True
        )  # also those of an earlier start, when this one was stopped before it cleared them
        if self._run("manage.py", "stop_replicas").returncode:
            say("Not all model servers could be stopped; the next start takes them over.")
            return
        say("Launchpad has stopped.")

    def end_programs(self, *, gateway: bool = False) -> None:
        """Kill the programs that are left; the model servers are not among them.

        Args:
            gateway: kill the gateway, too.
        """
        command = [sys.executable, "-m", "launchpad.leftovers", str(self._home), *(["--gateway"] if gateway else [])]
        subprocess.run(command, check=False, **self._process_options())

    def _prepare(self) -> dict[str, Any] | None:
        """Check and prepare everything; return what the console shows, None when a stop was requested."""
        self._require_success(self._run("-m", "launchpad.preflight"))
        if self._stop_requests.stop:
            return None
        say("Starting Launchpad ...")
        prepared = self._run("manage.py", "prepare", capture_output=True)
        self._require_success(prepared)
        if self._stop_requests.stop:
            return None
        facts: dict[str, Any] = json.loads(prepared.stdout.splitlines()[-1])
        return facts

    def _require_success(self, completed: subprocess.CompletedProcess[bytes]) -> None:
        """Raise NotStarted when a program has failed, unless a stop was requested, which comes first."""
        if completed.returncode and not self._stop_requests.stop:
            raise NotStarted(completed.returncode)

    def _serve(self, facts: dict[str, Any]) -> None:
        """Keep the supervisor running until a stop is requested."""
        console = Console(self._home, facts)
        self._start_supervisor()
        while not self._stop_requests.stop:
            self._restart_supervisor_if_ended()
            console.update()
            time.sleep(POLL_INTERVAL)

    def _restart_supervisor_if_ended(self) -> None:
        if self._supervisor is None:
            if time.monotonic() >= self._supervisor_since:
                self._start_supervisor()
        elif self._supervisor.poll() is not None:
            lived = time.monotonic() - self._supervisor_since
            self._pause = 0.0 if lived > STEADY_SECONDS else min(MAX_PAUSE, max(1.0, self._pause * 2))
            self._supervisor = None
            self._supervisor_since = time.monotonic() + self._pause
            when = f" in {self._pause:g} s" if self._pause else ""
            say(f"The supervisor ended unexpectedly; starting everything again{when}. The model servers go on.")
            self.end_programs()

    def _start_supervisor(self) -> None:
        command = [sys.executable, "-m", "launchpad.supervise", "-n", "-c", str(self._home / "run/supervisord.conf")]
        self._supervisor_since = time.monotonic()
        with _open_log(self._home / "log" / "supervisord.err") as errors:
            self._supervisor = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=errors, **self._process_options()
            )

    def _run(self, *arguments: str, capture_output: bool = False) -> subprocess.CompletedProcess[bytes]:
        """Run a program of ours to its end.

        Raises:
            Interrupted: a second request to stop came; it has been ended.
        """
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE if capture_output else None, **self._process_options()
        )
        self._wait(process)
        output = process.stdout.read() if process.stdout else b""  # a few lines: less than the buffer of a pipe
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the end of a process.

        Raises:
            Interrupted: a second request to stop came; it has been ended with its group.
        """
        while process.poll() is None:
            if self._stop_requests.is_urgent:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise Interrupted
            time.sleep(POLL_INTERVAL)

    def _process_options(self) -> dict[str, Any]:
        # In sessions of their own: a Ctrl-C in the terminal must not reach them, this process decides when they end.
        return {
            "cwd": BASE_DIR,
            "env": {**os.environ, MARK: str(self._home), "PYTHONUNBUFFERED": "1"},
            "start_new_session": True,
        }


def _open_log(path: Path) -> Any:
    """Open a log to append to; /dev/null when it cannot be created, e.g. on a full disk."""
    try:
        return path.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


if __name__ == "__main__":
    sys.exit(main())
