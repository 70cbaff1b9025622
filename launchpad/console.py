"""What the terminal shows while Launchpad runs: one line for each event. Standard library only; see `up.py`."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deployments.runtimes.terminal import plain  # standard library only too
from launchpad.version import VERSION

LOG_LIMIT = 5_000_000  # bytes of events.log, after which it is rotated
REPEAT_SECONDS = 60.0
HEALTH_TIMEOUT = 3.0
_TITLES = {"valkey": "broker", "web": "web server"}
_ENDED = re.compile(r"exited: (?P<name>\S+) \((?P<how>.+?); (?:not )?expected\)$")
_STARTED = re.compile(r"spawned: '(?P<name>\S+)' with pid \d+$")


def say(text: str) -> None:
    """Print and flush, also into a pipe. A reader that has gone away is no reason to stop serving models.

    The text may contain what model servers and people have written: control sequences of terminals are removed.
    """
    try:
        sys.stdout.write(f"{plain(text)}\n")
        sys.stdout.flush()
    except (BrokenPipeError, OSError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for the rest of the life of this process


class Console:
    """Follows the logs of a running Launchpad.

    Args:
        home: LAUNCHPAD_HOME.
        startup: what `manage.py prepare` has printed.
    """

    def __init__(self, home: Path, startup: dict[str, Any]) -> None:
        self._startup = startup
        self._events_path = home / "log" / "events.log"
        self._events = Follower(self._events_path)
        self._supervisor = Follower(home / "log" / "supervisord.log")
        self._home = home
        self._ended: dict[str, str] = {}
        self._reported_at: dict[str, float] = {}
        self._started_at = time.monotonic()
        self._next_health_check = 0.0
        self._has_shown_banner = False
        self._has_warned = False

    def update(self) -> None:
        """Print what is new; called a few times per second."""
        if not self._has_shown_banner and time.monotonic() >= self._next_health_check:
            self._check_health()
        for line in self._supervisor.lines():
            self._report_restart(line)
        for line in self._events.lines():
            _print_event(line)
        if self._events.position > LOG_LIMIT:
            self._rotate_events()

    def _rotate_events(self) -> None:
        try:
            os.replace(self._events_path, self._events_path.with_suffix(".log.1"))
        except OSError:
            return  # e.g. a full disk: the next update tries again

    def _check_health(self) -> None:
        health = get_health(self._startup)
        if health is not None and health.get("status") == "ok":
            self._has_shown_banner = True
            say(banner(self._home, self._startup))
            return
        waited = time.monotonic() - self._started_at
        self._next_health_check = time.monotonic() + (0.1 if waited < 30 else 2)
        if waited > 30 and not self._has_warned:
            self._has_warned = True
            missing = (
                "; ".join(health["problems"]) if health and "problems" in health else "the web server does not respond"
            )
            say(f"Launchpad is not ready after 30 s: {missing}. The logs are in {self._home / 'log'}.")

    def _report_restart(self, line: str) -> None:
        if ended := _ENDED.search(line):
            self._ended[ended["name"]] = ended["how"]
        elif (started := _STARTED.search(line)) and (how := self._ended.pop(started["name"], "")):
            name = started["name"]
            now = time.monotonic()
            if now - self._reported_at.get(name, -REPEAT_SECONDS) < REPEAT_SECONDS:
                return  # a program that cannot stay up would fill the terminal
            self._reported_at[name] = now
            say(f"{_clock()}  The {_TITLES.get(name, name)} ended ({how}) and was restarted; see log/{name}.log.")


class Follower:
    """The lines that are appended to a file from now on; the file may be rotated."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self.position = self._stat()
        self._incomplete = b""

    def lines(self) -> Iterator[str]:
        """Yield the lines that are complete."""
        inode, size = self._stat()
        if inode != self._inode or size < self.position:
            self._inode, self.position, self._incomplete = inode, 0, b""
        if size == self.position:
            return
        try:
            with self._path.open("rb") as file:
                file.seek(self.position)
                new = file.read()
        except FileNotFoundError:
            return  # rotated a moment ago
        self.position += len(new)
        *whole, self._incomplete = (self._incomplete + new).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")

    def _stat(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_ino, status.st_size


def get_health(startup: dict[str, Any]) -> dict[str, Any] | None:
    """Return what /healthz says, None when there is no answer. Importing http.client would cost 5 MB for good."""
    host, port, name = startup["health"]
    request = f"GET /healthz HTTP/1.0\r\nHost: {name}\r\n\r\n"
    try:
        with socket.create_connection((host, port), timeout=HEALTH_TIMEOUT) as connection:
            connection.sendall(request.encode())
            with connection.makefile("rb") as answer:
                body = answer.read().partition(b"\r\n\r\n")[2]
        health = json.loads(body)
    except (OSError, ValueError):
        return None
    return health if isinstance(health, dict) else None


def banner(home: Path, startup: dict[str, Any]) -> str:
    """Return what is shown once everything is ready."""
    return f"""
Launchpad {VERSION} is running.

  Sign in      {startup["sign_in_url"]}
               works once, within 24 hours; later: {startup["user"]} and the password in {home / "admin-password"}
  Inference    {startup["inference_url"]}
               {_trust(startup["authority"])}
  Programs     client id and secret are in {home / "service-key.json"}
  State, logs  {home}
  Stop         Ctrl-C; model servers of this machine stop too and come back at the next start
"""


def _trust(authority: str) -> str:
    return f"clients need the certificate authority {authority}" if authority else "with your own certificate"


def _print_event(line: str) -> None:
    try:
        event = json.loads(line)
    except ValueError:
        return  # an incomplete line, left by a killed program
    if not isinstance(event, dict):
        return
    words = [event.get("deployment") or "", event.get("status") or "", event.get("message") or ""]
    say("  ".join([_clock(), *(" ".join(str(word).split()) for word in words if word)]))


def _clock() -> str:
    return time.strftime("%H:%M:%S")
