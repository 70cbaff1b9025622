"""From a ReplicaSpec to the file that a shim works from: paths, port and environment filled in."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from deployments.errors import RuntimeRejected
from deployments.runtimes.base import Fetch, ReplicaSpec
from deployments.runtimes.local.environment import environment_key

_PLACEHOLDER = re.compile(r"\{\{\s*runtime\.(?:(port)|artifacts\.([\w.-]+))\s*\}\}")
_BUILDER_NAMES = ("PATH", "HOME", "LANG", "TMPDIR")
_BUILDER_PREFIXES = ("UV_", "PIP_", "SSL_", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http")
_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Preparer:
    """Knows the machine's folders, programs and users; see `LocalRuntime` for what each is."""

    home: Path
    run_as: str
    allowed_roots: tuple[Path, ...]
    python: str
    uv: str
    control_groups: bool

    def spec_file(self, spec: ReplicaSpec, folder: Path, port: int) -> dict[str, Any]:
        """Return the content of `spec.json`.

        Raises:
            RuntimeRejected: an artifact lies where none may be taken from, or a placeholder has no artifact.
        """
        targets = {fetch.placeholder: self._target(fetch) for fetch in spec.fetches}
        work = folder / "work"
        work.mkdir(mode=0o700, exist_ok=True)
        environment = self.home / "envs" / environment_key(spec.requirements) if spec.requirements else None
        user, notes = self._user(work)
        return {
            "name": spec.name,
            "attempt": spec.attempt,
            "at": time.time(),
            "port": port,
            "health_path": spec.health_path,
            "prepare": [*self._building(spec, environment), *self._fetching(spec, targets)],
            "command": [_filled(item, port, targets) for item in spec.command],
            "env": self._server_environment(spec, work, environment, port)
            | {name: _filled(value, port, targets) for name, value in spec.env.items()},
            "cwd": str(work),
            "cpu_millis": spec.resources.cpu_millis,
            "memory_bytes": spec.resources.memory_bytes,
            "memory_words": memory_words(spec.resources.memory_bytes),
            "grace_seconds": spec.grace_seconds,
            "run_as": user,
            "control_groups": self.control_groups,
            "notes": notes,
        }

    def build_command(self, folder: Path, requirements: Sequence[str]) -> list[str]:
        """Return the command that builds an environment."""
        script = str(_HERE / "environment.py")
        return [self.python, "-I", script, str(folder), self.uv, self.python, *sorted(requirements)]

    def builder_environment(self) -> dict[str, str]:
        """Return what of our environment the building of environments needs: where packages come from."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _BUILDER_NAMES or name.startswith(_BUILDER_PREFIXES)
        }
        return kept | {"UV_CACHE_DIR": str(self.home / "cache" / "uv"), "UV_LINK_MODE": "hardlink"}

    def _building(self, spec: ReplicaSpec, environment: Path | None) -> list[dict[str, Any]]:
        if environment is None:
            return []
        return [
            {
                "phase": "PREPARING",
                "command": self.build_command(environment, spec.requirements),
                "env": self.builder_environment(),
                "failure": "Its Python environment cannot be built",
            }
        ]

    def _fetching(self, spec: ReplicaSpec, targets: dict[str, Path]) -> list[dict[str, Any]]:
        return [
            {
                "phase": "FETCHING",
                "command": [
                    self.python,
                    "-I",
                    str(_HERE / "fetch.py"),
                    fetch.url,
                    str(targets[fetch.placeholder]),
                    fetch.sha256,
                ],
                "env": self.builder_environment(),
                "failure": f"Its input artifact {fetch.placeholder} cannot be fetched",
            }
            for fetch in spec.fetches
        ]

    def _target(self, fetch: Fetch) -> Path:
        """Return where an artifact lies or will lie.

        Raises:
            RuntimeRejected: a file outside of the allowed folders.
        """
        parts = urlsplit(fetch.url)
        if parts.scheme != "file":
            key = hashlib.sha256(f"{fetch.url} {fetch.sha256}".encode()).hexdigest()[:20]
            return self.home / "cache" / "artifacts" / key / (Path(unquote(parts.path)).name or "artifact")
        path = Path(unquote(parts.path)).resolve()
        if not any(path.is_relative_to(root.resolve()) for root in self.allowed_roots):
            raise RuntimeRejected(f"The input artifact {fetch.placeholder} lies outside the allowed folders: {path}.")
        return path

    def _server_environment(
        self, spec: ReplicaSpec, work: Path, environment: Path | None, port: int
    ) -> dict[str, str]:
        own = [str(environment / "bin")] if environment else [str(Path(self.python).parent)]
        threads = str(max(1, spec.resources.cpu_millis // 1000))
        return {
            "PATH": os.pathsep.join([*own, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(work),
            "TMPDIR": str(work),
            "LANG": "C.UTF-8",
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }

    def _user(self, work: Path) -> tuple[list[int], list[str]]:
        """Return the (uid, gid) to drop to, empty for none, and what the log should say about it."""
        if not self.run_as or os.geteuid() != 0:
            return [], []
        try:
            user = pwd.getpwnam(self.run_as)
        except KeyError:
            return [], [f"Running as root: there is no user {self.run_as}."]
        for needed in (Path(self.python), self.home, _HERE):
            if not _reaches(needed, user.pw_uid, user.pw_gid):
                return [], [f"Running as root: the user {self.run_as} cannot reach {needed}."]
        os.chown(work, user.pw_uid, user.pw_gid)
        for folder in (work.parent, work.parent.parent):
            folder.chmod(0o711)
        return [user.pw_uid, user.pw_gid], []


def _filled(text: str, port: int, targets: dict[str, Path]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1]:
            return str(port)
        if match[2] not in targets:
            raise RuntimeRejected(f"The template names the input artifact {match[2]}, but the configuration has none.")
        return str(targets[match[2]])

    return _PLACEHOLDER.sub(value, text)


def _reaches(path: Path, uid: int, gid: int) -> bool:
    """Whether a user may go through all folders to a path and read it."""
    for part in (path.resolve(), *path.resolve().parents):
        status = part.stat()
        shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
        if not status.st_mode >> shift & 0o1:
            return False
    return True


def memory_words(size: int) -> str:
    """Return a size as plans are written: "512 MB", "3 GB"."""
    return f"{size / 1e9:g} GB" if size >= 1_000_000_000 else f"{size / 1e6:g} MB"
