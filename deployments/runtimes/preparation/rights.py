"""The rights that model servers, and the programs that prepare them, run with. The check of the settings uses it, too.

Started by an ordinary user, Launchpad has no rights to drop. Started as root, it runs servers as another user, in a
mount namespace in which LAUNCHPAD_HOME, and folders that are closed to that user, show only what the server needs.
Without mount namespaces (a container without CAP_SYS_ADMIN, macOS) all paths have to be accessible to that user.
If neither works nothing is started: servers never run as root as a fallback. Whoever has started it, what they may
reach is restricted by a sandbox within these rights (`sandbox.py`).
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from deployments.errors import RuntimeRejected
from deployments.messages import Message
from deployments.runtimes import messages
from deployments.runtimes.preparation import sandbox
from deployments.runtimes.preparation.sandbox import Sandbox, SandboxSettings

_HERE = Path(__file__).parent
_TRIAL_SECONDS = 10.0


class RightsRefused(RuntimeRejected):
    """Servers cannot be started, since they would have more rights than intended."""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What `confine.enter` restricts a process to.

    Args:
        user: (uid, gid) to change to, empty to keep the present user.
        hidden: folders that appear empty except for paths of `shown`.
        shown: paths that the process needs; paths outside of `hidden` are visible anyway.
        sandbox: what it may reach of what is visible, None for all that its user may.
    """

    user: tuple[int, ...] = ()
    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    sandbox: Sandbox | None = None

    def showing(self, *paths: Path, writable: Sequence[Path] = (), ports: Sequence[int] = ()) -> Rights:
        """Return the same rights with more visible paths, those that it may write, and ports that it may bind."""
        more = {os.path.realpath(path) for path in (*paths, *writable)}
        inner = self.sandbox and self.sandbox.showing(paths, writable, ports)
        if not self.user and not self.hidden:
            return replace(self, sandbox=inner)
        closed = (closed_folder(Path(path), *self.user) for path in more) if self.user and self.hidden else ()
        hidden = {*self.hidden, *(str(folder) for folder in closed if folder is not None)}
        shown = tuple(sorted({*self.shown, *more}))
        return replace(self, shown=shown, hidden=tuple(sorted(hidden)), sandbox=inner)


@cache
def rights_for(run_as: str, home: Path, python: str, chosen: SandboxSettings) -> Rights:
    """Return the rights of model servers and of what is prepared for them.

    Args:
        run_as: the setting LAUNCHPAD_RUN_AS; only used when we are root.
        home: LAUNCHPAD_HOME.
        python: the interpreter that servers need, without links.
        chosen: the settings of the sandbox.

    Raises:
        RightsRefused: they are not possible here; the message says what to do.
    """
    if chosen.level == sandbox.REQUIRE and (lacking := sandbox.missing()):
        names = ", ".join(f"{name} ({needed})" for name, needed in lacking)
        raise RightsRefused(Message(messages.SANDBOX_MISSING, {"parts": names, "system": os.uname().release}))
    needed = (Path(python).parents[1], _HERE.parent)
    outer = _rights_of_user(run_as, home, python, needed)
    inner = replace(outer, sandbox=chosen.sandbox(home, needed))
    if inner.sandbox and os.geteuid() != 0 and sandbox.hides_sockets():
        inner = replace(inner, hidden=(os.path.realpath(home),)).showing(*needed)
    if inner.sandbox and (problem := _try_out(inner, python)):
        raise RightsRefused(Message(messages.SANDBOX_BROKEN, {"error": problem}))
    return inner


def _rights_of_user(run_as: str, home: Path, python: str, needed: Sequence[Path]) -> Rights:
    """Return the rights without a sandbox; see `rights_for`."""
    if os.geteuid() != 0:
        return Rights()
    try:
        user = pwd.getpwnam(run_as)
    except KeyError:
        raise RightsRefused(Message(messages.RUN_AS_UNKNOWN, {"user": run_as})) from None
    if user.pw_uid == 0:
        return Rights()  # root was requested explicitly
    plain = Rights(user=(user.pw_uid, user.pw_gid))
    if sys.platform == "linux":
        hiding = replace(plain, hidden=(os.path.realpath(home),)).showing(*needed)
        problem = _try_out(hiding, python)
        if not problem:
            return hiding
    else:
        problem = "there are no mount namespaces here"
    for path in (*needed, home / "envs"):  # `home` itself may be closed, too
        if (folder := closed_folder(path, *plain.user)) is not None:
            values = {"user": run_as, "path": str(path), "folder": str(folder), "error": problem}
            raise RightsRefused(Message(messages.RUN_AS_CANNOT_REACH, values))
    if problem := _try_out(plain, python):
        raise RightsRefused(Message(messages.RUN_AS_CANNOT_RUN, {"user": run_as, "error": problem}))
    return plain


def closed_folder(path: Path, uid: int, gid: int) -> Path | None:
    """Return the first parent folder of a path that a user may not traverse, None when there is none."""
    for folder in reversed(path.resolve().parents):
        try:
            status = folder.stat()
        except FileNotFoundError:
            return None  # does not exist yet, and will be created accessible
        shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
        if not status.st_mode >> shift & 0o1:
            return folder
    return None


def _try_out(rights: Rights, python: str) -> str:
    """Start the interpreter with these rights; return why that does not work, `""` when it does."""
    trial = {"rights": asdict(rights), "command": [python, "-I", "-S", "-c", ""]}
    command = [sys.executable, "-I", "-S", str(_HERE / "confine.py")]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(trial),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TRIAL_SECONDS,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        return f"the interpreter did not start within {_TRIAL_SECONDS:g} s"
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1] if done.returncode else ""
