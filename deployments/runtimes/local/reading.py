"""Determines the status of replicas from their files and the running processes."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import TEXT, Message
from deployments.runtimes.base import Endpoint, ReplicaExit, ReplicaStatus
from deployments.runtimes.local import messages
from deployments.runtimes.local.attempt_files import is_stop_requested, read_json, write_atomically, write_first
from deployments.runtimes.local.known_files import read_known
from deployments.runtimes.local.limits import end_groups
from deployments.runtimes.messages import message
from deployments.runtimes.processes import is_alive, start_mark

HOST = "127.0.0.1"  # where servers listen: reachable from this machine only, for the gateway
STARTING_SECONDS = 10.0  # for a shim to write its first state
STOP_SECONDS = 5.0  # for a shim to end its server, in addition to the grace time
CLOCK_SLACK = 2.0  # seconds by which a time may be in the future without a changed clock
_NEEDED = {"name", "attempt", "port", "at", "grace_seconds"}
_ATTEMPT = re.compile(r"^attempt-(\d+)$")


def replica_dirs(replicas: Path, prefix: str = "") -> Iterator[Path]:
    """Yield the folders of the replicas whose name begins with `prefix`, in the order of their names."""
    try:
        entries = sorted(name for name in os.listdir(replicas) if name.startswith(prefix))
    except FileNotFoundError:
        return
    for name in entries:
        yield replicas / name


def attempts(replica: Path) -> list[tuple[int, Path]]:
    """Return the attempts of a replica in their order."""
    try:
        names = os.listdir(replica)
    except (FileNotFoundError, NotADirectoryError):
        return []  # deleted meanwhile, or not a folder of ours
    numbers = sorted(int(match[1]) for match in map(_ATTEMPT.match, names) if match)
    return [(number, replica / f"attempt-{number}") for number in numbers]


def inspect(replica: Path) -> ReplicaStatus | None:
    """Return the last attempt of a replica that was started, None when there is none."""
    for number, folder in reversed(attempts(replica)):
        if (spec := _spec(folder)) is not None:
            return _read(replica, number, folder, spec)
        if (state := read_json(str(folder / "state.json"))) is not None:  # it was started with a spec
            return _read_without_spec(replica, number, folder, state)
    return None


def specs_in_use(replicas: Path) -> Iterator[str]:
    """Yield the text of the `spec.json` of each attempt whose shim runs or is about to start."""
    for replica in replica_dirs(replicas):
        for _, folder in attempts(replica):
            state, spec = read_json(str(folder / "state.json")), folder / "spec.json"
            in_use = state is None or ("exit" not in state and is_alive(state["shim"]))
            if in_use and spec.exists():
                yield spec.read_text()


def _spec(folder: Path) -> dict[str, Any] | None:
    """Return the spec.json of an attempt, None when it is missing, damaged or not readable."""
    try:
        spec = read_known(f"{folder}/spec.json")
    except (PermissionError, IsADirectoryError):
        return None
    return spec if isinstance(spec, dict) and spec.keys() >= _NEEDED else None


def _read_without_spec(replica: Path, number: int, folder: Path, state: dict[str, Any]) -> ReplicaStatus:
    """Return an attempt whose spec.json is lost as exited, after killing its server."""
    if "exit" not in state:
        _kill(replica.name, number, state)
        state = _note_end(folder, state, ExitReason.LOST, messages.SPEC_LOST)
    return ReplicaStatus(
        name=replica.name,
        attempt=number,
        phase=ReplicaPhase.EXITED,
        started_at=datetime.fromtimestamp((folder / "state.json").stat().st_mtime, UTC),
        exit=_exit(state["exit"]),
    )


def _read(replica: Path, number: int, folder: Path, spec: dict[str, Any]) -> ReplicaStatus:
    state = _state(folder, spec)
    status = ReplicaStatus(
        name=replica.name,
        attempt=number,
        phase=ReplicaPhase.STARTING,
        endpoint=Endpoint(host=HOST, port=spec["port"]),
        detail=Message.from_json(state.get("detail")),
        started_at=datetime.fromtimestamp(spec["at"], UTC),
    )
    stop_requested = is_stop_requested(str(replica), number)
    if stop_requested and "exit" not in state and _ignores_its_stop(replica, spec):
        _kill(replica.name, number, state)
        state = _note_end(folder, state, ExitReason.STOPPED, messages.SHIM_FROZEN)
    if ended := state.get("exit"):
        if ended["reason"] == ExitReason.NOT_STARTED and _was_replaced(spec):
            ended = _end(ExitReason.STOPPED, messages.REPLACED) | {"at": ended["at"]}
        return replace(status, phase=ReplicaPhase.EXITED, detail=None, exit=_exit(ended))
    if stop_requested:
        return replace(status, phase=ReplicaPhase.STOPPING)
    if "server" not in state:
        return replace(status, phase=ReplicaPhase(state.get("phase", ReplicaPhase.STARTING)))
    healthy = os.path.exists(f"{folder}/healthy")
    return replace(status, phase=ReplicaPhase.HEALTHY if healthy else ReplicaPhase.STARTING)


def _state(folder: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """Return the state of an attempt; with an exit if its shim is gone and cannot write one."""
    path = f"{folder}/state.json"
    state = read_known(path) or {}
    if "exit" in state or is_alive(state.get("shim")):
        return state
    # Between the two checks above the shim may have started, or written its last state.
    if (again := read_json(path) or {}) != state:
        return again
    # The clock may have been set in either direction meanwhile.
    if not state and abs(time.time() - spec["at"]) < STARTING_SECONDS:
        return state
    return _mark_lost(folder, spec, state)


def _was_replaced(spec: dict[str, Any]) -> bool:
    """Return whether a program that prepares this attempt is not there any more.

    An upgrade may move the modules of preparation while the shim of an older version still names them. That is no
    failure of the deployment: its next attempt names the new ones.
    """
    commands = [command for step in spec.get("prepare", ()) for command in (step["command"], step["job"]["command"])]
    programs = [word for command in commands for word in command if word == command[0] or word.endswith(".py")]
    return not all(os.path.exists(program) for program in programs if os.path.isabs(program))


def _ignores_its_stop(replica: Path, spec: dict[str, Any]) -> bool:
    """Return whether the stop of an attempt was requested so long ago that its shim must be frozen."""
    try:
        told_at = (replica / "stop").stat().st_mtime
    except FileNotFoundError:
        return False
    age = time.time() - told_at
    # A time in the future is from before the clock was set back; its age is not known.
    return age > spec["grace_seconds"] + STOP_SECONDS or age < -CLOCK_SLACK


def _kill(name: str, attempt: int, state: dict[str, Any]) -> None:
    """Kill the shim of an attempt and all that it has started."""
    shim = state.get("shim")
    if shim and is_alive(shim):
        with suppress(psutil.Error):
            watcher = psutil.Process(shim[0])
            family = [watcher, *watcher.children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
    if server := state.get("server"):
        _end_session(server[0], server[1])
    end_groups(name, attempt)


def _note_end(folder: Path, state: dict[str, Any], reason: ExitReason, reason_code: str) -> dict[str, Any]:
    """Write the exit of an attempt whose shim cannot do it any more, and return its state."""
    end = _end(reason, reason_code) | {"at": time.time()}
    ended = state | {"phase": "EXITED", "detail": None, "exit": end}
    with suppress(OSError):  # deleted meanwhile, or a full disk: the next call determines the same
        write_atomically(str(folder / "state.json"), json.dumps(ended))
    return ended


def _mark_lost(folder: Path, spec: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Write that an attempt has lost its shim, and kill the rest of its server."""
    if server := state.get("server"):
        _end_session(server[0], server[1])
    end_groups(spec["name"], spec["attempt"])
    lost = _end(ExitReason.LOST, messages.SERVER_LOST)
    ended = state | {"phase": "EXITED", "detail": None, "exit": lost | {"at": time.time()}}
    path = str(folder / "state.json")
    with suppress(OSError):  # deleted meanwhile, or a full disk: the next call determines the same
        # Without a state a slow shim may still start: the first written state decides.
        if not state and not write_first(path, json.dumps(ended)) and (first := read_json(path)) is not None:
            return first
        if state or read_json(path) is None:
            write_atomically(path, json.dumps(ended))
    return ended


def _end(reason: ExitReason, reason_code: str) -> dict[str, Any]:
    return {"reason": reason, "code": None, "signal": None, "message": message(reason_code), "first_error": ""}


def _end_session(leader: int, mark: str) -> None:
    """Kill all processes of a server's session, which carries the pid of its leader."""
    if start_mark(leader) not in {"", mark}:
        return  # the pid was reused, so the session has ended
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.kill()
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue  # it has ended meanwhile, or belongs to another user


def _exit(ended: dict[str, Any]) -> ReplicaExit:
    return ReplicaExit(
        reason=ExitReason(ended["reason"]),
        code=ended["code"],
        signal=ended["signal"],
        message=Message.from_json(ended["message"]) or TEXT(),
        first_error=ended["first_error"],
        first_error_at=datetime.fromtimestamp(at, UTC) if (at := ended.get("first_error_at")) else None,
        at=datetime.fromtimestamp(ended["at"], UTC),
    )
