"""Single flight against a model: actors that ask, leave, finish and fail in any order that hypothesis thinks of.

What must hold: everybody who stays gets the outcome of work that was under way while they waited; work is cancelled
exactly when nobody is left who waits for it, and never where it is kept; nothing is left behind.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from resolvers import Flights

KEYS = st.sampled_from(["a", "b"])


class Work:
    """Work for one question; it is over when the machine says so."""

    def __init__(self, key: str, number: int) -> None:
        self.key = key
        self.number = number
        self.outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.is_cancelled = False

    async def do(self) -> int:
        try:
            return await self.outcome
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise

    @property
    def is_over(self) -> bool:
        return self.is_cancelled or self.outcome.done()


class Actor:
    """Somebody who asked, and for which work they wait."""

    def __init__(self, task: asyncio.Task[int], work: Work) -> None:
        self.task = task
        self.work = work


class Machine(RuleBasedStateMachine):
    """Common to both ways of doing the work."""

    actors = Bundle("actors")
    is_led = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self.flights = Flights[int]()
        self.works: list[Work] = []
        self.current: dict[str, Work] = {}
        self.waiting: dict[Work, list[Actor]] = {}
        self.kept: set[Work] = set()

    def turn(self) -> None:
        async def settle() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.loop.run_until_complete(settle())

    def begin(self, key: str) -> Work:
        work = Work(key, len(self.works))
        self.works.append(work)
        return work

    async def ask(self, key: str, keep: bool) -> int:
        async def do() -> int:
            return await self.begin(key).do()

        if self.is_led:
            return await self.flights.lead(key, do)
        return await self.flights.share(key, do, keep=keep)

    @rule(target=actors, key=KEYS, keep=st.booleans())
    def asks(self, key: str, keep: bool) -> Actor:
        known = self.current.get(key)
        begun = len(self.works)
        task = self.loop.create_task(self.ask(key, keep))
        self.turn()
        if known is None:
            assert len(self.works) == begun + 1, "nobody was at work, so somebody must begin"
            known = self.current[key] = self.works[-1]
            self.waiting[known] = []
            if keep and not self.is_led:
                self.kept.add(known)
        else:
            assert len(self.works) == begun, "somebody is at work already"
        actor = Actor(task, known)
        self.waiting[known].append(actor)
        return actor

    @rule(actor=consumes(actors))
    def leaves(self, actor: Actor) -> None:
        waiting = self.waiting.get(actor.work, [])
        if actor.task.done() or actor not in waiting:
            return
        if self.is_led:
            self.loop.call_soon(self.flights.abandon, actor.task)
        else:
            actor.task.cancel()
        self.turn()
        waiting.remove(actor)
        if not waiting and actor.work not in self.kept:
            assert actor.work.is_cancelled, "nobody waits for it"
            assert actor.task.cancelled()
            del self.current[actor.work.key]
        else:
            assert not actor.work.is_over, "others wait for it, or it is kept"

    @rule(key=KEYS, fails=st.booleans())
    def ends(self, key: str, fails: bool) -> None:
        work = self.current.pop(key, None)
        if work is None:
            return
        if fails:
            work.outcome.set_exception(ValueError(str(work.number)))
        else:
            work.outcome.set_result(work.number)
        self.turn()
        for actor in self.waiting[work]:
            assert actor.task.done(), "nobody waits for what is over"
            failure = actor.task.exception()
            if fails:
                assert str(failure) == str(work.number)
            else:
                assert actor.task.result() == work.number

    @rule(key=KEYS, count=st.integers(1, 3))
    def all_leave_at_once(self, key: str, count: int) -> None:
        work = self.current.get(key)
        if work is None:
            return
        leaving = self.waiting[work][:count]
        for actor in leaving:
            if self.is_led:
                self.loop.call_soon(self.flights.abandon, actor.task)
            else:
                actor.task.cancel()
            self.waiting[work].remove(actor)
        self.turn()
        if not self.waiting[work] and work not in self.kept:
            assert work.is_cancelled
            del self.current[key]
        else:
            assert not work.is_over

    @invariant()
    def what_is_under_way_is_known(self) -> None:
        assert len(self.flights) == len(self.current)
        assert all(not work.is_over for work in self.current.values())
        assert self.complaints == []

    def teardown(self) -> None:
        for key in list(self.current):
            self.ends(key, fails=False)
        assert len(self.flights) == 0
        assert self.flights._led == {}
        assert asyncio.all_tasks(self.loop) == set()
        self.turn()
        assert self.complaints == []
        self.loop.close()


class Sharing(Machine):
    """Work in a task of its own."""


class Leading(Machine):
    """Work in the task of who asks first; who leaves says so by `abandon`."""

    is_led = True


Sharing.TestCase.settings = Leading.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestSharing = Sharing.TestCase
TestLeading = Leading.TestCase
