"""Downloads an artifact with the rights of a server. Run by `prepare.py`, by one process at a time for each artifact.

The request is JSON in the environment variable FETCH, since arguments are visible in the list of processes:

    url      URL of the artifact
    target   path of the copy of an earlier download, beside the file ABOUT that describes it; only read
    draft    empty folder that the file and ABOUT are written to
    sha256   expected checksum in lower-case hex, or ""

Each line of output is progress, a message as JSON; the last line of a failure is its cause.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import ipaddress
import json
import os
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any
from urllib.parse import urlsplit

if not __package__:  # run by its path, in a sandbox that keeps the lists of the folders above `runtimes`
    for _depth, _name in ((3, "deployments"), (2, "deployments.runtimes")):
        sys.modules[_name] = ModuleType(_name)
        sys.modules[_name].__path__ = [os.path.abspath(__file__ + "/.." * _depth)]

from deployments.runtimes import messages
from deployments.runtimes.addresses import AddressInvalid, encoded, file_name, redacted

CHUNK = 1 << 20
PROGRESS_SECONDS = 0.5  # between two lines of progress
ABOUT = "zz-about.json"  # the last by name, which is the order in which `prepare.py` brings files to their place
TIMEOUT = 30.0  # seconds without receiving data
PAUSES = (1.0, 3.0)  # seconds before the second and the third try
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}


class FetchFailed(Exception):
    """A try has failed.

    Args:
        lasting: whether another try would fail in the same way.
        gone: whether the server answered that the file does not exist (any more).
    """

    def __init__(self, reason: str, *, lasting: bool = False, gone: bool = False, **params: Any) -> None:
        super().__init__(reason)
        self.message = messages.message(reason, **params)
        self.lasting = lasting
        self.gone = gone


@dataclass(frozen=True, kw_only=True)
class About:
    """Describes a downloaded copy: `etag` and `modified` as the server sent them, `""` when it sent none."""

    etag: str
    modified: str
    sha256: str

    @property
    def range_validator(self) -> str:
        """The validator of a range request; a weak ETag is not allowed there (RFC 9110, 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class Download:
    """The download of one artifact, with up to three tries."""

    def __init__(self, url: str, draft: Path) -> None:
        self._url = url
        self._draft = draft
        self._opener = urllib.request.build_opener(_Redirects(url))
        self._begun: About | None = None  # describes the file whose first bytes are in the draft
        self._digest = hashlib.sha256()
        self._done = 0

    def run(self, known: About | None) -> About | None:
        """Download the artifact; return None if the copy that `known` describes is still current.

        Raises:
            FetchFailed: three tries have failed, or one with a lasting failure.
        """
        for pause in (*PAUSES, None):
            try:
                return self._try(known)
            except FetchFailed as failed:
                if failed.lasting or pause is None:
                    raise
                _say(messages.FETCH_TRIED_AGAIN, cause=failed.message, pause_seconds=pause)
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _try(self, known: About | None) -> About | None:
        headers = {"User-Agent": "Launchpad", "Accept-Encoding": "identity"}
        if self._done and self._begun is not None and self._begun.range_validator:
            headers |= {"Range": f"bytes={self._done}-", "If-Range": self._begun.range_validator}
        elif known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        elif known is not None and known.modified:
            headers["If-Modified-Since"] = known.modified
        request = urllib.request.Request(encoded(self._url), headers=headers)  # noqa: S310  http(s), checked before
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return self._receive(answer)
        except urllib.error.HTTPError as error:
            if error.code == http.client.NOT_MODIFIED:
                return None
            error.close()
            raise FetchFailed(
                messages.SERVER_REFUSED,
                status=f"{error.code} {' '.join(str(error.reason).split())}".rstrip(),
                lasting=error.code not in _TRY_AGAIN,
                gone=error.code in _GONE,
            ) from error
        except AddressInvalid as error:
            raise FetchFailed(messages.LEADS_NOWHERE, lasting=True) from error
        except (OSError, http.client.HTTPException) as error:
            raise _failed(error) from error

    def _receive(self, answer: Any) -> About:
        if answer.geturl().partition("?")[0].endswith("/") and answer.headers.get_content_type() == "text/html":
            raise FetchFailed(messages.FOLDER_LISTING, lasting=True)
        goes_on = answer.status == http.client.PARTIAL_CONTENT
        if goes_on and not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {self._done}-"):
            self._begun = None
            raise FetchFailed(messages.WRONG_PART)
        if not goes_on:
            self._digest, self._done = hashlib.sha256(), 0
            etag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
            self._begun = About(etag=etag, modified=modified, sha256="")
        elif self._done:
            _say(messages.FETCH_GOES_ON, done_bytes=self._done)
        length = int(answer.headers.get("Content-Length") or 0)
        total = self._done + length if length else 0
        if length > shutil.disk_usage(self._draft.parent).free:
            raise FetchFailed(messages.DISK_FULL, more_bytes=length, lasting=True)
        with self._draft.open("ab" if goes_on else "wb") as out:
            self._copy(answer, out, total)
        if total and self._done != total:
            raise FetchFailed(messages.ENDED_EARLY, done_bytes=self._done, total_bytes=total)
        begun = self._begun or About(etag="", modified="", sha256="")
        return About(etag=begun.etag, modified=begun.modified, sha256=self._digest.hexdigest())

    def _copy(self, answer: Any, out: IO[bytes], total: int) -> None:
        reported_at = 0.0
        while chunk := answer.read1(CHUNK):  # read1: bytes received before a connection breaks are kept
            out.write(chunk)
            self._digest.update(chunk)
            self._done += len(chunk)
            if time.monotonic() - reported_at > PROGRESS_SECONDS:
                reported_at = time.monotonic()
                _say(messages.FETCHING, done_bytes=self._done, total_bytes=total or None)


def _failed(error: BaseException) -> FetchFailed:
    reason = getattr(error, "reason", error)
    if isinstance(reason, FetchFailed):
        return reason
    if isinstance(reason, OSError) and reason.errno in {errno.ENOSPC, errno.EDQUOT}:
        return FetchFailed(messages.DISK_FULL, lasting=True)
    if isinstance(reason, TimeoutError):
        return FetchFailed(messages.SILENCE, limit_seconds=TIMEOUT)
    if isinstance(reason, OSError) and reason.strerror:
        lasting = isinstance(reason, ssl.SSLCertVerificationError)
        return FetchFailed(messages.TEXT, text=reason.strerror, lasting=lasting)
    return FetchFailed(messages.CONNECTION_BROKEN, error=type(reason).__name__)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https, but never from a public address to a private or local one."""

    def __init__(self, url: str) -> None:
        self._first = _closeness(url)

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        where = redacted(newurl)
        if urlsplit(newurl).scheme not in {"http", "https"}:
            raise FetchFailed(messages.LEADS_ELSEWHERE, url=where, lasting=True)
        if _closeness(newurl) > self._first:
            raise FetchFailed(messages.LEADS_INSIDE, url=where, lasting=True)
        return super().redirect_request(req, fp, code, msg, headers, encoded(newurl))

    def http_error_302(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any) -> Any:
        where = str(headers.get("Location", ""))
        if urlsplit(where).scheme not in {"", "http", "https"}:  # our message instead of urllib's
            raise FetchFailed(messages.LEADS_ELSEWHERE, url=redacted(where), lasting=True)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _closeness(url: str) -> int:
    """Return 0 for a public address, 1 for one of a private network, 2 for this machine or a link-local address."""
    host = urlsplit(encoded(url)).hostname or ""
    try:
        addresses = {
            ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in socket.getaddrinfo(host, None)
        }
    except OSError:
        return 0  # only a proxy can resolve it, so it is not an address of this machine
    addresses = {getattr(address, "ipv4_mapped", None) or address for address in addresses}
    if any(address.is_loopback or address.is_link_local or address.is_unspecified for address in addresses):
        return 2
    return int(any(not address.is_global for address in addresses))


def fetch(url: str, target: Path, draft: Path, sha256: str) -> int:
    """Download to `draft`, unless `target` is current; return an exit code."""
    if urlsplit(url).scheme == "file":
        return _check_file(target, sha256)
    name = redacted(url)
    copy = _known(target)
    if copy is not None and sha256 and copy.sha256 == sha256:
        return _use_copy(name)
    try:
        fetched = Download(url, draft / file_name(url)).run(copy)
    except AddressInvalid:
        _say(messages.ADDRESS_INVALID, url=name)
        return 1
    except FetchFailed as failed:
        if copy is not None and not failed.gone:
            return _use_copy(name, failed.message)
        _say(messages.FETCH_FAILED, url=name, cause=failed.message)
        return 1
    if fetched is None:
        return _use_copy(name)
    if sha256 and fetched.sha256 != sha256:
        _say(messages.CHECKSUM_WRONG, url=name, found=fetched.sha256[:12], wanted=sha256[:12])
        return 1
    (draft / ABOUT).write_text(json.dumps(asdict(fetched)))
    if copy is not None and fetched.sha256 == copy.sha256:
        (draft / file_name(url)).unlink()  # the same content: the file that servers may have open is kept
        return _use_copy(name)
    _say(messages.FETCHED, url=name, done_bytes=(draft / file_name(url)).stat().st_size)
    return 0


def _use_copy(name: str, cause: dict[str, Any] | None = None) -> int:
    _say(messages.CACHED_COPY, url=name, cause=cause)
    return 0


def _known(target: Path) -> About | None:
    """Return the description of the existing copy, None when there is none."""
    try:
        about = json.loads((target.parent / ABOUT).read_text())
        return About(**about) if target.exists() else None
    except (OSError, ValueError, TypeError):
        return None


def _check_file(target: Path, sha256: str) -> int:
    if not target.exists():
        _say(messages.NOTHING_THERE, path=str(target))
        return 1
    if sha256 and target.is_file():
        _say(messages.CHECKING_CHECKSUM)
        with target.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        if checksum != sha256:
            _say(messages.FILE_CHANGED, path=str(target), found=checksum[:12])
            return 1
    return 0


def _say(reason: str, **params: Any) -> None:
    print(messages.line_of(reason, **params), flush=True)


if __name__ == "__main__":
    job = json.loads(os.environ["FETCH"])
    sys.exit(fetch(job["url"], Path(job["target"]), Path(job["draft"]), job["sha256"]))
