"""An API key: its text, which only its holder has, and the record by which it is known again.

A key is ``weft_<id>_<secret><checksum>``: 12 characters that name it and are no secret, 32 random ones (190 bits), and
6 that say whether all was copied as it was, so that typos are told without a look-up and scanners of repositories
recognise keys. Of the text only its SHA-256 is stored. A slow hash makes guesses expensive where people choose the
secret; against 190 random bits it would only cost each request a tenth of a second.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from graph.rates import Rate, rates_faults

_IDS = string.digits + string.ascii_lowercase
_SECRETS = string.digits + string.ascii_letters
_TEXT = re.compile(r"weft_([0-9a-z]{12})_[0-9A-Za-z]{38}")
_CHECKSUM = 6
_EXPECTED = (
    "a key has a name of one line and up to 200 characters, up to 100 scopes of visible ASCII characters without "
    "blanks, quotes and backslashes, and up to 20 rates, such as requests=100/60s, each with another name"
)

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
# A scope as OAuth 2 writes it (RFC 6749, 3.3): without blanks, which stand between scopes.
_Scope = Annotated[str, msgspec.Meta(pattern=r"\A[\x21\x23-\x5b\x5d-\x7e]+\Z", max_length=200)]


class ApiKeyRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is stored of a key. A member that is not known is refused: it may be a restriction.

    Args:
        hash: SHA-256 of the key's text, in hexadecimal.
        name: for people; it need not be distinct.
        expires: the first instant at which it is no longer good; None for never.
        revoked: since when it is not; None for a key that is.
        rates: its own rates, as `Rate.parse` reads them; without any, those of the graph.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-z]{12}\Z")]
    hash: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    name: Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f]*\Z", max_length=200)] = ""
    scopes: Annotated[tuple[_Scope, ...], msgspec.Meta(max_length=100)] = ()
    created: _Time
    expires: _Time | None = None
    revoked: _Time | None = None
    rates: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=200)], ...], msgspec.Meta(max_length=20)] = ()

    def __post_init__(self) -> None:
        if self.rates and (faults := rates_faults(self.own_rates())):
            raise ValueError("; ".join(faults))

    def own_rates(self) -> tuple[Rate, ...]:
        """Give its rates."""
        return tuple(map(Rate.parse, self.rates))

    def is_of(self, text: str) -> bool:
        """Tell whether this is the record of a key, in a time that does not depend on how much of it fits."""
        return hmac.compare_digest(_hashed(text), self.hash)

    def state(self, now: datetime) -> str:
        """Give how it stands: ``active``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


def new_key(
    *,
    created: datetime,
    name: str = "",
    scopes: Iterable[str] = (),
    expires: datetime | None = None,
    rates: Iterable[str] = (),
) -> tuple[str, ApiKeyRecord]:
    """Make a key; give its text, which is to be shown once, and its record.

    Raises:
        ValueError: a name, scope or rate is none that a record may hold.
    """
    id = _random(_IDS, 12)
    body = f"weft_{id}_{_random(_SECRETS, 32)}"
    text = body + _checksum(body)
    told = {"id": id, "hash": _hashed(text), "name": name, "created": created, "expires": expires}
    try:  # converted as if it had been read: what is written must be what can be read again
        record = msgspec.convert({**told, "scopes": tuple(scopes), "rates": tuple(rates)}, ApiKeyRecord)
    except msgspec.ValidationError as exc:
        raise ValueError(_EXPECTED) from exc
    return text, record


def id_of(text: str) -> str | None:
    """Give the id of a key; None for what is none, or was not copied as it was."""
    found = _TEXT.fullmatch(text)
    return found[1] if found is not None and text[-_CHECKSUM:] == _checksum(text[:-_CHECKSUM]) else None


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _checksum(body: str) -> str:
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, len(_SECRETS))
        digits = _SECRETS[digit] + digits
    return digits


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
