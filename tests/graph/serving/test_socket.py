"""graphql-transport-ws over real sockets: operations, close codes, limits, clients that are slow or gone, a stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import strawberry
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from graph import App, Cors, Graph, GraphError
from graph.frames import Frames
from tests.graph.serving.sockets import GRAPH, Server, serving, stage


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """A server that several tests use, and that each leaves as it was."""
    stage.released.clear()
    stage.asked = stage.cancelled = 0
    yield shared_server
    stage.released.set()
    stage.until(lambda: shared_server.sockets() == 0 and stage.open == 0)


# -- operations -------------------------------------------------------------------------------------------------------


def test_queries_and_mutations_have_one_result(server: Server) -> None:
    with server.connecting() as client:
        assert client.ask("{ number }") == {"data": {"number": 1}}
        query = "mutation Add($a: Int!) { add(a: $a, b: 2) } query Other { number }"
        assert client.ask(query, variables={"a": 40}, operationName="Add") == {"data": {"add": 42}}


def test_an_error_of_a_field_is_part_of_the_result_and_tells_no_secret(server: Server) -> None:
    with server.connecting() as client:
        result = client.ask("{ broken number }")
        assert result["data"] == {"broken": None, "number": 1}
        assert [error["message"] for error in result["errors"]] == ["Internal server error"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ number", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { count }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { number } query B { number }", "OPERATION_RESOLUTION_FAILURE"),
        ("query ($a: Int!) { told(name: $a) }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation ($a: Int!) { add(a: $a, b: 1) }", "BAD_USER_INPUT"),
        ("subscription ($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
    ],
)
def test_what_cannot_be_executed_is_an_error_of_its_id_and_the_socket_goes_on(
    server: Server, query: str, code: str
) -> None:
    with server.connecting() as client:
        client.subscribe(query, "bad")
        message = client.hear()
        assert (message["id"], message["type"]) == ("bad", "error")
        assert [error["extensions"]["code"] for error in message["payload"]] == [code]
        assert client.ask("{ number }") == {"data": {"number": 1}}


def test_a_query_that_cancels_itself_is_an_error_of_its_id(server: Server) -> None:
    with server.connecting() as client:
        client.subscribe("{ cancelsItself }", "bad")
        message = client.hear()
        assert (message["id"], message["type"]) == ("bad", "error")
        assert message["payload"] == [
            {"message": "Internal server error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
        ]
        assert client.ask("{ number }") == {"data": {"number": 1}}


def test_a_subscription_has_its_results_then_completes(server: Server) -> None:
    with server.connecting() as client:
        client.subscribe("subscription { count(to: 3) }", "s")
        for number in range(3):
            assert client.hear() == {"id": "s", "type": "next", "payload": {"data": {"count": number}}}
        assert client.hear() == {"id": "s", "type": "complete"}


def test_a_subscription_that_breaks_ends_with_an_error(server: Server) -> None:
    with server.connecting() as client:
        client.subscribe("subscription { fails }", "s")
        assert client.hear()["payload"] == {"data": {"fails": 1}}
        message = client.hear()
        assert (message["id"], message["type"]) == ("s", "error")
        assert [error["message"] for error in message["payload"]] == ["Internal server error"]
        assert client.ask("{ number }") == {"data": {"number": 1}}


def test_a_subscription_that_its_client_completes_is_closed_and_its_id_is_free(server: Server) -> None:
    with server.connecting() as client:
        client.subscribe("subscription { ticks }", "s")
        assert client.hear() == {"id": "s", "type": "next", "payload": {"data": {"ticks": ""}}}
        client.say(type="complete", id="s")
        client.say(type="complete", id="s")
        client.say(type="complete", id="unknown")
        client.subscribe("{ number }", "s")
        while (message := client.hear())["payload"] == {"data": {"ticks": ""}}:
            pass
        assert message == {"id": "s", "type": "next", "payload": {"data": {"number": 1}}}
        assert client.hear() == {"id": "s", "type": "complete"}
        stage.until(lambda: stage.open == 0)
        assert client.ask("{ number }") == {"data": {"number": 1}}


def test_a_query_that_its_client_completes_is_cancelled(server: Server) -> None:
    with server.connecting() as client:
        client.subscribe("{ slow }", "s")
        stage.until(lambda: stage.asked == 1)
        client.say(type="complete", id="s")
        stage.until(lambda: stage.cancelled == 1)
        assert client.ask("{ number }") == {"data": {"number": 1}}


def test_operations_of_a_socket_run_beside_each_other(server: Server) -> None:
    with server.connecting() as client:
        client.subscribe("{ slow }", "a")
        client.subscribe("subscription { count(to: 1) }", "b")
        assert client.hear() == {"id": "b", "type": "next", "payload": {"data": {"count": 0}}}
        assert client.hear() == {"id": "b", "type": "complete"}
        stage.released.set()
        assert client.hear() == {"id": "a", "type": "next", "payload": {"data": {"slow": 2}}}
        assert client.hear() == {"id": "a", "type": "complete"}


def test_a_ping_is_answered_at_any_time(server: Server) -> None:
    with server.connecting(init=False) as client:
        client.say(type="ping")
        assert client.hear() == {"type": "pong"}
        client.init()
        client.say(type="ping", payload={"at": 1})
        assert client.hear() == {"type": "pong", "payload": {"at": 1}}
        client.say(type="pong")
        assert client.ask("{ number }") == {"data": {"number": 1}}


# -- how sockets end --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["null", "[]", "", "nonsense", '{"type":"start","id":"1"}', '{"type":"subscribe"}', b"{}"]
)
def test_what_is_no_message_closes_with_4400(server: Server, text: str | bytes) -> None:
    with server.connecting() as client:
        client.connection.send(text)
        code, reason = client.closed()
        assert code == 4400
        assert reason.startswith("Invalid message: ")


def test_an_operation_before_the_acknowledgement_closes_with_4401(server: Server) -> None:
    with server.connecting(init=False) as client:
        client.subscribe("{ number }")
        assert client.closed() == (4401, "Unauthorized: no operation before connection_ack")


def test_another_subprotocol_closes_with_4406(server: Server) -> None:
    with server.connecting(init=False, subprotocol="graphql-ws") as client:
        assert client.connection.subprotocol is None
        assert client.closed() == (4406, "Subprotocol not acceptable")


def test_silence_closes_with_4408() -> None:
    with serving(init_timeout=0.02) as server, server.connecting(init=False) as client:
        assert client.closed() == (4408, "Connection initialisation timeout")


def test_an_id_in_use_closes_with_4409_and_ends_its_operation(server: Server) -> None:
    with server.connecting() as client:
        client.subscribe("subscription { ticks }", "s")
        client.subscribe("{ number }", "s")
        assert client.closed() == (4409, "Subscriber for s already exists")


def test_a_second_connection_init_closes_with_4429(server: Server) -> None:
    with server.connecting() as client:
        client.say(type="connection_init")
        assert client.closed() == (4429, "Too many initialisation requests")


def test_too_many_messages_close_with_4429() -> None:
    with serving(max_messages_per_s=1, max_operations_per_socket=1) as server, server.connecting() as client:
        for _ in range(4):
            client.say(type="pong")
        assert client.closed() == (4429, "Too many messages")


def test_a_message_that_is_too_long_closes_with_1009() -> None:
    with serving(max_body_bytes=1_000) as server, server.connecting() as client:
        client.say(type="ping", payload={"a": "é" * 480})
        assert client.hear()["type"] == "pong"
        client.say(type="ping", payload={"a": "a" * 1_000})
        assert client.closed() == (1009, "a message may have 1000 bytes")


def test_a_client_that_answers_no_ping_is_closed() -> None:
    with serving(ping_interval=0.02) as server, server.connecting() as client:
        pings = [json.loads(client.connection.recv(20)) for _ in range(2)]
        assert pings == [{"type": "ping"}, {"type": "ping"}]
        assert client.closed() == (1001, "no answer to a ping")


def test_a_client_that_answers_pings_stays() -> None:
    with serving(ping_interval=0.02) as server, server.connecting() as client:
        for _ in range(5):
            assert json.loads(client.connection.recv(20)) == {"type": "ping"}
            client.say(type="pong")
        assert client.ask("{ number }") == {"data": {"number": 1}}


# -- limits and origins -----------------------------------------------------------------------------------------------


def test_an_operation_too_many_is_an_error_of_its_id() -> None:
    with serving(max_operations_per_socket=1) as server, server.connecting() as client:
        client.subscribe("{ slow }", "a")
        client.subscribe("{ number }", "b")
        message = client.hear()
        assert (message["id"], message["type"]) == ("b", "error")
        assert message["payload"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}
        client.say(type="complete", id="a")
        assert client.ask("{ number }") == {"data": {"number": 1}}


def test_a_socket_too_many_is_refused_with_503_until_there_is_room() -> None:
    with serving(max_sockets=1) as server:
        with server.connecting() as client:
            with pytest.raises(InvalidStatus) as refused, server.connecting():
                pass
            assert refused.value.response.status_code == 503
            assert refused.value.response.body == b"no more sockets at the moment"
            assert client.ask("{ number }") == {"data": {"number": 1}}
        stage.until(lambda: server.sockets() == 0)
        with server.connecting() as client:
            assert client.ask("{ number }") == {"data": {"number": 1}}


@pytest.mark.parametrize(
    ("cors", "origin", "status"),
    [
        (None, None, 101),
        (None, "http://{host}", 101),
        (None, "https://{host}", 101),
        (None, "http://{host}.evil.example", 403),
        (None, "http://evil.example", 403),
        (None, "null", 403),
        (None, "{host}", 403),
        (Cors(origins=["https://app.example"]), "https://app.example", 101),
        (Cors(origins=["https://app.example"]), "http://app.example", 403),
        (Cors(origins=["https://app.example"]), "https://app.example.evil.example", 403),
        (Cors(origins=["*"]), "https://anywhere.example", 101),
    ],
)
def test_pages_of_other_origins_open_sockets_only_where_they_may(
    cors: Cors | None, origin: str | None, status: int
) -> None:
    with serving(cors=cors) as server:
        if origin is not None:
            origin = origin.format(host=server.url.removeprefix("http://"))
        if status == 101:
            with server.connecting(origin=origin) as client:
                assert client.ask("{ number }") == {"data": {"number": 1}}
        else:
            with pytest.raises(InvalidStatus) as refused, server.connecting(origin=origin):
                pass
            assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("cors", "kept"),
    [
        (Cors(origins=["https://app.example"], credentials=True), True),
        (Cors(origins=["https://app.example"]), False),
        (Cors(origins=["*"]), False),
    ],
)
def test_a_page_of_another_origin_brings_cookies_only_where_credentials_are_allowed(cors: Cors, kept: bool) -> None:
    headers = {"cookie": "session=1", "x-other": "here"}
    with serving(cors=cors) as server:
        with server.connecting(origin="https://app.example", additional_headers=headers) as client:
            result = client.ask('{ c: header(name: "Cookie") o: header(name: "X-Other") }')
            assert result == {"data": {"c": "session=1" if kept else None, "o": "here"}}
        with server.connecting(additional_headers=headers) as client:
            assert client.ask('{ header(name: "Cookie") }') == {"data": {"header": "session=1"}}


def test_a_plain_request_to_the_same_path_is_answered_as_ever(server: Server) -> None:
    answer = httpx.post(f"{server.url}/graphql", json={"query": "{ number }"}, trust_env=False)
    assert answer.json() == {"data": {"number": 1}}


def test_a_socket_elsewhere_is_refused(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(server.url.replace("http://", "ws://") + "/elsewhere", proxy=None)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("extensions", "origin", "sent"),
    [
        ({}, "http://evil.example", [{"type": "websocket.close"}]),
        (
            {},
            None,
            [
                {"type": "websocket.accept"},
                {"type": "websocket.close", "code": 1013, "reason": "no more sockets at the moment"},
            ],
        ),
    ],
)
async def test_servers_that_cannot_answer_an_upgrade_refuse_as_they_can(
    extensions: dict[str, Any], origin: str | None, sent: list[Any]
) -> None:
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [] if origin is None else [(b"origin", origin.encode())]
    scope = {"type": "websocket", "headers": headers, "subprotocols": [], "extensions": extensions}
    await App(GRAPH, max_sockets=0)._sockets(scope, receive, send)
    assert messages == sent


def test_limits_that_can_never_be_are_faults() -> None:
    with pytest.raises(GraphError) as caught:
        App(GRAPH, max_sockets=-1, max_operations_per_socket=-1, max_messages_per_s=0, init_timeout=0, ping_interval=-1)
    assert caught.value.faults == [
        "App: max_sockets=-1: expected a whole number of 0 or more",
        "App: max_operations_per_socket=-1: expected a whole number of 0 or more",
        "App: max_messages_per_s=0: expected a number, more than 0",
        "App: init_timeout=0: expected seconds, more than 0",
        "App: ping_interval=-1: expected seconds, more than 0, or none",
    ]


# -- clients that leave, and clients that are slow --------------------------------------------------------------------


def test_a_client_that_leaves_at_any_instant_leaves_nothing(server: Server) -> None:
    before = stage.tasks()
    for turn in range(60):
        with server.connecting(init=turn % 5 > 0) as client:
            for id in range(turn % 4 if turn % 5 else 0):
                client.subscribe(["subscription { ticks }", "{ slow }", "{ number }"][id], str(id))
            if turn % 3 == 0:
                # A reset instead of a goodbye.
                client.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.connection.socket.close()
    stage.until(lambda: server.sockets() == 0 and stage.open == 0)
    assert stage.asked == stage.cancelled
    stage.until(lambda: stage.tasks() <= before)


def test_half_a_message_and_then_nothing_leaves_nothing(server: Server) -> None:
    with server.connecting() as client:
        frame = Frame(Opcode.TEXT, b'{"type":"ping"}').serialize(mask=True)
        client.connection.socket.sendall(frame[:-3])
        client.connection.socket.shutdown(socket.SHUT_RDWR)
    stage.until(lambda: server.sockets() == 0)


def test_a_slow_reader_loses_only_its_own_subscription(server: Server) -> None:
    with server.connecting() as slow, server.connecting() as quick:
        for client in (slow, quick):
            client.subscribe("subscription { flood(size: 200000) }", "s")
            assert client.hear()["type"] == "next"
        while server.subscribers() == 2:
            assert quick.hear()["type"] == "next"
        while (message := slow.hear())["type"] == "next":
            pass
        assert (message["id"], message["type"]) == ("s", "error")
        assert message["payload"][0]["extensions"] == {"code": "SUBSCRIPTION_OVERFLOW"}
        assert quick.hear()["type"] == "next"
        assert slow.ask("{ number }") == {"data": {"number": 1}}


def test_a_client_that_never_reads_is_dropped() -> None:
    with serving(ping_interval=0.05) as server:
        server.app._sockets.close_timeout_s = 0.05
        with server.connecting(max_queue=1) as client:
            client.subscribe("subscription { ticks(size: 1000000) }", "s")
            stage.until(lambda: server.sockets() == 0 and stage.open == 0)
            # Not only forgotten: the connection is dropped, while its client still holds it and reads nothing.
            stage.until(lambda: connections() == 0)


def test_a_client_that_reads_nothing_is_dropped_however_much_it_says() -> None:
    with serving(ping_interval=0.05) as server:
        server.app._sockets.close_timeout_s = server.app._sockets.patience_s = 0.2
        with server.connecting(max_queue=1) as client:
            client.subscribe("subscription { ticks(size: 1000000) }", "s")
            with contextlib.suppress(ConnectionClosed):
                while server.sockets():
                    client.say(type="pong")
                    time.sleep(0.03)
            stage.until(lambda: server.sockets() == 0 and stage.open == 0 and connections() == 0)


def connections() -> int:
    """Count the connections that uvicorn holds for sockets."""
    held = [found for found in gc.get_objects() if type(found) is Frames]
    return sum(not connection.disconnected for connection in held)


# -- the graph is replaced ---------------------------------------------------------------------------------------------


@strawberry.type
class Other:
    @strawberry.field
    def number(self) -> int:
        return 2


def test_a_socket_outlives_its_graph_whose_queries_are_finished_first() -> None:
    async def replace(app: App) -> None:
        app.replace(Graph(query=Other))

    with serving() as server, server.connecting() as client:
        client.subscribe("{ slow }", "slow")
        client.subscribe("subscription { ticks }", "ticks")
        stage.until(lambda: stage.asked == 1 and stage.open == 1)
        stage.run(replace(server.app))
        while (message := client.hear())["type"] == "next":
            assert message["id"] == "ticks"
        assert (message["id"], message["type"]) == ("ticks", "error")
        assert client.ask("{ number }") == {"data": {"number": 2}}
        assert len(server.app._retiring) == 1
        stage.released.set()
        assert client.hear() == {"id": "slow", "type": "next", "payload": {"data": {"slow": 2}}}
        assert client.hear() == {"id": "slow", "type": "complete"}
        stage.until(lambda: len(server.app._retiring) == 0)


# -- the server stops -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restarts", "code", "reason"), [(True, 1012, "the server restarts"), (False, 1001, "the server goes away")]
)
def test_a_server_that_stops_completes_subscriptions_and_finishes_queries(
    restarts: bool, code: int, reason: str
) -> None:
    with serving() as server, server.connecting() as client, server.connecting(init=False) as other:
        client.subscribe("{ slow }", "q")
        client.subscribe("subscription { ticks }", "s")
        stage.until(lambda: stage.open == 1)
        assert client.hear()["id"] == "s"
        assert stage.loop is not None
        drained = asyncio.run_coroutine_threadsafe(server.app._sockets.drain(20, restarts=restarts), stage.loop)
        assert other.closed() == (code, reason)
        while (message := client.hear())["type"] == "next":
            assert message["id"] == "s"
        assert message == {"id": "s", "type": "complete"}
        with pytest.raises(InvalidStatus) as refused, server.connecting():
            pass
        assert refused.value.response.status_code == 503
        client.subscribe("{ number }", "late")
        stage.released.set()
        assert client.hear() == {"id": "q", "type": "next", "payload": {"data": {"slow": 2}}}
        assert client.hear() == {"id": "q", "type": "complete"}
        assert client.closed() == (code, reason)
        drained.result(20)
        assert (server.sockets(), stage.open) == (0, 0)


def test_what_is_under_way_when_the_time_is_over_is_cut() -> None:
    with serving() as server, server.connecting() as client:
        client.subscribe("{ slow }", "q")
        stage.until(lambda: stage.asked == 1)
        server.drain(0.02)
        assert client.closed() == (1012, "the server restarts")
        assert stage.cancelled == 1


def test_a_server_without_sockets_stops_at_once() -> None:
    with serving() as server:
        with server.connecting():
            pass
        stage.until(lambda: server.sockets() == 0)
        server.drain(20)
        server.drain(20)
