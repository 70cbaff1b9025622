"""Talking to an engine: one client of the Docker Engine API for each connection, opened when it is first needed."""

from __future__ import annotations

import os
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import requests
from docker import APIClient
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig

from deployments.errors import RuntimeUnavailable
from deployments.messages import Message
from deployments.runtimes.containers import messages
from deployments.runtimes.containers.tunnel import Tunnel, TunnelFailed

CONNECT_SECONDS, READ_SECONDS = 2.0, 8.0  # every call of a runtime has ten
SEND_SECONDS = 120.0  # for the engine to take on what it is sent while something is prepared
INFO_SECONDS = 300.0
PATIENT_SECONDS = 3600.0  # for what is prepared: an image, a model
KEPT_CONNECTIONS = 64  # of as many threads: each attempt that is prepared has one
MIN_API = (1, 41)  # Docker 20.10; what Podman 4 offers
MAX_API = "1.44"  # what this was written for; newer engines still know it
_MAX_ERROR = 500  # characters


class EngineClient:
    """The way to one engine.

    Args:
        address: see `ContainerOptions`.
        secrets: `ca`, `cert` and `key` in PEM, for `tcp://`.
    """

    def __init__(self, address: str, secrets: Mapping[str, str]) -> None:
        self.address = address
        self._secrets = secrets
        self._lock = Lock()
        self._opened: dict[float, APIClient] = {}
        self._info: tuple[float, Mapping[str, Any]] = (0.0, {})
        self._tunnel = Tunnel(address) if address.startswith("ssh://") else None

    @contextmanager
    def asking(self, *, seconds: float = READ_SECONDS) -> Iterator[APIClient]:
        """Provide the client, and raise what keeps the engine from answering.

        Args:
            seconds: without a byte of the answer.

        Raises:
            RuntimeUnavailable: it cannot be asked, or it has failed; docker.errors.NotFound and other errors that
                mean something have to be caught inside.
        """
        try:
            yield self._client(seconds)
        except (DockerException, OSError, TunnelFailed) as error:
            if isinstance(error, OSError) and not isinstance(error, requests.RequestException) and error.filename:
                params = {"error": f"{error.strerror} at {error.filename}"}
                raise RuntimeUnavailable(Message(messages.RECORDS_BROKEN, params)) from error
            if not isinstance(error, APIError):
                self._forget()
            raise RuntimeUnavailable(self.explained(error)) from error

    def info(self, client: APIClient) -> Mapping[str, Any]:
        """Return what the engine tells of itself, at most five minutes old: Podman starts programs to find it out."""
        at, known = self._info
        if not known or time.monotonic() - at > INFO_SECONDS:
            at, known = self._info = time.monotonic(), client.info()
        return known

    def _client(self, seconds: float) -> APIClient:
        with self._lock:
            if (known := self._opened.get(seconds)) is not None and (self._tunnel is None or self._tunnel.is_up()):
                return known
        address = self.address if self._tunnel is None else self._tunnel.open()
        client = open_client(address, self._secrets, seconds)
        with self._lock:
            return self._opened.setdefault(seconds, client)

    def _forget(self) -> None:
        """Begin anew with the next call: another engine may answer there by then, with another version."""
        with self._lock:
            self._opened.clear()
            self._info = (0.0, {})

    def explained(self, error: BaseException) -> Message:
        """Return what an error of the engine, or on the way to it, means."""
        if isinstance(error, TunnelFailed):
            return Message(messages.TUNNEL_FAILED, {"host": error.host, "error": str(error)})
        if isinstance(error, APIError):
            return Message(messages.ENGINE_FAILED, {"error": error_text(error)})
        return _explained(self.address, error)


def open_client(address: str, secrets: Mapping[str, str], seconds: float) -> APIClient:
    """Return a client that speaks the newest version of the API that both sides know.

    Raises:
        DockerException, OSError: see `EngineClient.asking`.
    """
    tls: Any = False
    files: list[Any] = []
    if any(secrets.get(name) for name in ("ca", "cert", "key")):
        tls, files = _tls(secrets)
    client = APIClient(
        base_url=address,
        version=".".join(map(str, MIN_API)),
        timeout=int(seconds),
        tls=tls,
        max_pool_size=KEPT_CONNECTIONS,
    )
    client.trust_env = False  # neither a proxy nor the credentials of the user who runs us
    vars(client)["_pem_files"] = files  # they live as long as the client
    vars(client)["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
    # Not by /version, for which Podman starts programs.
    with client.get(f"{client.base_url}/_ping", timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        version = answer.headers.get("Api-Version", "")
    if not _numbers(version):
        raise NotAnEngine
    if _numbers(version) < MIN_API:
        raise EngineTooOld(f"API {version}")
    vars(client)["_version"] = min(version, MAX_API, key=_numbers)
    # Until an answer begins the library takes the first for the second: a model that is sent may come to a halt.
    vars(client)["timeout"] = (CONNECT_SECONDS if seconds == READ_SECONDS else SEND_SECONDS, seconds)
    return client


class NotAnEngine(DockerException):  # type: ignore[misc,unused-ignore]
    """Something else answers there."""


class EngineTooOld(DockerException):  # type: ignore[misc,unused-ignore]
    """It does not know what we need; the text is its version."""


def error_text(error: APIError) -> str:
    """Return the words of an engine."""
    words = error.explanation or str(error)
    if isinstance(words, bytes):
        words = words.decode(errors="replace")
    return " ".join(str(words).split())[:_MAX_ERROR].rstrip(".")


def _explained(address: str, outermost: BaseException) -> Message:
    error: BaseException | None = outermost
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        reason = getattr(error, "reason", None)
        inner = (*error.args, reason, error.__cause__, error.__context__)
        error = next((cause for cause in inner if isinstance(cause, Exception) and cause not in chain), None)
    for code, kinds in _KINDS:
        if errors := [cause for cause in chain if isinstance(cause, kinds)]:
            return Message(code, {"address": address, "error": str(errors[-1])[:200], "version": str(errors[0])})
    last = chain[-1]
    if isinstance(last, requests.exceptions.JSONDecodeError | ValueError):
        return Message(messages.NOT_AN_ENGINE, {"address": address})
    words = getattr(last, "strerror", "") or type(last).__name__
    return Message(messages.ENGINE_BROKE_OFF, {"address": address, "error": words})


_KINDS: tuple[tuple[str, tuple[type[BaseException], ...]], ...] = (
    (messages.NOT_AN_ENGINE, (NotAnEngine, requests.exceptions.JSONDecodeError)),
    (messages.ENGINE_TOO_OLD, (EngineTooOld,)),
    (messages.ENGINE_UNTRUSTED, (ssl.SSLError,)),
    (messages.ENGINE_FORBIDDEN, (PermissionError,)),
    (messages.ENGINE_ABSENT, (FileNotFoundError, ConnectionRefusedError, requests.exceptions.ConnectTimeout)),
    (messages.ENGINE_SILENT, (TimeoutError, requests.exceptions.Timeout)),
)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _tls(secrets: Mapping[str, str]) -> tuple[TLSConfig, list[Any]]:
    """Return what the library needs; it reads files only, so these are in memory where that is possible."""
    files = {name: _file_of(secrets[name]) for name in ("ca", "cert", "key") if secrets.get(name)}
    paths = {name: path for name, (path, _) in files.items()}
    pair = (paths["cert"], paths["key"]) if {"cert", "key"} <= paths.keys() else None
    return TLSConfig(client_cert=pair, ca_cert=paths.get("ca"), verify=True), [file for _, file in files.values()]


def _file_of(text: str) -> tuple[str, Any]:
    """Return the path of a file with a text, and what has to stay open for it: it is gone afterwards."""
    if hasattr(os, "memfd_create"):
        file: Any = open(os.memfd_create("pem"), "w+b")  # noqa: SIM115
        path = f"/proc/self/fd/{file.fileno()}"
    else:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115
        path = file.name
    file.write(text.encode() + b"\n")
    file.flush()
    return path, file
