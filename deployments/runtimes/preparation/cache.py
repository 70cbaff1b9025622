"""The folders of downloads and environments, and the removal of the unused ones.

The parameter `in_use` returns the specifications of all running servers. A folder whose path is in one of them is
kept, even if its artifact has been deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.runtimes.base import ArtifactSource

InUse = Callable[[], Iterable[str]]


def artifact_folder(cache: Path, source: ArtifactSource, resource_group: str) -> Path:
    """Return the folder of a download below `cache`, which no other resource group shares."""
    key = hashlib.sha256(f"{source.url} {source.sha256}".encode(errors="replace")).hexdigest()[:20]
    return cache / scope_of(resource_group) / key


def scope_of(resource_group: str) -> str:
    """Return the name of the folder that is a resource group's alone."""
    return f"group-{hashlib.sha256(resource_group.encode()).hexdigest()[:16]}"


def remove_unused(cache: Path, named: Iterable[Path], in_use: InUse) -> list[Path]:
    """Remove the folders of downloads that are not among `named`, and return them."""
    used = set(named)
    return _remove([folder for folder in _downloads(cache) if folder not in used], in_use)


def remove_of_other_groups(folders: Iterable[Path], groups: Iterable[str], in_use: InUse) -> list[Path]:
    """Remove from `folders` what belongs to resource groups that do not exist any more, and return it.

    Args:
        groups: ids of all resource groups.
    """
    scopes = set(map(scope_of, groups))
    obsolete = [path for folder in folders for path in folder.glob("group-*/") if path.name not in scopes]
    specs = [*in_use()] if obsolete else []
    obsolete = [path for path in obsolete if not any(str(path) in spec for spec in specs)]
    for path in obsolete:
        shutil.rmtree(path)
    return obsolete


def remove_of_other_versions(envs: Path, wheels: Path, digest: str, in_use: InUse) -> list[Path]:
    """Remove environments and wheels with other model servers than the present ones, and return them.

    They would never be used again, and each change of a model server leaves some hundred megabytes.

    Args:
        digest: of the present model servers, which the folder of their wheel is named after.
    """
    installed = "lib/python*/site-packages/launchpad_model_servers-*.dist-info/direct_url.json"
    notes = [note for depth in ("*", "*/*") for note in envs.glob(f"{depth}/{installed}")]
    old = [note.parents[4] for note in notes if f"/{digest}/" not in note.read_text()]
    old += [wheel.parent for wheel in wheels.glob("*/*.whl") if wheel.parent.name != digest]
    return _remove(old, in_use)


def _remove(folders: Iterable[Path], in_use: InUse) -> list[Path]:
    removed = []
    for folder in folders:
        with _lock_of(folder) as is_free:
            # Read under the lock: the specification of a server is written before its download takes the lock.
            if is_free and not any(str(folder) in spec for spec in in_use()):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def _downloads(cache: Path) -> Iterator[Path]:
    """Yield the folders that hold files; those of resource groups hold folders."""
    for folder in [*sorted(cache.glob("*/")), *sorted(cache.glob("*/*/"))]:
        if folder.suffix != ".new" and any(path.is_file() and path.suffix != ".lock" for path in folder.iterdir()):
            yield folder


@contextmanager
def _lock_of(folder: Path) -> Iterator[bool]:
    """Hold the lock of `prepare.py` and remove it with the folder; yield False while a download holds it."""
    path = folder.with_name(f"{folder.name}.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
        if not folder.exists():
            path.unlink()
