"""Certificates made for a test, and servers that show them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

NOW = dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, folder: Path, name: str, password: str | None = None) -> tuple[str, str]:
        """Write both as PEM; give their paths."""
        locked: KeySerializationEncryption = NoEncryption()
        if password is not None:
            locked = BestAvailableEncryption(password.encode())
        (folder / f"{name}.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        (folder / f"{name}.key").write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
        return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


@cache
def authority(name: str = "Weft's tests") -> Pair:
    """Give a certificate that vouches for others; none that this machine trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Pair(_sign(name, key, name, key, [x509.BasicConstraints(ca=True, path_length=None)]), key)


def issued(by: Pair, host: str = "127.0.0.1", *, days: int = 1) -> Pair:
    """Give a certificate for a host; with less than 0 days, one that is over."""
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    parts = [x509.SubjectAlternativeName([name]), x509.BasicConstraints(ca=False, path_length=None)]
    issuer = by.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return Pair(_sign(host, key, str(issuer), by.key, parts, days), key)


def _sign(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    extensions: list[x509.ExtensionType],
    days: int = 1,
) -> x509.Certificate:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=3))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    if any(isinstance(extension, x509.BasicConstraints) and extension.ca for extension in extensions):
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(by, hashes.SHA256())


def server_context(folder: Path, pair: Pair, clients_of: Pair | None = None) -> ssl.SSLContext:
    """Give a server's side of TLS, which asks clients for a certificate where somebody is to vouch for them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(folder, "server"))
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients_of.certificate.public_bytes(Encoding.DER))
    return context
