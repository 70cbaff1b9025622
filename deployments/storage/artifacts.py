"""Where uploaded artifacts are kept: a port, and the disk of LAUNCHPAD_HOME behind it.

Others name an artifact by its id and its URL. Only a store knows what lies behind a `file://` URL and who may have it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote, unquote

from django.conf import settings

from deployments.errors import LaunchpadError
from deployments.storage.disk_space import NO_ROOM

SAMPLES = "samples"  # owner of the artifacts that come with Launchpad
MAX_NAME = 128  # characters of a file


class StorageFull(LaunchpadError):
    """There is no room for what is to be kept; nothing of it is left behind."""


class ArtifactMissing(LaunchpadError):
    """There is no such artifact for whoever asks."""


class ArtifactOutside(ArtifactMissing):
    """The URL leads out of the folders that artifacts may be taken from."""


@dataclass(frozen=True, kw_only=True)
class StoredArtifact:
    """What was kept: its URL, its size in bytes and its SHA-256 in lower-case hex."""

    url: str
    size: int
    sha256: str


class ArtifactStore(Protocol):
    """Keeps uploaded artifacts and hands them out.

    `owner` is the id of the artifact that asks, or SAMPLES: what one artifact keeps is never given to another, and
    nobody learns whether it is there.
    """

    def save(self, owner: str, name: str, chunks: Iterable[bytes]) -> StoredArtifact:
        """Keep the content of a new artifact under a name made harmless.

        Raises:
            StorageFull: there is no room.
        """

    def delete(self, owner: str) -> None:
        """Remove all that an artifact keeps; nothing happens when there is nothing."""

    def local_path(self, url: str, *, owner: str = "") -> Path:
        """Return where a driver on this machine finds an artifact, a file or a folder, without links.

        Raises:
            ArtifactOutside: it may not be taken from there.
            ArtifactMissing: it is not there, or it is another artifact's.
        """

    def open(self, url: str, *, owner: str = "") -> BinaryIO:
        """Return the content of an artifact that is one file, for a driver that has to send it elsewhere.

        Raises:
            ArtifactMissing: as `local_path`.
        """


class LocalArtifactStore:
    """Artifacts below `LAUNCHPAD_HOME/artifacts`, one folder per owner, readable for the user of model servers.

    Args:
        home: LAUNCHPAD_HOME; nothing of it but what an artifact keeps itself is ever handed out.
        roots: other folders that `file://` artifacts may lie in.
    """

    def __init__(self, home: Path, roots: Sequence[Path] = ()) -> None:
        self._home = home.resolve()
        self._folder = self._home / "artifacts"
        self._roots = tuple(root.resolve() for root in roots)

    def folder(self, owner: str) -> Path:
        """Return the folder of what an artifact keeps."""
        return self._folder / owner

    def save(self, owner: str, name: str, chunks: Iterable[bytes]) -> StoredArtifact:
        path = self.folder(owner) / _harmless(name)
        path.parent.mkdir(parents=True)
        digest = hashlib.sha256()
        try:
            with path.open("xb") as out:
                for chunk in chunks:
                    digest.update(chunk)
                    out.write(chunk)
            self._folder.chmod(0o711)
            path.parent.chmod(0o755)
            path.chmod(0o644)
        except BaseException as error:
            shutil.rmtree(path.parent)
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                raise StorageFull("The disk of LAUNCHPAD_HOME is full.") from error
            raise
        return StoredArtifact(url=f"file://{quote(str(path))}", size=path.stat().st_size, sha256=digest.hexdigest())

    def delete(self, owner: str) -> None:
        if (folder := self.folder(owner)).is_dir():
            shutil.rmtree(folder)

    def local_path(self, url: str, *, owner: str = "") -> Path:
        named = Path(unquote(url.removeprefix("file://").removeprefix("localhost")))
        try:
            path = named.resolve()
            is_there = path.exists()
        except (OSError, ValueError) as error:  # a name that is too long, a circle of links, NUL
            raise ArtifactMissing(str(named)) from error
        if not any(path.is_relative_to(root) for root in (self._folder, *self._roots)):
            raise ArtifactOutside(str(named))
        if path.is_relative_to(self._home):
            # An allowed folder may hold LAUNCHPAD_HOME; nothing of that is told apart from what is not there.
            is_there = is_there and bool(owner) and path.is_relative_to(self.folder(owner))
        elif self._home.is_relative_to(path):
            is_there = False
        if not is_there:
            raise ArtifactMissing(str(named))
        return path

    def open(self, url: str, *, owner: str = "") -> BinaryIO:
        path = self.local_path(url, owner=owner)
        if not path.is_file():
            raise ArtifactMissing(str(path))
        return path.open("rb")


def artifact_store() -> LocalArtifactStore:
    """Return the store of the settings."""
    return _local_store(str(settings.LAUNCHPAD_HOME), tuple(map(str, settings.LAUNCHPAD_FILE_ROOTS)))


@lru_cache(maxsize=4)
def _local_store(home: str, roots: tuple[str, ...]) -> LocalArtifactStore:
    return LocalArtifactStore(Path(home), [Path(root) for root in roots])


def _harmless(name: str) -> str:
    """Return a file name without anything that a shell, a URL or a path could take for more than a letter."""
    kept = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "_" for c in Path(name).name).lstrip(".")
    return kept[-MAX_NAME:] or "upload"
