"""The keys that tokens are signed with, and which algorithms each of them may verify.

Theory of operation. The key decides the algorithm, never the token (RFC 8725, 3.1). What a key can verify follows from
what it is, once, when it is read: an RSA key has the algorithms of RSA, a curve has the one that is made for it, and a
shared secret those of HMAC whose hash is no longer than the secret (RFC 7518, 3.2). A JWK that names an algorithm has
that one only, and none at all where its type has it not. An author's own list makes this less, never more. `none` is in
no list. So a public key is never a secret: there is no way from one kind to the other.

Of a JWK only the public members are looked at. One that is not for verifying signatures, is too weak, or is broken is
left out, as the keys of next year's kinds are that stand beside today's.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_HMAC = {"HS256": 32, "HS384": 48, "HS512": 64}  # bytes that a secret must have
_CURVES = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("EC", "secp256k1"): ("ES256K",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
_CURVES_OF_PEM = {
    "secp256r1": ("ES256",),
    "secp384r1": ("ES384",),
    "secp521r1": ("ES512",),
    "secp256k1": ("ES256K",),
}
ALGORITHMS = frozenset({*_RSA, *_HMAC, *(name for names in _CURVES.values() for name in names)})
_PUBLIC = ("kty", "n", "e", "crv", "x", "y")
_LEAST_RSA_BITS, _MOST_RSA_BITS = 2_048, 8_192
_MOST_KEYS = 100
_MOST_TRIED = 8
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


class _JwkSet(msgspec.Struct):
    keys: list[Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Args:
        id: what tokens call it; None where it has no name.
        algorithms: what it verifies.
        told: what it is made of, by which two keys are the same.
        material: as pyjwt takes it.
    """

    id: str | None
    algorithms: frozenset[str]
    told: bytes = field(repr=False)
    material: Any = field(repr=False, compare=False)


def fitting(keys: Sequence[Key], key_id: str | None, algorithm: str) -> list[Key]:
    """Give the keys that a token may have been signed with.

    A key without a name fits whatever a token calls it. A token that names no key fits one with a name only where
    there is no second (OpenID Connect, 10.1): else each bad token would cost as many checks as there are keys.
    """
    able = [key for key in keys if algorithm in key.algorithms]
    if key_id is not None:
        return [key for key in able if key.id in (key_id, None)][:_MOST_TRIED]
    named = [key for key in able if key.id is not None]
    return able[:_MOST_TRIED] if len(named) < 2 else [key for key in able if key.id is None][:_MOST_TRIED]


def read_set(body: bytes, allowed: Collection[str]) -> tuple[Key, ...]:
    """Give the keys of a JWK set that is public; those that cannot be used, secrets among them, are left out.

    Raises:
        ValueError: it is none.
    """
    try:
        found = msgspec.json.decode(body, type=_JwkSet).keys
    except (msgspec.DecodeError, RecursionError, ValueError) as exc:
        raise ValueError("no JWK set") from exc
    if len(found) > _MOST_KEYS:
        raise ValueError(f"a JWK set of more than {_MOST_KEYS} keys")
    keys = []
    for told in found:
        try:
            keys.append(_of_jwk(told, allowed))
        except ValueError:
            continue
    return tuple(keys)


def read_keys(text: str | bytes, allowed: Collection[str]) -> list[Key]:
    """Give the keys that an author names: public keys as PEM, a JWK or a set of them, else a shared secret.

    Raises:
        ValueError: a key cannot be used; the message says why, and nothing of the key.
    """
    written = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if "-----BEGIN" in written:
        blocks = [(found[1], found[0]) for found in _PEM.finditer(written)]
        if not blocks:
            raise ValueError("it begins like PEM, and does not end so")
        return [_of_pem(label, block, allowed) for label, block in blocks]
    if written.lstrip()[:1] == "{":
        try:
            read = msgspec.json.decode(written)
        except (msgspec.DecodeError, RecursionError, ValueError):
            read = None
        listed = read.get("keys", [read]) if isinstance(read, dict) else None
        if not isinstance(listed, list) or not listed or len(listed) > _MOST_KEYS:
            raise ValueError("it is no JWK, and no set of them")
        return [_of_jwk(told, allowed, mine=True) for told in listed]
    return [_of_secret(text.encode() if isinstance(text, str) else text, None, allowed)]


def _of_secret(secret: bytes, key_id: str | None, allowed: Collection[str]) -> Key:
    if not secret.strip():
        raise ValueError("the key is empty")
    if not _may_be_secret(secret):
        raise ValueError("a public key or a certificate is no shared secret: give it as PEM or JWK")
    wanted = {name: least for name, least in _HMAC.items() if name in allowed}
    able = frozenset(name for name, least in wanted.items() if len(secret) >= least)
    if not wanted:
        raise ValueError("a shared secret verifies HS256, HS384 and HS512 only")
    if not able:
        least = min(wanted.values())
        raise ValueError(f"a shared secret needs {least} bytes or more, and this one has {len(secret)}")
    return Key(key_id, able, secret, secret)


def _may_be_secret(secret: bytes) -> bool:
    """Tell whether a text is not a key of another kind, whoever knows that could sign tokens of his own with it."""
    texts = [secret, secret.strip()]
    with contextlib.suppress(ValueError):  # PEM without its first and last line, as some issuers show their keys
        texts.append(base64.b64decode(b"".join(secret.split()), validate=True))
    try:
        for text in filter(None, texts):
            jwt.get_algorithm_by_name("HS256").prepare_key(text)  # which knows what keys of other kinds look like
    except (jwt.PyJWTError, ValueError):
        return False
    return True


def _of_pem(label: str, block: str, allowed: Collection[str]) -> Key:
    if "PRIVATE" in label:
        raise ValueError("it is a private key, which belongs to the issuer alone: give the public one")
    if label not in ("PUBLIC KEY", "RSA PUBLIC KEY"):
        raise ValueError(f"it holds a {label.lower()}, and no public key")
    try:
        material = load_pem_public_key(block.encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ValueError("its PEM holds no public key") from exc
    return _usable(None, material, block.encode(), None, allowed)


def _of_jwk(told: Any, allowed: Collection[str], *, mine: bool = False) -> Key:
    """Read a JWK.

    Args:
        mine: whether it is the author's own, which may be a secret.
    """
    if not isinstance(told, dict):
        raise ValueError("a JWK is a JSON object")
    key_id, use, operations = told.get("kid"), told.get("use"), told.get("key_ops")
    if key_id is not None and not isinstance(key_id, str):
        raise ValueError("the kid of a JWK is a text")
    if use not in (None, "sig") or not (operations is None or _names_verify(operations)):
        raise ValueError("a JWK is not for verifying signatures")
    if told.get("kty") == "oct":
        return _of_oct(told, key_id, allowed, mine=mine)
    if mine and "d" in told:
        raise ValueError("a JWK is a private key, which belongs to the issuer alone: give the public one")
    public = {name: told[name] for name in _PUBLIC if name in told}
    able = _algorithms_of(public)
    if not able:
        raise ValueError("a JWK is of a kind that verifies no JWT")
    try:
        material = jwt.PyJWK(public, able[0]).key
    except (jwt.PyJWTError, ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ValueError("a JWK is no key") from exc
    return _usable(key_id, material, msgspec.json.encode(public, order="sorted"), told.get("alg"), allowed)


def _of_oct(told: Mapping[str, Any], key_id: str | None, allowed: Collection[str], *, mine: bool) -> Key:
    if not mine:
        raise ValueError("a JWK set that everybody may read holds no secret")
    try:
        secret = jwt.algorithms.HMACAlgorithm.from_jwk(dict(told))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as exc:
        raise ValueError("a JWK is no secret") from exc
    named = told.get("alg")
    return _of_secret(secret, key_id, allowed if named is None else {named} & {*allowed})


def _names_verify(operations: Any) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _algorithms_of(public: Mapping[str, Any]) -> tuple[str, ...]:
    kind, curve = public.get("kty"), public.get("crv")
    if kind == "RSA":
        return _RSA
    return _CURVES.get((kind, curve), ()) if isinstance(kind, str) and isinstance(curve, str) else ()


def _usable(key_id: str | None, material: Any, told: bytes, named: object, allowed: Collection[str]) -> Key:
    able: Collection[str] = ()
    if isinstance(material, rsa.RSAPublicKey):
        if not _LEAST_RSA_BITS <= material.key_size <= _MOST_RSA_BITS:
            wanted = f"from {_LEAST_RSA_BITS} to {_MOST_RSA_BITS} bits"
            raise ValueError(f"an RSA key has {material.key_size} bits, and must have {wanted}")
        able = _RSA
    elif isinstance(material, ec.EllipticCurvePublicKey):
        able = _CURVES_OF_PEM.get(material.curve.name, ())
    elif isinstance(material, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        able = ("EdDSA",)
    if not able:
        raise ValueError("it is of a kind that verifies no JWT")
    chosen = frozenset(name for name in able if name in allowed and named in (None, name))
    if not chosen:
        shown = ", ".join(able)
        raise ValueError(f"the algorithms that are allowed are none of its own: {shown}")
    return Key(key_id, chosen, told, material)
