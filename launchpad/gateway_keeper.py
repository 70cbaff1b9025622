"""Keeps the gateway running: takes over the HAProxy that lives, else starts one, and ends when it is gone.

HAProxy is no child of the supervisor: it runs in a session of its own, so that predictions are answered while
everything else is killed, started again or upgraded, as model servers do. This small process is what the supervisor
sees of it. It ends with an error when HAProxy is gone or does not answer any more, and is started again, which starts
HAProxy again. A stop of this process leaves HAProxy alone; `leftovers.py` ends it when Launchpad is stopped.

Standard library only: it is there for as long as Launchpad is.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

MARK = "LAUNCHPAD_GATEWAY_OF"  # in the environment of HAProxy: the folder that it belongs to
LOOK_SECONDS = 0.1
ASK_EVERY = 2.0
FROZEN_SECONDS = 10.0  # without an answer; a busy worker answers within milliseconds
ANSWER_SECONDS = 2.0
START_SECONDS = 10.0
LOG_LIMIT = 10_000_000  # bytes of gateway.log, after which it is put aside
_MASTER = re.compile(r"^(\d+)\s+master", re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    """Keep HAProxy running.

    Args:
        arguments: LAUNCHPAD_HOME, then the command that starts HAProxy in the foreground.
    """
    home, command = Path(arguments[0]), list(arguments[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pid = master_pid(home)
    if pid and _noted_command(home) != command:
        sys.stdout.write("The gateway that runs was started by another version; it is replaced.\n")
        _end(pid)
        pid = 0
    pid = pid or start(home, command)
    return _watch(home, pid)


def start_from_files(home: Path) -> None:
    """Start HAProxy with what the last start has left on disk, unless it lives: predictions need nothing else."""
    command = _noted_command(home)
    if command and (home / "gateway" / "haproxy.cfg").exists() and not master_pid(home):
        start(home, command)


def start(home: Path, command: Sequence[str]) -> int:
    """Start HAProxy, end what is left of one that does not answer, and return the process id of its master."""
    _end_leftover(home)
    (home / "run" / "gateway-command.json").write_text(json.dumps(list(command)))
    with (home / "log" / "gateway.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**{k: v for k, v in os.environ.items() if not k.startswith("LAUNCHPAD_")}, MARK: str(home)},
        )
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and not master_pid(home) and time.monotonic() < end:
        time.sleep(LOOK_SECONDS / 5)
    return process.pid


def master_pid(home: Path) -> int:
    """Return the process id of the master of the HAProxy that answers for `home`, 0 when none does."""
    try:
        found = _MASTER.search(_ask(home, "show proc"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _watch(home: Path, pid: int) -> int:
    """Look after HAProxy until it is gone; return the exit code that says so."""
    asked = answered = time.monotonic()
    while _lives(pid):
        now = time.monotonic()
        if now - asked >= ASK_EVERY:
            asked = now
            if _answers(home):
                answered = time.monotonic()
            elif now - answered > FROZEN_SECONDS:
                sys.stdout.write(f"The gateway has not answered for {FROZEN_SECONDS:g} s; it is started anew.\n")
                _kill_group(pid)
                return 1
            _limit_log(home / "log" / "gateway.log")
        time.sleep(LOOK_SECONDS)
    _kill_group(pid)  # workers that have not noticed
    return 1


def _answers(home: Path) -> bool:
    """Whether the worker answers, through the master."""
    try:
        return "Uptime" in _ask(home, "@1 show info")
    except OSError:
        return False


def _ask(home: Path, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(home / "run" / "haproxy.sock"))
        connection.sendall(f"{command}\n".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode(errors="replace")


def _lives(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return False
    except ChildProcessError:
        pass  # taken over: its parent is not us
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _noted_command(home: Path) -> list[str]:
    try:
        noted = json.loads((home / "run" / "gateway-command.json").read_text())
    except (OSError, ValueError):
        return []
    return noted if isinstance(noted, list) else []


def _end_leftover(home: Path) -> None:
    """End the HAProxy that the file names when it is still there and does not answer. Linux tells whose a pid is."""
    try:
        pid = int((home / "run" / "haproxy.pid").read_text())
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return
    if f"{MARK}={home}".encode() in environment:
        _kill_group(pid)


def _end(pid: int) -> None:
    """End HAProxy at once and wait until its ports are free."""
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + START_SECONDS
    while _lives(pid) and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    _kill_group(pid)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # all of it has ended


def _limit_log(path: Path) -> None:
    """Put a large log aside: copied and emptied, as HAProxy goes on writing to the same file."""
    try:
        if path.stat().st_size <= LOG_LIMIT:
            return
        path.with_suffix(".log.1").write_bytes(path.read_bytes())
        os.truncate(path, 0)
    except OSError as error:  # a full disk, say
        sys.stdout.write(f"The gateway's log cannot be put aside: {error}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
