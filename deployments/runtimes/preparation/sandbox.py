"""What model servers, and the programs that prepare them, may reach of this machine: the sandbox around each of them.

`confine.py` enters it, by Landlock: no rights are needed for that, so it holds for an ordinary user, too, and within
the rights that root drops. Sockets that are files, which Landlock does not know, are hidden with LAUNCHPAD_HOME in a
mount namespace, for which an ordinary user needs a user namespace. What the kernel does not offer is left out, and
named, unless the settings require it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from django.conf import settings

from deployments.runtimes.preparation import confine
from deployments.runtimes.preparation.confine import is_below, landlock_version

REQUIRE, BEST, OFF = "require", "best", "off"
LEVELS = (REQUIRE, BEST, OFF)
_PARTS = {"files": (1, "Linux 5.13"), "ports": (4, "Linux 6.7"), "signals": (6, "Linux 6.12")}  # version of Landlock
_SOCKETS, _NAMESPACES = "sockets", "user namespaces"
_TRIAL_SECONDS = 10.0
# Of /proc a server needs its own folder, whatever its process ids are. Landlock itself closes what tells of the inside
# of processes outside of the sandbox: environment, memory, open files.
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/nix/store"),
    *("/proc", "/sys", os.path.realpath("/etc/resolv.conf")),
)
_DEVICES = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/shm"),  # noqa: S108
    *("/dev/nvidia*", "/dev/dri", "/dev/kfd"),
)
_ANY_FREE_PORT = 0  # bound for one that the system chooses: such ports are in no use by other servers


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """What `confine.enter` restricts a process to by Landlock.

    Args:
        version: of Landlock, that the kernel offers.
        readable, writable: paths; what is writable is readable, too.
        ports: TCP ports that may be bound.
    """

    version: int
    readable: tuple[str, ...]
    writable: tuple[str, ...] = _DEVICES
    ports: tuple[int, ...] = (_ANY_FREE_PORT,)

    def showing(self, readable: Sequence[Path], writable: Sequence[Path], ports: Sequence[int]) -> Sandbox:
        """Return the same sandbox with more in it."""
        return replace(
            self,
            readable=(*self.readable, *sorted({os.path.realpath(path) for path in readable})),
            writable=(*self.writable, *sorted({os.path.realpath(path) for path in writable})),
            ports=tuple(sorted({*self.ports, *ports})),
        )


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """What the settings say about the sandbox.

    Args:
        level: REQUIRE, BEST or OFF.
        folders: more folders that servers may read.
        private: files and folders of Launchpad that they may not, wherever these lie.
    """

    level: str = BEST
    folders: tuple[Path, ...] = ()
    private: tuple[Path, ...] = ()

    def sandbox(self, home: Path, needed: Sequence[Path]) -> Sandbox | None:
        """Return the sandbox, None when the kernel has none or it is off.

        Args:
            home: LAUNCHPAD_HOME, of which nothing is readable until it is shown.
            needed: paths that every server needs.
        """
        version = landlock_version()
        if self.level == OFF or not version:
            return None
        private = [os.path.realpath(path) for path in (home, *self.private)]
        folders = [os.path.realpath(folder) for folder in (*_SYSTEM, *map(str, self.folders))]
        readable = dict.fromkeys(path for folder in folders for path in _without(folder, private))
        return Sandbox(version=version, readable=tuple(readable)).showing(needed, (), ())


DEFAULT = SandboxSettings()


def of_settings() -> SandboxSettings:
    """Return what the settings of this process say."""
    private = [Path(path) for path in (settings.LAUNCHPAD_TLS_KEY,) if path]
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        private += [Path(f"{database['NAME']}{end}") for end in ("", "-wal", "-shm", "-journal")]
    return SandboxSettings(
        level=settings.LAUNCHPAD_SANDBOX, folders=tuple(settings.LAUNCHPAD_SANDBOX_FOLDERS), private=tuple(private)
    )


def present() -> list[str]:
    """Return the names of the parts of the sandbox that the kernel offers."""
    lacking = dict(missing())
    return [name for name in (*_PARTS, _SOCKETS) if name not in lacking]


def missing() -> list[tuple[str, str]]:
    """Return the names of those that it does not offer, each with what would."""
    version = landlock_version()
    lacking = [(name, system) for name, (needed, system) in _PARTS.items() if version < needed]
    # Without Landlock, what is hidden can be reached through the folders of other processes in /proc.
    if not version or not hides_sockets():
        lacking.append((_SOCKETS, _NAMESPACES))
    return lacking


@cache
def hides_sockets() -> bool:
    """Return whether Launchpad's sockets can be kept from servers: root's are no others', others hide their own."""
    if os.geteuid() == 0:
        return True
    if sys.platform != "linux":
        return False
    trial = {"rights": {"user": [], "hidden": ["/tmp"], "shown": []}, "command": ["/bin/sh", "-c", ":"]}  # noqa: S108
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", confine.__file__],
            input=json.dumps(trial),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TRIAL_SECONDS,
            check=False,
            text=True,
            env={},
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _without(folder: str, private: Sequence[str]) -> Iterator[str]:
    """Yield the paths that hold all of a folder but what is private; links need no right of their own."""
    if any(is_below(folder, path) for path in private):
        return
    if not any(is_below(path, folder) for path in private):
        yield folder
        return
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for path in (f"{folder.rstrip('/')}/{name}" for name in names):
        if not os.path.islink(path):
            yield from _without(path, private)
