"""The messages of ``graphql-transport-ws``, as its specification has them: clients' are read, servers' written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from graph.engine import Request
from sources import Number, encode_json

SUBPROTOCOL = "graphql-transport-ws"
ACK = '{"type":"connection_ack"}'
PING = '{"type":"ping"}'
MAX_ID = 256

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]


class Invalid(Exception):
    """A text is none of the messages that a client may send; it says why."""


class Init(msgspec.Struct, tag="connection_init"):
    """A client introduces itself."""

    payload: dict[str, Any] | None = None


class Ping(msgspec.Struct, tag="ping"):
    """A client asks whether somebody is there."""

    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Pong(msgspec.Struct, tag="pong"):
    """A client is there."""

    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Subscribe(msgspec.Struct, tag="subscribe"):
    """A client wants an operation executed, of any kind; `read_request` reads the payload."""

    id: _Id
    payload: msgspec.Raw


class Complete(msgspec.Struct, tag="complete"):
    """A client wants no more of an operation."""

    id: _Id


Message = Init | Ping | Pong | Subscribe | Complete
_decode: Callable[[str], Message] = msgspec.json.Decoder(Message, float_hook=Number).decode
_decode_request = msgspec.json.Decoder(Request, float_hook=Number).decode


def read(text: str) -> Message:
    """Read a message of a client.

    Raises:
        Invalid: it is none.
    """
    try:
        message = _decode(text)
    except msgspec.ValidationError as exc:
        raise Invalid(f"Invalid message: {exc}") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise Invalid("Invalid message: it is not JSON") from None
    if isinstance(message, Ping | Pong) and message.payload is not msgspec.UNSET:
        _check_form(bytes(message.payload))
    return message


def _check_form(payload: bytes) -> None:
    """Check that a payload is an object or null; what is in it is nobody's concern, and reading it would take time."""
    if payload[:1] not in (b"{", b"n"):
        raise Invalid("Invalid message: Expected `object | null` - at `$.payload`")


def read_request(message: Subscribe) -> Request:
    """Read the request that a client wants executed.

    Raises:
        Invalid: it is none, or names no document.
    """
    try:
        request = _decode_request(message.payload)
    except msgspec.ValidationError as exc:
        raise Invalid(f"Invalid message: in its payload, {exc}") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise Invalid("Invalid message: its payload is not JSON") from None
    if request.query is None and not (request.document_id or request.doc_id or request.extensions):
        raise Invalid("Invalid message: its payload has no query")
    return request


def pong(ping: Ping) -> str:
    """Give the answer to a ping: whatever it brought goes back."""
    if ping.payload is msgspec.UNSET:
        return '{"type":"pong"}'
    return f'{{"type":"pong","payload":{bytes(ping.payload).decode()}}}'


def head(id: str) -> str:
    """Give what stands before a result in the message that brings it; a brace stands after it."""
    return f'{{"id":{_quoted(id)},"type":"next","payload":'


def error(id: str, errors: str) -> str:
    """Give the message that an operation failed, with a JSON array of errors."""
    return f'{{"id":{_quoted(id)},"type":"error","payload":{errors}}}'


def complete(id: str) -> str:
    """Give the message that an operation has no more results."""
    return f'{{"id":{_quoted(id)},"type":"complete"}}'


def _quoted(text: str) -> str:
    return encode_json(text).decode()
