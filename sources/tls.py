"""TLS to one backend: who else may vouch for it, and by which certificate the gateway shows who it is itself.

A backend's certificate is always verified, its name included; there is no switch that turns this off. The files are
read when a source first speaks, and anew when the process starts again.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Any

from sources.errors import DeclarationError
from sources.secret import Secret, lacking

Path = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Certificates for one backend, as files in PEM: ``Tls(ca="ca.pem", cert="weft.pem", key="weft.key")``.

    Args:
        ca: certificates that are trusted besides those that this machine trusts.
        cert: the gateway's own certificate, with those that lead to a root where there are any.
        key: its private key; None where it is in the same file.
        password_env: environment variable with the password of the key; `password_file` is the file that holds it.

    Raises:
        DeclarationError: what is given says nothing, or only a half.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    password_env: str | None = None
    password_file: str | None = None

    def __post_init__(self) -> None:
        if self.ca is None and self.cert is None:
            raise DeclarationError("Tls: give ca=, cert=, or both")
        if self.cert is None and (self.key or self.password_env or self.password_file):
            raise DeclarationError("Tls: a key needs cert=, the certificate that it is the key of")
        if self.password_env is not None and self.password_file is not None:
            raise DeclarationError("Tls: give either password_env= or password_file=")

    def missing(self) -> list[str]:
        """Give what is wrong with the files, a sentence each."""
        if (password := self._secret()) is not None and (names := password.missing()):
            return [f"tls: {lacking(name)}" for name in names]
        found = []
        for check in (self.authorities, self.identity):
            try:
                check()
            except DeclarationError as exc:
                found.append(str(exc))
        return found

    def authorities(self) -> list[bytes]:
        """Give the certificates of `ca`, each as DER.

        Raises:
            DeclarationError: the file is not there, or holds none.
        """
        from cryptography.hazmat.primitives.serialization import Encoding

        return [] if self.ca is None else [found.public_bytes(Encoding.DER) for found in _certificates(self.ca)]

    def identity(self) -> bytes:
        """Give the gateway's key and certificates as PEM, in clear; nothing where it has none.

        Raises:
            DeclarationError: a file is not there, holds something else, or the key is not the certificate's.
        """
        if self.cert is None:
            return b""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key, certificates = self._key(), _certificates(self.cert)
        if key.public_key() != certificates[0].public_key():
            raise DeclarationError(f"tls: {self.key or self.cert} is not the key of {self.cert}")
        clear: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return clear + b"".join(found.public_bytes(Encoding.PEM) for found in certificates)

    def context(self) -> ssl.SSLContext:
        """Give the same for Python's own TLS.

        Raises:
            DeclarationError: something is wrong with a file.
        """
        context = ssl.create_default_context()
        if authorities := self.authorities():
            context.load_verify_locations(cadata=b"".join(authorities))
        if self.cert is not None and self.identity():
            password = self._secret()
            # A function in any case: without one, OpenSSL would ask whoever sits at the terminal.
            context.load_cert_chain(self.cert, self.key, lambda: password.read() if password is not None else "")
        return context

    def _secret(self) -> Secret | None:
        if self.password_env is None and self.password_file is None:
            return None
        return Secret(None, self.password_env, "Tls", self.password_file)

    def _key(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        path = self.key or self.cert or ""
        content, password = _read(path), self._secret()
        try:
            return load_pem_private_key(content, None if password is None else password.read().encode())
        except TypeError as exc:
            hint = "has no password" if password is not None else "has a password: give password_env= or password_file="
            raise DeclarationError(f"tls: the key in {path} {hint}") from exc
        except Exception as exc:  # the library names what it meets in many ways
            what = "holds no private key in PEM" if password is None else "holds no private key that the password opens"
            raise DeclarationError(f"tls: {path} {what}") from exc


def _certificates(path: Path) -> list[Any]:
    from cryptography.x509 import load_pem_x509_certificates

    content = _read(path)
    try:
        return list(load_pem_x509_certificates(content))
    except ValueError as exc:
        raise DeclarationError(f"tls: {path} holds no certificate in PEM") from exc


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1_000_000)
    except (OSError, ValueError) as exc:
        raise DeclarationError(f"tls: the file {path} is not there or cannot be read") from exc
