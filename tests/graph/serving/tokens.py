"""Keys of every family, and tokens that they sign."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

NOW = 1_800_000_000
SECRET = "a shared secret of no less than sixty-four bytes, since HS512 wants that many"
_RSA: Callable[[], Any] = functools.partial(rsa.generate_private_key, 65_537, 2_048)
_FAMILIES: Mapping[str, Callable[[], Any]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), _RSA),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ES256K": lambda: ec.generate_private_key(ec.SECP256K1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
    "HS256": lambda: SECRET,
    "HS384": lambda: SECRET,
    "HS512": lambda: SECRET,
}
FAMILIES = tuple(_FAMILIES)


def private(family: str, number: int = 0) -> Any:
    """Give a key to sign with; another one for each number. RSA keys are slow to make, and shared by their families."""
    return _made("RS256" if family[:2] in ("RS", "PS") else family, number)


@functools.cache
def _made(family: str, number: int) -> Any:
    return _FAMILIES[family]()


def pem(key: Any) -> str:
    """Give the public key as PEM; a shared secret as it is."""
    if isinstance(key, str):
        return key
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def private_pem(key: Any) -> str:
    """Give the private key as PEM."""
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def jwk(family: str, number: int = 0, **more: Any) -> dict[str, Any]:
    """Give the public key as a JWK, with more members or others."""
    key = private(family, number)
    if isinstance(key, str):
        return {"kty": "oct", "k": base64.urlsafe_b64encode(key.encode()).decode().rstrip("="), **more}
    algorithm = jwt.get_algorithm_by_name(_algorithm(family))
    made: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    made.pop("key_ops", None)
    return {**made, **more}


def sign(family: str, number: int = 0, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """Give a token that is good for an hour after NOW, unless its claims say otherwise; None leaves a claim out."""
    told = {"sub": "ada", "exp": NOW + 3_600, **claims}
    payload = {name: value for name, value in told.items() if value is not None}
    return sign_bytes(json.dumps(payload).encode(), family, number, headers)


def sign_bytes(payload: bytes, family: str, number: int = 0, headers: dict[str, Any] | None = None) -> str:
    """Give a token of any payload."""
    header = {"typ": "JWT", "alg": _algorithm(family), **(headers or {})}
    return signed(
        f"{_encoded(json.dumps(header).encode())}.{_encoded(payload)}", private(family, number), header["alg"]
    )


def signed(text: str, key: Any, algorithm: str) -> str:
    """Give a token of any header and payload."""
    made = jwt.get_algorithm_by_name(algorithm)
    signature = made.sign(text.encode(), key if isinstance(key, bytes) else made.prepare_key(key))
    return f"{text}.{_encoded(signature)}"


def _algorithm(family: str) -> str:
    return "EdDSA" if family == "Ed448" else family


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")
