"""Files of clients, streamed to backends: real clients, a real gateway, a real backend."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import strawberry
from gql import Client as GqlClient
from gql import FileVar, gql
from gql.transport.httpx import HTTPXAsyncTransport

from graph import App, Graph, GraphError
from graph.arrival import HELD_BYTES, PIECE_BYTES
from graph.cors import PREFLIGHT
from graph.room import Room
from graph.shedding import Held
from graph.upload import Uploads
from resolvers import Upload
from sources import FakeTransport, Reply
from tests.graph.serving.backend import codes, until, until_closed
from tests.graph.serving.depot import (
    ASKED,
    DESCRIBE,
    END,
    FORM,
    HELLO,
    MB,
    ONE,
    STORE,
    Client,
    Depot,
    Script,
    chunk,
    connected,
    gateway,
    graph_over,
    head,
    opening,
    part,
    refused,
    scripted,
    settled,
    sha,
)
from tests.serving import running


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    with gateway() as client:
        yield client


@pytest.fixture
def client(shared: Client) -> Client:
    shared.depot.forget()
    return shared


# -- what travels ---------------------------------------------------------------------------------------------------


def test_a_file_is_the_body_of_a_write(client: Client) -> None:
    answer = client.ask(STORE, {"file": None}, {"file": HELLO})
    assert answer == {"data": {"store": {"id": 1}}}
    assert client.depot.asked == ["PUT /files/a"]
    assert client.depot.digests == [sha(b"hello")]
    assert client.depot.headers[0]["content-type"] == "text/plain"
    assert client.depot.headers[0]["content-length"] == "5"


def test_an_empty_file_is_a_file(client: Client) -> None:
    client.ask(STORE, {"file": None}, {"file": ("a.txt", b"", "text/plain")})
    assert client.depot.digests == [sha(b"")]
    assert "transfer-encoding" not in client.depot.headers[0]


def test_a_file_is_a_field_of_a_form(client: Client) -> None:
    query = 'mutation($file: Upload!) { upload(title: "Ünïcode", file: $file) { id } }'
    answer = client.ask(query, {"file": None}, {"file": ("a.png", b"\x89PNG", "image/png")})
    assert answer == {"data": {"upload": {"id": 1}}}
    assert client.depot.forms == [
        [("title", "Ünïcode"), ("kind", "scan"), ("file", ("a.png", "image/png", b"\x89PNG"))]
    ]


def test_the_values_beside_a_file_keep_their_digits(client: Client) -> None:
    given = "file: $file, price: $price, more: $more"
    query = f"mutation($file: Upload!, $price: Decimal!, $more: JSON!) {{ offer({given}) {{ id }} }}"
    variables = '{"file": null, "price": 1.10, "more": {"a": 1.2300, "b": 12345678901234567890.10}}'
    operations = f'{{"query": "{query}", "variables": {variables}}}'
    form = {"operations": operations, "map": '{"0": ["variables.file"]}'}
    answer = client.http.post(client.url, data=form, files={"0": HELLO}, headers=ASKED)
    assert answer.json() == {"data": {"offer": {"id": 1}}}
    assert client.depot.forms[0][:2] == [("price", "1.10"), ("more", '{"a":1.2300,"b":12345678901234567890.10}')]


def test_a_form_leaves_out_a_file_that_is_null(client: Client) -> None:
    query = "mutation($file: Upload) { upload(file: $file) { id } }"
    answer = client.http.post(client.url, json={"query": query, "variables": {"file": None}})
    assert answer.json() == {"data": {"upload": {"id": 1}}}
    assert client.depot.forms == [[("kind", "scan")]]


def test_an_input_object_is_a_form(client: Client) -> None:
    query = "mutation($paper: Paper!) { publish(paper: $paper) { id } }"
    paper = {"title": "T", "scan": None, "pages": [None, None]}
    places = {"s": ["variables.paper.scan"], "0": ["variables.paper.pages.0"], "1": ["variables.paper.pages.1"]}
    files = {name: (f"{name}.pdf", name.encode(), "application/pdf") for name in places}
    assert client.ask(query, {"paper": paper}, files, map=places) == {"data": {"publish": {"id": 1}}}
    assert client.depot.forms == [
        [
            ("title", "T"),
            ("scan", ("s.pdf", "application/pdf", b"s")),
            ("pages", ("0.pdf", "application/pdf", b"0")),
            ("pages", ("1.pdf", "application/pdf", b"1")),
        ]
    ]


def test_a_list_of_files_keeps_its_order_whatever_order_they_come_in(client: Client) -> None:
    query = "mutation($files: [Upload!]!) { album(files: $files) { id } }"
    bodies = [bytes([number]) * (3 * HELD_BYTES + number) for number in range(3)]
    places = {str(number): [f"variables.files.{number}"] for number in range(3)}
    files = {str(number): (f"{number}", bodies[number]) for number in (2, 0, 1)}
    answer = client.ask(query, {"files": [None] * 3}, files, map=places)
    assert answer == {"data": {"album": {"id": 1}}}
    assert [found[1][2] for found in client.depot.forms[0]] == bodies


def test_a_resolver_in_python_reads_a_file_as_it_comes(client: Client) -> None:
    body = b"x" * (3 * HELD_BYTES)
    answer = client.ask(DESCRIBE, {"file": None}, {"file": ("a b.txt", body, "text/plain; charset=utf-8")})
    assert answer == {"data": {"describe": f"a b.txt text/plain; charset=utf-8 {3 * HELD_BYTES}"}}


def test_a_resolver_knows_the_name_of_every_file_that_it_is_given(client: Client) -> None:
    query = "mutation($a: Upload!, $b: Upload!) { second: describe(file: $b) first: describe(file: $a) }"
    big = b"x" * (2 * HELD_BYTES)
    answer = client.ask(query, {"a": None, "b": None}, {"a": ("a", big, "a/a"), "b": ("b", b"y", "b/b")})
    assert answer == {"data": {"second": "b b/b 1", "first": f"a a/a {2 * HELD_BYTES}"}}


def test_a_query_may_take_a_file(client: Client) -> None:
    answer = client.ask("query($file: Upload!) { length(file: $file) }", {"file": None}, {"file": HELLO})
    assert answer == {"data": {"length": 5}}


def test_a_query_may_send_a_file_to_a_backend_once(client: Client) -> None:
    # The depot's answer holds no text, so the exact path goes over the same ground again.
    answer = client.ask("query($file: Upload!) { words(file: $file) { text } }", {"file": None}, {"file": HELLO})
    assert codes(answer) == ["UPSTREAM_INVALID"]
    assert client.depot.asked == ["POST /words"]
    assert client.depot.digests == [sha(b"hello")]


def test_files_of_one_mutation_are_written_in_the_order_of_its_fields(client: Client) -> None:
    query = """mutation($a: Upload!, $b: Upload!) {
        one: store(name: "one", file: $b) { id } two: store(name: "two", file: $a) { id }
    }"""
    a, b = b"a" * (5 * HELD_BYTES), b"b" * (5 * HELD_BYTES)
    answer = client.ask(query, {"a": None, "b": None}, {"a": ("a", a), "b": ("b", b)})
    assert answer == {"data": {"one": {"id": 1}, "two": {"id": 2}}}
    assert client.depot.asked == ["PUT /files/one", "PUT /files/two"]
    assert client.depot.digests == [sha(b), sha(a)]


def test_a_file_is_read_by_one_field_only(client: Client) -> None:
    query = """mutation($file: Upload!) {
        one: store(name: "one", file: $file) { id } two: upload(file: $file) { id }
    }"""
    answer = client.ask(query, {"file": None}, {"file": HELLO})
    assert answer["data"] is None
    assert codes(answer) == ["BAD_USER_INPUT"]
    assert answer["errors"][0]["message"] == "the file was read already: it is streamed, to one field only"
    assert client.depot.asked == ["PUT /files/one"]


def test_a_file_that_nobody_reads_is_dropped(client: Client) -> None:
    query = "mutation($file: Upload) { ignore(file: $file) }"
    answer = client.ask(query, {"file": None}, {"file": ("a", b"x" * 3 * MB)})
    assert answer == {"data": {"ignore": "nothing read"}}


def test_a_request_without_files_is_a_request(client: Client) -> None:
    assert client.ask("mutation { ignore }", {}, {}) == {"data": {"ignore": "nothing read"}}


def test_the_client_of_gql_sends_files(client: Client) -> None:
    async def upload() -> Any:
        transport = HTTPXAsyncTransport(client.url, headers=ASKED)
        async with GqlClient(transport=transport) as session:
            files = [FileVar(io.BytesIO(name.encode()), filename=name, content_type="image/gif") for name in "ab"]
            query = gql("mutation($files: [Upload!]!) { album(files: $files) { id } }")
            query.variable_values = {"files": files}
            return await session.execute(query, upload_files=True)

    assert asyncio.run(upload()) == {"album": {"id": 1}}
    assert client.depot.forms == [
        [("photos", ("a", "image/gif", b"a")), ("photos", ("b", "image/gif", b"b"))],
    ]


# -- names and types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ('filename="a.txt"', "a.txt"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\temp\\\\a.txt"', "a.txt"),
        ('filename="a\\"; name=\\"title.txt"', "a%22; name=%22title.txt"),
        ('filename="a%22b%0D%0A.txt"', "a%22b%0D%0A.txt"),
        ('filename="na\x07me\u2028.txt"', "name.txt"),
        ('filename="Überblick 日本.txt"', "Überblick 日本.txt"),
        ("filename*=UTF-8''evil.txt", "blob"),
        ('filename=""', "blob"),
    ],
)
def test_a_name_stays_a_name(client: Client, sent: str, seen: str) -> None:
    query = "mutation($file: Upload) { upload(file: $file) { id } }"
    answer = client.form(opening(query, {"file": None}, ONE) + part("0", b"hello", f"; {sent}") + END)
    assert answer.json() == {"data": {"upload": {"id": 1}}}
    assert client.depot.forms == [[("kind", "scan"), ("file", (seen, "application/octet-stream", b"hello"))]]


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("image/svg+xml", "image/svg+xml"),
        ('text/plain; charset="utf-8"', 'text/plain; charset="utf-8"'),
        ("text/plain\x0b", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("a/b, c/d", "application/octet-stream"),
        ("text/plain; charset=x\u00e9", "application/octet-stream"),
        ("x/" + "y" * 200, "application/octet-stream"),
    ],
)
def test_a_media_type_that_is_none_is_not_passed_on(client: Client, sent: str, seen: str) -> None:
    file = part("0", b"hello", f'; filename="a"\r\ncontent-type: {sent}')
    assert client.form(OPENING + file + END).json() == {"data": {"store": {"id": 1}}}
    assert client.depot.headers[0]["content-type"] == seen


# -- streaming ------------------------------------------------------------------------------------------------------


def test_the_backend_reads_the_first_bytes_before_the_client_has_sent_the_last(client: Client) -> None:
    first, last = b"1" * 100_000, b"2" * 1000
    with connected(client) as connection:
        connection.sendall(head() + chunk(OPENING))
        connection.sendall(chunk(part("0", first, '; filename="a"')[:-2]))
        until(lambda: client.depot.received_bytes > 0)
        assert client.depot.digests == []
        connection.sendall(chunk(last + b"\r\n" + END) + b"0\r\n\r\n")
        until(lambda: bool(client.depot.digests))
        assert client.depot.digests == [sha(first + last)]
        assert b'{"data":{"store":{"id":1}}}' in connection.recv(65536)


def test_a_file_of_30_mb_arrives_as_it_was() -> None:
    body = hashlib.shake_128(b"weft").digest(30 * MB)
    with gateway(max_upload_bytes=31 * MB) as client:
        assert client.ask(STORE, {"file": None}, {"file": ("big", body)}) == {"data": {"store": {"id": 1}}}
        assert client.depot.digests == [sha(body)]
        assert client.depot.headers[0]["transfer-encoding"] == "chunked"


def test_no_more_of_a_file_is_taken_than_is_read_and_a_few_pieces() -> None:
    turn = asyncio.Event()
    read: list[int] = []

    @strawberry.type
    class Query:
        @strawberry.field
        async def slowly(self, file: Upload) -> int:
            async for piece in file:
                read.append(len(piece))
                turn.clear()
                await turn.wait()
            return sum(read)

    client = scripted(40, "query($file: Upload!) { slowly(file: $file) }")

    async def follow() -> list[int]:
        task = asyncio.ensure_future(client.ask(App(Graph(query=Query))))
        ahead = []
        while not task.done():
            await settled()
            # The first message holds nothing of the file; what is parsed and has no room yet is one message more.
            ahead.append((client.taken - 1) * PIECE_BYTES - sum(read))
            turn.set()
        assert task.result() == {"data": {"slowly": 40 * PIECE_BYTES}}
        return ahead

    ahead = asyncio.run(follow())
    assert max(ahead[:20]) == HELD_BYTES + PIECE_BYTES


def test_a_client_that_leaves_half_way_ends_the_call_of_the_backend(client: Client) -> None:
    with connected(client) as connection:
        connection.sendall(head() + chunk(OPENING))
        connection.sendall(chunk(part("0", b"1" * 100_000, '; filename="a"')[:-2]))
        until(lambda: client.depot.received_bytes > 0)
    until(lambda: client.depot.broken == 1)
    assert client.depot.digests == []


def test_a_body_that_turns_out_to_be_broken_ends_the_call_of_the_backend(client: Client) -> None:
    with connected(client) as connection:
        connection.sendall(head() + chunk(OPENING))
        connection.sendall(chunk(part("0", b"1" * 100_000, '; filename="a"')[:-2]))
        until(lambda: client.depot.received_bytes > 0)
        connection.sendall(b"0\r\n\r\n")
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"the form ends half way" in answer
    until(lambda: client.depot.broken == 1)
    assert client.depot.digests == []


def test_a_backend_that_answers_early_is_heard_while_the_client_still_sends(client: Client) -> None:
    client.depot.early = 413
    with connected(client) as connection:
        connection.sendall(head() + chunk(OPENING))
        connection.sendall(chunk(part("0", b"1" * 100_000, '; filename="a"')[:-2]))
        answer = b""
        while b'"status":413' not in answer:
            answer += connection.recv(65536)
        assert b"connection: close" in answer
        for _ in range(20):  # the rest is taken, so that a client which reads late does read
            connection.sendall(chunk(b"2" * 65536))
        connection.sendall(b"0\r\n\r\n")
        assert until_closed(connection) == b""


def test_a_client_that_reads_its_answer_last_hears_what_came_early(client: Client) -> None:
    client.depot.early = 401
    answer = client.ask(STORE, {"file": None}, {"file": ("a", b"x" * 10 * MB)})
    assert codes(answer) == ["UPSTREAM_ERROR"]
    assert answer["errors"][0]["extensions"]["status"] == 401


def test_a_client_that_never_ends_its_body_has_its_answer_and_is_cut_off() -> None:
    query = "mutation($file: Upload) { ignore(file: $file) }"
    with gateway(max_upload_bytes=200_000) as client, connected(client) as connection:
        connection.sendall(head() + chunk(opening(query, {"file": None}, ONE) + part("0", b"", '; filename="a"')[:-2]))
        answer = b""
        while b'{"data":{"ignore":"nothing read"}}' not in answer:
            answer += connection.recv(65536)
        endless = chunk(b"2" * 65536) * 1000
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            connection.sendall(endless)


class Slow(FakeTransport):
    """A backend that takes a body once it is let go."""

    def __init__(self) -> None:
        super().__init__({"PUT /files/a": {"id": 1}})
        self.asked = asyncio.Event()
        self.open = asyncio.Event()

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
        self.asked.set()
        await self.open.wait()
        return await super().send(method, url, headers, body)


@pytest.mark.anyio
@pytest.mark.parametrize("ends", [True, False])
async def test_a_write_is_finished_without_its_client_if_its_file_is_there(ends: bool) -> None:
    backend, client = Slow(), scripted(3, STORE, ends=ends)
    asking = asyncio.ensure_future(client.ask(App(graph_over("http://depot", backend))))
    await backend.asked.wait()
    client.leaves.set()
    assert await asking is None
    backend.open.set()
    await settled()
    assert backend.bodies == ([b"x" * 3 * PIECE_BYTES] if ends else [])


@pytest.mark.anyio
async def test_an_operation_may_take_its_time_from_the_last_bytes_on() -> None:
    client = scripted(1, "mutation($file: Upload!) { hang(file: $file) }")
    answer = await client.ask(App(graph_over("http://depot", FakeTransport({}), timeout=0.05)))
    assert client.answer[0]["status"] == 504
    assert codes(answer) == ["DEADLINE_EXCEEDED"]


@pytest.mark.anyio
async def test_the_time_of_an_operation_stands_still_while_the_client_is_to_send() -> None:
    client = scripted(5, DESCRIBE, pause_s=0.1)
    answer = await client.ask(App(graph_over("http://depot", FakeTransport({}), timeout=0.5)))
    assert answer == {"data": {"describe": f"a application/octet-stream {5 * PIECE_BYTES}"}}


@strawberry.type
class Reader:
    @strawberry.field
    async def length(self, file: Upload) -> int:
        return len(await file.read())


def asked_with_patience(script: Script, patience_s: float) -> tuple[Any, int]:
    """Ask a graph that is so patient with slow clients; give the response and the status."""
    graph = Graph(query=Reader)
    app = App(graph)
    app._serving._uploads = Uploads(
        graph.engine,
        Held(MB),
        Room(5),
        max_body_bytes=MB,
        max_upload_bytes=MB,
        max_uploads=1,
        patience_s=patience_s,
        linger_s=0.01,
    )
    return asyncio.run(script.ask(app)), script.answer[0]["status"]


def test_a_client_that_sends_nothing_is_told_so() -> None:
    script = scripted(1, "query($file: Upload!) { length(file: $file) }", ends=False)
    answer, status = asked_with_patience(script, 0.02)
    assert (answer["errors"][0]["message"], status) == ("the files come too slowly", 408)
    assert codes(answer) == ["BAD_REQUEST"]


def test_a_client_that_sends_enough_is_given_time() -> None:
    script = scripted(3, "query($file: Upload!) { length(file: $file) }", pause_s=0.03)
    assert asked_with_patience(script, 0.05) == ({"data": {"length": 3 * PIECE_BYTES}}, 200)


# -- what is refused ------------------------------------------------------------------------------------------------

FILE = part("0", b"hello", '; filename="a"')
OPENING = opening(STORE, {"file": None}, ONE)
ORDER = "the parts of the form must be operations, then map, then the files"
NO_MAP = "map is not a JSON object of lists of paths"
NO_REQUEST = "operations is not a GraphQL request in JSON"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the form ends half way"),
        (END, ORDER),
        (b"nothing of the kind", "the body is not multipart/form-data"),
        (FILE + OPENING + END, ORDER),
        (part("map", b"{}") + part("operations", b"{}") + END, ORDER),
        (part("operations", b"{}") + END, ORDER),
        (part("operations", b"{}") + FILE + END, ORDER),
        (part("operations", b"{") + part("map", b"{}") + END, NO_REQUEST),
        (part("operations", b"\xff") + part("map", b"{}") + END, NO_REQUEST),
        (part("operations", b"null") + part("map", b"{}") + END, NO_REQUEST),
        (part("operations", b"[" * 100_000) + END, "operations is a list: one request brings files at a time"),
        (part("operations", b" [{}]") + END, "operations is a list: one request brings files at a time"),
        (part("operations", b"{}") + part("map", b"[]") + END, NO_MAP),
        (part("operations", b"{}") + part("map", b'{"0": "variables.file"}') + END, NO_MAP),
        (part("operations", b"{}") + part("map", b'{"0": [1]}') + END, NO_MAP),
        (OPENING + FILE, "the form ends half way"),
        (OPENING + FILE[:-4], "the form ends half way"),
        (OPENING + END, "the map names a file that does not come"),
        (OPENING + FILE + FILE + END, "a part of the form is not in the map, or comes twice"),
        (OPENING + part("1", b"x", '; filename="a"') + END, "a part of the form is not in the map, or comes twice"),
        (OPENING + part("map", b"{}") + END, "a part of the form is not in the map, or comes twice"),
        (b"--cut\r\n\r\nhello\r\n" + END, "a part of the form has no name"),
        (b"--cut\r\ncontent-disposition: attachment; name=0\r\n\r\nhello\r\n" + END, "a part of the form has no name"),
        (
            OPENING + part("0", b"aGk=", "\r\nContent-Transfer-Encoding: base64") + END,
            "a part of the form is encoded, which RFC 7578 gave up",
        ),
        (part("operations", b"{}", "\r\nx: " + "y" * 100_000) + END, "the body is not multipart/form-data"),
    ],
)
def test_a_form_that_is_no_request_is_refused(client: Client, body: bytes, message: str) -> None:
    # What is short is there as a whole before the operation begins, so nothing was written.
    assert refused(client, body) == message


PLACES = "the map names no place for a file, or several: send it once for each"
NO_FILE = "the map puts a file where the operation takes none"
NOWHERE = "the map names a place that the operation's variables do not have"


@pytest.mark.parametrize(
    ("variables", "places", "message"),
    [
        ({"file": None}, [], PLACES),
        ({"file": None}, ["variables.file", "variables.other"], PLACES),
        ({"file": None}, ["query"], "the map names a place that is not in variables"),
        ({"file": None}, [""], "the map names a place that is not in variables"),
        ({"file": None}, ["0.variables.file"], "the map names a place that is not in variables"),
        ({"file": None}, ["variables."], NO_FILE),
        ({"file": None}, ["variables.other"], NO_FILE),
        ({"file": None}, ["variables.file.x"], NO_FILE),
        ({"file": None}, ["variables.other.x.0"], NO_FILE),
        ({"name": None}, ["variables.name"], NO_FILE),
        ({"paper": {"title": None}}, ["variables.paper.title"], NO_FILE),
        ({"paper": {"pages": [None]}}, ["variables.paper.pages.-1"], NO_FILE),
        ({"paper": {"pages": [None]}}, ["variables.paper.pages.²"], NOWHERE),
        ({"paper": {"pages": [None]}}, ["variables.paper.pages." + "1" * 9999], NOWHERE),
        ({"paper": {"pages": []}}, ["variables.paper.pages.0"], NOWHERE),
        ({"paper": None}, ["variables.paper.scan"], NOWHERE),
        ({}, ["variables.file"], NOWHERE),
        (None, ["variables.file"], NOWHERE),
        ({"file": "x"}, ["variables.file"], "the map names a place that does not hold null"),
        ({"file": {}}, ["variables.file"], "the map names a place that does not hold null"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(client: Client, variables: Any, places: list[str], message: str) -> None:
    query = """mutation($file: Upload, $name: String, $paper: Paper!) {
        upload(file: $file, title: $name) { id } publish(paper: $paper) { id }
    }"""
    assert refused(client, opening(query, variables, {"0": places}) + FILE + END) == message


def test_two_files_for_one_place_are_refused(client: Client) -> None:
    body = opening(STORE, {"file": None}, {"0": ["variables.file"], "1": ["variables.file"]})
    assert refused(client, body + FILE + END) == "the map names a place that does not hold null"


def test_what_is_wrong_with_the_operation_is_said_as_for_any_other(client: Client) -> None:
    answer = client.ask("mutation($file: Upload!) { nothing(file: $file) }", {"file": None}, {"file": HELLO})
    assert codes(answer) == ["GRAPHQL_VALIDATION_FAILED"]
    assert codes(client.ask("mutation(", {"file": None}, {"file": HELLO})) == ["GRAPHQL_PARSE_FAILED"]
    assert codes(client.ask("", {"file": None}, {"file": HELLO})) == ["BAD_REQUEST"]


def test_a_page_that_did_not_ask_first_is_refused(client: Client) -> None:
    answer = client.send(STORE, {"file": None}, {"file": HELLO}, headers={"Apollo-Require-Preflight": ""})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"] == (
        "multipart/form-data needs a header that no page may send unasked: Apollo-Require-Preflight: true"
    )
    assert client.depot.asked == []


def test_a_form_is_not_taken_compressed(client: Client) -> None:
    headers = {"content-type": FORM, "content-encoding": "gzip", **ASKED}
    answer = client.http.post(client.url, content=gzip.compress(OPENING + FILE + END), headers=headers)
    assert (answer.status_code, codes(answer.json())) == (415, ["BAD_REQUEST"])
    assert answer.json()["errors"][0]["message"] == "multipart/form-data is not taken compressed"


def test_files_that_come_slowly_keep_no_other_call_out() -> None:
    depot = Depot()
    begun = opening(STORE, {"file": None}, ONE) + part("0", b"", '; filename="a"')[:-2]
    with running(depot) as address:
        graph = graph_over(address, limit=2)
        [source] = graph.engine.bindings.sources
        with running(App(graph)) as root:
            client = Client(root, depot)
            with client.http, connected(client) as one, connected(client) as two:
                for connection in (one, two):
                    connection.sendall(head() + chunk(begun) + chunk(b"x" * 200_000))
                until(lambda: (source.health.in_flight, source.health.waiting) == (1, 1))
                assert client.ask(STORE, {"file": None}, {"file": HELLO}) == {"data": {"store": {"id": 2}}}
                assert depot.digests == [sha(b"hello")]


def test_limits_are_not_negative(client: Client) -> None:
    with pytest.raises(GraphError) as raised:
        App(graph_over("http://depot"), max_upload_bytes=-1, max_uploads=-1)
    assert raised.value.faults == [
        "App: max_upload_bytes=-1: expected a whole number of 0 or more",
        "App: max_uploads=-1: expected a whole number of 0 or more",
    ]


@pytest.mark.parametrize("header", PREFLIGHT)
def test_any_header_that_makes_a_browser_ask_will_do(client: Client, header: str) -> None:
    body = opening("mutation { ignore }", {}, {}) + END
    headers = {"content-type": "Multipart/Form-Data; boundary=cut", header: "1"}
    answer = client.http.post(client.url, content=body, headers=headers)
    assert answer.json() == {"data": {"ignore": "nothing read"}}


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("multipart/form-data", "multipart/form-data needs a boundary"),
        ("multipart/form-data; boundary=", "multipart/form-data needs a boundary"),
        ("multipart/form-data; boundary=" + "x" * 1000, "the boundary of the form is too long"),
    ],
)
def test_a_boundary_must_be_one(client: Client, content_type: str, message: str) -> None:
    answer = client.http.post(client.url, content=OPENING, headers={"content-type": content_type, **ASKED})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, message)


def test_a_value_is_no_file(client: Client) -> None:
    values: list[Any] = ["x", 1, {}, []]
    for value in values:
        answer = client.http.post(client.url, json={"query": STORE, "variables": {"file": value}})
        assert codes(answer.json()) == ["BAD_USER_INPUT"]
        assert "is a part of a multipart/form-data request, not a value" in answer.text
    answer = client.http.post(client.url, json={"query": 'mutation { describe(file: "x") }'})
    assert codes(answer.json()) == ["GRAPHQL_VALIDATION_FAILED"]


def test_a_file_does_not_come_with_a_get(client: Client) -> None:
    parameters = {"query": "query($file: Upload!) { length(file: $file) }", "variables": '{"file": "x"}'}
    assert codes(client.http.get(client.url, params=parameters, headers=ASKED).json()) == ["BAD_USER_INPUT"]


def test_a_graph_without_files_takes_no_forms() -> None:
    @strawberry.type
    class Query:
        word: str = "x"

    with running(App(Graph(query=Query))) as root, httpx.Client(trust_env=False) as client:
        body = opening("{ word }", {}, {}) + END
        answer = client.post(f"{root}/graphql", content=body, headers={"content-type": FORM, **ASKED})
    assert answer.status_code == 415


@pytest.fixture(scope="module")
def crowded() -> Iterator[Client]:
    with gateway(max_body_bytes=2000, max_upload_bytes=1000, max_uploads=2) as client:
        yield client


@pytest.fixture
def narrow(crowded: Client) -> Client:
    crowded.depot.forget()
    return crowded


def test_files_that_are_too_long_together_are_refused(narrow: Client) -> None:
    query = "mutation($files: [Upload!]!) { album(files: $files) { id } }"
    places = {str(number): [f"variables.files.{number}"] for number in range(2)}
    body = opening(query, {"files": [None] * 2}, places)
    files = [part(str(number), b"x" * 501, '; filename="a"') for number in range(2)]
    assert refused(narrow, body + b"".join(files) + END, 413) == "the files are longer than 1000 bytes"
    fitting = [part(str(number), b"x" * 500, '; filename="a"') for number in range(2)]
    assert narrow.form(body + b"".join(fitting) + END).json() == {"data": {"album": {"id": 1}}}


def test_more_files_than_allowed_are_refused(narrow: Client) -> None:
    places = {str(number): [f"variables.files.{number}"] for number in range(3)}
    body = opening("{ x }", {"files": [None] * 3}, places) + END
    assert refused(narrow, body, 413) == "the request brings more than 2 files"


def test_operations_and_map_are_bounded(narrow: Client) -> None:
    body = part("operations", b'{"query": "' + b"x" * 2000 + b'"}')
    assert refused(narrow, body, 413) == "operations and map are longer than 2000 bytes"
    body = part("operations", b'{"query": "' + b"x" * 1000 + b'"}') + part("map", b" " * 1000)
    assert refused(narrow, body, 413) == "operations and map are longer than 2000 bytes"


def test_a_length_that_is_announced_is_refused_before_it_comes(narrow: Client) -> None:
    with connected(narrow) as connection:
        connection.sendall(head("expect: 100-continue", length=10**15))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


def test_an_endless_end_is_refused(narrow: Client) -> None:
    body = opening("mutation { ignore }", {}, {}) + END + b"x" * 4000
    assert refused(narrow, body, 413) == "the files are longer than 1000 bytes"
