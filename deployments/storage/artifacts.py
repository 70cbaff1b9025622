"""The storage of uploaded artifacts: a port, and its implementation on the disk of LAUNCHPAD_HOME.

Other modules name an artifact by its id and URL. Only a store resolves a `file:` URL and checks who may read it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from deployments.errors import LaunchpadError
from deployments.storage.archives import archive, stream_of
from deployments.storage.disk_space import NO_ROOM

SAMPLES = "samples"  # owner of the artifacts that come with Launchpad
MAX_NAME = 128  # characters of a file


class StorageFull(LaunchpadError):
    """There is not enough space for the content; no part of it is left behind."""


class ArtifactMissing(LaunchpadError):
    """There is no such artifact, or the owner may not read it."""


class ArtifactOutside(ArtifactMissing):
    """The URL leads outside of the folders that artifacts may be read from."""


@dataclass(frozen=True, kw_only=True)
class StoredArtifact:
    """A saved artifact: its URL, its size in bytes and its SHA-256 in lower-case hex."""

    url: str
    size: int
    sha256: str


class ArtifactStore(Protocol):
    """Saves uploaded artifacts and gives access to them.

    `owner` is the id of the artifact on whose behalf content is read, or SAMPLES: content of one artifact is never
    returned for another, and errors do not reveal whether it exists.
    """

    def save(self, owner: str, name: str, chunks: Iterable[bytes]) -> StoredArtifact:
        """Save the content of a new artifact under a sanitized name.

        Raises:
            StorageFull: there is not enough space.
        """

    def delete(self, owner: str) -> None:
        """Delete the content of an artifact; does nothing when there is none."""

    def resolve(self, url: str, *, owner: str = "") -> Path:
        """Return the path that a URL names, symbolic links resolved, whether or not something is there.

        Raises:
            ArtifactOutside: the path is in none of the allowed folders.
            ArtifactMissing: it belongs to another artifact, or there can be no such path.
        """

    def local_path(self, url: str, *, owner: str = "") -> Path:
        """Return the path of an artifact (a file or a folder) for a driver on this machine, symbolic links resolved.

        Raises:
            ArtifactOutside: the path is in none of the allowed folders.
            ArtifactMissing: it does not exist, or belongs to another artifact.
        """

    def open(self, url: str, *, owner: str = "") -> BinaryIO:
        """Return the content of an artifact, for a driver that has to send it elsewhere; of a folder, a tar archive.

        A symbolic link in a folder becomes what it leads to.

        Raises:
            ArtifactOutside, ArtifactMissing: as `local_path`, also for a link in a folder.
            OSError: while it is read: it cannot be read (any more), or has changed meanwhile.
        """


class LocalArtifactStore:
    """Artifacts below `LAUNCHPAD_HOME/artifacts`, one folder per owner, readable for the user of model servers.

    Args:
        home: LAUNCHPAD_HOME; of its content only the artifact's own is ever returned.
        roots: other folders that `file://` artifacts may be in.
    """

    def __init__(self, home: Path, roots: Sequence[Path] = ()) -> None:
        self._home = home.resolve()
        self._folder = self._home / "artifacts"
        self._roots = tuple(root.resolve() for root in roots)

    def folder(self, owner: str) -> Path:
        """Return the folder of an artifact's content."""
        return self._folder / owner

    def save(self, owner: str, name: str, chunks: Iterable[bytes]) -> StoredArtifact:
        path = self.folder(owner) / _sanitized(name)
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

    def resolve(self, url: str, *, owner: str = "") -> Path:
        try:
            return self._permitted(Path(unquote(urlsplit(url).path)), owner)
        except ValueError as error:
            raise ArtifactMissing(url) from error

    def local_path(self, url: str, *, owner: str = "") -> Path:
        path = self.resolve(url, owner=owner)
        if not path.exists():
            raise ArtifactMissing(str(path))
        return path

    def open(self, url: str, *, owner: str = "") -> BinaryIO:
        path = self.local_path(url, owner=owner)
        if not path.is_dir():
            return path.open("rb")
        return stream_of(archive(dict(self._content(path, owner, (path,)))))

    def _content(
        self, folder: Path, owner: str, above: tuple[Path, ...], prefix: str = ""
    ) -> Iterator[tuple[str, Path]]:
        """Yield name and path of all that is in a folder, with links followed to what `owner` may read."""
        for entry in sorted(folder.iterdir()):
            path = self._permitted(entry, owner)
            if not path.exists() or path in above:  # a link that leads nowhere, or to a folder that it is in
                raise ArtifactMissing(str(entry))
            yield f"{prefix}{entry.name}", path
            if path.is_dir():
                yield from self._content(path, owner, (*above, path), f"{prefix}{entry.name}/")

    def _permitted(self, requested: Path, owner: str) -> Path:
        """Return a path with its links resolved; raise if `owner` may not read what is there."""
        try:
            path = requested.resolve()
            path.exists()
        except (OSError, ValueError, RuntimeError) as error:  # its name is too long, has a NUL, or is a loop of links
            raise ArtifactMissing(str(requested)) from error
        if not any(path.is_relative_to(root) for root in (self._folder, *self._roots)):
            raise ArtifactOutside(str(requested))
        # An allowed folder may contain LAUNCHPAD_HOME; its files must look as if they did not exist.
        is_own = bool(owner) and path.is_relative_to(self.folder(owner))
        if self._home.is_relative_to(path) or (path.is_relative_to(self._home) and not is_own):
            raise ArtifactMissing(str(requested))
        return path


def artifact_store() -> LocalArtifactStore:
    """Return the store of the settings."""
    return _local_store(str(settings.LAUNCHPAD_HOME), tuple(map(str, settings.LAUNCHPAD_FILE_ROOTS)))


@lru_cache(maxsize=4)
def _local_store(home: str, roots: tuple[str, ...]) -> LocalArtifactStore:
    return LocalArtifactStore(Path(home), [Path(root) for root in roots])


def _sanitized(name: str) -> str:
    """Return a file name without any character that is special in a shell, a URL or a path."""
    sanitized = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "_" for c in Path(name).name).lstrip(".")
    return sanitized[-MAX_NAME:] or "upload"
