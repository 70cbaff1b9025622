"""The way to an engine on another machine by SSH: its socket, forwarded to one of ours by the program `ssh`."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import weakref
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from deployments.runtimes.containers.options import REMOTE_SOCKET

SECONDS = 4.0  # until the socket is there
_PAUSE = 0.05


class TunnelFailed(Exception):
    """The machine cannot be reached.

    Args:
        host: which one.
    """

    def __init__(self, host: str, words: str) -> None:
        super().__init__(words)
        self.host = host


def _end(process: subprocess.Popen[bytes], folder: str) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


class Tunnel:
    """One process of `ssh`, started when it is needed; it uses the keys and known hosts of the user who runs us.

    On the other machine it runs `cat`, which ends with our end of its pipe: so the process goes when ours is killed.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host = parts.hostname or ""
        self._destination = f"{parts.username}@{self._host}" if parts.username else self._host
        self._port = parts.port
        self._remote = parts.path if parts.path not in ("", "/") else REMOTE_SOCKET
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""

    def is_up(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def open(self) -> str:
        """Return the address of the forwarded socket.

        Raises:
            TunnelFailed: with the last words of `ssh`.
        """
        with self._lock:
            if not self.is_up():
                self.close()
                self._start()
            return f"unix://{self._folder}/engine.sock"

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            _end(self._process, self._folder)
        self._process, self._folder = None, ""

    def _start(self) -> None:
        if (program := shutil.which("ssh")) is None:
            raise TunnelFailed(self._host, "there is no program ssh on Launchpad's machine")
        self._folder = tempfile.mkdtemp(prefix="lp-ssh-")
        log = Path(self._folder) / "log"
        port = ("-p", str(self._port)) if self._port else ()
        options = ("BatchMode=yes", "ConnectTimeout=2", "ExitOnForwardFailure=yes", "ServerAliveInterval=5")
        settings = [part for option in options for part in ("-o", option)]
        forward = ("-T", "-L", f"{self._folder}/engine.sock:{self._remote}")
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [program, *settings, *port, *forward, "--", self._destination, "cat"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        weakref.finalize(self, _end, self._process, self._folder)
        end = time.monotonic() + SECONDS
        while not os.path.exists(f"{self._folder}/engine.sock"):
            if self._process.poll() is not None or time.monotonic() > end:
                words = log.read_text(errors="replace").strip().splitlines() or ["it does not answer"]
                self.close()
                raise TunnelFailed(self._host, words[-1].rstrip("."))
            time.sleep(_PAUSE)
