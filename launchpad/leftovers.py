"""Ends the processes that an earlier start of Launchpad on the same folder left running, e.g. after `kill -9`.

Every program that the supervisor starts has the folder's path in the environment variable MARK. Process ids in
files would not do: after a restart of the machine or container they may belong to other programs. Model servers are
never touched: the local runtime starts them, and their shims, with an environment without the mark. The
gateway has a mark of its own, since it has to run until Launchpad is stopped.
"""

from __future__ import annotations

import os
import sys

import psutil

from launchpad import gateway_keeper

MARK = "LAUNCHPAD_STARTED_FOR"
SHUTDOWN_TIMEOUT = 5.0


def main() -> None:
    """Kill the programs of the folder in the first argument; with `--gateway` its gateway, too."""
    clear(sys.argv[1], timeout=0)
    if "--gateway" in sys.argv[2:]:
        clear(sys.argv[1], mark=gateway_keeper.MARK)


def clear(home: str, *, timeout: float = SHUTDOWN_TIMEOUT, mark: str = MARK) -> None:
    """End the processes marked with `home` and wait until they are gone.

    Args:
        timeout: seconds between SIGTERM and SIGKILL; with 0 there is no SIGTERM.
        mark: the environment variable that marks them.
    """
    running = marked(home, mark)
    if timeout:
        for process in running:
            _signal(process, kill=False)
        running = psutil.wait_procs(running, timeout=timeout)[1]
    # The supervisor may have started more until it was gone.
    for process in {*running, *marked(home, mark)}:
        _signal(process, kill=True)
    psutil.wait_procs(running, timeout=SHUTDOWN_TIMEOUT)


def marked(home: str, mark: str = MARK) -> list[psutil.Process]:
    """Return the processes that carry a mark of `home`, as far as their environment can be read."""
    processes = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(mark) == home:
                processes.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or another user's
    return processes


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main()
