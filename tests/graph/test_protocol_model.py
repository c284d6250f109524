"""graphql-transport-ws against a model: clients, operations, timers and a server that stops, in any order.

What must hold: one acknowledgement at most; nothing after a close, and nothing after the client has left; no message
for an id after its `complete` or `error`; each operation that was started is stopped or ends, once.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from graph.protocol import Accept, Actions, Arm, Close, LogIn, Operation, Protocol, Start, Stop, Terms, Timer

IDS = st.sampled_from(["1", "2", "3"])
MAX_OPERATIONS = 2
RESTART = Close(1012, "the server restarts")


class Conversation(RuleBasedStateMachine):
    """The model knows which ids are taken and how far the client is; what it expects is compared with what is done."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol = Protocol(Terms(max_operations=MAX_OPERATIONS, max_messages_per_s=1_000_000))
        self.is_waiting = False
        self.is_greeting = False
        self.is_acknowledged = False
        self.is_leaving = False
        self.is_over = False
        self.patience = 0
        self.silences = 0
        self.acknowledgements = 0
        self.running: dict[str, Operation] = {}
        self.streams: set[str] = set()
        self.started: list[Operation] = []
        self.finished: dict[Operation, str] = {}

    # -- what is done, noted and checked ------------------------------------------------------------------------------

    def do(self, actions: Actions, *expected: Any) -> None:
        """Carry out actions, which must be those that the model expects; a number expects a close with that code."""
        shown = [action.code if isinstance(action, Close) else action for action in actions]
        shown = [action for action in shown if not isinstance(action, Arm)]
        assert [action for action in shown if not isinstance(action, Stop)] == list(expected)
        for action in actions:
            assert not self.is_over, "nothing is done after the end"
            match action:
                case str():
                    self.note(json.loads(action))
                case Stop(operation):
                    self.finish(operation, "stopped")
                case Close():
                    self.is_over = True
        if self.is_over:
            assert self.running == {}

    def note(self, message: dict[str, Any]) -> None:
        if message["type"] == "connection_ack":
            self.acknowledgements += 1
            assert self.acknowledgements == 1
        elif message["type"] in ("complete", "error") and message["id"] in self.running:
            self.finish(self.running[message["id"]], message["type"])

    def finish(self, operation: Operation, how: str) -> None:
        if how == "complete" and self.finished.get(operation) == "stopped":
            return  # a stream that is stopped since the server stops, and its client told so
        assert operation not in self.finished, "an operation is over once"
        self.finished[operation] = how
        del self.running[operation.id]
        self.streams.discard(operation.id)

    @property
    def is_ready(self) -> bool:
        return self.is_acknowledged and not self.is_over

    def farewell(self) -> tuple[int, ...]:
        return (1012,) if self.is_leaving and not self.running else ()

    def may_end(self) -> bool:
        """Tell whether what ends the conversation may happen already, so that not all of them are short."""
        self.patience -= 1
        return self.patience < 0

    def say(self, **message: Any) -> Actions:
        self.silences = 0
        return self.protocol.received(json.dumps(message), 0.0)

    # -- what happens ---------------------------------------------------------------------------------------------

    @initialize(
        begins=st.sampled_from(["other", "opened", "greeted", "known", "known", "known"]), patience=st.integers(0, 8)
    )
    def opens(self, begins: str, patience: int) -> None:
        self.patience = patience
        if begins == "other":
            self.do(self.protocol.opened(["other"]), Accept(None), 4406)
            return
        self.do(self.protocol.opened(["graphql-transport-ws"]), Accept("graphql-transport-ws"))
        self.is_waiting = True
        if begins != "opened":
            self.introduces_itself({})
        if begins == "known":
            self.is_admitted(None)

    @rule(payload=st.sampled_from([None, {}, {"token": "t"}]))
    def introduces_itself(self, payload: dict[str, Any] | None) -> None:
        if not self.is_waiting and not self.may_end():
            return
        actions = self.say(type="connection_init", payload=payload)
        if self.is_over:
            self.do(actions)
        elif self.is_waiting:
            self.is_waiting, self.is_greeting = False, True
            self.do(actions, LogIn(payload or {}))
        else:
            self.do(actions, 4429)

    @rule(left_s=st.sampled_from([None, 0.0, 10.0]))
    def is_admitted(self, left_s: float | None) -> None:
        actions = self.protocol.admitted(left_s)
        if self.is_over or not self.is_greeting:
            self.do(actions)
        elif left_s == 0.0:
            self.do(actions, 4403)
        else:
            self.is_greeting, self.is_acknowledged = False, True
            self.do(actions, '{"type":"connection_ack"}')

    @rule(broken=st.booleans())
    def is_refused(self, broken: bool) -> None:
        actions = self.protocol.broken() if broken else self.protocol.refused()
        if self.is_over or not self.is_greeting:
            self.do(actions)
        else:
            self.do(actions, 4500 if broken else 4403)

    @rule(ids=st.lists(IDS, min_size=1, max_size=3, unique=True))
    def subscribes(self, ids: list[str]) -> None:
        for id in ids:
            self.subscribe(id)

    def subscribe(self, id: str) -> None:
        if (id in self.running or not self.is_acknowledged) and not self.may_end():
            return
        actions = self.say(type="subscribe", id=id, payload={"query": "{ a }"})
        if self.is_over or self.is_leaving:
            self.do(actions)
        elif not self.is_acknowledged:
            self.do(actions, 4401)
        elif id in self.running:
            self.do(actions, 4409)
        elif len(self.running) == MAX_OPERATIONS:
            [text] = actions
            assert isinstance(text, str)
            assert json.loads(text)["type"] == "error"
        else:
            [start] = actions
            assert isinstance(start, Start)
            assert start.operation.id == id
            self.running[id] = start.operation
            self.started.append(start.operation)

    @rule(id=IDS)
    def completes(self, id: str) -> None:
        operation = self.running.get(id)
        actions = self.say(type="complete", id=id)
        if operation is None:
            self.do(actions)
        else:
            assert actions[0] == Stop(operation)
            del self.running[id]
            expected = self.farewell()
            self.running[id] = operation
            self.do(actions, *expected)

    @rule(text=st.sampled_from(["null", "[]", "{", '{"type":"start"}', '{"type":"subscribe","id":""}', None]))
    def talks_nonsense(self, text: str | None) -> None:
        if not self.may_end():
            return
        protocol = self.protocol
        actions = protocol.received_bytes() if text is None else protocol.received(text, 0.0)
        self.do(actions, *(() if self.is_over else (4400,)))

    @rule(id=IDS)
    def pings(self, id: str) -> None:
        actions = self.say(type="ping", payload={"id": id})
        self.do(actions, *(() if self.is_over else (f'{{"type":"pong","payload":{{"id": "{id}"}}}}',)))

    @rule()
    def pongs(self) -> None:
        self.do(self.say(type="pong"))

    @rule()
    def leaves(self) -> None:
        if not self.may_end():
            return
        self.do(self.protocol.gone())
        assert self.running == {}
        self.is_over = True

    @rule(timer=st.sampled_from(Timer))
    def time_is_up(self, timer: Timer) -> None:
        if timer is Timer.EXPIRY and not self.may_end():
            return
        actions = self.protocol.fired(timer)
        if self.is_over:
            self.do(actions)
        elif timer is Timer.INIT:
            self.do(actions, *((4408,) if self.is_waiting or self.is_greeting else ()))
        elif timer is Timer.EXPIRY:
            self.do(actions, *((4403,) if self.is_ready else ()))
        elif not self.is_ready:
            self.do(actions)
        elif self.silences == 2:
            self.do(actions, 1001)
        else:
            self.silences += 1
            self.do(actions, '{"type":"ping"}')

    @rule()
    def stops(self) -> None:
        if not self.running and not self.may_end():
            return
        actions = self.protocol.drain(RESTART)
        texts = [f'{{"id":"{id}","type":"complete"}}' for id in self.running if id in self.streams]
        stays = any(id not in self.streams for id in self.running)
        if self.is_over:
            self.do(actions)
        elif not self.is_acknowledged:
            self.do(actions, 1012)
        else:
            self.is_leaving = True
            for operation in [self.running[id] for id in self.streams]:
                assert Stop(operation) in actions
            self.do(actions, *texts, *(() if stays else (1012,)))

    @rule()
    def has_no_more_time(self) -> None:
        if not self.may_end():
            return
        self.do(self.protocol.cut(), *((1012,) if self.is_leaving and not self.is_over else ()))

    # -- any operation that was ever started ------------------------------------------------------------------------

    @precondition(lambda self: bool(self.started))
    @rule(data=st.data(), number=st.integers(0, 9))
    def produces(self, data: st.DataObject, number: int) -> None:
        operation = self.some(data)
        text = self.protocol.produced(operation, str(number))
        if operation in self.finished:
            assert text is None
        else:
            assert text == f'{{"id":"{operation.id}","type":"next","payload":{number}}}'

    @precondition(lambda self: bool(self.started))
    @rule(data=st.data())
    def is_a_stream(self, data: st.DataObject) -> None:
        operation = self.some(data)
        actions = self.protocol.streams(operation)
        if operation in self.finished:
            self.do(actions)
        elif self.is_leaving:
            self.do(actions, *self.ending(operation, "complete"))
        else:
            self.streams.add(operation.id)
            self.do(actions)

    @precondition(lambda self: bool(self.started))
    @rule(data=st.data(), fails=st.booleans())
    def is_done(self, data: st.DataObject, fails: bool) -> None:
        operation = self.some(data)
        actions = self.protocol.failed(operation, "[]") if fails else self.protocol.ended(operation)
        if operation in self.finished:
            self.do(actions)
        else:
            self.do(actions, *self.ending(operation, "error" if fails else "complete"))

    def some(self, data: st.DataObject) -> Operation:
        """Give an operation, more often one that is under way."""
        found = list(self.running.values()) if data.draw(st.integers(0, 3)) else []
        return data.draw(st.sampled_from(found or self.started))

    def ending(self, operation: Operation, how: str) -> tuple[Any, ...]:
        payload = ',"payload":[]' if how == "error" else ""
        text = f'{{"id":"{operation.id}","type":"{how}"{payload}}}'
        return (text, 1012) if self.is_leaving and len(self.running) == 1 else (text,)

    def teardown(self) -> None:
        self.protocol.gone()
        assert all(operation.is_over for operation in self.started)
        assert len(set(map(id, self.started))) == len(self.started)


Conversation.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestConversation = Conversation.TestCase
