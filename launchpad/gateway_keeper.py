"""Keeps the gateway running: adopts a running HAProxy or starts one, and ends when it is gone.

HAProxy is not a child of the supervisor: it runs in a session of its own, so that predictions are answered while
everything else is killed, restarted or upgraded, like the model servers. This small process is what the supervisor
sees of it. It ends with an error when HAProxy is gone or has stopped responding; the supervisor then restarts it, and
it starts HAProxy again. A stop of this process leaves HAProxy running; `leftovers.py` ends it when Launchpad is
stopped.

Standard library only, to keep its memory small: it runs for as long as Launchpad does.
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
POLL_INTERVAL = 0.1
HEALTH_INTERVAL = 2.0
UNRESPONSIVE_SECONDS = 10.0  # without an answer; a busy worker answers within milliseconds
COMMAND_TIMEOUT = 2.0
START_TIMEOUT = 10.0
LOG_LIMIT = 10_000_000  # bytes of gateway.log, after which it is rotated
_MASTER = re.compile(r"^(\d+)\s+master", re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    """Keep HAProxy running.

    Args:
        arguments: LAUNCHPAD_HOME, then the command that starts HAProxy in the foreground.
    """
    home, command = Path(arguments[0]), list(arguments[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pid = master_pid(home)
    if pid and _saved_command(home) != command:
        sys.stdout.write("The running gateway was started by another version; it is replaced.\n")
        _stop(pid)
        pid = 0
    pid = pid or start(home, command)
    return _watch(home, pid)


def start_from_files(home: Path) -> None:
    """Start HAProxy from the files of the last start, unless it runs: predictions need nothing else."""
    command = _saved_command(home)
    if command and (home / "gateway" / "haproxy.cfg").exists() and not master_pid(home):
        start(home, command)


def start(home: Path, command: Sequence[str]) -> int:
    """Start HAProxy, after killing one that does not respond, and return the process id of its master."""
    _kill_unresponsive(home)
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
    end = time.monotonic() + START_TIMEOUT
    while process.poll() is None and not master_pid(home) and time.monotonic() < end:
        time.sleep(POLL_INTERVAL / 5)
    return process.pid


def master_pid(home: Path) -> int:
    """Return the process id of the master of the HAProxy that answers for `home`, 0 when none does."""
    try:
        master = _MASTER.search(_run_command(home, "show proc"))
    except OSError:
        return 0
    return int(master[1]) if master else 0


def _watch(home: Path, pid: int) -> int:
    """Watch HAProxy until it is gone or has to be killed; return the exit code of this program."""
    checked_at = answered_at = time.monotonic()
    while _is_running(pid):
        now = time.monotonic()
        if now - checked_at >= HEALTH_INTERVAL:
            checked_at = now
            if _is_responding(home):
                answered_at = time.monotonic()
            elif now - answered_at > UNRESPONSIVE_SECONDS:
                sys.stdout.write(f"The gateway has not answered for {UNRESPONSIVE_SECONDS:g} s; it is restarted.\n")
                _kill_group(pid)
                return 1
            _limit_log(home / "log" / "gateway.log")
        time.sleep(POLL_INTERVAL)
    _kill_group(pid)  # workers that have not noticed
    return 1


def _is_responding(home: Path) -> bool:
    """Whether the worker answers, through the master."""
    try:
        return "Uptime" in _run_command(home, "@1 show info")
    except OSError:
        return False


def _run_command(home: Path, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(COMMAND_TIMEOUT)
        connection.connect(str(home / "run" / "haproxy.sock"))
        connection.sendall(f"{command}\n".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode(errors="replace")


def _is_running(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return False
    except ChildProcessError:
        pass  # adopted: it is not our child
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _saved_command(home: Path) -> list[str]:
    try:
        command = json.loads((home / "run" / "gateway-command.json").read_text())
    except (OSError, ValueError):
        return []
    return command if isinstance(command, list) else []


def _kill_unresponsive(home: Path) -> None:
    """Kill the HAProxy of `haproxy.pid`, which does not respond. On Linux its environment shows whether it is ours."""
    try:
        pid = int((home / "run" / "haproxy.pid").read_text())
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return
    if f"{MARK}={home}".encode() in environment:
        _kill_group(pid)


def _stop(pid: int) -> None:
    """Stop HAProxy without waiting for its connections, and wait until its ports are free."""
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + START_TIMEOUT
    while _is_running(pid) and time.monotonic() < end:
        time.sleep(POLL_INTERVAL)
    _kill_group(pid)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # all of it has ended


def _limit_log(path: Path) -> None:
    """Rotate a large log: copy and truncate it, since HAProxy goes on writing to the same file."""
    try:
        if path.stat().st_size <= LOG_LIMIT:
            return
        path.with_suffix(".log.1").write_bytes(path.read_bytes())
        os.truncate(path, 0)
    except OSError as error:  # e.g. a full disk
        sys.stdout.write(f"The gateway's log cannot be rotated: {error}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
