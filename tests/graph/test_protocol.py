"""graphql-transport-ws without a socket: each row of the table, each message that is none, each limit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from graph.protocol import (
    TABLE,
    Accept,
    Action,
    Actions,
    Arm,
    Close,
    LogIn,
    On,
    Operation,
    Protocol,
    Start,
    State,
    Stop,
    Terms,
    Timer,
)

SUBPROTOCOLS = ["graphql-transport-ws"]
RESTART = Close(1012, "the server restarts")
ACK = '{"type":"connection_ack"}'
PING = '{"type":"ping"}'
QUERY = {"query": "{ a }"}


def text(type: str, **more: Any) -> str:
    return json.dumps({"type": type, **more})


def subscribe(id: str = "1") -> str:
    return text("subscribe", id=id, payload=QUERY)


def at(state: State, terms: Terms | None = None) -> Protocol:
    """Give a socket in a state, one stream `1` under way where there can be one."""
    protocol = Protocol(terms or Terms())
    if state is not State.NEW:
        protocol.opened(SUBPROTOCOLS)
    if state not in (State.NEW, State.WAITING):
        protocol.received(text("connection_init"), 0)
    if state in (State.READY, State.LEAVING):
        protocol.admitted()
        started(protocol, "1")
    if state is State.LEAVING:
        protocol.drain(RESTART)
    if state is State.CLOSED:
        protocol.gone()
    assert protocol.state is state
    return protocol


def started(protocol: Protocol, id: str) -> Operation:
    [action] = protocol.received(subscribe(id), 0)
    assert isinstance(action, Start)
    return action.operation


def plain(actions: Actions) -> list[Any]:
    """Give actions with ids instead of operations."""
    shown: list[Any] = []
    for action in actions:
        match action:
            case Start(operation) | Stop(operation):
                shown.append((type(action).__name__, operation.id))
            case _:
                shown.append(action)
    return shown


EVENTS: dict[On, Callable[[Protocol], Actions]] = {
    On.OPENED: lambda protocol: protocol.opened(SUBPROTOCOLS),
    On.INIT: lambda protocol: protocol.received(text("connection_init", payload={"token": "t"}), 0),
    On.PING: lambda protocol: protocol.received(text("ping"), 0),
    On.PONG: lambda protocol: protocol.received(text("pong"), 0),
    On.SUBSCRIBE: lambda protocol: protocol.received(subscribe("2"), 0),
    On.COMPLETE: lambda protocol: protocol.received(text("complete", id="1"), 0),
    On.ADMITTED: lambda protocol: protocol.admitted(60.0),
    On.REFUSED: lambda protocol: protocol.refused(),
    On.BROKEN: lambda protocol: protocol.broken(),
    On.LATE: lambda protocol: protocol.fired(Timer.INIT),
    On.QUIET: lambda protocol: protocol.fired(Timer.PING),
    On.EXPIRED: lambda protocol: protocol.fired(Timer.EXPIRY),
    On.DRAIN: lambda protocol: protocol.drain(RESTART),
}
NO_PONG = ('{"type":"pong"}',)
UNAUTHORIZED = Close(4401, "Unauthorized: no operation before connection_ack")
TWICE = Close(4429, "Too many initialisation requests")
EXPIRED = Close(4403, "the token has expired")
PINGED = [Arm(Timer.PING, 12.0), PING]

ROWS: dict[State, dict[On, tuple[list[Any], State]]] = {
    State.NEW: {
        On.OPENED: ([Accept("graphql-transport-ws"), Arm(Timer.INIT, 3.0)], State.WAITING),
        On.DRAIN: ([RESTART], State.CLOSED),
    },
    State.WAITING: {
        On.INIT: ([Arm(Timer.INIT, 10.0), LogIn({"token": "t"})], State.GREETING),
        On.PING: (['{"type":"pong"}'], State.WAITING),
        On.SUBSCRIBE: ([UNAUTHORIZED], State.CLOSED),
        On.LATE: ([Close(4408, "Connection initialisation timeout")], State.CLOSED),
        On.DRAIN: ([RESTART], State.CLOSED),
    },
    State.GREETING: {
        On.INIT: ([TWICE], State.CLOSED),
        On.PING: (['{"type":"pong"}'], State.GREETING),
        On.SUBSCRIBE: ([UNAUTHORIZED], State.CLOSED),
        On.ADMITTED: ([ACK, Arm(Timer.PING, 12.0), Arm(Timer.EXPIRY, 60.0)], State.READY),
        On.REFUSED: ([Close(4403, "Forbidden")], State.CLOSED),
        On.BROKEN: ([Close(4500, "Internal server error")], State.CLOSED),
        On.LATE: ([Close(4408, "Connection initialisation timeout: the login took too long")], State.CLOSED),
        On.DRAIN: ([RESTART], State.CLOSED),
    },
    State.READY: {
        On.INIT: ([("Stop", "1"), TWICE], State.CLOSED),
        On.PING: (['{"type":"pong"}'], State.READY),
        On.SUBSCRIBE: ([("Start", "2")], State.READY),
        On.COMPLETE: ([("Stop", "1")], State.READY),
        On.QUIET: (PINGED, State.READY),
        On.EXPIRED: ([("Stop", "1"), EXPIRED], State.CLOSED),
        On.DRAIN: ([], State.LEAVING),
    },
    State.LEAVING: {
        On.INIT: ([("Stop", "1"), TWICE], State.CLOSED),
        On.PING: (['{"type":"pong"}'], State.LEAVING),
        On.COMPLETE: ([("Stop", "1"), RESTART], State.CLOSED),
        On.QUIET: (PINGED, State.LEAVING),
        On.EXPIRED: ([("Stop", "1"), EXPIRED], State.CLOSED),
        On.DRAIN: ([], State.LEAVING),
    },
    State.CLOSED: {},
}


@pytest.mark.parametrize(
    ("state", "event"), [(state, event) for state in State for event in On], ids=lambda value: value.name.lower()
)
def test_each_event_means_in_each_state_what_the_table_says(state: State, event: On) -> None:
    protocol = at(state)
    actions, after = ROWS[state].get(event, ([], state))
    assert plain(EVENTS[event](protocol)) == actions
    assert protocol.state is after


def test_the_rows_here_are_those_of_the_table() -> None:
    assert {state: set(cells) for state, cells in TABLE.items()} == {state: set(rows) for state, rows in ROWS.items()}


@pytest.mark.parametrize("subprotocols", [[], ["graphql-ws"], ["GRAPHQL-TRANSPORT-WS"]])
def test_a_client_of_another_subprotocol_is_accepted_and_told_so(subprotocols: list[str]) -> None:
    protocol = Protocol(Terms())
    assert list(protocol.opened(subprotocols)) == [Accept(None), Close(4406, "Subprotocol not acceptable")]
    assert protocol.state is State.CLOSED


def test_one_common_subprotocol_is_enough() -> None:
    assert Protocol(Terms()).opened(["graphql-ws", "graphql-transport-ws"])[0] == Accept("graphql-transport-ws")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("null", "Invalid message: Expected `object`, got `null`"),
        ("[]", "Invalid message: Expected `object`, got `array`"),
        ("7", "Invalid message: Expected `object`, got `int`"),
        ('"ping"', "Invalid message: Expected `object`, got `str`"),
        ("", "Invalid message: it is not JSON"),
        ("{", "Invalid message: it is not JSON"),
        ('{"type":"ping"}x', "Invalid message: it is not JSON"),
        ("[" * 100_000, "Invalid message: Expected `object`, got `array`"),
        ('{"type":"ping","payload":' + '{"a":' * 100_000, "Invalid message: it is not JSON"),
        ("{}", "Invalid message: Object missing required field `type`"),
        ('{"type":null}', "Invalid message: Expected `str` - at `$.type`"),
        ('{"type":"start","id":"1"}', "Invalid message: Invalid value 'start' - at `$.type`"),
        ('{"type":"connection_ack"}', "Invalid message: Invalid value 'connection_ack' - at `$.type`"),
        ('{"type":"next","id":"1"}', "Invalid message: Invalid value 'next' - at `$.type`"),
        (
            '{"type":"connection_init","payload":[]}',
            "Invalid message: Expected `object | null`, got `array` - at `$.payload`",
        ),
        ('{"type":"ping","payload":"x"}', "Invalid message: Expected `object | null` - at `$.payload`"),
        ('{"type":"pong","payload":1}', "Invalid message: Expected `object | null` - at `$.payload`"),
        ('{"type":"subscribe","payload":{}}', "Invalid message: Object missing required field `id`"),
        ('{"type":"subscribe","id":"1"}', "Invalid message: Object missing required field `payload`"),
        ('{"type":"subscribe","id":1,"payload":{}}', "Invalid message: Expected `str`, got `int` - at `$.id`"),
        (
            '{"type":"subscribe","id":"","payload":{}}',
            "Invalid message: Expected `str` of length >= 1 - at `$.id`",
        ),
        (
            '{"type":"subscribe","id":"' + "i" * 257 + '","payload":{}}',
            "Invalid message: Expected `str` of length <= 256 - at `$.id`",
        ),
        ('{"type":"subscribe","id":"1","payload":{}}', "Invalid message: its payload has no query"),
        (
            '{"type":"subscribe","id":"1","payload":null}',
            "Invalid message: in its payload, Expected `object`, got `null`",
        ),
        (
            '{"type":"subscribe","id":"1","payload":{"query":1}}',
            "Invalid message: in its payload, Expected `str | null`, got `int` - at `$.query`",
        ),
        (
            '{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}',
            "Invalid message: in its payload, Expected `object | null`, got `array` - at `$.variables`",
        ),
        ('{"type":"complete"}', "Invalid message: Object missing required field `id`"),
        ('{"type":"complete","id":""}', "Invalid message: Expected `str` of length >= 1 - at `$.id`"),
        ('{"type":"complete","id":"\\ud800"}', "Invalid message: it is not JSON"),
    ],
    ids=lambda value: value[:50],
)
def test_what_is_no_message_closes_the_socket_and_says_why(message: str, reason: str) -> None:
    protocol = at(State.READY)
    assert plain(protocol.received(message, 0)) == [("Stop", "1"), Close(4400, reason)]


def test_a_binary_message_closes_the_socket() -> None:
    assert list(at(State.WAITING).received_bytes()) == [Close(4400, "Invalid message: it is not text")]


@pytest.mark.parametrize("state", [State.WAITING, State.GREETING])
def test_who_is_not_known_yet_may_not_say_much(state: State) -> None:
    longest = '{"type":"ping","payload":null}'.ljust(20_000)
    assert at(state).received(longest, 0) == ('{"type":"pong","payload":null}',)
    assert plain(at(state).received(longest + " ", 0))[-1] == Close(1009, "a message may have 20000 bytes")
    assert at(State.READY).received(longest + " ", 0) == ('{"type":"pong","payload":null}',)


def test_members_that_nobody_knows_are_ignored() -> None:
    assert at(State.WAITING).received('{"extra":1,"type":"ping","id":null}', 0) == ('{"type":"pong"}',)


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        ({}, '{"type":"pong","payload":{}}'),
        (None, '{"type":"pong","payload":null}'),
        ({"at": "10", "é": [1, None]}, '{"type":"pong","payload":{"at": "10", "\\u00e9": [1, null]}}'),
    ],
)
def test_a_pong_brings_back_what_the_ping_brought(payload: Any, answer: str) -> None:
    assert at(State.READY).received(text("ping", payload=payload), 0) == (answer,)


def test_numbers_in_a_ping_come_back_with_their_digits() -> None:
    answer = at(State.READY).received('{"type":"ping","payload":{"n":1.10,"m":123456789012345678901234567890}}', 0)
    assert answer == ('{"type":"pong","payload":{"n":1.10,"m":123456789012345678901234567890}}',)


def test_results_are_framed_with_their_clients_id() -> None:
    protocol = at(State.READY)
    operation = started(protocol, 'a"b\n')
    assert protocol.produced(operation, '{"data":null}') == ('{"id":"a\\"b\\n","type":"next","payload":{"data":null}}')
    assert protocol.ended(operation) == ('{"id":"a\\"b\\n","type":"complete"}',)


def test_an_operation_knows_its_request_and_what_was_sent() -> None:
    protocol = at(State.READY)
    sent = '{"type":"subscribe","id":"q","payload": {"query":"{ a }", "variables":{"n":1.10}} }'
    [action] = protocol.received(sent, 0)
    assert isinstance(action, Start)
    assert action.operation.request.query == "{ a }"
    assert action.operation.key == b'{"query":"{ a }", "variables":{"n":1.10}}'


def test_nothing_is_said_of_an_operation_that_its_client_has_completed() -> None:
    protocol = at(State.READY)
    operation = started(protocol, "2")
    assert list(protocol.received(text("complete", id="2"), 0)) == [Stop(operation)]
    assert protocol.produced(operation, "{}") is None
    assert protocol.ended(operation) == ()
    assert protocol.failed(operation, "[]") == ()
    assert protocol.received(text("complete", id="2"), 0) == ()


def test_nothing_is_said_of_an_operation_after_its_error() -> None:
    protocol = at(State.READY)
    operation = started(protocol, "2")
    assert protocol.failed(operation, '[{"message":"no"}]') == (
        '{"id":"2","type":"error","payload":[{"message":"no"}]}',
    )
    assert protocol.produced(operation, "{}") is None
    assert protocol.ended(operation) == ()


def test_an_id_is_free_again_once_its_operation_is_over() -> None:
    protocol = at(State.READY)
    first = started(protocol, "2")
    protocol.ended(first)
    second = started(protocol, "2")
    protocol.received(text("complete", id="2"), 0)
    third = started(protocol, "2")
    assert protocol.produced(first, "{}") is protocol.produced(second, "{}") is None
    assert protocol.produced(third, "{}") == '{"id":"2","type":"next","payload":{}}'


def test_an_id_in_use_closes_the_socket() -> None:
    actions = plain(at(State.READY).received(subscribe("1"), 0))
    assert actions == [("Stop", "1"), Close(4409, "Subscriber for 1 already exists")]


def test_a_reason_is_cut_at_the_length_that_a_close_frame_takes() -> None:
    protocol = at(State.READY)
    started(protocol, "é" * 200)
    close = protocol.received(subscribe("é" * 200), 0)[-1]
    assert close == Close(4409, "Subscriber for " + "é" * 54)


def test_one_operation_too_many_fails_and_the_socket_goes_on() -> None:
    protocol = at(State.READY, Terms(max_operations=1))
    assert protocol.received(subscribe("2"), 0) == (
        '{"id":"2","type":"error","payload":[{"message":"a socket may have 1 operations at once",'
        '"extensions":{"code":"LIMIT_EXCEEDED"}}]}',
    )
    protocol.received(text("complete", id="1"), 0)
    assert plain(protocol.received(subscribe("2"), 0)) == [("Start", "2")]


def test_a_message_may_have_so_many_bytes_and_not_one_more() -> None:
    message = '{"type":"ping","payload":{"a":"' + "é" * 100 + '"}}'
    size = len(message.encode())
    assert len(message) < size
    assert isinstance(at(State.READY, Terms(max_message_bytes=size)).received(message, 0)[0], str)
    [_, close] = at(State.READY, Terms(max_message_bytes=size - 1)).received(message, 0)
    assert close == Close(1009, f"a message may have {size - 1} bytes")


def test_messages_have_a_rate_and_a_store() -> None:
    protocol = at(State.READY, Terms(max_operations=2, max_messages_per_s=3))
    # Two were sent, of the 3 + 2·2 that may come at once.
    for _ in range(5):
        assert protocol.received(text("pong"), 0.0) == ()
    for second in (1.0, 2.0):
        for _ in range(3):
            assert protocol.received(text("pong"), second) == ()
    assert plain(protocol.received(text("pong"), 2.0)) == [("Stop", "1"), Close(4429, "Too many messages")]


def test_all_operations_may_be_stopped_and_started_again_at_once() -> None:
    protocol = at(State.READY)
    for message in (text("complete", id="1"), *map(subscribe, map(str, range(100)))):
        [action] = protocol.received(message, 0.0)
        assert isinstance(action, Start | Stop)
    for message in (*(text("complete", id=str(id)) for id in range(100)), subscribe("again")):
        [action] = protocol.received(message, 2.0)
        assert isinstance(action, Start | Stop)


def test_a_client_that_answers_no_ping_is_taken_to_be_gone() -> None:
    protocol = at(State.READY)
    assert list(protocol.fired(Timer.PING)) == PINGED
    assert list(protocol.fired(Timer.PING)) == PINGED
    assert plain(protocol.fired(Timer.PING)) == [("Stop", "1"), Close(1001, "no answer to a ping")]


def test_whatever_a_client_says_answers_a_ping() -> None:
    protocol = at(State.READY)
    for message in (text("pong"), text("ping"), text("complete", id="unknown")):
        for _ in range(2):
            assert list(protocol.fired(Timer.PING)) == PINGED
        protocol.received(message, 0)
    assert list(protocol.fired(Timer.PING)) == PINGED


def test_pings_can_be_switched_off() -> None:
    protocol = at(State.GREETING, Terms(ping_interval_s=None))
    assert list(protocol.admitted()) == [ACK]
    assert protocol.fired(Timer.PING) == ()


@pytest.mark.parametrize("left_s", [0.0, -1.0, float("-inf")])
def test_a_token_that_has_expired_already_admits_nobody(left_s: float) -> None:
    assert list(at(State.GREETING).admitted(left_s)) == [EXPIRED]


def test_a_drained_socket_completes_its_streams_and_closes() -> None:
    protocol = at(State.READY)
    other = started(protocol, "2")
    protocol.received(text("complete", id="1"), 0)
    protocol.streams(other)
    assert list(protocol.drain(RESTART)) == [Stop(other), '{"id":"2","type":"complete"}', RESTART]
    assert protocol.state is State.CLOSED


def test_a_drained_socket_waits_for_its_queries_and_starts_no_more() -> None:
    protocol = at(State.READY)
    query = started(protocol, "2")
    protocol.received(text("complete", id="1"), 0)
    assert list(protocol.drain(RESTART)) == []
    assert protocol.received(subscribe("3"), 0) == ()
    assert protocol.produced(query, "{}") == '{"id":"2","type":"next","payload":{}}'
    assert list(protocol.ended(query)) == ['{"id":"2","type":"complete"}', RESTART]


def test_a_subscription_that_begins_as_its_socket_is_drained_is_complete() -> None:
    protocol = at(State.LEAVING)
    [stop, close] = protocol.received(text("complete", id="1"), 0)
    assert (type(stop), close) == (Stop, RESTART)
    protocol = at(State.READY)
    operation = started(protocol, "2")
    protocol.drain(RESTART)
    assert list(protocol.streams(operation)) == ['{"id":"2","type":"complete"}']
    assert protocol.produced(operation, "{}") is None


def test_a_drained_socket_is_cut_when_its_time_is_over() -> None:
    protocol = at(State.LEAVING)
    assert plain(protocol.cut()) == [("Stop", "1"), RESTART]
    assert protocol.cut() == ()


def test_a_drained_socket_without_operations_closes_at_once() -> None:
    protocol = at(State.GREETING)
    protocol.admitted()
    assert list(protocol.drain(Close(1001, "the server goes away"))) == [Close(1001, "the server goes away")]


def test_a_client_that_leaves_has_its_operations_stopped_and_is_told_nothing() -> None:
    protocol = at(State.READY)
    started(protocol, "2")
    assert plain(protocol.gone()) == [("Stop", "1"), ("Stop", "2")]
    assert protocol.gone() == []
    actions: list[Action] = []
    for event in EVENTS.values():
        actions += event(protocol)
    assert actions == []
