"""Builds the wheel of our model servers from the tree, for runtimes to install into environments and images.

Its folder is named after a digest of its sources. So a changed server gets another wheel and another environment, an
unchanged one is found again after the checkout was moved, and two versions can share a home.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from deployments import reasons
from deployments.errors import RuntimeUnavailable

SOURCE = Path(__file__).parents[1] / "model_servers"
_BUILD_SECONDS = 60.0  # typically 6 s


def digest(source: Path = SOURCE) -> str:
    """Return a digest of the sources of the model servers.

    Raises:
        OSError: the tree cannot be read.
    """
    checksum = hashlib.sha256()
    for path in (source / "pyproject.toml", *sorted(source.glob("*/*.py"))):
        content = path.read_bytes()
        checksum.update(f"{path.relative_to(source)} {len(content)}\n".encode() + content)
    return checksum.hexdigest()[:16]


def ensure_wheel(folder: Path, *, uv: str, python: str, source: Path = SOURCE) -> Path:
    """Return the wheel of the model servers, built when it is not there yet. Everybody may read it.

    Args:
        folder: where wheels are kept.
        uv: the program that builds it.
        python: the interpreter that it is for.

    Raises:
        OSError: the tree cannot be read or the folder cannot be written.
        RuntimeUnavailable: it cannot be built.
    """
    place = folder / digest(source)
    if not place.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # independent of the umask: environments are built by the user that servers run as
        draft = Path(tempfile.mkdtemp(dir=folder, prefix="draft-"))
        try:
            _build(source, draft, uv, python)
            _publish(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)  # it was renamed unless something failed
    return next(place.glob("*.whl"))


def _build(source: Path, target: Path, uv: str, python: str) -> None:
    command = [uv, "build", "--wheel", "--quiet", "--offline", "--no-config", "--no-cache"]
    try:
        subprocess.run(
            [*command, "--python", python, "--out-dir", str(target), str(source)],
            env={"PATH": os.defpath, "TMPDIR": tempfile.gettempdir()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
            errors="replace",
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeUnavailable(reasons.MODEL_SERVERS_NOT_BUILT_IN_TIME(limit_seconds=_BUILD_SECONDS)) from error
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip() or f"it ended with {error.returncode}").splitlines()[-1]
        raise RuntimeUnavailable(reasons.MODEL_SERVERS_NOT_BUILT(error=why)) from error


def _publish(draft: Path, place: Path) -> None:
    """Rename the finished wheel to its final name, unless another process has done so."""
    for wheel in draft.glob("*.whl"):
        wheel.chmod(0o644)
    draft.chmod(0o755)
    try:
        draft.rename(place)
    except OSError as error:
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
