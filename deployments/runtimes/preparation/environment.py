"""Builds a Python environment with the rights of a server: packages may execute code of their own when they are built.

Run by `prepare.py` as `python environment.py FOLDER UV PYTHON REQUIREMENT ...`. Each line of its output is progress: a
message as JSON, or output of the installer. The last line of a failure is its cause.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import platform
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

if not __package__:  # run by its path, in a sandbox that keeps the lists of the folders above `runtimes`
    for _depth, _name in ((3, "deployments"), (2, "deployments.runtimes")):
        sys.modules[_name] = ModuleType(_name)
        sys.modules[_name].__path__ = [os.path.abspath(__file__ + "/.." * _depth)]

from deployments.runtimes import messages

MARKER = ".complete"
HEARTBEAT_SECONDS = 5.0  # seconds without output
_NO_REASON = ("Using Python", "hint:")  # output of uv before and after the cause
_FAILURE = "error:"  # how uv begins the line that says what has failed; the lines after it say why
CHUNK = 100  # files that are compiled between two checks of the time


def environment_key(requirements: Iterable[str]) -> str:
    """Return the name of the environment for these requirement lines on this Python and machine."""
    parts = [sys.implementation.cache_tag or "", platform.system(), platform.machine(), *sorted(requirements)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def is_built(folder: Path) -> bool:
    """Return whether an environment is complete."""
    return (folder / MARKER).exists()


def build(folder: Path, uv: str, python: str, requirements: list[str]) -> int:
    """Make an environment in an empty folder. Returns an exit code."""
    _say(messages.MAKING_ENVIRONMENT)
    if code := _run([uv, "venv", "--quiet", "--allow-existing", "--python", python, str(folder)]):
        return code
    _say(messages.RESOLVING_PACKAGES)
    if code := _run([uv, "pip", "install", "--no-progress", "--python", str(folder / "bin/python"), *requirements]):
        return code
    _compile(folder)
    return 0


def _say(reason: str, **params: Any) -> None:
    print(messages.line_of(reason, **params), flush=True)


def _run(command: list[str]) -> int:
    """Run a command and forward its output; on failure the last line is its cause."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    lines: list[str] = []
    with heartbeat(lines):
        for line in process.stdout or ():
            text = line.strip()
            if text and not text.startswith(("+ ", "- ", "~ ")):
                lines.append(text)
                print(text, flush=True)
    code = process.wait()
    if code and lines:
        print(failure_of(lines), flush=True)
    return code


def failure_of(lines: Sequence[str]) -> str:
    """Return why an installer failed, from its output: the line that names the failure, then the last lines.

    Messages may be cut, so that line has to come first.
    """
    useful = [line for line in lines if not line.startswith(_NO_REASON)] or list(lines)
    first = next((at for at, line in enumerate(useful) if line.startswith(_FAILURE)), max(0, len(useful) - 3))
    return "; ".join([useful[first].removeprefix(_FAILURE).strip(), *useful[first + 1 :][-2:]])


@contextmanager
def heartbeat(lines: list[str], every: float = HEARTBEAT_SECONDS) -> Iterator[None]:
    """Report the elapsed time while there is no other output: an installer downloads without any."""
    over = threading.Event()
    began = time.monotonic()

    def beat() -> None:
        count = 0
        while not over.wait(every):
            if len(lines) == count:
                _say(messages.INSTALLING_PACKAGES, lasts_seconds=round(time.monotonic() - began))
            count = len(lines)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _compile(folder: Path) -> None:
    """Compile all modules, so that no server has to (it may not write here)."""
    files = [str(file) for file in folder.glob("lib/python*/site-packages/**/*.py")]
    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    said_at = time.monotonic()
    with ProcessPoolExecutor() as pool:
        for done, _ in enumerate(pool.map(_compile_files, chunks), 1):
            if done == len(chunks) or time.monotonic() - said_at > 1.0:
                said_at = time.monotonic()
                _say(messages.COMPILED_FILES, done=min(done * CHUNK, len(files)), files=len(files))


def _compile_files(files: list[str]) -> None:
    warnings.simplefilter("ignore")  # warnings about the code of packages are shown when it is imported
    for file in files:
        compileall.compile_file(file, quiet=2)  # some packages contain files for other versions of Python


if __name__ == "__main__":
    os.umask(0o022)  # the server may run as another user
    sys.exit(build(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
