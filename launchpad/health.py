"""`python -m launchpad.health`: whether Launchpad on this machine works; exit code 1 and the reason when it does not.

The health check of the image: a process of its own each time, so it imports the standard library alone.
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from launchpad.console import get_health


def main() -> int:
    setting = os.environ.get
    port = int(setting("LAUNCHPAD_PORT") or 8000)
    where = address(setting("LAUNCHPAD_BIND") or "127.0.0.1", port, setting("LAUNCHPAD_URL") or "")
    health = get_health({"health": where})
    if health is None:
        sys.stderr.write("Launchpad does not respond.\n")
    elif health.get("status") != "ok":
        sys.stderr.write(f"{'; '.join(health.get('problems', [])) or health}\n")
    else:
        return 0
    return 1


def address(bind: str, port: int, url: str) -> tuple[str, int, str]:
    """Return the address, port and host name for requests of /healthz, from the settings of these names."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  not bound to, only compared with
    return everywhere.get(bind, bind), port, urlsplit(url).hostname or "localhost"


if __name__ == "__main__":
    sys.exit(main())
