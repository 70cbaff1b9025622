"""A source package that does harm while it is built, and tells in its module how far it got."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import psutil

_PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "hostile"
version = "1"
"""

# Runs in whatever builds the package. HOME is the scratch folder beside the environment that is being made.
_BACKEND = """
import os, subprocess, zipfile
from pathlib import Path

HOME = Path({home!r})

def attempt(act):
    try:
        return act()
    except OSError as error:
        return type(error).__name__

def build_wheel(folder, settings=None, metadata=None):
    environment = Path(os.environ["HOME"].removesuffix(".scratch"))
    found = {{
        "uid": os.getuid(),
        "no_new_privs": [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")],
        "secret": attempt(lambda: (HOME / "secrets-key").read_text()),
        "home": attempt(lambda: sorted(os.listdir(HOME))),
        "written": attempt(lambda: (HOME / "written-by-hostile").write_text("x")),
        "etc": attempt(lambda: Path("/etc/written-by-hostile").write_text("x")),
        "secrets": [n for n in os.environ if "LAUNCHPAD" in n or "SECRET" in n or "KEY" in n],
        "link": attempt(lambda: os.symlink({victim!r}, environment / "link")),
        "marker": attempt(lambda: os.symlink({victim!r}, environment / ".complete")),
    }}
    if os.fork() == 0:  # stays when the build is over
        os.setsid()
        if os.fork() == 0:
            for fd in range(3):
                os.close(fd)
            Path(environment / "survivor").write_text(str(os.getpid()))
            os.execvp("sleep", ["sleep", {sleeps!r}])
        os._exit(0)
    os.wait()
    name = "hostile-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        wheel.writestr("hostile.py", f"FOUND = {{found!r}}\\n")
        wheel.writestr("hostile-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: hostile\\nVersion: 1\\n")
        wheel.writestr("hostile-1.dist-info/WHEEL",
                       "Wheel-Version: 1.0\\nGenerator: hostile\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("hostile-1.dist-info/RECORD", "")
    return name
"""


def write_package(folder: Path, *, home: Path, victim: Path, sleeps: str) -> str:
    """Write the package and return the requirement line that asks for it.

    Args:
        folder: where everybody may read.
        home: the LAUNCHPAD_HOME that it is after.
        victim: a file that links are laid to.
        sleeps: argument by which the process that it leaves behind is known.
    """
    path = folder / "hostile-1.tar.gz"
    files = {
        "pyproject.toml": _PYPROJECT,
        "backend.py": _BACKEND.format(home=str(home), victim=str(victim), sleeps=sleeps),
        "PKG-INFO": "Metadata-Version: 2.1\nName: hostile\nVersion: 1\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"hostile-1/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    path.chmod(0o644)
    return f"hostile @ file://{path}"


def sleepers(argument: str) -> list[int]:
    """Return the processes that a build has left behind, known by their argument."""
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", argument]]
