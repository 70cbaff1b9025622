"""The gateway's certificate: from the settings, or issued by a local authority that is created at the first start.

The authority's certificate is `LAUNCHPAD_HOME/tls/ca.pem`, for clients; its key is only in `ca.key`. HAProxy
reads `gateway.pem`: certificate, chain and key in one file.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from deployments.errors import GatewayRejected
from deployments.storage.files import locked, write

AUTHORITY_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=397)  # the longest that every client accepts
RENEW_BEFORE_EXPIRY = timedelta(days=30)
CLOCK_SLACK = timedelta(hours=1)  # for clients whose clock is behind
DEFAULT_NAMES = ("localhost", "127.0.0.1", "::1")
UNSPECIFIED_ADDRESSES = ("", "*", "0.0.0.0", "::")  # noqa: S104  compared with, not bound to


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The certificate that the gateway presents to its clients.

    Args:
        path: PEM file for HAProxy.
        fingerprint: SHA-256 of that file's content.
        trusted: PEM file that clients verify it with.
    """

    path: Path
    fingerprint: str
    trusted: Path


def folder(home: Path) -> Path:
    """Return the folder of certificates and keys."""
    return home / "tls"


def ensure(home: Path) -> Certificate:
    """Return the certificate for the settings, issued or renewed if necessary.

    Raises:
        GatewayRejected: the files of the settings cannot be used.
    """
    bind = settings.LAUNCHPAD_GATEWAY_BIND.strip("[]")
    names = [settings.LAUNCHPAD_GATEWAY_HOST, socket.gethostname(), *([] if bind in UNSPECIFIED_ADDRESSES else [bind])]
    given = (settings.LAUNCHPAD_TLS_CERT, settings.LAUNCHPAD_TLS_KEY)
    return ensure_certificate(folder(home), names=names, given=given if all(given) else None)


def ensure_certificate(folder: Path, *, names: Sequence[str], given: tuple[str, str] | None = None) -> Certificate:
    """Return a certificate that is valid for at least RENEW_BEFORE_EXPIRY, issued or renewed if necessary.

    Args:
        folder: the folder to keep it in.
        names: host names and IP addresses that it is for, beside this machine's own.
        given: paths of a certificate (with its chain) of another authority and its key, which are used as they are.

    Raises:
        GatewayRejected: the given files cannot be read, or do not belong together.
    """
    with locked(folder / "lock"):
        folder.chmod(0o755)  # clients read ca.pem; the keys have their own modes
        if given is not None:
            return _from_settings(folder, *given)
        required = list(dict.fromkeys([*DEFAULT_NAMES, *names]))
        if not _is_good(folder / "gateway.pem", folder / "ca.pem", required):
            _issue(folder, required)
        return _certificate(folder / "gateway.pem", trusted=folder / "ca.pem")


def _from_settings(folder: Path, certificate: str, key: str) -> Certificate:
    path = folder / "given.pem"
    try:
        content = Path(certificate).read_bytes().rstrip() + b"\n" + Path(key).read_bytes()
        if not path.exists() or path.read_bytes() != content:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                certificate, key, password=_no_password
            )
            write(path, content)
    except (OSError, ssl.SSLError) as error:
        raise GatewayRejected(
            f"LAUNCHPAD_TLS_CERT and LAUNCHPAD_TLS_KEY cannot be used ({error}): name a PEM certificate and its key, "
            "which must not have a password."
        ) from error
    return _certificate(path, trusted=Path(certificate))


def _no_password() -> str:
    return ""  # without it OpenSSL would ask at the terminal


def _certificate(path: Path, *, trusted: Path) -> Certificate:
    return Certificate(path=path, fingerprint=hashlib.sha256(path.read_bytes()).hexdigest(), trusted=trusted)


def _is_good(path: Path, authority: Path, required: Sequence[str]) -> bool:
    """Whether the certificate exists, is from the current authority and for these names, and need not be renewed.

    A file that cannot be read is treated as missing.
    """
    try:
        content = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(content)
        issuer = x509.load_pem_x509_certificate(authority.read_bytes())
        certificate.verify_directly_issued_by(issuer)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = serialization.load_pem_private_key(content, password=None)
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        set(names) == {_general_name(name) for name in required}
        and key.public_key() == certificate.public_key()
        and all(_is_valid_for(one, RENEW_BEFORE_EXPIRY) for one in (certificate, issuer))
    )


def _is_valid_for(certificate: x509.Certificate, span: timedelta) -> bool:
    """Whether it is valid now and for `span`. One that starts in the future was issued while the clock was wrong."""
    now = datetime.now(UTC)
    return certificate.not_valid_before_utc <= now and certificate.not_valid_after_utc - now > span


def _issue(folder: Path, names: Sequence[str]) -> None:
    authority, authority_key = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    # A certificate must not outlive its authority; the authority is renewed before that matters.
    end = min(datetime.now(UTC) + LIFETIME, authority.not_valid_after_utc)
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Launchpad gateway")]), authority.subject, end)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(usage, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    write(folder / "gateway.pem", certificate.public_bytes(pem) + authority.public_bytes(pem) + _private_bytes(key))


def _authority(folder: Path) -> tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes]:
    """Return the local authority; a new one when there is none that can be used, or it expires too soon."""
    path, key_path = folder / "ca.pem", folder / "ca.key"
    try:
        current = x509.load_pem_x509_certificate(path.read_bytes())
        loaded = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        pass
    else:
        if (
            isinstance(loaded, ec.EllipticCurvePrivateKey)
            and loaded.public_key() == current.public_key()
            and _is_valid_for(current, RENEW_BEFORE_EXPIRY * 2)
        ):
            return current, loaded
    key = ec.generate_private_key(ec.SECP256R1())
    # The serial number in the name distinguishes two authorities of the same machine.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Launchpad local authority {_serial():x}"[:60])])
    usage = {"key_cert_sign": True, "crl_sign": True}
    certificate = (
        _builder(name, name, datetime.now(UTC) + AUTHORITY_LIFETIME)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**{**dict.fromkeys(_USAGES, False), **usage}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write(key_path, _private_bytes(key))
    write(path, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return certificate, key


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _builder(subject: x509.Name, issuer: x509.Name, end: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).serial_number(_serial())
    return builder.not_valid_before(datetime.now(UTC) - CLOCK_SLACK).not_valid_after(end)


def _serial() -> int:
    return x509.random_serial_number()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
