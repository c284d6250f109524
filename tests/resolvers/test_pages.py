"""Connections over every kind of paging: walks are whole and in order, `hasNextPage` is honest, no call is in vain."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import strawberry
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import Graph, Limits
from resolvers import Connection, Store
from sources import Cursor, FakeTransport, Header, LinkHeader, NextUrl, Offset, PageNumber, Paging, Rest

Json = Any
Answer = Callable[[str, str, bytes | None], Json]


class Backend:
    """A list of numbers, cut into pages in all the ways that backends do it.

    Args:
        fixed: the size of every page, whatever is asked for; None keeps to what is asked for.
        longest: the longest page, where it keeps to what is asked for.
        total: whether it says how many there are; `more` whether something follows.
        gap: whether every other page of a cursor or link is empty.
        ends: how it answers a page behind the last one.
    """

    def __init__(
        self,
        count: int,
        *,
        fixed: int | None = None,
        longest: int = 1000,
        total: bool = False,
        more: bool = False,
        gap: bool = False,
        ends: Json = None,
    ) -> None:
        self.rows = [{"id": number, "key": f"k{number:04}"} for number in range(count)]
        self.fixed, self.longest, self.total, self.more, self.gap = fixed, longest, total, more, gap
        self.ends = ends

    def __call__(self, method: str, target: str, body: bytes | None) -> Json:
        path = urlsplit(target).path
        asked: dict[str, str] = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        size = self.fixed or min(int(asked.get("size", 10)), self.longest)
        step, token = 1, asked.get("token", "0")
        if path.endswith("/numbered"):
            start = (int(asked.get("page", 1)) - 1) * size
        elif path.endswith("/offset"):
            start = int(asked.get("offset", 0))
        elif path.endswith("/keyed"):
            start = sum(str(row["key"]) <= asked.get("key", "") for row in self.rows)
        else:
            is_gap = token.startswith("gap")
            start, step = int(token.removeprefix("gap")), 0 if is_gap else 1
        rows = self.rows[start : start + size * step]
        if start >= max(1, len(self.rows)) and self.ends is not None:
            return self.ends
        after = start + len(rows)
        meta: dict[str, Json] = {"total": len(self.rows)} if self.total else {}
        if self.more:
            meta["more"] = after < len(self.rows)
        headers = {"X-Total": str(len(self.rows))} if self.total else {}
        if after < len(self.rows):
            meta["next"] = f"gap{after}" if self.gap and step else str(after)
            meta["url"] = f"?size={size}&token={meta['next']}"
            headers["Link"] = f'<http://pages.example/api{path[4:]}{meta["url"]}>; rel="next", </first>; rel="first"'
        return 200, {"data": {"rows": rows}, "meta": meta}, headers


@strawberry.type
class Row:
    id: int


class Walker:
    """A graph with one connection over a backend."""

    def __init__(
        self,
        template: str,
        paging: Paging,
        answer: Answer,
        *,
        total: str | Header | None = None,
        ttl: float = 0,
        max_pages: int = 500,
    ) -> None:
        self.backend = answer
        self.transport = FakeTransport(lambda *asked: self.backend(*asked))
        source = Rest("pages", "http://pages.example/api", client=self.transport, ttl=ttl)

        @strawberry.type
        class Query:
            @source.get(template, paging=paging, items="data.rows", total=total)
            def rows(self, first: int | None = None, after: str | None = None) -> Connection[Row] | None: ...

            @source.get(template, paging=paging, items="data.rows", total=total)
            def others(self, first: int | None = None, after: str | None = None) -> Connection[Row] | None: ...

        self.graph = Graph(Query, limits=Limits(max_pages=max_pages), store=Store())

    @property
    def calls(self) -> list[str]:
        """Give the queries of the calls since the last time."""
        found = [call.partition("?")[2] for call in self.transport.calls]
        self.transport.calls.clear()
        return found

    async def answer(self, first: Json = None, after: Json = None, show: str = "nodes { id }") -> Json:
        query = f"""query Page($first: Int, $after: String) {{ rows(first: $first, after: $after) {{
          {show} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
        variables = {name: value for name, value in (("first", first), ("after", after)) if value is not None}
        return await self.graph.execute(query, variables)

    async def page(self, first: Json = None, after: Json = None) -> tuple[list[int], bool, str | None]:
        """Give a page's ids, whether it says that more follows, and where it ends."""
        answer = await self.answer(first, after)
        assert "errors" not in answer, answer
        rows = answer["data"]["rows"]
        info = rows["pageInfo"]
        return [row["id"] for row in rows["nodes"]], info["hasNextPage"], info["endCursor"]

    async def error(self, first: Json = None, after: Json = None) -> tuple[str, str]:
        """Give the message and code of the one error."""
        answer = await self.answer(first, after)
        [error] = answer["errors"]
        assert answer["data"] == {"rows": None}
        assert error["path"] == ["rows"]
        return error["message"], error["extensions"]["code"]


# -- every walk is whole ----------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[str, Callable[[int | None], Paging]]] = {
    "page number": ("/numbered{?page,size}", lambda longest: PageNumber("page", size="size", max_size=longest)),
    "offset": ("/offset{?offset,size}", lambda longest: Offset("offset", size="size", max_size=longest)),
    "key": ("/keyed{?key,size}", lambda longest: Cursor("key", size="size", item="key", max_size=longest)),
    "cursor": ("/led{?token,size}", lambda longest: Cursor("token", size="size", next="meta.next", max_size=longest)),
    "url": ("/led{?token,size}", lambda longest: NextUrl("meta.url", "token", size="size", max_size=longest)),
    "link": ("/led{?token,size}", lambda longest: LinkHeader("token", size="size", max_size=longest)),
    "flagged page number": (
        "/numbered{?page,size}",
        lambda longest: PageNumber("page", size="size", max_size=longest, more="meta.more"),
    ),
    "flagged offset": (
        "/offset{?offset,size}",
        lambda longest: Offset("offset", size="size", max_size=longest, more="meta.more"),
    ),
    "flagged key": (
        "/keyed{?key,size}",
        lambda longest: Cursor("key", size="size", item="key", max_size=longest, more="meta.more"),
    ),
    "unsized page number": ("/numbered{?page}", lambda longest: PageNumber("page")),
    "unsized offset": ("/offset{?offset}", lambda longest: Offset("offset")),
    "unsized link": ("/led{?token}", lambda longest: LinkHeader("token")),
}


@functools.cache
def known_walker(kind: str, longest: int | None, total: str | Header | None) -> Walker:
    """Give a walker whose graph is made once for many backends."""
    template, paging = KINDS[kind]
    return Walker(template, paging(longest), Backend(0), total=total)


async def walk_is_whole(walker: Walker, count: int, firsts: list[int]) -> None:
    seen: list[int] = []
    after, goes_on, turn = None, True, 0
    while goes_on:
        first = firsts[turn % len(firsts)]
        found, goes_on, end = await walker.page(first, after)
        seen += found
        assert seen == list(range(len(seen)))
        assert goes_on == (len(seen) < count)
        assert len(found) == first or not goes_on
        after, turn = end or after, turn + 1
        assert turn < 200
    assert len(seen) == count


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(
    count=st.integers(0, 30),
    firsts=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    fixed=st.none() | st.integers(1, 9),
    longest=st.integers(1, 9),
    total=st.booleans(),
    gap=st.booleans(),
    ends=st.sampled_from([None, (404, {}), (204, b"")]),
)
async def test_a_walk_gives_the_whole_list_once_and_in_order(
    kind: str,
    count: int,
    firsts: list[int],
    fixed: int | None,
    longest: int,
    total: bool,
    gap: bool,
    ends: Json,
) -> None:
    told = Header("X-Total") if kind == "link" else "meta.total"
    walker = known_walker(kind, None, told if total else None)
    walker.backend = Backend(count, fixed=fixed, longest=longest, total=total, gap=gap, ends=ends)
    await walk_is_whole(walker, count, firsts)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if " " not in kind or kind == "page number"])
@settings(max_examples=25)
@given(
    count=st.integers(0, 30),
    firsts=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    longest=st.integers(1, 9),
    total=st.booleans(),
)
async def test_a_walk_over_pages_of_a_known_size_is_as_whole(
    kind: str, count: int, firsts: list[int], longest: int, total: bool
) -> None:
    walker = known_walker(kind, longest, "meta.total" if total else None)
    walker.backend = Backend(count, longest=longest, total=total)
    await walk_is_whole(walker, count, firsts)


@settings(max_examples=50)
@given(count=st.integers(0, 30), first=st.integers(1, 12), fixed=st.integers(1, 9))
async def test_a_backend_that_does_not_keep_to_sizes_is_found_out_by_its_total(
    count: int, first: int, fixed: int
) -> None:
    walker = known_walker("page number", 9, "meta.total")
    walker.backend = Backend(count, fixed=fixed, total=True)
    await walk_is_whole(walker, count, [first])


@pytest.mark.parametrize("kind", ["page number", "offset", "key"])
@settings(max_examples=30)
@given(count=st.integers(0, 25), first=st.integers(1, 9), fixed=st.none() | st.integers(1, 9))
async def test_a_flag_says_whether_more_follows(kind: str, count: int, first: int, fixed: int | None) -> None:
    walker = known_walker(f"flagged {kind}", None, None)
    walker.backend = Backend(count, fixed=fixed, more=True)
    await walk_is_whole(walker, count, [first])


# -- no call is in vain -----------------------------------------------------------------------------------------------


def walker_of(
    kind: str, backend: Answer, *, longest: int | None = 100, total: str | Header | None = None, **options: Any
) -> Walker:
    template, paging = KINDS[kind]
    if options:
        return Walker(template, paging(longest), backend, total=total, **options)
    walker = known_walker(kind, longest, total)
    walker.backend = backend
    walker.transport.calls.clear()
    return walker


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("page number", ["page=1&size=4"]),
        ("offset", ["offset=0&size=4"]),
        ("key", ["size=4"]),
        ("cursor", ["size=4"]),
        ("url", ["size=4"]),
        ("link", ["size=4"]),
    ],
)
async def test_where_the_reply_tells_what_follows_only_the_wanted_items_are_asked_for(
    kind: str, calls: list[str]
) -> None:
    walker = walker_of(kind, Backend(8, total=True), total="meta.total")
    assert await walker.page(4) == ([0, 1, 2, 3], True, (await walker.page(4))[2])
    assert walker.calls == calls * 2


@pytest.mark.parametrize(
    ("kind", "calls"),
    [("page number", ["page=1&size=5"]), ("offset", ["offset=0&size=5"]), ("key", ["size=5"])],
)
async def test_where_it_does_not_one_item_more_is_asked_for_instead_of_one_page_more(
    kind: str, calls: list[str]
) -> None:
    for count, goes_on in ((8, True), (5, True), (4, False), (3, False), (0, False)):
        walker = walker_of(kind, Backend(count))
        assert (await walker.page(4))[:2] == (list(range(min(4, count))), goes_on)
        assert walker.calls == calls


async def test_a_short_page_is_believed_only_with_max_size() -> None:
    walker = walker_of("offset", Backend(3), longest=None)
    assert (await walker.page(4))[:2] == ([0, 1, 2], False)
    assert walker.calls == ["offset=0&size=5", "offset=3&size=2"]


async def test_pages_of_a_steady_walk_are_one_call_each() -> None:
    walker = walker_of("page number", Backend(50))
    after, calls = None, []
    for _ in range(4):
        _, _, after = await walker.page(10, after)
        calls.append(walker.calls)
    assert calls == [["page=1&size=11"], ["page=1&size=21"], ["page=2&size=16"], ["page=3&size=14"]]


async def test_many_items_are_several_pages_and_the_last_is_as_long_as_needed() -> None:
    walker = walker_of("offset", Backend(500, total=True), total="meta.total")
    found, goes_on, _ = await walker.page(250)
    assert (len(found), goes_on) == (250, True)
    assert walker.calls == ["offset=0&size=100", "offset=100&size=100", "offset=200&size=50"]


async def test_a_cursor_resumes_in_one_call_however_far_in() -> None:
    walker = walker_of("cursor", Backend(90, longest=30))
    _, _, after = await walker.page(75)
    assert walker.calls == ["size=75", "token=30&size=45", "token=60&size=15"]
    assert (await walker.page(5, after))[:2] == ([75, 76, 77, 78, 79], True)
    assert walker.calls == ["token=75&size=5"]


async def test_a_cursor_inside_a_page_asks_for_that_page_again() -> None:
    walker = walker_of("cursor", Backend(9, fixed=4))
    _, _, after = await walker.page(3)
    assert (await walker.page(1, after))[:2] == ([3], True)
    assert walker.calls == ["size=3", "size=3"]


async def test_without_first_a_page_is_as_long_as_the_backend_makes_them() -> None:
    walker = walker_of("offset", Backend(50, total=True), longest=20, total="meta.total")
    found, goes_on, _ = await walker.page()
    assert (len(found), goes_on) == (20, True)
    assert walker.calls == ["offset=0&size=20"]


@pytest.mark.parametrize(("count", "goes_on"), [(0, False), (3, True)])
async def test_first_0_gives_no_items_and_still_says_whether_there_are_any(count: int, goes_on: bool) -> None:
    walker = walker_of("offset", Backend(count))
    assert await walker.page(0) == ([], goes_on, None)
    assert walker.calls == ["offset=0&size=1"]


async def test_a_count_alone_is_one_page() -> None:
    walker = walker_of("offset", Backend(500, total=True), total="meta.total")
    answer = await walker.graph.execute("{ rows(first: 400) { totalCount __typename } }")
    assert answer["data"]["rows"] == {"totalCount": 500, "__typename": "RowConnection"}
    assert walker.calls == ["offset=0&size=100"]


async def test_aliases_of_one_question_are_one_walk() -> None:
    walker = walker_of("offset", Backend(5, total=True), total="meta.total", ttl=0)
    answer = await walker.graph.execute("{ a: rows(first: 2) { nodes { id } } b: rows(first: 2) { totalCount } }")
    assert answer["data"] == {"a": {"nodes": [{"id": 0}, {"id": 1}]}, "b": {"totalCount": 5}}
    assert walker.calls == ["offset=0&size=2"]
    assert walker.graph.engine.exact_answers == 0


# -- what the parts of a connection say -------------------------------------------------------------------------------


async def test_edges_nodes_and_page_info_agree() -> None:
    walker = walker_of("link", Backend(5))
    answer = await walker.answer(2, show="totalCount edges { cursor node { id } } nodes { id }")
    rows = answer["data"]["rows"]
    assert [edge["node"] for edge in rows["edges"]] == rows["nodes"] == [{"id": 0}, {"id": 1}]
    assert rows["totalCount"] is None
    cursors = [edge["cursor"] for edge in rows["edges"]]
    assert rows["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": cursors[0],
        "endCursor": cursors[1],
    }
    rest = (await walker.answer(9, cursors[0]))["data"]["rows"]
    assert [node["id"] for node in rest["nodes"]] == [1, 2, 3, 4]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_every_cursor_of_a_page_resumes_behind_its_item() -> None:
    for kind in KINDS:
        walker = walker_of(kind, Backend(7, fixed=3), longest=None)
        answer = await walker.answer(7, show="edges { cursor node { id } }")
        for edge in answer["data"]["rows"]["edges"]:
            number = edge["node"]["id"]
            assert (await walker.page(2, edge["cursor"]))[:2] == (list(range(number + 1, 7))[:2], number + 3 < 7)


async def test_a_list_that_is_null_or_not_there_is_null() -> None:
    answers: list[Json] = [{"data": {"rows": None}}, {"data": None}, {}, (404, {}), (204, b"")]
    walker = walker_of("offset", lambda *_: answers[0])
    while answers.pop(0) and answers:
        assert await walker.answer(3) == {"data": {"rows": None}}


async def test_a_place_behind_the_end_is_an_empty_page() -> None:
    walker = walker_of("offset", Backend(9))
    _, _, after = await walker.page(9)
    shorter = walker_of("offset", Backend(4, ends=(404, {})))
    assert await shorter.page(3, after) == ([], False, None)


# -- hostile arguments ------------------------------------------------------------------------------------------------


async def test_a_cursor_that_is_none_of_this_list_is_refused_before_any_call() -> None:
    walker = walker_of("offset", Backend(9))
    _, _, end = await walker.page(3)
    assert end is not None
    other = await walker.graph.execute("{ others(first: 1) { pageInfo { endCursor } } }")
    walker.calls  # noqa: B018  # forget them
    foreign = other["data"]["others"]["pageInfo"]["endCursor"]
    altered = [end[:place] + ("A" if end[place] != "A" else "B") + end[place + 1 :] for place in range(len(end))]
    padded, plain = end + "=", base64.urlsafe_b64encode(b"3").decode()
    for cursor in [*altered, foreign, padded, plain, "", "3", "é", "\x00", "A" * 100_000, end[:-1], f" {end}"]:
        assert await walker.error(3, cursor) == ("'after' is not a cursor of this list", "BAD_USER_INPUT")
    assert walker.calls == []


async def test_cursors_are_texts_for_urls_and_stay_the_same_from_run_to_run() -> None:
    ends = {kind: (await walker_of(kind, Backend(9)).page(2))[2] for kind in KINDS}
    again = {kind: (await walker_of(kind, Backend(9)).page(2))[2] for kind in KINDS}
    assert ends == again
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{10,40}", str(end)) for end in ends.values())


async def test_a_negative_first_is_the_clients_error() -> None:
    walker = walker_of("offset", Backend(9))
    assert await walker.error(-1) == ("'first' must not be negative", "BAD_USER_INPUT")
    assert walker.calls == []


async def test_a_token_of_the_backend_stays_one_value_of_one_parameter() -> None:
    hostile = "a&admin=1#/../x\r\nX: y%00"

    def backend(method: str, target: str, body: bytes | None) -> Json:
        follows = "token" not in target
        return {"data": {"rows": [{"id": 1 if follows else 2}]}, "meta": {"next": hostile if follows else None}}

    walker = walker_of("cursor", backend)
    assert (await walker.page(5))[:2] == ([1, 2], False)
    assert walker.calls == ["size=5", "token=a%26admin%3D1%23%2F..%2Fx%0D%0AX%3A%20y%2500&size=4"]


# -- backends that fail -----------------------------------------------------------------------------------------------


async def test_a_failing_page_fails_the_field_with_its_own_error() -> None:
    pages = Backend(30, longest=10)

    def backend(method: str, target: str, body: bytes | None) -> Json:
        return (503, {}) if "token=20" in target else pages(method, target, body)

    walker = walker_of("link", backend)
    assert await walker.error(30) == ("pages answered with status 503", "UPSTREAM_ERROR")
    assert len(walker.calls) == 3  # the exact path asks nobody again


@pytest.mark.parametrize("kind", ["cursor", "url", "link"])
async def test_a_backend_that_leads_in_a_circle_is_invalid(kind: str) -> None:
    def backend(method: str, target: str, body: bytes | None) -> Json:
        token = "b" if "token=a" in target else "a"
        meta = {"next": token, "url": f"?token={token}"}
        return 200, {"data": {"rows": [{"id": 1}]}, "meta": meta}, {"link": f'<?token={token}>; rel="next"'}

    walker = walker_of(kind, backend)
    assert await walker.error(10) == ("pages answered a page that leads back to one before it", "UPSTREAM_INVALID")
    assert len(walker.calls) == 3


async def test_a_flag_that_promises_more_behind_an_empty_page_is_invalid() -> None:
    paging = Offset("offset", more="more")
    walker = Walker("/offset{?offset}", paging, lambda *_: {"data": {"rows": []}, "more": True})
    assert (await walker.error(3))[1] == "UPSTREAM_INVALID"


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        {"data": {"rows": {}}},
        {"data": [1]},
        {"data": {"rows": []}, "meta": {"total": "many"}},
        {"data": {"rows": []}, "meta": {"total": -1}},
        {"data": {"rows": []}, "meta": 7},
    ],
)
async def test_a_reply_that_is_no_page_is_invalid(body: Json) -> None:
    walker = walker_of("offset", lambda *_: body, total="meta.total")
    assert (await walker.error(3))[1] == "UPSTREAM_INVALID"


async def test_a_total_may_be_written_as_text() -> None:
    body = {"data": {"rows": [{"id": 1}]}, "meta": {"total": "31"}}
    walker = walker_of("offset", lambda *_: body, total="meta.total")
    answered = await walker.answer(1, show="totalCount")
    assert answered["data"]["rows"]["totalCount"] == 31


@pytest.mark.parametrize("kind", ["page number", "offset", "key", "cursor"])
@pytest.mark.parametrize("told", [0, 1, 2])
async def test_a_total_that_the_page_belies_is_none(kind: str, told: int) -> None:
    honest = Backend(5)

    def backend(method: str, target: str, body: bytes | None) -> Json:
        status, reply, headers = honest(method, target, body)
        return status, {**reply, "meta": {**reply["meta"], "total": told}}, headers

    walker = walker_of(kind, backend, total="meta.total")
    after: str | None = None
    for ids, goes_on in (([0, 1, 2], True), ([3, 4], False)):
        rows = (await walker.answer(3, after, "totalCount nodes { id }"))["data"]["rows"]
        assert [row["id"] for row in rows["nodes"]] == ids
        assert (rows["totalCount"], rows["pageInfo"]["hasNextPage"]) == (None, goes_on)
        after = rows["pageInfo"]["endCursor"]


async def test_an_item_without_its_cursor_is_invalid_where_it_is_needed() -> None:
    walker = walker_of("key", lambda *_: {"data": {"rows": [{"id": 1, "key": None}, {"id": 2}]}})
    assert (await walker.error(1))[0] == "pages answered an item without the property that is its cursor"
    assert (await walker.graph.execute("{ rows(first: 1) { nodes { id } } }"))["data"]["rows"]["nodes"] == [{"id": 1}]


ASTRAY = [
    "http://elsewhere.example/api/led?token=a",
    "https://pages.example/api/led?token=a",
    "http://pages.example:81/api/led?token=a",
    "//elsewhere.example/api/led?token=a",
    "http://user@pages.example/api/led?token=a",
    "/other?token=a",
    "../other?token=a",
    "http://pages.example/apiary?token=a",
    "http://[",
    "?page=2",
    "?token=" + "a" * 9000,
]


@pytest.mark.parametrize("kind", ["url", "link"])
async def test_a_link_that_leads_away_from_the_source_is_never_followed(kind: str) -> None:
    links = ASTRAY.copy()

    def backend(method: str, target: str, body: bytes | None) -> Json:
        meta, headers = {"url": links[0]}, {"link": f'<{links[0]}>; rel="next"'}
        return 200, {"data": {"rows": [{"id": 1}]}, "meta": meta}, headers

    walker = walker_of(kind, backend)
    while links:
        message, code = await walker.error(3)
        assert (message.startswith("pages answered a link to the next page"), code) == (True, "UPSTREAM_INVALID")
        assert len(walker.calls) == 1, links[0]
        links.pop(0)


# -- bounds and stored pages ------------------------------------------------------------------------------------------


async def test_an_operation_asks_for_no_more_pages_than_it_may() -> None:
    walker = walker_of("link", Backend(1000, longest=1), max_pages=5)
    assert (await walker.page(5))[0] == [0, 1, 2, 3, 4]
    assert await walker.error(6) == ("pages: the operation asks for more pages than it may", "LIMIT_EXCEEDED")
    assert len(walker.calls) == 10


async def test_the_bound_holds_for_what_is_delivered_in_parts_and_inside_extensions() -> None:
    walker = walker_of("link", Backend(1000, longest=1), max_pages=5)
    query = "{ rows(first: 3) { nodes { id } } ... @defer { others(first: 6) { nodes { id } } } }"
    _, last = [payload async for payload in walker.graph.execute_incrementally(query)]
    [entry] = last["incremental"]
    assert entry["data"] == {"others": None}
    assert entry["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED", "source": "pages"}
    walker.graph.engine.extended = True
    answer = await walker.graph.execute("{ rows(first: 6) { nodes { id } } }")
    assert answer["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED", "source": "pages"}


async def test_the_bound_is_one_for_all_fields_of_an_operation() -> None:
    walker = walker_of("link", Backend(9, longest=1), max_pages=5)
    answer = await walker.graph.execute("{ rows(first: 2) { nodes { id } } others(first: 3) { nodes { id } } }")
    assert "errors" not in answer
    answer = await walker.graph.execute("{ rows(first: 2) { nodes { id } } others(first: 4) { nodes { id } } }")
    assert answer["data"] == {"rows": {"nodes": [{"id": 0}, {"id": 1}]}, "others": None}
    assert answer["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED", "source": "pages"}


async def test_pages_are_stored_with_the_link_that_leads_on() -> None:
    for kind in KINDS:
        walker = walker_of(kind, Backend(30, longest=5, total=True), ttl=60, longest=None, total=Header("X-Total"))
        first = await walker.answer(12, show="totalCount nodes { id }")
        asked = len(walker.calls)
        again = await walker.graph.execute("{ rows(first: 12) { totalCount edges { node { id } } } }")
        assert first["data"]["rows"]["totalCount"] == again["data"]["rows"]["totalCount"] == 30
        assert [edge["node"] for edge in again["data"]["rows"]["edges"]] == first["data"]["rows"]["nodes"]
        assert (asked, walker.calls) == (asked, [])
        assert asked > 1
