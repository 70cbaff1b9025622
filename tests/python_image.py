"""An image with Python for tests: the interpreter of this machine, on top of the busybox of the tests."""

from __future__ import annotations

import io
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

from tests.engine import IMAGE, Engine, client_of, tar

PYTHON_IMAGE = "launchpad-test/python:1"
_LEFT_OUT = {
    "site-packages",
    "test",
    "tests",
    "idlelib",
    "ensurepip",
    "lib2to3",
    "tkinter",
    "turtledemo",
    "pydoc_data",
}


def import_python_image(engine: Engine) -> str:
    """Make the image, whose entry point is python3 with its standard library; return its name."""
    dockerfile = [f"FROM {IMAGE}", "ADD python.tar /", "ENV PATH=/usr/bin:/bin", 'ENTRYPOINT ["python3"]', ""]
    context = tar({"Dockerfile": "\n".join(dockerfile).encode(), "python.tar": _python_tar()})
    with client_of(engine.address) as client:
        said = list(
            client.api.build(fileobj=io.BytesIO(context), custom_context=True, tag=PYTHON_IMAGE, decode=True, rm=True)
        )
    errors = [line["error"] for line in said if "error" in line]
    assert not errors, errors
    return PYTHON_IMAGE


def _python_tar() -> bytes:
    """Return program, libraries and standard library at their own paths, with the times that compiled files name."""
    program, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    programs = [str(program), *map(str, library.glob("lib-dynload/*.so"))]
    needed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout.split()
    needed_files = {Path(word) for word in needed if word.startswith("/") and not word.endswith(":")}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in (program, *sorted(needed_files)):
            archive.add(path)
        for path in library.iterdir():
            if path.name not in _LEFT_OUT and not path.name.startswith("config-"):
                archive.add(path, filter=_kept)
        link = tarfile.TarInfo("usr/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, str(program)
        archive.addfile(link)
    return buffer.getvalue()


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if _LEFT_OUT & set(Path(entry.name).parts) else entry
