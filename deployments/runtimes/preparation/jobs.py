"""What `prepare.py` is told to make: environments, downloads, trained models; for the shim and for the first start."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from deployments.runtimes import messages
from deployments.runtimes.base import ArtifactSource
from deployments.runtimes.preparation.environment import MARKER, environment_key
from deployments.runtimes.preparation.rights import Rights
from deployments.runtimes.wheel import SOURCE, digest, ensure_wheel
from deployments.serving_template.modules import DISTRIBUTION, names_package

_HERE = Path(__file__).parent
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_OWN = ("UV_CACHE_DIR", "UV_LINK_MODE", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")  # which we set, or leave out


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Knows where things are made and with which rights; see `LocalRuntime` for what each is.

    Args:
        source: the tree that the package of the model servers is built from.
    """

    home: Path
    rights: Rights
    python: str
    uv: str
    source: Path = SOURCE

    def environment_folder(self, requirements: Sequence[str], scope: str = "") -> Path:
        """Return where the environment of these requirements lies, or will lie.

        Args:
            scope: whose it is. Without one it is everybody's: only for packages that nobody but us has chosen.
        """
        base = self.home / "envs"
        if scope and self.rights.user:
            base /= scope
        ours = [f"{DISTRIBUTION} @ {digest(self.source)}"] if names_package(requirements) else []
        return base / environment_key([*requirements, *ours])

    def environment(self, folder: Path, requirements: Sequence[str], scope: str = "") -> dict[str, Any]:
        """Return the job that makes an environment.

        What is built may run code of its own, and could leave something in the cache of the installer that the next
        build takes for a package. So nobody shares a cache with others; where others of the same user could reach it
        (no mount namespaces), it goes with the build.

        Our own package is taken from its wheel: no index is asked for it, so that none can put another one there.

        Raises:
            OSError: the wheel cannot be written.
            RuntimeUnavailable: the wheel cannot be built.
        """
        wheels = [self.wheel()] if names_package(requirements) else []
        scratch = folder.with_name(f"{folder.name}.scratch")
        if not self.rights.user:
            cache = self.home / "cache" / "uv"
        elif self.rights.hidden:
            cache = self.home / "cache" / "builds" / (scope or "shared")
        else:
            cache = scratch / "uv"
        script = str(_HERE / "environment.py")
        lines = sorted([*requirements, *(f"{DISTRIBUTION} @ {wheel.as_uri()}" for wheel in wheels)])
        uv_files = [Path(config, "uv", "uv.toml") for config in _uv_settings().values()]
        job = self._job(
            [self.python, "-I", script, str(folder), self.uv, self.python, *lines],
            lock=Path(f"{folder}.lock"),
            waiting=messages.WAITING_FOR_SAME_ENVIRONMENT,
            scratch=scratch,
            visible=(folder, cache, Path(self.uv), *wheels, *uv_files),
        )
        # Linked files would be the cache's too, which the next build may write to.
        links = "copy" if self.rights.user and self.rights.hidden else "hardlink"
        job["env"] |= _index_settings() | _uv_settings() | {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": links}
        job |= {"own": [str(folder)], "marker": str(folder / MARKER)}
        job["cache"] = [] if cache.is_relative_to(scratch) else [str(cache)]
        return job

    def wheel(self) -> Path:
        """Return the wheel of the model servers that come with Launchpad; see `ensure_wheel` for what it raises."""
        return ensure_wheel(self.home / "wheels", uv=self.uv, python=self.python, source=self.source)

    def fetching(self, fetch: ArtifactSource, target: Path) -> dict[str, Any]:
        """Return the job that brings an artifact to where it is expected."""
        if fetch.is_in_store:
            # Nothing is written and nobody waits; each look at a file has a home of its own.
            folder = draft = self.home / "cache" / "checks" / uuid4().hex
            visible: tuple[Path, ...] = (target,)
        else:
            folder, draft = target.parent, target.parent.with_name(f"{target.parent.name}.new")
            visible = (folder,)
        job = self._job(
            [self.python, "-I", str(_HERE / "fetch.py")],
            lock=folder.with_name(f"{folder.name}.lock"),
            waiting=messages.WAITING_FOR_SAME_ARTIFACT,
            scratch=draft,
            visible=visible,
        )
        request = {"url": fetch.url, "target": str(target), "draft": str(draft), "sha256": fetch.sha256}
        job["env"] |= _network_settings() | {"FETCH": json.dumps(request)}
        if folder == draft:
            job["lock"] = ""
        else:
            job["publish"] = [str(draft), str(folder)]
        return job

    def made_by(self, command: Sequence[str], draft: Path, folder: Path, *, visible: Sequence[Path]) -> dict[str, Any]:
        """Return the job of a program that writes into the folder `draft` what is to be in `folder`."""
        job = self._job(
            command,
            lock=folder.with_name(f"{folder.name}.lock"),
            waiting=messages.WAITING_FOR_SAME_MAKER,
            scratch=draft,
            visible=visible,
        )
        job["publish"] = [str(draft), str(folder)]
        return job

    def command(self, file: Path, number: int) -> list[str]:
        """Return the command that does a job of a file, `{"prepare": [{"job": ...}, ...]}`."""
        return [sys.executable, "-I", "-S", str(_HERE / "prepare.py"), str(file), str(number)]

    def _job(
        self, command: Sequence[str], *, lock: Path, waiting: str, scratch: Path, visible: Sequence[Path]
    ) -> dict[str, Any]:
        return {
            "lock": str(lock),
            "waiting": messages.line_of(waiting),
            "marker": "",
            "own": [],
            "scratch": [str(scratch)],
            "cache": [],
            "publish": [],
            "command": [*command],
            "env": {"PATH": _path(self.python), "HOME": str(scratch), "TMPDIR": str(scratch), "LANG": "C.UTF-8"},
            "rights": asdict(self.rights.showing(scratch, *visible, *_files_of(_index_settings().values()))),
        }


def _path(python: str) -> str:
    return os.pathsep.join([str(Path(python).parent), "/usr/local/bin", "/usr/bin", "/bin"])


def _files_of(values: Iterable[str]) -> list[Path]:
    return [Path(value) for value in values if value.startswith("/") and os.path.exists(value)]


def _uv_settings() -> dict[str, str]:
    """Return how to find the file in which the user who runs us has told the installer where packages come from."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {"XDG_CONFIG_HOME": str(folder)} if (folder / "uv" / "uv.toml").exists() else {}


def _index_settings() -> dict[str, str]:
    """Return what of our environment tells the installer where packages come from, and nothing else of it."""
    own = {name: value for name, value in os.environ.items() if name.startswith("UV_") and name not in _OWN}
    return own | _network_settings()


def _network_settings() -> dict[str, str]:
    """Return what of our environment tells how to get out and whom to trust there."""
    return {name: value for name, value in os.environ.items() if name in _NETWORK or name.lower() in _PROXIES}
