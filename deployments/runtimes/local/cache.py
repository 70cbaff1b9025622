"""Removes what was made for servers and that nobody needs any more: downloads, what groups that are gone had built,
and environments with model servers of another version of Launchpad.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.runtimes.local import reading
from deployments.runtimes.local.attempt_files import read_json
from deployments.runtimes.processes import is_alive


def remove_unused(cache: Path, replicas: Path, named: Iterable[Path]) -> list[Path]:
    """Remove the folders of downloads that are not named, and return them.

    A server that runs keeps what it was started with, whatever has become of the artifact.
    """
    kept = set(named)
    removed = []
    for folder in _downloads(cache):
        if folder in kept:
            continue
        with _lock_of(folder) as is_free:
            if is_free and not any(str(folder) in spec for spec in _specs_in_use(replicas)):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def remove_of_other_groups(folders: Iterable[Path], replicas: Path, scopes: Iterable[str]) -> list[Path]:
    """Remove from folders what is of resource groups that there are no more, unless a server runs with it.

    Args:
        scopes: what `scope_of` makes of the groups that there are.
    """
    kept = set(scopes)
    gone = [path for folder in folders for path in folder.glob("group-*/") if path.name not in kept]
    in_use = [*_specs_in_use(replicas)] if gone else []
    gone = [path for path in gone if not any(str(path) in spec for spec in in_use)]
    for path in gone:
        shutil.rmtree(path)
    return gone


def remove_of_other_versions(envs: Path, wheels: Path, replicas: Path, digest: str) -> list[Path]:
    """Remove environments and wheels with other model servers than the present ones, unless a server runs with them.

    They would never be found again, and each change of a server leaves some hundred megabytes.

    Args:
        digest: of the present model servers, which their wheel's folder is named after.
    """
    installed = "lib/python*/site-packages/launchpad_model_servers-*.dist-info/direct_url.json"
    notes = [note for depth in ("*", "*/*") for note in envs.glob(f"{depth}/{installed}")]
    old = [note.parents[4] for note in notes if f"/{digest}/" not in note.read_text()]
    old += [wheel.parent for wheel in wheels.glob("*/*.whl") if wheel.parent.name != digest]
    in_use = [*_specs_in_use(replicas)] if old else []
    removed = []
    for folder in old:
        with _lock_of(folder) as is_free:
            if is_free and not any(str(folder) in spec for spec in in_use):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def _downloads(cache: Path) -> Iterator[Path]:
    """Yield the folders that hold files; those of resource groups hold folders."""
    for folder in [*sorted(cache.glob("*/")), *sorted(cache.glob("*/*/"))]:
        if folder.suffix != ".new" and any(one.is_file() and one.suffix != ".lock" for one in folder.iterdir()):
            yield folder


@contextmanager
def _lock_of(folder: Path) -> Iterator[bool]:
    """Hold the lock of `prepare.py` and remove it with the folder; False while somebody fetches."""
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


def _specs_in_use(replicas: Path) -> Iterator[str]:
    """Yield what the shims that live, or are about to, were told to run."""
    for replica in reading.replica_dirs(replicas):
        for _, folder in reading.attempts(replica):
            state, spec = read_json(str(folder / "state.json")), folder / "spec.json"
            in_use = state is None or ("exit" not in state and is_alive(state["shim"]))
            if in_use and spec.exists():
                yield spec.read_text()
