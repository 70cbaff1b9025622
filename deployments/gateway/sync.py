"""Keeps the running gateway equal to the database, and asks it for proofs.

Files first, then the running process: a gateway that starts (again) reads the files and asks for nothing. What has
not reached the running process is marked, and made up for by a reload.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from django.conf import settings

from deployments.errors import GatewayRejected, GatewayUnavailable
from deployments.gateway import haproxy, table, tls, tokens
from deployments.gateway.config import GENERATION_HEADER, PREFIX, Place, render_config, render_maps
from deployments.models import ServiceKey

PROBE_LIFETIME = 60  # seconds


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What came of one real request.

    Args:
        ok: whether it was answered with 2xx.
        status: HTTP status, 0 when there was no answer.
        message: a sentence for people when it was not ok.
    """

    ok: bool
    status: int
    latency_seconds: float
    message: str = ""


def place() -> Place:
    """Return where the gateway of these settings listens and what it reads."""
    home = Path(settings.LAUNCHPAD_HOME)
    return Place(
        bind=f"{settings.LAUNCHPAD_GATEWAY_BIND}:{settings.LAUNCHPAD_GATEWAY_PORT}",
        folder=home / "gateway",
        run=home / "run",
        certificate=tls.folder(home) / "server.pem",
        keys=tokens.public_key_files(),
        issuer=settings.LAUNCHPAD_URL,
        audience=tokens.AUDIENCE,
    )


def command() -> list[str]:
    """Return how HAProxy is started: in the foreground, a master that can change its worker without a gap."""
    here = place()
    return [haproxy.program(), "-W", "-db", "-S", f"{here.master_socket},mode,600", "-f", str(here.config)]


def ensure_config() -> None:
    """Write the files of the present database, before the gateway is started."""
    with _locked():
        _write(_rendered())


def apply() -> None:
    """Make the running gateway equal to the database as it is now. Cheap when it is already.

    The table is read under the lock: of two callers the later one sees what the earlier one saw, and more.

    Raises:
        GatewayUnavailable: it does not answer; the files are right, and the next call tries again.
        GatewayRejected: it refuses the configuration and goes on with the one before.
    """
    with _locked():
        wanted = _rendered()
        here = place()
        before = _read()
        pending = here.folder / "pending"
        if wanted == before and not pending.exists():
            return
        pending.touch()
        _write(wanted)
        if before is None or wanted.config != before.config:
            _reload(here, before)
        else:
            for name, after in wanted.maps.items():
                haproxy.change_map(here.stats_socket, here.map(name), before.maps[name], after)
        pending.unlink()


def is_alive() -> bool:
    """Return whether the gateway answers on its control socket."""
    try:
        return bool(haproxy.ask(place().stats_socket, "show info"))
    except GatewayUnavailable:
        return False


def in_flight(deployment_id: str, generation: int) -> int | None:
    """Return how many requests are open to a generation, None when that cannot be seen now."""
    try:
        return haproxy.open_requests(place().master_socket, table.backend_name(deployment_id, generation))
    except GatewayUnavailable:
        return None


def prove(
    deployment_id: str,
    generation: int,
    *,
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout: float,
) -> Proof:
    """Send one real request the whole way: TLS, token, route, server.

    Args:
        generation: the one to ask, whether or not public traffic goes to it.
        path: below the deployment's URL.
        timeout: seconds.
    """
    home = Path(settings.LAUNCHPAD_HOME)
    token = tokens.issue(
        subject="launchpad", resource_groups=None, role="editor", lifetime_seconds=PROBE_LIFETIME, probe=True
    )
    sent = {**headers, "Authorization": f"Bearer {token}", GENERATION_HEADER: str(generation), "Connection": "close"}
    began = time.monotonic()
    pool = urllib3.HTTPSConnectionPool(
        _local_address(),
        settings.LAUNCHPAD_GATEWAY_PORT,
        ca_certs=None if settings.LAUNCHPAD_TLS_CERT else str(tls.folder(home) / "ca.pem"),
        server_hostname=settings.LAUNCHPAD_GATEWAY_HOST,
        assert_hostname=settings.LAUNCHPAD_GATEWAY_HOST,
        retries=False,
        timeout=timeout,
    )
    with pool:
        try:
            answer = pool.request(method, f"{PREFIX}{deployment_id}{path}", body=body, headers=sent)
        except urllib3.exceptions.TimeoutError:
            return Proof(
                ok=False, status=0, latency_seconds=timeout, message=f"It did not answer within {timeout:g} s."
            )
        except urllib3.exceptions.HTTPError as error:
            return Proof(ok=False, status=0, latency_seconds=time.monotonic() - began, message=_sentence(error))
    latency = time.monotonic() - began
    if 200 <= answer.status < 300:
        return Proof(ok=True, status=answer.status, latency_seconds=latency)
    text = answer.data[:300].decode(errors="replace").strip()
    message = f"{method} {path} was answered with {answer.status}: {text}" if text else f"It answered {answer.status}."
    return Proof(ok=False, status=answer.status, latency_seconds=latency, message=message)


def _local_address() -> str:
    bind: str = settings.LAUNCHPAD_GATEWAY_BIND
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104


def _sentence(error: Exception) -> str:
    return f"The gateway could not be asked: {error}."


@dataclass(frozen=True, kw_only=True)
class _Files:
    """All that the gateway reads."""

    config: str
    maps: dict[str, dict[str, str]]


def _rendered() -> _Files:
    wanted = table.load()
    revoked = ServiceKey.objects.exclude(revoked_at=None).values_list("client_id", flat=True)
    return _Files(config=render_config(wanted, place()), maps=render_maps(wanted, revoked))


def _read() -> _Files | None:
    """Return what is on disk, None when that is not all there."""
    here = place()
    try:
        return _Files(
            config=here.config.read_text(),
            maps=json.loads((here.folder / "maps.json").read_text()),
        )
    except FileNotFoundError:
        return None


def _write(files: _Files) -> None:
    here = place()
    for name, entries in files.maps.items():
        _put(here.map(name), "".join(f"{key} {value}\n" for key, value in sorted(entries.items())))
    _put(here.config, files.config)
    _put(here.folder / "maps.json", json.dumps(files.maps))


def _put(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _reload(here: Place, before: _Files | None) -> None:
    try:
        haproxy.reload(here.master_socket)
    except GatewayRejected:
        if before is not None:
            _write(before)  # a gateway that is started again must find what it can work with
        raise


@contextmanager
def _locked() -> Iterator[None]:
    """Let one caller at a time change the gateway, over all processes."""
    folder = place().folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
