"""Certificates of a crew: an authority of vampd's own, by which its parts know each other.

Whoever has one of them has programs run as the owner of the nights, so that none comes from an
authority that others use, and keys are the owner's alone.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vampd.errors import UsageError

AUTHORITY = "ca"
_AUTHORITY_DAYS = 3650
_SECRET, _PUBLIC = 0o600, 0o644
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")


def make_authority(folder: Path, now: datetime) -> bool:
    """Make ``ca.pem`` and ``ca.key`` in this folder; False if they are there. OSError."""
    if (folder / f"{AUTHORITY}.key").exists():
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("vampd crew")
    certificate = (
        _begin(name, key, name, now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(folder, AUTHORITY, key, certificate)
    return True


def make_certificate(folder: Path, host: str, days: int, now: datetime) -> datetime:
    """Make ``HOST.pem`` and ``HOST.key`` by the authority in this folder; the end of it.

    UsageError ``no_host`` for what is no name, ``certificate_exists`` for a key that is there,
    ``authority_unreadable`` for an authority that is none. OSError.
    """
    if not _NAME.fullmatch(host) or host == AUTHORITY:
        raise UsageError("no_host", f"expected the name of a host, found {host!r}")
    if (folder / f"{host}.key").exists():
        raise UsageError(
            "certificate_exists",
            f"{folder / host}.key is there already: remove it, and {host}.pem, to make them anew",
        )
    authority, authority_key = _read_authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _begin(_name(host), key, authority.subject, now, days)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(folder, host, key, certificate)
    return certificate.not_valid_after_utc


def _read_authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    path = folder / f"{AUTHORITY}.key"
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"a key of another kind: {type(key).__name__}")
        path = folder / f"{AUTHORITY}.pem"
        return x509.load_pem_x509_certificate(path.read_bytes()), key
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "authority_unreadable",
            f"{path} is not of an authority that was made here: put back what was, or name another"
            f" folder ({str(error).partition('. ')[0]})",
        ) from error


def end_of_certificate(path: Path) -> datetime:
    """Until when a certificate is good. OSError; ValueError for what is none."""
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc


def _begin(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of a crew may differ by a day.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(
    folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, content, mode in (
        (folder / f"{name}.pem", certificate.public_bytes(encoding), _PUBLIC),
        (folder / f"{name}.key", secret, _SECRET),
    ):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(content)


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)
