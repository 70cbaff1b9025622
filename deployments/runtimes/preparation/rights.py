"""Whose rights model servers, and all that is prepared for them, run with. The check of the settings asks here too.

Started by an ordinary user, Launchpad has no rights to take away. Started as root, servers run as another user, and
see of LAUNCHPAD_HOME, and of folders that are closed to that user, only what they need: in a mount namespace of their
own. Where there are no namespaces (a container without CAP_SYS_ADMIN, macOS) everything must be open to that user.
Where neither works nothing is run: root is never what is left over.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from deployments.errors import RuntimeRejected
from deployments.messages import Message
from deployments.runtimes import messages

_HERE = Path(__file__).parent
_TRIAL_SECONDS = 10.0


class RightsRefused(RuntimeRejected):
    """Nothing may be run: it would run with more rights than it should have."""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What `confine.enter` takes away.

    Args:
        user: (uid, gid) to become, empty for staying who we are.
        hidden: folders that are seen empty, as far as nothing in them is shown.
        shown: paths that are needed; those outside of `hidden` are seen anyway.
    """

    user: tuple[int, ...] = ()
    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    def showing(self, *paths: Path) -> Rights:
        """Return the same rights with more paths to be seen."""
        more = {os.path.realpath(path) for path in paths}
        if not self.user:
            return self
        closed = (closed_folder(Path(path), *self.user) for path in more) if self.hidden else ()
        hidden = {*self.hidden, *(str(folder) for folder in closed if folder is not None)}
        return replace(self, shown=tuple(sorted({*self.shown, *more})), hidden=tuple(sorted(hidden)))


@cache
def rights_for(run_as: str, home: Path, python: str) -> Rights:
    """Return the rights of model servers and of what is prepared for them.

    Args:
        run_as: the setting LAUNCHPAD_RUN_AS; only heeded when we are root.
        home: LAUNCHPAD_HOME.
        python: the interpreter that servers need, without links.

    Raises:
        RightsRefused: they cannot be had here, with what to do.
    """
    if os.geteuid() != 0:
        return Rights()
    try:
        user = pwd.getpwnam(run_as)
    except KeyError:
        raise RightsRefused(Message(messages.RUN_AS_UNKNOWN, {"user": run_as})) from None
    if user.pw_uid == 0:
        return Rights()  # insisted on
    plain = Rights(user=(user.pw_uid, user.pw_gid))
    needed = (Path(python).parents[1], _HERE.parent)
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
    """Return the first folder on the way to a path that a user may not pass, None when all are open."""
    for folder in reversed(path.resolve().parents):
        try:
            status = folder.stat()
        except FileNotFoundError:
            return None  # not made yet, and then open
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
