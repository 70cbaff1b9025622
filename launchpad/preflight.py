"""The checks before anything is started. A process of its own, so that its imports do not stay in memory.

Ends with exit code 1 and one sentence per problem on stderr; or with 0, after ending the programs of an earlier start.
"""

from __future__ import annotations

import errno
import platform
import socket
import sys
from pathlib import Path

import psutil

from launchpad import gateway_keeper, leftovers
from launchpad.home import home_path
from launchpad.programs import find_valkey

MIN_PYTHON = (3, 11)


def main() -> int:
    problems = [*_platform_problems()]
    if not problems:
        home = home_path()
        leftovers.clear(str(home))
        gateway_keeper.start_from_files(home)
        problems = [*_valkey_problems(), *_port_problems()]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


def _platform_problems() -> list[str]:
    if sys.version_info < MIN_PYTHON:
        return [f"Launchpad needs Python 3.11 or newer; this is {platform.python_version()}."]
    if sys.platform not in {"linux", "darwin"}:
        return [f"Launchpad runs on Linux and macOS; this is {platform.system()}."]
    return []


def _valkey_problems() -> list[str]:
    from launchpad import settings

    if settings.BROKER_IS_EMBEDDED and find_valkey() is None:
        return [
            f"There is no embedded broker for {platform.system()} {platform.machine()}: set BROKER_URL to a Redis or "
            "Valkey server, e.g. BROKER_URL=redis://localhost:6379/0."
        ]
    return []


def _port_problems() -> list[str]:
    from launchpad import settings

    addresses = [
        ("LAUNCHPAD_PORT", "LAUNCHPAD_BIND", settings.LAUNCHPAD_BIND, settings.LAUNCHPAD_PORT),
        (
            "LAUNCHPAD_GATEWAY_PORT",
            "LAUNCHPAD_GATEWAY_BIND",
            settings.LAUNCHPAD_GATEWAY_BIND,
            settings.LAUNCHPAD_GATEWAY_PORT,
        ),
    ]
    return [problem for address in addresses if (problem := _port_problem(*address))]


def _port_problem(port_name: str, bind_name: str, host: str, port: int) -> str:
    """Return why no server can listen on the address, `""` when one can."""
    if not 0 < port < 65536:
        return f"{port_name} is {port}; a port is a number from 1 to 65535."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        return f"{bind_name} is {host!r}, which is not an address of this machine ({error.strerror})."
    except PermissionError:
        return f"Port {port} needs more rights than this user has: choose one above 1023 with {port_name}."
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return f"{bind_name} is {host!r}, which is not an address of this machine."
        if _is_port_of_our_gateway(home_path(), port):
            return ""
        return f"Port {port} is taken by another program: stop that one, or choose another port with {port_name}."
    return ""


def _is_port_of_our_gateway(home: Path, port: int) -> bool:
    """Whether the gateway of an earlier start, which is adopted, listens on a port."""
    return any(
        connection.laddr.port == port
        for process in leftovers.marked(str(home), gateway_keeper.MARK)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    )


if __name__ == "__main__":
    sys.exit(main())
