"""What a client sent, understood: the body or query string as a GraphQL request, and the media type it accepts.

Pure functions after the GraphQL-over-HTTP specification (draft of 2024); the server around them only moves bytes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from graph.engine import Request
from graph.errors import RequestError
from sources import Number

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

_MAX_PARAMETERS = 100
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_decode = msgspec.json.Decoder(Request, float_hook=Number).decode
_decode_object: Callable[[str], dict[str, object] | None] = msgspec.json.Decoder(
    dict[str, object] | None, float_hook=Number
).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


_NO_HEADERS = (b"keep-alive", b"close", b"Upgrade", b"keep-alive, Upgrade")  # what nearly all connections are


class Headers(Mapping[str, str]):
    """A request's headers by lower-case name, decoded when they are asked for; several of one name are one list.

    `raw` holds them undecoded, for where a microsecond counts.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        lines = list(raw)
        self.raw = dict(lines)
        if len(self.raw) < len(lines):
            self.raw = _joined(lines)

    def __getitem__(self, name: str) -> str:
        return self.raw[name.encode("latin-1")].decode("latin-1")

    def get(self, name: str, default: Any = None) -> Any:
        """Give a header's value, or the default."""
        value = self.raw.get(name.encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def with_these(self, headers: Mapping[str, str]) -> Headers:
        """Give the same headers with some in place of those of their names."""
        changed = {name.encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
        return Headers({**self.raw, **changed}.items())

    def without(self, names: Collection[str]) -> Headers:
        """Give the same headers without those of these names."""
        return Headers((name, value) for name, value in self.raw.items() if name.decode("latin-1") not in names)

    def end_to_end(self, forwards: Collection[str]) -> Headers:
        """Give the same headers without those that would be passed on though ``Connection`` names them.

        They were meant for this connection alone (RFC 9110, 7.6.1), so to backends they are as if not sent.

        Args:
            forwards: the client headers that sources pass on, in lower case.
        """
        said = self.raw.get(b"connection")
        if said is None or said in _NO_HEADERS or not forwards:
            return self
        named = {name.strip() for name in said.decode("latin-1").lower().split(",")}.intersection(forwards)
        return self.without(named) if named else self

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self.raw)

    def __len__(self) -> int:
        return len(self.raw)


def _joined(lines: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in lines:
        separator = b"; " if name == b"cookie" else b", "
        found[name] = found[name] + separator + value if name in found else value
    return found


def parse_body(body: bytes, content_type: str) -> Request:
    """Read the body of a POST.

    Raises:
        RequestError: 415 for another media type, 400 for what is not a JSON object of the right shape.
    """
    if content_type != JSON:
        _check_content_type(content_type)
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as exc:
        raise RequestError.of(_explain(exc), "BAD_REQUEST") from None


def parse_array(body: bytes, content_type: str, max_batch: int) -> list[bytes]:
    """Read the body of a POST that holds several requests: each of them as it stands, to be read by `parse_body`.

    Args:
        max_batch: how many there may be; 0 where arrays are not served at all.

    Raises:
        RequestError: as `parse_body`; also 400 for no request, for more than allowed, or for any where none is.
    """
    if content_type != JSON:
        _check_content_type(content_type)
    if not max_batch:
        raise RequestError.of("batching is off here: send one request, not an array", "BAD_REQUEST")
    try:
        entries = _decode_array(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as exc:
        raise RequestError.of(_explain(exc), "BAD_REQUEST") from None
    if not entries:
        raise RequestError.of("the array holds no request", "BAD_REQUEST")
    if len(entries) > max_batch:
        raise RequestError.of(f"the array holds more than {max_batch} requests", "LIMIT_EXCEEDED")
    return [bytes(entry) for entry in entries]


def is_array(body: bytes) -> bool:
    """Tell whether a body begins like a JSON array."""
    return body.lstrip()[:1] == b"["


def _check_content_type(content_type: str) -> None:
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != JSON:
        raise RequestError.of(f"the body must be {JSON}", "BAD_REQUEST", 415)
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            raise RequestError.of("the body must be in UTF-8", "BAD_REQUEST", 415)


def parse_query(query_string: bytes) -> Request:
    """Read the parameters of a GET.

    Raises:
        RequestError: ``variables`` or ``extensions`` is not a JSON object, the text is not UTF-8, or it has too many
            parameters.
    """
    if query_string.count(b"&") >= _MAX_PARAMETERS:
        raise RequestError.of(f"the query string has more than {_MAX_PARAMETERS} parameters", "BAD_REQUEST")
    try:
        parameters = dict(parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict"))
    except ValueError:
        raise RequestError.of("the query string is not UTF-8", "BAD_REQUEST") from None
    return Request(
        query=parameters.get("query"),
        operation_name=parameters.get("operationName") or None,
        variables=_object(parameters, "variables"),
        extensions=_object(parameters, "extensions"),
        document_id=parameters.get("documentId"),
        doc_id=parameters.get("doc_id"),
    )


def _object(parameters: dict[str, str], name: str) -> dict[str, object] | None:
    text = parameters.get(name)
    if not text:
        return None
    try:
        return _decode_object(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise RequestError.of(f"{name} must be a JSON object", "BAD_REQUEST") from None


def _explain(exc: Exception) -> str:
    if isinstance(exc, msgspec.ValidationError):
        return f"the body is not a GraphQL request: {exc}"
    return "the body is not JSON"


def accepted(accept: str | None) -> str | None:
    """Give the media type to answer in, or None when the client accepts neither of the two (RFC 9110, 12.5.1).

    A client that says nothing, or ``*/*``, gets ``application/json``, as the specification asks for legacy clients.
    """
    if not accept or accept == "*/*" or accept == JSON:
        return JSON
    # A client says the same each time, and reading it takes 10 µs.
    return _remembered(accept) if len(accept) <= 1_000 else _preferred(accept)


def _preferred(accept: str) -> str | None:
    ranges = _ranges(accept)
    best: tuple[float, int, str] | None = None
    for offered in (JSON, GRAPHQL_JSON):
        found = _match(offered, ranges)
        if found is not None and found[0] > 0 and (best is None or found > best[:2]):
            best = (*found, offered)
    return None if best is None else best[2]


_remembered = functools.lru_cache(maxsize=64)(_preferred)


def prefers_html(accept: str | None) -> bool:
    """Tell whether the client is a browser that opens a page: it would rather have HTML than JSON."""
    if accept is None or "text/html" not in accept.lower():
        return False
    ranges = _ranges(accept)
    html = ranges.get("text/html", (0.0, 0))[0]
    return html > 0 and html >= max(ranges.get(offered, (0.0, 0))[0] for offered in (JSON, GRAPHQL_JSON))


def qualities(field: str) -> dict[str, float]:
    """Give how much a client likes each thing that it lists, from 0 to 1 (RFC 9110, 12.4.2)."""
    return {name: quality for name, (quality, _) in _ranges(field).items()}


def liking(media_type: str, accept: str) -> tuple[float, int]:
    """Give how much a client likes a media type of `application`, and how early it says so: 0 is first, then -1."""
    return _match(media_type, _ranges(accept)) or (0.0, 0)


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """Give each media range's quality, and how early it stands (0 is first, then -1)."""
    found: dict[str, tuple[float, int]] = {}
    for position, entry in enumerate(accept.lower().split(",")):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        found.setdefault(media_range, (_quality(parameters), -position))
    return found


def _match(offered: str, ranges: Mapping[str, tuple[float, int]]) -> tuple[float, int] | None:
    """Give the quality and place of the most specific range that holds a media type."""
    for media_range in (offered, "application/*", "*/*"):
        if media_range in ranges:
            return ranges[media_range]
    return None


def parameters(entry: str) -> tuple[str, dict[str, str], float]:
    """Take one entry of an ``Accept`` header apart: media range, parameters by lower-case name, quality."""
    media_range, *given = (part.strip() for part in entry.split(";"))
    pairs = (part.partition("=") for part in given)
    found = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
    return media_range.lower(), found, _quality([part.lower() for part in given])


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
    return 1.0
