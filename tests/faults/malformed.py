"""Bytes that no client should send: valid requests and sockets, changed at random, and what has broken servers."""

from __future__ import annotations

import gzip
import json
import random
import struct
from collections.abc import Callable

_QUERY = b'{"query": "query T($id: String!) { echo(text: $id) }", "variables": {"id": "1"}, "operationName": "T"}'
_FORM = (
    b'--b\r\ncontent-disposition: form-data; name="operations"\r\n\r\n'
    b'{"query": "mutation($f: Upload!) { length(file: $f) }", "variables": {"f": null}}\r\n'
    b'--b\r\ncontent-disposition: form-data; name="map"\r\n\r\n{"0": ["variables.f"]}\r\n'
    b'--b\r\ncontent-disposition: form-data; name="0"; filename="a.txt"\r\ncontent-type: text/plain\r\n\r\n'
    b"some content\r\n--b--\r\n"
)
_SWITCH = (
    b"GET /graphql HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)
_SIZE = b"%x\r\n" % len(_QUERY)
_JSON = "content-type: application/json"


def post(body: bytes, *headers: str, path: str = "/graphql", length: int | None = None) -> bytes:
    """Give a POST request as bytes."""
    lines = (f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body) if length is None else length}", *headers)
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(target: str, *headers: str) -> bytes:
    """Give a GET request as bytes."""
    return "\r\n".join([f"GET {target} HTTP/1.1", "host: x", *headers, "", ""]).encode()


def chunked(*pieces: bytes) -> bytes:
    """Give a POST request whose body comes in chunks."""
    head = f"POST /graphql HTTP/1.1\r\nhost: x\r\n{_JSON}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def frame(payload: bytes, opcode: int = 1, *, first: int = 0x80, is_masked: bool = True) -> bytes:
    """Give a WebSocket frame of a client, with a mask of zeros."""
    size = len(payload)
    length = bytes((size,)) if size < 126 else b"\x7e" + struct.pack(">H", size)
    masked = bytes((length[0] | (0x80 if is_masked else 0),)) + length[1:]
    return bytes((first | opcode,)) + masked + (bytes(4) if is_masked else b"") + payload


def socket_of(*messages: object) -> bytes:
    """Give a whole socket: the upgrade, and a frame for each message."""
    return _SWITCH + b"".join(frame(json.dumps(message).encode()) for message in messages)


_INIT = {"type": "connection_init"}


def _subscribe(payload: object, name: object = "1") -> dict[str, object]:
    return {"id": name, "type": "subscribe", "payload": payload}


_COUNTS = {"query": "subscription { count }"}
_PAYLOADS: list[object] = [None, 7, [], {}, {"query": 7}, {"query": "\ud800"}]
_NAMES: list[object] = [None, 7, "", {}, "x" * 50_000]
VALID = [
    post(_QUERY, _JSON),
    post(_QUERY, _JSON, "accept: multipart/mixed, application/graphql-response+json"),
    post(gzip.compress(_QUERY), _JSON, "content-encoding: gzip"),
    post(b"[" + _QUERY + b"]", _JSON),
    post(b'{"query": "subscription { count }"}', _JSON, "accept: text/event-stream"),
    post(_FORM, "content-type: multipart/form-data; boundary=b", "graphql-preflight: 1"),
    post(b'{"id": "1"}', _JSON, path="/webhooks/steady/told"),
    post(_QUERY, _JSON) + post(_QUERY, _JSON) + get("/healthz"),
    chunked(_QUERY[:10], _QUERY[10:]),
    chunked(_QUERY) + get("/readyz"),
    get("/graphql?query=%7B__typename%7D&variables=%7B%22a%22%3A1%7D", "graphql-preflight: 1"),
    get(
        "/graphql?extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22ab%22%7D%7D",
        "graphql-preflight: 1",
    ),
    get("/graphql", "accept: text/html"),
    get("/openapi.json"),
    b"OPTIONS /graphql HTTP/1.1\r\nhost: x\r\norigin: http://a\r\naccess-control-request-method: POST\r\n\r\n",
    socket_of(_INIT, _subscribe(json.loads(_QUERY)), {"type": "ping"}, {"type": "complete", "id": "1"}),
    socket_of(_INIT, _subscribe(_COUNTS), _subscribe(_COUNTS, "2")) + frame(b"", 9) + frame(b"\x03\xe8", 8),
]
# Each is known to have broken, confused or held up some server.
KNOWN = [
    b"",
    b"\r\n" * 500,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    b"GET /graphql\r\n\r\n",
    b"GET /graphql HTTP/9.9\r\nhost: x\r\n\r\n",
    b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET http://elsewhere.invalid/graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\n\r\n",
    get("/" + "a" * 70_000),
    get("/graphql", "x: " + "a" * 200_000),
    get("/graphql", *(f"x-{number}: y" for number in range(5_000))),
    get("/graphql\x00"),
    get("/%00/%ff%fe/../../etc/passwd"),
    get("/graphql?query=%ff%fe%fd"),
    get("/graphql", "bad name: x"),
    get("/graphql", "x: a\x00b"),
    get("/graphql", "folded: a\r\n b"),
    get("/graphql", "accept: " + "a/b;" * 10_000),
    get("/graphql", "origin: \xff"),
    post(_QUERY, _JSON, "transfer-encoding: chunked"),
    post(_QUERY, _JSON, "content-length: 3"),
    post(_QUERY, _JSON, "transfer-encoding: xchunked"),
    post(_QUERY, _JSON, "transfer-encoding : chunked"),
    post(_QUERY, _JSON, length=-1),
    post(_QUERY, _JSON, length=10**30),
    post(_QUERY, _JSON, length=5),
    post(b"", _JSON),
    post(_QUERY, _JSON, "expect: 100-continue"),
    post(_QUERY, _JSON, "expect: a miracle"),
    post(_QUERY, _JSON, "content-encoding: gzip"),
    post(gzip.compress(b" " * 20_000_000), _JSON, "content-encoding: gzip"),
    post(gzip.compress(_QUERY)[:-9], _JSON, "content-encoding: gzip"),
    post(_QUERY, _JSON, "content-encoding: gzip, gzip, br, zstd, x"),
    post(_QUERY, "content-type: application/json; charset=utf-7"),
    post(_QUERY, "content-type: \xff"),
    post(_QUERY, "content-type: text/plain"),
    post(b"\xff\xfe{\x00}\x00", _JSON),
    post(b"[" * 100_000, _JSON),
    post(b'{"query": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", _JSON),
    post(b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 100_000 + b"}}", _JSON),
    post(b'{"query": "{ __typename }", "variables": {"a": NaN}}', _JSON),
    post(b'{"query": "{ __typename }", "query": 7}', _JSON),
    post(b'{"query": "\\ud800"}', _JSON),
    post(b'{"query": "{ echo(text: \\"\\\\uD800\\") }"}', _JSON),
    post(b'{"query": "{ echo(text: \\"\\u0000\\") }"}', _JSON),
    *(post(body, _JSON) for body in (b"null", b"7", b'"x"', b"{}", b"[]", b"[[]]", b'{"query": null}', b"tru")),
    post(b'{"query": "{ __typename }", "extensions": {"persistedQuery": []}}', _JSON),
    post(b'{"query": "{ __typename }", "extensions": 1, "variables": [], "operationName": {}}', _JSON),
    post(_FORM, "content-type: multipart/form-data; boundary=", "graphql-preflight: 1"),
    post(_FORM, "content-type: multipart/form-data", "graphql-preflight: 1"),
    post(_FORM[:-7], "content-type: multipart/form-data; boundary=b", "graphql-preflight: 1"),
    post(_FORM.replace(b"variables.f", b"variables.f.0.f"), "content-type: multipart/form-data; boundary=b", "x-a: 1"),
    post(b"--b\r\n" * 20_000, "content-type: multipart/form-data; boundary=b", "graphql-preflight: 1"),
    post(b"{}", _JSON, path="/webhooks/steady/" + "x" * 1_000),
    chunked(_QUERY).replace(_SIZE, b"ffffffffffffffffff\r\n"),
    chunked(_QUERY).replace(_SIZE, b"-62\r\n"),
    chunked(_QUERY).replace(_SIZE, b"62;" + b"x" * 100_000 + b"\r\n"),
    chunked(_QUERY).replace(b"0\r\n\r\n", b"0\r\n" + b"x: y\r\n" * 10_000 + b"\r\n"),
    chunked(*[b" "] * 20_000),
    get("/healthz") * 500,
    _SWITCH.replace(b"version: 13", b"version: 7"),
    _SWITCH.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"x"),
    _SWITCH.replace(b"graphql-transport-ws", b"graphql-ws"),
    _SWITCH.replace(b"GET", b"POST"),
    _SWITCH + _SWITCH,
    _SWITCH + post(_QUERY, _JSON),
    _SWITCH + frame(b'{"type": "connection_init"}', is_masked=False),
    _SWITCH + frame(b'{"type": "connection_init"}', first=0xF0),
    *(_SWITCH + frame(b"x", opcode) for opcode in range(2, 16)),
    _SWITCH + frame(b"x", 0),
    _SWITCH + frame(b"x", 1, first=0) * 3 + frame(b"x", 1),
    _SWITCH + frame(b"x" * 130, 9),
    _SWITCH + frame(b"\xff\xfe"),
    _SWITCH + frame(b"\x01", 8),
    _SWITCH + frame(b"\x00\x00", 8),
    _SWITCH + b"\x81\xff" + b"\xff" * 8 + bytes(4),
    _SWITCH + b"\x81\xff" + struct.pack(">Q", 2**40) + bytes(4) + b"x" * 1_000,
    _SWITCH + frame(b"[" * 60_000),
    *(_SWITCH + frame(text) for text in (b"", b"null", b"[]", b"7", b"{}", b'{"type": 7}', b'{"type": "next"}')),
    socket_of(_INIT, _INIT),
    socket_of(_subscribe(_COUNTS)),
    socket_of({"type": "connection_init", "payload": [1]}),
    socket_of({"type": "connection_init", "payload": {"authorization": "a\r\nb: c", "headers": {"x": {}}}}),
    socket_of(_INIT, _subscribe(_COUNTS), _subscribe(_COUNTS)),
    *(socket_of(_INIT, _subscribe(payload)) for payload in _PAYLOADS),
    *(socket_of(_INIT, _subscribe(_COUNTS, name)) for name in _NAMES),
    socket_of(_INIT, *[{"type": "ping", "payload": {"x": "y" * 1_000}}] * 200),
]
_TOKENS = [
    *(b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"\xed\xa0\x80", b" ", b"\t", b":", b"{", b"}", b"[", b"\\u", b'"'),
    *(b"0", b"-1", b"99999999999999999999", b"1e999", b"true", b"null", b"\r\n\r\n", b"a" * 5_000, b"--b\r\n"),
    *(b"content-length: 7\r\n", b"transfer-encoding: chunked\r\n", b"connection: close\r\n", b"\r\nupgrade: websocket"),
    *(b"\x81\xfe\xff\xff", b"\x88\x80", b"\x89\x80", b"\x80\x80", b"\x81\x80\x00\x00\x00\x00"),
]


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(data: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(data))
    del data[begin : begin + chance.randint(1, 40)]


def _end(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _insert(data: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = chance.choice(_TOKENS)


def _repeat(data: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(data))
    piece = data[begin : begin + chance.randint(1, 60)]
    data[begin:begin] = piece * chance.choice([1, 2, 50])


def _splice(data: bytearray, chance: random.Random) -> None:
    other = chance.choice(VALID)
    data[chance.randrange(len(data)) :] = other[chance.randrange(len(other)) :]


_CHANGES: list[Callable[[bytearray, random.Random], None]] = [_flip, _cut, _end, _insert, _repeat, _splice]


def changed(chance: random.Random) -> bytes:
    """Give something valid with one to four changes."""
    data = bytearray(chance.choice(VALID))
    for _ in range(chance.randint(1, 4)):
        if data:
            chance.choice(_CHANGES)(data, chance)
    return bytes(data)
