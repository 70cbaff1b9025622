"""Ends what an earlier start of Launchpad on the same folder left running, e.g. after `kill -9` of the supervisor.

Every program that the supervisor starts carries the folder's path in the environment variable MARK. Process ids in
files would do too, but after a restart of the machine or container they may be somebody else's. Model servers are
never touched: the local runtime gives them, and the shims that keep them, an environment without the mark. The
gateway has a mark of its own: it goes on answering until Launchpad is stopped.
"""

from __future__ import annotations

import os
import sys

import psutil

from launchpad import gateway_keeper

MARK = "LAUNCHPAD_STARTED_FOR"
SHUTDOWN_TIMEOUT = 5.0


def main() -> None:
    """End at once what carries the mark of the folder named in the first argument; `--gateway`: the gateway, too."""
    clear(sys.argv[1], patience=0)
    if "--gateway" in sys.argv[2:]:
        clear(sys.argv[1], mark=gateway_keeper.MARK)


def clear(home: str, *, patience: float = SHUTDOWN_TIMEOUT, mark: str = MARK) -> None:
    """End the processes marked with `home` and wait until they are gone.

    Args:
        patience: seconds between SIGTERM and SIGKILL; with 0 there is no SIGTERM.
        mark: which environment variable marks them.
    """
    found = marked(home, mark)
    if patience:
        for process in found:
            _signal(process, kill=False)
        found = psutil.wait_procs(found, timeout=patience)[1]
    # The supervisor may have started more until it was gone.
    for process in {*found, *marked(home, mark)}:
        _signal(process, kill=True)
    psutil.wait_procs(found, timeout=SHUTDOWN_TIMEOUT)


def marked(home: str, mark: str = MARK) -> list[psutil.Process]:
    """Return the processes that carry a mark of `home`, as far as we may see their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(mark) == home:
                found.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or another user's
    return found


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main()
