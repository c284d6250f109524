"""The gateway under fire: whatever backends do, every operation is answered, in time, with nothing wrong in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.load import Operation, differences
from tests.faults.stage import ANY, PHASES, cancelled, staged
from tests.faults.watchers import Watcher
from tests.graph.feeds import until

_OPERATIONS = 40
# Allocators keep some 25 MB of what large replies took, however long it goes on; one bomb kept would be 200 MB.
_GROWS_BYTES = 48 * 1024 * 1024

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="a process is looked at through /proc")


@pytest.mark.timeout(300)
async def test_whatever_backends_do_operations_are_answered_in_time_and_nothing_is_left(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.phase(ANY, 4 * _OPERATIONS)  # what code and caches take is taken once
        await stage.recovered()
        at_rest = await stage.settled()
        watchers = [Watcher(stage.root, f"watcher-{number}") for number in range(3)]
        watching = [asyncio.create_task(watcher.watch()) for watcher in watchers]
        for name in PHASES:
            figures = await stage.phase(name, _OPERATIONS)
            assert (figures.wrong, figures.lost) == (0, 0), f"{name}: {figures.told}"
            assert figures.sent == _OPERATIONS
            assert figures.injected > 0, name
            await stage.recovered()
        for watcher, task in zip(watchers, watching, strict=True):
            assert not task.done(), task
            await cancelled(task)
            assert watcher.wrong == []
            assert min(*watcher.heard.values(), watcher.asked) > 10, watcher.heard
        written, clients = stage.backends.written, stage.clients
        assert {key: times for key, times in written.items() if times != 1} == {}
        assert clients.succeeded <= written.keys() <= clients.tried
        left = await stage.settled(at_rest)
        assert left["tasks"] <= at_rest["tasks"]
        assert left["descriptors"] <= at_rest["descriptors"]
        assert (left["underWay"], left["subscriptions"]) == (at_rest["underWay"], 0)
        assert left["bytes"] - at_rest["bytes"] < _GROWS_BYTES
        assert stage.backends.streams == 0
    expected = ("source '", "weft: nowhere does not answer at ")
    assert [line for line in stage.gateway.logged().splitlines()[1:] if not line.startswith(expected)] == []


async def test_a_backend_that_hangs_holds_up_nothing_that_does_not_need_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.recovered()
        for proxy in stage.proxies:
            proxy.faults, proxy.share = ("hang before the reply",), 1.0
        hanging = [asyncio.create_task(stage.clients.ask(_item(number))) for number in range(1, 31)]
        await until(lambda: stage.proxies[0].injected.total() > 0)
        for _ in range(5):
            _, response = await stage.clients.ask(Operation('{ thing(id: "7") { name } }', {}, {}))
            assert response == {"data": {"thing": {"name": "Thing 7"}}}
        assert not any(task.done() for task in hanging)
        for task, number in zip(hanging, range(1, 31), strict=True):
            _, response = await task
            assert response["data"] == {"awaitedItem": None}
            assert differences(_item(number), response) == []


def _item(number: int) -> Operation:
    query = f'{{ awaitedItem(id: "{number}") {{ name }} }}'
    return Operation(query, {}, {"awaitedItem": {"name": f"Item {number}"}}, frozenset({"awaitedItem"}))
