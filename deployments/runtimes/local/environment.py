"""Builds a Python environment once, for all servers that ask for the same requirements.

Run by the shim (and at the first start of Launchpad) as `python environment.py FOLDER UV PYTHON` with the requirement
lines on the command's end; every line it prints is progress for people, the last one of a failure is the reason.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

MARKER = ".complete"


def environment_key(requirements: Iterable[str]) -> str:
    """Return the name of the environment for these requirement lines on this Python and machine."""
    parts = [sys.implementation.cache_tag or "", platform.system(), platform.machine(), *sorted(requirements)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def is_built(folder: Path) -> bool:
    """Return whether an environment is complete."""
    return (folder / MARKER).exists()


def build(folder: Path, uv: str, python: str, requirements: list[str]) -> int:
    """Build an environment unless it is there; wait while another process builds it. Returns an exit code."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for the same environment to be built for another deployment", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if is_built(folder):
            return 0
        if folder.exists():
            shutil.rmtree(folder)
        print("making an empty environment", flush=True)
        if code := _run([uv, "venv", "--quiet", "--python", python, str(folder)]):
            return code
        print("resolving the packages", flush=True)
        command = [uv, "pip", "install", "--no-progress", "--compile-bytecode", "--python", str(folder / "bin/python")]
        if code := _run([*command, *requirements]):
            return code
        (folder / MARKER).touch()
        return 0


def _run(command: list[str]) -> int:
    """Run a command and pass on what it says; on failure its error stands last."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said: list[str] = []
    for line in process.stdout or ():
        text = line.strip()
        if text and not text.startswith(("+ ", "- ", "~ ")):
            said.append(text)
            print(text, flush=True)
    code = process.wait()
    if code and said:
        print("; ".join(said[-3:]), flush=True)
    return code


if __name__ == "__main__":
    os.umask(0o022)  # the server may run as another user
    sys.exit(build(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
