"""Ends what an earlier start of Launchpad on the same folder left running, e.g. after `kill -9` of the supervisor.

Every program that the supervisor starts carries the folder's path in the environment variable MARK. Process ids in
files would do too, but after a restart of the machine or container they may be somebody else's. Model servers are
never touched: the local runtime gives them, and the shims that keep them, an environment without the mark.
"""

from __future__ import annotations

import os
import sys

import psutil

MARK = "LAUNCHPAD_STARTED_FOR"
PATIENCE_SECONDS = 5.0


def main() -> None:
    """End at once what carries the mark of the folder named in the first argument."""
    clear(sys.argv[1], patience=0)


def clear(home: str, *, patience: float = PATIENCE_SECONDS) -> None:
    """End the processes marked with `home` and wait until they are gone.

    Args:
        patience: seconds between SIGTERM and SIGKILL; with 0 there is no SIGTERM.
    """
    found = _marked(home)
    if patience:
        for process in found:
            _signal(process, kill=False)
        found = psutil.wait_procs(found, timeout=patience)[1]
    # The supervisor may have started more until it was gone.
    for process in {*found, *_marked(home)}:
        _signal(process, kill=True)
    psutil.wait_procs(found, timeout=PATIENCE_SECONDS)


def _marked(home: str) -> list[psutil.Process]:
    marked = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == home:
                marked.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or another user's
    return marked


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main()
