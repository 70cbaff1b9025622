"""Input artifacts: brought to a volume of the engine, one for each resource group, artifact and checksum.

It is filled through a container that never runs, so that this works for an engine on another machine as well.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from docker import APIClient
from docker.errors import APIError, NotFound

from deployments.errors import RuntimeRejected
from deployments.messages import Message
from deployments.runtimes import messages as shared
from deployments.runtimes.addresses import file_name
from deployments.runtimes.base import ArtifactSource, Owner, ReplicaSpec
from deployments.runtimes.containers import labels, messages
from deployments.runtimes.containers.creating import ARTIFACTS, MODELS, Volume, model_of
from deployments.runtimes.containers.images import Report, progress
from deployments.runtimes.preparation import sandbox
from deployments.runtimes.preparation.jobs import Preparation
from deployments.runtimes.preparation.rights import rights_for
from deployments.storage import files
from deployments.storage.archives import CHUNK, archive
from deployments.storage.artifacts import ArtifactMissing, artifact_store

_INSIDE = "/launchpad"  # where the container that never runs has the volume
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,127}\Z", re.ASCII)
PROGRESS_INTERVAL = 0.5  # seconds


class ArtifactUnusable(Exception):
    """An input artifact cannot be had; the message says why."""

    def __init__(self, name: str, cause: Message) -> None:
        super().__init__(name)
        self.message = Message(shared.ARTIFACT_NOT_FETCHED, {"name": name, "cause": cause})


def volume_name(owner: Owner, resource_group: str, source: ArtifactSource) -> str:
    """Return the name of the volume of an artifact, which no other resource group or connection shares."""
    identity = json.dumps([owner.connection, resource_group, source.url, source.sha256])
    return f"{labels.short(owner)}-artifact-{hashlib.sha256(identity.encode(errors='replace')).hexdigest()[:24]}"


def local_path(source: ArtifactSource) -> Path:
    """Return where a `file://` artifact lies.

    Raises:
        RuntimeRejected: nowhere that one may be taken from.
    """
    try:
        return artifact_store().local_path(source.url, owner=source.folder)
    except ArtifactMissing as error:
        raise RuntimeRejected(Message(shared.ARTIFACT_OUTSIDE, {"name": source.placeholder})) from error


def _loader_of(volume: str) -> str:
    """Return the name of the container that fills a volume."""
    return f"{volume}-loader"


def volumes_of(owner: Owner, spec: ReplicaSpec) -> tuple[Volume, ...]:
    """Return the volumes of a replica and the paths of its artifacts in its container.

    Raises:
        RuntimeRejected: an artifact lies where none may be taken from, or the model is none of them.
    """
    model = model_of(spec)
    if model and model not in {fetch.placeholder for fetch in spec.fetches}:
        raise RuntimeRejected(Message(messages.MODEL_UNKNOWN, {"name": model}))
    volumes = []
    for fetch in spec.fetches:
        target = MODELS if fetch.placeholder == model else f"{ARTIFACTS}/{fetch.placeholder}"
        is_folder = fetch.is_in_store and local_path(fetch).is_dir()
        path = target if is_folder else f"{target}/{_file_name(fetch)}"
        name = volume_name(owner, spec.resource_group, fetch)
        volumes.append(Volume(name=name, target=target, path=path, placeholder=fetch.placeholder))
    return tuple(volumes)


def _file_name(source: ArtifactSource) -> str:
    if source.is_in_store:
        return local_path(source).name
    name = unquote(urlsplit(source.url).path).rpartition("/")[2]
    return name if _NAME.match(name) else file_name(source.url)


@dataclass(frozen=True, kw_only=True)
class ArtifactVolumes:
    """The volumes of one connection.

    Args:
        folder: where it is noted which ones are filled, and where downloads lie on the way.
        owner: whose they are.
    """

    folder: Path
    owner: Owner

    def provide(self, client: APIClient, spec: ReplicaSpec, image: str, report: Report, log: Report) -> None:
        """Fill the volumes of a replica that are not filled yet.

        Args:
            image: any image that the engine has.
            report: takes the progress; what it raises ends it.
            log: takes what is worth a line in the log.

        Raises:
            ArtifactUnusable: one cannot be had.
        """
        for fetch in spec.fetches:
            name = volume_name(self.owner, spec.resource_group, fetch)
            with files.locked(self.folder / f"{name}.lock"):
                if self.is_filled(client, name):
                    log(Message(messages.ARTIFACT_PRESENT, {"name": fetch.placeholder}))
                    continue
                source = self._source(fetch, name, report)
                size = self._fill(client, fetch, name, source, image, report)
                shutil.rmtree(self._downloads(name), ignore_errors=True)  # it is in the volume now
                log(Message(messages.ARTIFACT_COPIED, {"name": fetch.placeholder, "done_bytes": size}))

    def is_filled(self, client: APIClient, name: str) -> bool:
        """Return whether a volume is there and is the one that was filled."""
        try:
            filled = json.loads((self.folder / f"{name}.json").read_text())
            volume: Mapping[str, Any] = client.inspect_volume(name)
        except (FileNotFoundError, ValueError, NotFound):
            return False
        return bool(volume.get("CreatedAt")) and filled == volume["CreatedAt"]

    def remove_unused(self, client: APIClient, in_use: Iterable[str]) -> int:
        """Remove the volumes that are not in use, that no container has and that are not being filled."""
        excluded = set(in_use)
        volumes = client.volumes(filters={"label": labels.owner_filter(self.owner)})["Volumes"] or []
        return sum(self._remove(client, volume["Name"]) for volume in volumes if volume["Name"] not in excluded)

    def _remove(self, client: APIClient, name: str) -> bool:
        with _locked_now(self.folder / f"{name}.lock") as is_free:
            if not is_free:
                return False
            with suppress(APIError):  # there is one if the worker was killed while it filled the volume
                client.remove_container(_loader_of(name), force=True)
            try:
                client.remove_volume(name)
            except APIError:
                return False  # a container has it, or it is gone
            (self.folder / f"{name}.json").unlink(missing_ok=True)
            return True

    def _source(self, fetch: ArtifactSource, name: str, report: Report) -> Path:
        """Return where an artifact lies on our disk, downloaded if need be."""
        if fetch.is_in_store:
            return local_path(fetch)
        target = self._downloads(name) / file_name(fetch.url)
        home, python = Path(settings.LAUNCHPAD_HOME).resolve(), os.path.realpath(sys.executable)
        rights = rights_for(settings.LAUNCHPAD_RUN_AS, home, python, sandbox.of_settings())
        preparation = Preparation(home=home, rights=rights, python=python, uv="")
        job = preparation.fetching(fetch, target)
        file = self.folder / f"{name}.job.json"
        files.write(file, json.dumps({"prepare": [{"job": job}]}))
        last: Message | None = None
        # The download ends with this process, and what it has fetched by then is not fetched again.
        with subprocess.Popen(
            preparation.command(file, 0), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
        ) as process:
            try:
                for line in process.stdout or ():
                    if message := Message.from_json(shared.read_line(line.strip())):
                        report(last := message)
            finally:
                process.terminate()
        file.unlink(missing_ok=True)
        if process.returncode or not target.exists():
            raise ArtifactUnusable(fetch.placeholder, last or Message(shared.ENDED_SILENTLY))
        return target

    def _downloads(self, name: str) -> Path:
        """Return where a download lies on its way: its own lock is beside it."""
        return self.folder / "downloads" / name

    def _fill(
        self, client: APIClient, fetch: ArtifactSource, name: str, source: Path, image: str, report: Report
    ) -> int:
        """Make a volume anew with the content of a file or folder; return how many bytes that is."""
        loader = _loader_of(name)
        with suppress(NotFound):
            client.remove_container(loader, force=True)
        with suppress(NotFound):
            client.remove_volume(name)
        client.create_volume(name, labels=labels.owner_labels(self.owner))
        mount = {"Type": "volume", "Source": name, "Target": _INSIDE}
        content = {
            "Image": image,
            "Entrypoint": ["/nothing"],
            "Labels": labels.owner_labels(self.owner) | {labels.ROLE: labels.LOADER},
            "HostConfig": {"Mounts": [mount], "NetworkMode": "none"},
        }
        client.create_container_from_config(content, name=loader)
        try:
            size = _size(source)
            client.put_archive(
                loader, _INSIDE, self._content(fetch, source, _Copying(fetch, size, report).count_bytes, report)
            )
        except BaseException as error:
            client.remove_container(loader, force=True)
            client.remove_volume(name)
            if isinstance(error, ArtifactMissing):
                cause = Message(shared.NOTHING_THERE, {"path": source.name})
                raise ArtifactUnusable(fetch.placeholder, cause) from error
            raise
        client.remove_container(loader, force=True)
        files.write(self.folder / f"{name}.json", json.dumps(client.inspect_volume(name)["CreatedAt"]))
        return size

    def _content(
        self, fetch: ArtifactSource, source: Path, count_bytes: Callable[[int], None], report: Report
    ) -> Iterator[bytes]:
        """Yield an archive of a file or of what is in a folder.

        Raises:
            ArtifactUnusable: it is not what was uploaded any more.
        """
        if source.is_dir():
            with artifact_store().open(fetch.url, owner=fetch.folder) as stream:
                while chunk := stream.read(CHUNK):
                    count_bytes(len(chunk))
                    yield chunk
            return
        if fetch.sha256 and fetch.is_in_store:
            report(Message(shared.CHECKING_CHECKSUM))
            with source.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
            if checksum != fetch.sha256:
                cause = Message(shared.FILE_CHANGED, {"path": source.name, "found": checksum[:12]})
                raise ArtifactUnusable(fetch.placeholder, cause)
        for chunk in archive({_file_name(fetch): source}):
            count_bytes(len(chunk))
            yield chunk


def _size(source: Path) -> int:
    """Return the bytes of a file or of all that is in a folder; links to elsewhere may add to that."""
    if source.is_file():
        return source.stat().st_size
    return sum(path.stat().st_size for path in source.rglob("*") if path.is_file())


@contextmanager
def _locked_now(path: Path) -> Iterator[bool]:
    """Hold the lock of `files.locked` without waiting for it; False while another has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


class _Copying:
    """The progress of one copy."""

    def __init__(self, fetch: ArtifactSource, size: int, report: Report) -> None:
        self._fetch, self._size, self._report = fetch, size, report
        self._began = time.monotonic()
        self._reported_at = 0.0
        self._done = 0

    def count_bytes(self, number: int) -> None:
        self._done = min(self._size, self._done + number)  # an archive is a little longer
        if (now := time.monotonic()) - self._reported_at < PROGRESS_INTERVAL:
            return
        self._reported_at = now
        values = progress(self._done, self._size, self._began)
        self._report(Message(messages.COPYING_ARTIFACT, {"name": self._fetch.placeholder, **values}))
