"""``@defer`` and ``@stream``: payloads as the incremental delivery draft has them, from real plans."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from graph import Graph
from resolvers import link
from sources import FakeTransport, Reply, Rest

Json = Any


class Backend(FakeTransport):
    """Shops, wares and owners; endpoints that are held answer when they are let go."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.held: dict[str, asyncio.Event] = {}
        self.broken: set[str] = set()
        self.cancelled: list[str] = []

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if parts.path in self.broken:
            return 500, {}
        match parts.path.split("/")[1]:
            case "shops":
                return [{"id": number, "name": f"shop {number}", "owner_id": number % 3} for number in range(4)]
            case "shop":
                return {"id": 1, "name": "shop 1", "owner_id": 1}
            case "owners":
                return [{"id": int(key), "name": f"owner {key}"} for key in query["id"] if key != "0"]
            case "wares":
                return [
                    {"id": 10 * int(key) + n, "shop_id": int(key), "title": f"{key}-{n}", "maker_id": n}
                    for key in query["shop_id"]
                    for n in range(3)
                ]
            case "makers":
                return [{"id": int(key), "name": f"maker {key}"} for key in query["id"]]
            case "renamed":
                return {"id": 1, "name": "renamed", "owner_id": 2}
        return 404, {}

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
        reply = await super().send(method, url, headers, body)
        path = urlsplit(url).path
        if path in self.held:
            try:
                await self.held[path].wait()
            except asyncio.CancelledError:
                self.cancelled.append(path)
                raise
        return reply


backend = Backend()
source = Rest("s", "http://s.test", client=backend)


@source.entity(batch="/owners{?id*}")
class Owner:
    id: int
    name: str


@source.entity(batch="/makers{?id*}")
class Maker:
    id: int
    name: str


@source.entity(batch="/wares-by-id{?id*}")
class Ware:
    id: int
    title: str
    maker: Maker | None = link("maker_id")


@source.entity(get="/shop/{id}")
class Shop:
    id: int
    name: str
    owner: Owner | None = link("owner_id")
    sure: Owner = link("owner_id")

    @source.get("/wares{?shop_id}", batch="/wares{?shop_id*}", group_by="shop_id")
    def wares(self) -> list[Ware]: ...

    @strawberry.field
    async def slogan(self) -> str:
        return f"come to {self.name}"


@strawberry.type
class Query:
    @source.get("/shops")
    def shops(self) -> list[Shop]: ...

    @source.get("/shop/1")
    def shop(self) -> Shop | None: ...

    @strawberry.field
    async def numbers(self) -> strawberry.Streamable[Shop]:
        for number in range(3):
            shop = object.__new__(Shop)
            shop.id, shop.name = number, f"made {number}"
            yield shop


@strawberry.type
class Mutation:
    @source.post("/renamed")
    def rename(self) -> Shop | None: ...


graph = Graph(query=Query, mutation=Mutation)


@pytest.fixture(autouse=True)
def fresh() -> None:
    backend.held = {}
    backend.broken = set()
    backend.cancelled.clear()
    backend.calls.clear()


async def payloads(query: str, **variables: Json) -> list[Json]:
    return [payload async for payload in graph.execute_incrementally(query, variables)]


def assembled(found: list[Json]) -> Json:
    """Put payloads together as a client does."""
    if "hasNext" not in found[0]:
        return found[0].get("data")
    data = found[0]["data"]
    pending: dict[str, list[str | int]] = {}
    for payload in found:
        pending.update({entry["id"]: entry["path"] for entry in payload.get("pending", [])})
        for entry in payload.get("incremental", []):
            place = data
            for step in [*pending[entry["id"]], *entry.get("subPath", [])]:
                place = place[step]
            if "items" in entry:
                place.extend(entry["items"])
            else:
                merge(place, entry["data"])
        for entry in payload.get("completed", []):
            del pending[entry["id"]]
    assert pending == {}
    assert [payload["hasNext"] for payload in found] == [True] * (len(found) - 1) + [False]
    return data


def merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


async def test_a_deferred_fragment_comes_in_a_payload_of_its_own() -> None:
    assert await payloads('{ shop { name ... @defer(label: "who") { owner { name } } } }') == [
        {
            "data": {"shop": {"name": "shop 1"}},
            "pending": [{"id": "0", "path": ["shop"], "label": "who"}],
            "hasNext": True,
        },
        {
            "incremental": [{"data": {"owner": {"name": "owner 1"}}, "id": "0"}],
            "completed": [{"id": "0"}],
            "hasNext": False,
        },
    ]


async def test_the_first_payload_does_not_wait_for_what_is_deferred() -> None:
    backend.held = {"/owners": asyncio.Event()}
    answers = graph.execute_incrementally("{ shop { name ... @defer { owner { name } } } }")
    assert (await anext(answers))["data"] == {"shop": {"name": "shop 1"}}
    backend.held["/owners"].set()
    assert (await anext(answers))["completed"] == [{"id": "0"}]


async def test_the_same_fragment_of_many_objects_is_one_batch() -> None:
    found = await payloads("{ shops { id ... @defer { owner { name } } } }")
    assert [entry["path"] for entry in found[0]["pending"]] == [["shops", index] for index in range(4)]
    assert len(found) == 2
    assert assembled(found)["shops"][2] == {"id": 2, "owner": {"name": "owner 2"}}
    assert backend.calls == ["GET /shops", "GET /owners?id=0&id=1&id=2"]


async def test_fragments_come_as_each_is_ready() -> None:
    backend.held = {"/owners": asyncio.Event(), "/wares": asyncio.Event()}
    answers = graph.execute_incrementally("{ shop { ... @defer { owner { name } } ... @defer { wares { title } } } }")
    assert [entry["id"] for entry in (await anext(answers))["pending"]] == ["0", "1"]
    backend.held["/wares"].set()
    second = await anext(answers)
    assert (second["completed"], second["hasNext"]) == ([{"id": "1"}], True)
    backend.held["/owners"].set()
    third = await anext(answers)
    assert (third["completed"], third["hasNext"]) == ([{"id": "0"}], False)


async def test_a_fragment_inside_another_is_announced_when_that_is_completed() -> None:
    found = await payloads(
        '{ shop { name ... @defer(label: "a") { owner { name } ... @defer(label: "b") { wares { title } } } } }'
    )
    assert [entry["label"] for entry in found[0]["pending"]] == ["a"]
    labels = [entry["label"] for payload in found[1:] for entry in payload.get("pending", [])]
    assert labels == ["b"]
    assert assembled(found)["shop"]["wares"][0] == {"title": "1-0"}


async def test_a_fragment_that_brings_nothing_of_its_own_is_passed_over() -> None:
    found = await payloads(
        '{ shop { owner { name } ... @defer { owner { name } ... @defer(label: "b") { wares { title } } } } }'
    )
    assert [entry.get("label") for entry in found[0]["pending"]] == ["b"]
    assert found[0]["data"] == {"shop": {"owner": {"name": "owner 1"}}}


async def test_a_field_that_is_also_asked_for_at_once_comes_at_once() -> None:
    found = await payloads("{ shop { owner { id } ... @defer { owner { name } wares { id } } } }")
    assert found[0]["data"] == {"shop": {"owner": {"id": 1}}}
    assert assembled(found) == {
        "shop": {"owner": {"id": 1, "name": "owner 1"}, "wares": [{"id": 10}, {"id": 11}, {"id": 12}]}
    }
    assert any(entry.get("subPath") == ["owner"] for payload in found[1:] for entry in payload.get("incremental", []))


async def test_what_has_come_anyway_is_not_deferred() -> None:
    assert await payloads("{ shop { id ... @defer { name } } }") == [{"data": {"shop": {"id": 1, "name": "shop 1"}}}]


@pytest.mark.parametrize("condition", ["if: false", "if: $no"])
async def test_a_fragment_may_be_deferred_under_a_condition(condition: str) -> None:
    query = f"query($no: Boolean = false) {{ shop {{ ... @defer({condition}) {{ owner {{ name }} }} }} }}"
    assert await payloads(
        query.replace("($no: Boolean = false)", "($no: Boolean! = false)" if "$" in condition else "")
    ) == [{"data": {"shop": {"owner": {"name": "owner 1"}}}}]


async def test_who_does_not_take_payloads_gets_everything_at_once() -> None:
    before = graph.engine.compiled_answers
    assert await graph.execute("{ shop { name ... @defer { owner { name } } } }") == {
        "data": {"shop": {"name": "shop 1", "owner": {"name": "owner 1"}}}
    }
    assert graph.engine.compiled_answers == before + 1


async def test_an_error_of_a_deferred_field_comes_with_it() -> None:
    backend.broken = {"/owners"}
    found = await payloads("{ shop { name ... @defer { owner { name } } } }")
    [entry] = found[1]["incremental"]
    assert entry["data"] == {"owner": None}
    assert [error["path"] for error in entry["errors"]] == [["shop", "owner"]]
    assert entry["errors"][0]["extensions"]["code"] == "UPSTREAM_ERROR"


async def test_a_null_that_reaches_the_fragment_ends_the_fragment_only() -> None:
    backend.broken = {"/owners"}
    found = await payloads("{ shop { name ... @defer { sure { name } slogan } ... @defer { wares { id } } } }")
    assert found[0]["data"] == {"shop": {"name": "shop 1"}}
    ended = [entry for payload in found[1:] for entry in payload.get("completed", []) if "errors" in entry]
    assert [(entry["id"], entry["errors"][0]["path"]) for entry in ended] == [("0", ["shop", "sure"])]
    assert assembled(found)["shop"] == {"name": "shop 1", "wares": [{"id": 10}, {"id": 11}, {"id": 12}]}


async def test_nothing_is_announced_below_a_null() -> None:
    backend.broken = {"/owners"}
    [only] = await payloads("{ shop { sure { name } ... @defer { wares { id } } } }")
    assert only["data"] == {"shop": None}


async def test_a_list_is_streamed_after_its_first_items() -> None:
    assert await payloads('{ shops @stream(initialCount: 1, label: "all") { id owner { name } } }') == [
        {
            "data": {"shops": [{"id": 0, "owner": None}]},
            "pending": [{"id": "0", "path": ["shops"], "label": "all"}],
            "hasNext": True,
        },
        {
            "incremental": [
                {
                    "items": [
                        {"id": 1, "owner": {"name": "owner 1"}},
                        {"id": 2, "owner": {"name": "owner 2"}},
                        {"id": 3, "owner": None},
                    ],
                    "id": "0",
                }
            ],
            "completed": [{"id": "0"}],
            "hasNext": False,
        },
    ]


async def test_streamed_items_share_calls() -> None:
    await payloads("{ shops @stream { owner { name } } }")
    assert backend.calls == ["GET /shops", "GET /owners?id=0&id=1&id=2"]


async def test_a_list_of_which_everything_has_come_is_not_streamed() -> None:
    [only] = await payloads("{ shops @stream { id name } }")
    assert len(only["data"]["shops"]) == 4


async def test_a_list_that_is_short_is_not_streamed() -> None:
    [only] = await payloads("{ shops @stream(initialCount: 4) { id owner { name } } }")
    assert len(only["data"]["shops"]) == 4


async def test_a_negative_count_is_an_error_of_its_field() -> None:
    [only] = await payloads("query($n: Int) { shop { wares @stream(initialCount: $n) { maker { name } } } }", n=-1)
    assert only["data"] == {"shop": None}
    assert [error["extensions"]["code"] for error in only["errors"]] == ["BAD_USER_INPUT"]


async def test_what_a_generator_gives_is_streamed_as_it_comes() -> None:
    found = await payloads("{ numbers @stream(initialCount: 1) { name slogan } }")
    assert found[0]["data"] == {"numbers": [{"name": "made 0", "slogan": "come to made 0"}]}
    assert assembled(found) == {
        "numbers": [{"name": f"made {number}", "slogan": f"come to made {number}"} for number in range(3)]
    }


async def test_defer_and_stream_go_together() -> None:
    query = """{ shops @stream(initialCount: 1) {
                   id wares { title ... @defer { maker { name } } } ... @defer { owner { name } } } }"""
    found = await payloads(query)
    plain = await graph.execute(query)
    assert assembled(found) == plain["data"]
    assert len(found) > 2


async def test_fields_of_a_mutation_may_be_deferred() -> None:
    found = await payloads("mutation { a: rename { name ... @defer { owner { name } } } b: rename { name } }")
    assert found[0]["data"] == {"a": {"name": "renamed"}, "b": {"name": "renamed"}}
    assert assembled(found)["a"] == {"name": "renamed", "owner": {"name": "owner 2"}}
    assert backend.calls == ["POST /renamed", "POST /renamed", "GET /owners?id=2"]


async def test_when_the_consumer_stops_what_is_under_way_is_cancelled() -> None:
    backend.held = {"/owners": asyncio.Event()}
    answers = graph.execute_incrementally("{ shop { ... @defer { owner { name } } } }")
    await anext(answers)
    for _ in range(10):
        await asyncio.sleep(0)
    await answers.aclose()
    for _ in range(10):
        await asyncio.sleep(0)
    assert backend.cancelled == ["/owners"]


async def test_the_deadline_holds_for_what_is_deferred() -> None:
    backend.held = {"/owners": asyncio.Event()}
    hasty = Graph(query=Query, timeout=0.3)
    found = [payload async for payload in hasty.execute_incrementally("{ shop { ... @defer { owner { name } } } }")]
    assert found[1]["incremental"][0]["errors"][0]["extensions"]["code"] == "UPSTREAM_TIMEOUT"


@pytest.mark.parametrize(
    "query",
    [
        "{ ... @defer { shop { id } } shop { name } }",
        "{ shop { ...a @defer ...a } } fragment a on Shop { owner { name } wares { id } }",
        """{ shop { ...a @defer ...b @defer } }
           fragment a on Shop { owner { name } slogan } fragment b on Shop { slogan wares { id } }""",
    ],
)
async def test_all_payloads_together_are_the_whole_answer(query: str) -> None:
    assert assembled(await payloads(query)) == (await graph.execute(query))["data"]


DEFERRED = st.sampled_from(["", " @defer"])
STREAMED = st.sampled_from(["", " @stream", " @stream(initialCount: 1)", " @stream(initialCount: 2)"])


@st.composite
def operations(draw: st.DrawFn) -> str:
    def shop(depth: int) -> str:
        parts = ["id", "name", "slogan", f"owner {{ name ...{draw(DEFERRED)} {{ id }} }}"]
        wares = f"wares{draw(STREAMED)} {{ title ...{draw(DEFERRED)} {{ maker {{ name }} }} }}"
        chosen = draw(st.lists(st.sampled_from([*parts, wares]), min_size=1, max_size=4, unique=True))
        if depth:
            chosen.append(f"...{draw(DEFERRED)} {{ {shop(depth - 1)} }}")
        return " ".join(chosen)

    return f"{{ shops{draw(STREAMED)} {{ {shop(2)} }} shop {{ {shop(2)} }} }}"


@given(operations())
async def test_wherever_defer_and_stream_stand_the_whole_is_the_same(query: str) -> None:
    plain = await graph.execute(query)
    if "errors" in plain and "data" not in plain:
        return  # streams of one list that disagree do not merge
    assert assembled(await payloads(query)) == plain["data"]


async def test_a_list_that_fails_is_null_and_not_streamed() -> None:
    backend.broken = {"/wares"}
    [only] = await payloads("{ shop { id wares @stream { maker { name } } } }")
    assert only["data"] == {"shop": None}
    assert [error["path"] for error in only["errors"]] == [["shop", "wares"]]


async def test_items_before_one_that_may_not_be_null_stay() -> None:
    found = await payloads("{ shops @stream { id sure { name } } numbers @stream(initialCount: 3) { slogan } }")
    assert assembled(found)["shops"] == []  # owner 0 does not exist
    found = await payloads("{ shops @stream(initialCount: 0) { id owner { name } } }")
    assert [shop["id"] for shop in assembled(found)["shops"]] == [0, 1, 2, 3]
