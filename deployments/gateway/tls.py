"""The gateway's certificate: one that was given, or one of a certificate authority of our own, made at first start."""

from __future__ import annotations

import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

CA_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=397)  # the most that clients accept of a server
RENEWED_BEFORE = timedelta(days=30)


def folder(home: Path) -> Path:
    """Return where certificates are kept."""
    return home / "tls"


def ensure(home: Path) -> None:
    """Make what is missing and renew what ends soon: `ca.pem` (public), `server.pem` (certificate and key, 0600)."""
    place = folder(home)
    place.mkdir(parents=True, exist_ok=True)
    if settings.LAUNCHPAD_TLS_CERT:
        given = Path(settings.LAUNCHPAD_TLS_CERT).read_bytes() + b"\n" + Path(settings.LAUNCHPAD_TLS_KEY).read_bytes()
        if not (place / "server.pem").exists() or (place / "server.pem").read_bytes() != given:
            _write(place / "server.pem", given, 0o600)
        return
    if not (place / "ca.pem").exists() or not (place / "ca.key").exists():
        _make_authority(place)
    names = _names()
    if not _is_good(place / "server.pem", names):
        _make_server(place, names)


def _names() -> list[str]:
    own = {"localhost", "127.0.0.1", "::1", socket.gethostname(), settings.LAUNCHPAD_GATEWAY_HOST}
    return sorted(name for name in own if name)


def _is_good(path: Path, names: list[str]) -> bool:
    """Whether the certificate lasts, carries the names, and is of the authority that is there."""
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    authority = x509.load_pem_x509_certificate(path.with_name("ca.pem").read_bytes())
    carried = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        certificate.not_valid_after_utc - datetime.now(UTC) > RENEWED_BEFORE
        and {str(name.value) for name in carried} >= set(names)
        and certificate.issuer == authority.subject
    )


def _make_authority(place: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Launchpad local authority {serial:x}"[:60])])
    certificate = (
        _builder(name, name, CA_LIFETIME, serial)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(place / "ca.key", _pem(key), 0o600)
    _write(place / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _make_server(place: Path, names: list[str]) -> None:
    authority = x509.load_pem_x509_certificate((place / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((place / "ca.key").read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{place / 'ca.key'} holds no elliptic-curve key; delete it together with ca.pem.")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, settings.LAUNCHPAD_GATEWAY_HOST[:60])])
    certificate = (
        _builder(subject, authority.subject, LIFETIME, x509.random_serial_number())
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _write(place / "server.pem", certificate.public_bytes(serialization.Encoding.PEM) + _pem(key), 0o600)


def _builder(subject: x509.Name, issuer: x509.Name, lifetime: timedelta, serial: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(serial)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + lifetime)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
