"""The local authority, its certificate and the keys of tokens: replaced when they do not count or cannot be read."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deployments.auth import tokens
from deployments.gateway import endpoint, sync, tls
from deployments.gateway.routing_table import RoutingTable
from tests.gateway.running import Gateway, ModelServer, access_token, routed
from tests.waiting import wait_until

NAMES = ["localhost", "launchpad.example"]


class _Clock(datetime):
    """A clock that is wrong by `ahead`."""

    ahead = timedelta(0)

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + cls.ahead


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the clock that certificates are made by."""

    def move(ahead: timedelta) -> None:
        monkeypatch.setattr(_Clock, "ahead", ahead)

    monkeypatch.setattr(tls, "datetime", _Clock)
    return move


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _is_good(folder: Path) -> bool:
    """Whether both certificates count now, belong together and OpenSSL takes them with the key."""
    authority, certificate = _read(folder / "ca.pem"), _read(folder / "gateway.pem")
    certificate.verify_directly_issued_by(authority)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(folder / "gateway.pem")
    now = datetime.now(UTC)
    return all(one.not_valid_before_utc <= now < one.not_valid_after_utc for one in (authority, certificate))


@pytest.mark.parametrize("ahead", [timedelta(days=800), timedelta(days=-800), timedelta(days=4000)])
def test_certificates_of_a_start_with_a_wrong_clock_are_made_anew(
    tmp_path: Path, at: Callable[[timedelta], None], ahead: timedelta
) -> None:
    at(ahead)
    before = tls.ensure_certificate(tmp_path, names=NAMES)
    at(timedelta(0))
    after = tls.ensure_certificate(tmp_path, names=NAMES)
    assert after.fingerprint != before.fingerprint
    assert _is_good(tmp_path)
    assert tls.ensure_certificate(tmp_path, names=NAMES) == after


def test_a_certificate_does_not_outlive_its_authority(tmp_path: Path, at: Callable[[timedelta], None]) -> None:
    at(timedelta(days=-3650 + 20))
    tls.ensure_certificate(tmp_path, names=NAMES)  # its authority ends in 20 days
    at(timedelta(days=-100))
    tls.ensure_certificate(tmp_path, names=NAMES)  # ends in 297 days
    at(timedelta(0))
    tls.ensure_certificate(tmp_path, names=NAMES)
    left = _read(tmp_path / "ca.pem").not_valid_after_utc - datetime.now(UTC)
    assert left > timedelta(days=3000)
    assert _is_good(tmp_path)


NO_CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("name", ["gateway.pem", "ca.pem", "ca.key"])
@pytest.mark.parametrize("content", [b"", b"\x00\xff", NO_CERTIFICATE])
def test_a_damaged_file_counts_as_not_there(tmp_path: Path, name: str, content: bytes) -> None:
    tls.ensure_certificate(tmp_path, names=NAMES)
    (tmp_path / name).write_bytes(content)
    tls.ensure_certificate(tmp_path, names=[*NAMES, "another.example"])
    assert _is_good(tmp_path)


def test_the_key_of_another_certificate_is_noticed(tmp_path: Path) -> None:
    tls.ensure_certificate(tmp_path / "one", names=NAMES)
    tls.ensure_certificate(tmp_path / "two", names=NAMES)
    key = (tmp_path / "two" / "gateway.pem").read_bytes().partition(b"-----BEGIN PRIVATE KEY-----")
    path = tmp_path / "one" / "gateway.pem"
    path.write_bytes(path.read_bytes().partition(b"-----BEGIN PRIVATE KEY-----")[0] + key[1] + key[2])
    tls.ensure_certificate(tmp_path / "one", names=NAMES)
    assert _is_good(tmp_path / "one")


def test_a_certificate_that_ends_is_renewed_while_the_gateway_runs(
    home: Path,
    at: Callable[[timedelta], None],
    model_server: Callable[..., ModelServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "CERTIFICATE_CHECK_INTERVAL", 0.0)
    at(timedelta(days=-380))
    gateway = Gateway()
    gateway.start()
    table = routed(1, model_server("one").server())
    sync.apply(table)
    with gateway.connection() as before:
        shown = before.getpeercert()
    at(timedelta(0))
    sync.apply(RoutingTable(backends=table.backends, routes=table.routes))

    def is_new() -> bool:
        with gateway.connection() as connection:
            return connection.getpeercert() != shown

    wait_until(is_new, what="the new certificate is shown")
    assert gateway.ask().status == 200
    gateway.close()


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\xff", b'{"keys": [{"kid": "none"}]}'])
def test_damaged_keys_of_tokens_are_replaced(home: Path, content: bytes) -> None:
    tokens.ensure_key()
    (home / "tokens" / "keys.json").write_bytes(content)
    assert tokens.verify(access_token()).subject == "tester"


def test_a_damaged_public_key_is_written_anew_for_the_gateway(
    gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    table = routed(1, model_server("one").server())
    sync.apply(table)
    gateway.kill()
    for path in (gateway.home / "tokens").glob("*.pub.pem"):
        path.write_bytes(b"\x00")
    gateway.start()
    assert gateway.ask().status == 200


def test_a_key_from_the_future_signs_when_there_is_no_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    tokens.ensure_key()
    monkeypatch.setattr(time, "time", lambda: now)
    assert tokens.verify(access_token()).subject == "tester"
