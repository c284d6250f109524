"""`batched`: an author's function of many keys, called once per operation and wave."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import strawberry

from graph import Graph
from resolvers import batched
from sources import FakeTransport, Rest

asked: list[list[int]] = []
ROWS = [{"id": number} for number in (1, 2, 3)]
source = Rest("s", "http://s.example", client=FakeTransport({"GET /rows": ROWS}))


@batched
async def ratings(keys: list[int]) -> Mapping[int, float]:
    asked.append(keys)
    return {key: key / 2 for key in keys if key != 3}


@batched(max_batch=2)
async def names(keys: list[int]) -> Sequence[Any]:
    asked.append(keys)
    return [ValueError("no name") if key == 2 else f"n{key}" for key in keys]


@batched
async def breaks(keys: list[int]) -> Mapping[int, str]:
    asked.append(keys)
    raise RuntimeError("all of them")


@strawberry.type
class Row:
    id: int

    @strawberry.field
    async def rating(self) -> float | None:
        return await ratings.load(self.id)

    @strawberry.field
    async def twice(self) -> list[float | None]:
        return await ratings.load_many([self.id, self.id])

    @strawberry.field
    async def name(self) -> str | None:
        return await names.load(self.id)

    @strawberry.field
    async def broken(self) -> str | None:
        return await breaks.load(self.id)


@strawberry.type
class Query:
    @source.get("/rows")
    def rows(self) -> list[Row]: ...

    @strawberry.field
    async def best(self) -> float | None:
        return await ratings.load(1)


graph = Graph(query=Query)


@pytest.fixture(autouse=True)
def forgotten() -> None:
    asked.clear()


async def test_all_objects_share_one_call_and_what_lacks_is_null() -> None:
    answer = await graph.execute("{ rows { rating twice } }")
    assert answer["data"]["rows"] == [
        {"rating": 0.5, "twice": [0.5, 0.5]},
        {"rating": 1.0, "twice": [1.0, 1.0]},
        {"rating": None, "twice": [None, None]},
    ]
    assert asked == [[1, 2, 3]]


async def test_one_keys_error_is_its_own() -> None:
    answer = await graph.execute("{ rows { name } }")
    assert answer["data"]["rows"] == [{"name": "n1"}, {"name": None}, {"name": "n3"}]
    assert [error["path"] for error in answer["errors"]] == [["rows", 1, "name"]]
    assert asked == [[1, 2], [3]]


async def test_a_function_that_fails_fails_its_keys_once() -> None:
    answer = await graph.execute("{ rows { broken rating } }")
    assert [error["path"] for error in answer["errors"]] == [["rows", n, "broken"] for n in range(3)]
    assert answer["data"]["rows"][0]["rating"] == 0.5
    assert asked == [[1, 2, 3], [1, 2, 3]]


async def test_operations_do_not_share_values() -> None:
    answers = await asyncio.gather(graph.execute("{ a: best }"), graph.execute("{ b: best }"))
    assert list(answers) == [{"data": {"a": 0.5}}, {"data": {"b": 0.5}}]
    assert asked == [[1], [1]]


async def test_outside_an_operation_nothing_is_loaded() -> None:
    with pytest.raises(RuntimeError, match="while an operation is executed"):
        await ratings.load(1)
