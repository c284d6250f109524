"""How one endpoint is spoken to where that differs from its source's way, and replies of every kind made JSON.

Whoever reads replies reads JSON. A reply that is text becomes a JSON string, one of bytes a string of Base64, and one
of nothing becomes ``true``; that happens here, before anybody else sees it. Where documented failures are answers, a
reply is an object that says its status::

    404 {"reason": "gone"}   {"@status":404,"reason":"gone"}
    200 [1, 2]               {"@status":200,"@body":[1, 2]}

The body is put there as it came; nothing is decoded but what has to be proved to be JSON.
"""

from __future__ import annotations

import base64
import codecs
import enum
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from sources.address import base_of
from sources.auth import Auth
from sources.errors import UpstreamInvalid
from sources.transport import Reply

STATUS, BODY = "@status", "@body"
_EMPTY = frozenset({204, 205})
_NO_TEXTS = frozenset({"idna", "punycode", "undefined"})  # codecs that are not for texts, and slow with long ones


class Reads(enum.Enum):
    """What a reply is: JSON, text, bytes, or nothing that anybody wants to read."""

    JSON = "json"
    TEXT = "text"
    BYTES = "bytes"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How one endpoint is spoken to. Equal ones are the same way.

    Args:
        reads: what a reply of success is.
        results: the statuses whose replies are answers, and what those are: ``(("404", Reads.JSON), ("5XX",
            Reads.TEXT), ("default", Reads.JSON))``; an exact one counts before a range, a range before ``default``.
            Every answer then says its status. None where only success is an answer.
        auth: how the gateway authenticates; None for the source's own way.
        url: base address in place of the source's; None for that.

    Raises:
        DeclarationError: the address is none.
    """

    reads: Reads = Reads.JSON
    results: tuple[tuple[str, Reads], ...] | None = None
    auth: Auth | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if self.url is not None:
            object.__setattr__(self, "url", base_of(self.url))

    def read(self, reply: Reply, source: str) -> Reply:
        """Give a reply as its readers take it: an answer as JSON with a status of success, a failure as it is.

        Raises:
            UpstreamInvalid: the text is not in the encoding that it names.
        """
        status = reply.status
        is_success = 200 <= status < 300
        reads = self._reads(status) if self.results is not None else None
        if reads is None:
            if not is_success or (self.results is None and self.reads is Reads.JSON):
                return reply
            reads = self.reads
        body = _json(reads, reply, source)
        if self.results is None:
            return Reply(status, body, reply.header)
        if is_success:
            return Reply(status, _spliced(status, body), reply.header)
        if not _is_json(body):
            return reply  # what a proxy says, perhaps; it is the failure that its status means
        return Reply(200, _spliced(status, body), _unkept(reply))

    def _reads(self, status: int) -> Reads | None:
        """Give what the reply of a documented status is; a redirect is an answer only where it is documented itself."""
        results = {key.upper(): reads for key, reads in self.results or ()}
        keys = (str(status), f"{status // 100}XX", *(() if 300 <= status < 400 else ("DEFAULT",)))
        return next((results[key] for key in keys if key in results), None)


def _json(reads: Reads, reply: Reply, source: str) -> bytes:
    """Give the JSON text that a reply's body is; none where there is no body at all."""
    body = bytes(reply.body)
    if reads is Reads.NOTHING:
        return b"true"
    if reads is Reads.JSON or (reply.status in _EMPTY and not body):
        return body
    if reads is Reads.BYTES:
        return b'"' + base64.b64encode(body) + b'"'
    try:
        return msgspec.json.encode(_text(body, reply.header("content-type") or ""))
    except (LookupError, ValueError) as exc:
        raise UpstreamInvalid(f"{source} answered with a text that cannot be decoded", source=source) from exc


def charset_of(media: str) -> str:
    """Give the character encoding that a media type names, in lower case; empty where it names none."""
    return media.lower().partition("charset=")[2].partition(";")[0].strip().strip("\"'")


def _text(body: bytes, content_type: str) -> str:
    """Decode a text as its media type says; where that says nothing, UTF-8, or what cannot be that, Latin-1."""
    charset = charset_of(content_type)
    if not charset:
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError:
            return body.decode("latin-1")
    name = codecs.lookup(charset).name
    if name in _NO_TEXTS:
        raise LookupError(name)
    return body.decode("utf-8-sig" if name == "utf-8" else name)


def _spliced(status: int, body: bytes) -> bytes:
    body = body.strip()
    begin = b'{"%s":%d,' % (STATUS.encode(), status)
    if not body.startswith(b"{"):
        return begin + b'"%s":' % BODY.encode() + (body or b"null") + b"}"
    members = body[1:].lstrip()
    return (begin[:-1] if members.startswith(b"}") else begin) + members


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body or b"null", type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _unkept(reply: Reply) -> Callable[[str], str | None]:
    """Give the reply's headers as those of an answer that nobody may keep."""
    return lambda name: "no-store" if name.lower() == "cache-control" else reply.header(name)
