"""The jobs of `prepare.py`: environments, downloads, trained models. The shim and the first start run them."""

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
_OWN = ("UV_CACHE_DIR", "UV_LINK_MODE", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")  # set by us, or left out


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Creates jobs, with the folders that they write to and the rights that they run with.

    Args:
        home: LAUNCHPAD_HOME.
        rights: of the servers, and so of the makers.
        python, uv: interpreter of environments, and the program that builds them; absolute paths.
        source: the tree that the package of the model servers is built from.
    """

    home: Path
    rights: Rights
    python: str
    uv: str
    source: Path = SOURCE

    def environment_folder(self, requirements: Sequence[str], scope: str = "") -> Path:
        """Return the folder of the environment with these requirements, whether or not it is built.

        Args:
            scope: of the resource group it belongs to; `""` for one that all groups share, which is allowed only for
                requirements that Launchpad itself has chosen.
        """
        base = self.home / "envs"
        if scope and (self.rights.user or self.rights.hidden):
            base /= scope
        ours = [f"{DISTRIBUTION} @ {digest(self.source)}"] if names_package(requirements) else []
        return base / environment_key([*requirements, *ours])

    def environment(self, folder: Path, requirements: Sequence[str], scope: str = "") -> dict[str, Any]:
        """Return the job that builds an environment.

        Packages may execute code when they are built, and could put a forged package into the cache of the installer
        for the next build. So each scope has a cache of its own; where other servers of the same user could write to
        it (no mount namespaces), it is removed after the build.

        Our own package is installed from its wheel and not from an index, where anybody could publish its name.

        Raises:
            OSError: the wheel cannot be written.
            RuntimeUnavailable: the wheel cannot be built.
        """
        wheels = [self.wheel()] if names_package(requirements) else []
        scratch = folder.with_name(f"{folder.name}.scratch")
        if self.rights.hidden:
            cache = self.home / "cache" / "builds" / (scope or "shared")
        elif not self.rights.user:
            cache = self.home / "cache" / "uv"
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
            visible=(Path(self.uv), *wheels, *uv_files),
            writable=(folder, cache),
        )
        # Hard links would share files with the cache, which the next build may write to.
        links = "copy" if self.rights.hidden else "hardlink"
        job["env"] |= _index_settings() | _uv_settings() | {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": links}
        job |= {"own": [str(folder)], "marker": str(folder / MARKER)}
        job["cache"] = [] if cache.is_relative_to(scratch) else [str(cache)]
        return job

    def wheel(self) -> Path:
        """Return the wheel of the model servers that come with Launchpad; see `ensure_wheel` for what it raises."""
        return ensure_wheel(self.home / "wheels", uv=self.uv, python=self.python, source=self.source)

    def fetching(self, fetch: ArtifactSource, target: Path) -> dict[str, Any]:
        """Return the job that downloads an artifact to `target`, or checks the file there if it is in the store."""
        if fetch.is_in_store:
            # Nothing is written, so no lock is needed; each check has a scratch folder of its own.
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
        """Return the job of a program that writes its result to `draft`, from where it is published to `folder`."""
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
        """Return the command that runs a job of a file, `{"prepare": [{"job": ...}, ...]}`."""
        return [sys.executable, "-I", "-S", str(_HERE / "prepare.py"), str(file), str(number)]

    def _job(
        self,
        command: Sequence[str],
        *,
        lock: Path,
        waiting: str,
        scratch: Path,
        visible: Sequence[Path],
        writable: Sequence[Path] = (),
    ) -> dict[str, Any]:
        visible = (*visible, *_files_of(_index_settings().values()))
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
            "rights": asdict(self.rights.showing(*visible, writable=(scratch, *writable))),
        }


def _path(python: str) -> str:
    return os.pathsep.join([str(Path(python).parent), "/usr/local/bin", "/usr/bin", "/bin"])


def _files_of(values: Iterable[str]) -> list[Path]:
    return [Path(value) for value in values if value.startswith("/") and os.path.exists(value)]


def _uv_settings() -> dict[str, str]:
    """Return the variable that leads the installer to its configuration file (package indexes) in our user's home."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {"XDG_CONFIG_HOME": str(folder)} if (folder / "uv" / "uv.toml").exists() else {}


def _index_settings() -> dict[str, str]:
    """Return the variables of our environment that configure the installer (package indexes), and no others."""
    own = {name: value for name, value in os.environ.items() if name.startswith("UV_") and name not in _OWN}
    return own | _network_settings()


def _network_settings() -> dict[str, str]:
    """Return the variables of our environment for proxies and trusted certificates."""
    return {name: value for name, value in os.environ.items() if name in _NETWORK or name.lower() in _PROXIES}
