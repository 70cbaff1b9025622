"""Brings an artifact to the local disk once, for all servers that ask for it.

Run by `prepare.py`, with the rights of a server, as `python fetch.py URL TARGET SHA256 DRAFT`; every line it prints is
progress for people, the last one of a failure is the reason.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

CHUNK = 1 << 20
SAY_EVERY = 0.5  # seconds
TIMEOUT = 30.0  # seconds without a byte


def fetch(url: str, target: Path, sha256: str, draft: Path) -> int:
    """Download into the folder `draft` unless the target is there. Returns an exit code."""
    if url.startswith("file://"):
        return _check_file(target, sha256)
    if target.exists():
        return 0
    try:
        found = _download(url, draft / target.name)
    except (urllib.error.URLError, OSError, ValueError) as error:
        print(f"{url} cannot be fetched: {getattr(error, 'reason', error)}", flush=True)
        return 1
    if sha256 and found != sha256:
        print(f"{url} has the checksum {found[:12]}…, not {sha256[:12]}… as expected", flush=True)
        return 1
    return 0


def _check_file(target: Path, sha256: str) -> int:
    if not target.exists():
        print(f"there is nothing at {target}", flush=True)
        return 1
    if sha256 and target.is_file():
        print("checking the checksum", flush=True)
        with target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            print(f"{target} was changed since it was uploaded: its checksum is {found[:12]}…", flush=True)
            return 1
    return 0


def _download(url: str, draft: Path) -> str:
    digest = hashlib.sha256()
    request = urllib.request.Request(url, headers={"User-Agent": "Launchpad"})  # noqa: S310  http(s), checked before
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer, draft.open("wb") as out:  # noqa: S310
        total = int(answer.headers.get("Content-Length") or 0)
        done, said = 0, 0.0
        while chunk := answer.read(CHUNK):
            out.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                of_all = f" of {total / 1e6:.0f}" if total else ""
                print(f"fetched {done / 1e6:.0f}{of_all} MB", flush=True)
        if total and done != total:
            raise ValueError(f"it ended after {done} of {total} bytes")
    return digest.hexdigest()


if __name__ == "__main__":
    os.umask(0o022)  # the server may run as another user
    sys.exit(fetch(sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
