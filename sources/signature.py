"""How a backend proves that a delivery to a webhook is its own: keyed hashes as services make them, or a secret.

Secrets are read from the environment or from files when they are needed, are compared in constant time, and stand in
no `repr` and no message.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from sources.address import check_header_name
from sources.delivery import Delivery, Refused
from sources.errors import DeclarationError
from sources.secret import Secret, lacking

_DIGESTS = ("sha1", "sha256", "sha384", "sha512")
_REMEMBERED_S = 86_400.0
_STRIPE_SAMPLE = "evt_00000000000000"  # the id of what its dashboard sends to try an address out

Names = str | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """A keyed hash of the body in a header (RFC 2104); `GitHub` and `Shopify` are such.

    Slack's, for example, is ``Hmac(header="X-Slack-Signature", prefix="v0=", signed="v0:{timestamp}:{body}",
    timestamp="X-Slack-Request-Timestamp", env="SLACK_SECRET")``.

    Args:
        header: where the signature stands.
        env: the environment variable that holds the secret. Of several, one must be set, and any may have signed: so
            a secret is exchanged without losing a delivery.
        file: the file that holds it, or several, likewise; in place of `env` or besides.
        digest: ``sha256``, ``sha384``, ``sha512`` or ``sha1``.
        prefix: what stands before the signature.
        signed: what the signature covers: a text around ``{body}``, with ``{timestamp}`` and ``{id}``.
        timestamp: header with the time, in Unix seconds, milliseconds or as ISO 8601. Where `signed` does not cover
            it, anybody could change it, and it may be missing.
        delivery: header with the id of the delivery.
        kind: header with the kind of the event.
        tolerance_s: how far the time may lie in the past or future.
        distinct: whether the sender never sends the same body twice; then the same signature is a repetition,
            whatever its id says.
        trials: kinds of event that only try out whether the address answers.

    Raises:
        DeclarationError: something is not possible.
    """

    header: str
    env: Names = ()
    file: Names = ()
    digest: str = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp: str | None = None
    delivery: str | None = None
    kind: str | None = None
    tolerance_s: float = 300.0
    distinct: bool = False
    trials: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", _listed(self.env))
        object.__setattr__(self, "file", _listed(self.file))
        _check_places(self.env, self.file)
        object.__setattr__(self, "trials", tuple(self.trials))
        _check_headers(self.header, self.timestamp, self.delivery, self.kind)
        _check_tolerance(self.tolerance_s)
        if self.digest not in _DIGESTS:
            raise DeclarationError(f"digest={self.digest!r}: expected one of {', '.join(_DIGESTS)}")
        if self.encoding not in ("hex", "base64"):
            raise DeclarationError(f"encoding={self.encoding!r}: expected 'hex' or 'base64'")
        if self.signed.count("{body}") != 1:
            raise DeclarationError(f"signed={self.signed!r} does not hold {{body}} once")
        for name, header in (("timestamp", self.timestamp), ("id", self.delivery)):
            if f"{{{name}}}" in self.signed and header is None:
                raise DeclarationError(f"signed={self.signed!r}: no header is named that holds the {name}")

    @property
    def remembered_s(self) -> float:
        """Seconds for which the marks of a delivery are to be remembered."""
        return 2 * self.tolerance_s if self._covers_time else _REMEMBERED_S

    @property
    def names_kinds(self) -> bool:
        """Whether a delivery says of which kind its event is."""
        return self.kind is not None

    @property
    def _covers_time(self) -> bool:
        return "{timestamp}" in self.signed

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there."""
        return _missing(self.env, self.file)

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Delivery:
        """Give what a delivery says about itself, once it is known to be the backend's.

        Raises:
            Refused: it is not the backend's, too old, from the future, or lacks a header.
            DeclarationError: no secret is set.
        """
        given = _header(headers, self.header)
        if not given.startswith(self.prefix):
            raise Refused(f"the header {self.header} does not begin as a signature does")
        given = given[len(self.prefix) :]
        if self.encoding == "hex":
            given = given.lower()
        time = None if self.timestamp is None else headers.get(self.timestamp.lower())
        if time is None and self.timestamp is not None and self._covers_time:
            raise Refused(f"the header {self.timestamp} is missing")
        at = None if time is None else _instant(time)
        id = None if self.delivery is None else headers.get(self.delivery.lower())
        before, _, after = self.signed.partition("{body}")
        content = (_filled(before, time, id), body, _filled(after, time, id))
        sums = (_sum(secret, content, self.digest, self.encoding) for secret in _secrets(self.env, self.file))
        _check_sums(sums, [given])
        if at is not None:
            _check_time(at, now, self.tolerance_s)
        kind = None if self.kind is None else headers.get(self.kind.lower())
        is_sole = self.distinct or (self._covers_time and self.delivery is None)
        return Delivery(id=id, kind=kind, is_trial=kind in self.trials, proof=given if is_sole else None)


class GitHub(Hmac):
    """Deliveries of GitHub: ``GitHub(env="GITHUB_WEBHOOK_SECRET")``; the webhook's content type must be JSON.

    Kinds are those of ``X-GitHub-Event``. Its ``ping`` is answered and not published.
    """

    __slots__ = ()

    def __init__(self, *, env: Names = (), file: Names = ()) -> None:
        super().__init__(
            header="X-Hub-Signature-256",
            env=env,
            file=file,
            prefix="sha256=",
            delivery="X-GitHub-Delivery",
            kind="X-GitHub-Event",
            distinct=True,
            trials=("ping",),
        )


class Shopify(Hmac):
    """Deliveries of Shopify: ``Shopify(env="SHOPIFY_CLIENT_SECRET")``. Kinds are those of ``X-Shopify-Topic``.

    Shopify repeats a delivery for four hours, under the time at which it first happened.

    Args:
        tolerance_s: how long ago that may be.
    """

    __slots__ = ()

    def __init__(self, *, env: Names = (), file: Names = (), tolerance_s: float = 18_000.0) -> None:
        super().__init__(
            header="X-Shopify-Hmac-Sha256",
            env=env,
            file=file,
            encoding="base64",
            timestamp="X-Shopify-Triggered-At",
            delivery="X-Shopify-Webhook-Id",
            kind="X-Shopify-Topic",
            tolerance_s=tolerance_s,
            distinct=True,
        )


class _Said(msgspec.Struct):
    id: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripe:
    """Deliveries of Stripe: ``Stripe(env="STRIPE_WEBHOOK_SECRET")``. Kinds are the events' ``type``.

    Events of test mode are events: which mode an address serves is a matter of its secret. Only what tries out the
    address is not published: the dashboard's sample and ``v2.core.event_destination.ping``.

    Args:
        env: as of `Hmac`. While Stripe itself exchanges a secret, it signs with both.
        tolerance_s: how far the time of sending may lie in the past or future.

    Raises:
        DeclarationError: something is not possible.
    """

    env: Names = ()
    file: Names = ()
    tolerance_s: float = 300.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", _listed(self.env))
        object.__setattr__(self, "file", _listed(self.file))
        _check_places(self.env, self.file)
        _check_tolerance(self.tolerance_s)

    @property
    def remembered_s(self) -> float:
        """Seconds for which the marks of a delivery are to be remembered."""
        return 2 * self.tolerance_s

    @property
    def names_kinds(self) -> bool:
        """Whether a delivery says of which kind its event is."""
        return True

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there."""
        return _missing(self.env, self.file)

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Delivery:
        """Give what a delivery says about itself, once it is known to be the backend's.

        Raises:
            Refused: it is not the backend's, too old, from the future, or lacks a header.
            DeclarationError: no secret is set.
        """
        entries = [entry.strip().partition("=") for entry in _header(headers, "Stripe-Signature").split(",")]
        times = [value for name, _, value in entries if name == "t"]
        if len(times) != 1:
            raise Refused("the header Stripe-Signature does not hold one time", 400)
        at = _instant(times[0])
        content = (f"{times[0]}.".encode(), body)
        sums = (_sum(secret, content, "sha256", "hex") for secret in _secrets(self.env, self.file))
        _check_sums(sums, [value.lower() for name, _, value in entries if name == "v1"])
        _check_time(at, now, self.tolerance_s)
        try:
            said = msgspec.json.decode(body, type=_Said)
        except (msgspec.DecodeError, RecursionError, ValueError):
            said = _Said()
        is_trial = said.id == _STRIPE_SAMPLE or said.type == "v2.core.event_destination.ping"
        return Delivery(id=said.id, kind=said.type, is_trial=is_trial)


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """A secret that each delivery carries: ``SharedSecret("X-Gitlab-Token", env="GITLAB_TOKEN")``.

    It proves who sent a delivery, not that the body is whole or new: only over TLS, and only where a backend offers
    nothing better.

    Args:
        header: where it stands; in ``Authorization`` it is a bearer token (RFC 6750).
        env: as of `Hmac`.
        delivery: header with the id of the delivery.
        kind: header with the kind of the event.

    Raises:
        DeclarationError: something is not possible.
    """

    header: str = "X-Webhook-Token"
    env: Names = ()
    delivery: str | None = None
    kind: str | None = None
    file: Names = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", _listed(self.env))
        object.__setattr__(self, "file", _listed(self.file))
        _check_places(self.env, self.file)
        _check_headers(self.header, self.delivery, self.kind)

    @property
    def remembered_s(self) -> float:
        """Seconds for which the marks of a delivery are to be remembered."""
        return _REMEMBERED_S

    @property
    def names_kinds(self) -> bool:
        """Whether a delivery says of which kind its event is."""
        return self.kind is not None

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there."""
        return _missing(self.env, self.file)

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Delivery:
        """Give what a delivery says about itself, once it is known to be the backend's.

        Raises:
            Refused: it is not the backend's, or lacks a header.
            DeclarationError: no secret is set.
        """
        given = _header(headers, self.header)
        if self.header.lower() == "authorization":
            scheme, _, given = given.partition(" ")
            if scheme.lower() != "bearer":
                raise Refused("the header Authorization holds no bearer token")
        # Hashed, so that the time which comparing takes does not tell how long the secret is.
        hashed = hashlib.sha256(_bytes(given.strip())).digest()
        matches = [
            hmac.compare_digest(hashed, hashlib.sha256(secret).digest()) for secret in _secrets(self.env, self.file)
        ]
        if not any(matches):
            raise Refused("the secret is not the one that was agreed on")
        id = None if self.delivery is None else headers.get(self.delivery.lower())
        return Delivery(id=id, kind=None if self.kind is None else headers.get(self.kind.lower()))


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Deliveries that prove nothing: for networks in which nobody else can post."""

    remembered_s = 0.0
    names_kinds = False

    def missing(self) -> list[str]:
        """Give the environment variables that are needed and not set: none."""
        return []

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Delivery:
        """Take any delivery; of itself it says nothing."""
        return Delivery()


def _listed(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _check_places(env: Names, file: Names) -> None:
    if not (env or file) or not all((*env, *file)):
        raise DeclarationError("give env=, the environment variable that holds the secret, or file=, its file")


def _check_headers(*names: str | None) -> None:
    for name in names:
        if name is not None:
            check_header_name(name)


def _check_tolerance(tolerance_s: float) -> None:
    if not (math.isfinite(tolerance_s) and tolerance_s > 0):
        raise DeclarationError("tolerance_s is not a number of seconds above 0")


def _missing(env: Names, file: Names) -> list[str]:
    lacks = [secret.missing() for secret in _places(env, file)]
    return [] if not all(lacks) else lacks[0]


def _secrets(env: Names, file: Names) -> list[bytes]:
    found = [secret.read().encode() for secret in _places(env, file) if not secret.missing()]
    if not found:  # an empty secret would let in whoever knows that it is empty
        raise DeclarationError(lacking(_missing(env, file)[0]))
    return found


def _places(env: Names, file: Names) -> list[Secret]:
    return [
        *(Secret(None, name, "signature") for name in env),
        *(Secret(None, None, "signature", path) for path in file),
    ]


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower())
    if not value:
        raise Refused(f"the header {name} is missing")
    return value


def _bytes(text: str) -> bytes:
    """Give a header's text as it was sent; what no header can hold becomes what no secret is."""
    return text.encode("latin-1", "backslashreplace")


def _filled(template: str, time: str | None, id: str | None) -> bytes:
    # The id last: it is the client's, and could hold the other's place.
    return _bytes(template.replace("{timestamp}", time or "").replace("{id}", id or ""))


def _sum(secret: bytes, content: Iterable[bytes], digest: str, encoding: str) -> bytes:
    hashing = hmac.new(secret, digestmod=digest)
    for piece in content:
        hashing.update(piece)
    return hashing.hexdigest().encode() if encoding == "hex" else b64encode(hashing.digest())


def _check_sums(expected: Iterable[bytes], given: Sequence[str]) -> None:
    matches = [hmac.compare_digest(sum, _bytes(text)) for sum in expected for text in given]
    if not any(matches):
        raise Refused("the signature does not match")


def _check_time(at: float, now: float, tolerance_s: float) -> None:
    if at < now - tolerance_s:
        raise Refused("the delivery is too old")
    if at > now + tolerance_s:
        raise Refused("the delivery is from the future")


def _instant(text: str) -> float:
    """Read a time as senders write it: Unix seconds, milliseconds, or ISO 8601, in UTC where it names no zone."""
    if text.isascii() and text.isdigit() and len(text) <= 14:
        return int(text) / (1 if len(text) <= 11 else 1_000)
    try:
        found = dt.datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Refused("the time of the delivery cannot be read", 400) from None
