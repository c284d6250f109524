"""What a start-up can see is reported at start-up: each fault by class, field and template, and all of them at once."""

import pytest
import strawberry

from graph import Graph, GraphError
from resolvers import link
from sources import ApiKey, Rest


@strawberry.type
class Plain:
    x: int


def faults_of(query: type) -> list[str]:
    with pytest.raises(GraphError) as raised:
        Graph(query=query)
    assert all(fault in str(raised.value) for fault in raised.value.faults)
    return raised.value.faults


def test_every_kind_of_fault_is_reported_and_all_at_once() -> None:
    a = Rest("a", "http://a.example", auth=ApiKey("K", env="WEFT_TEST_NOT_SET"))
    b = Rest("a", "http://b.example")
    c = Rest("c", "ftp://c.example", ttl=-1)

    @a.entity(key="id")
    class Unreachable:
        id: int

    @a.entity(get="/t/{id}", key="code")
    class WrongKey:
        id: int

    @a.entity(get="/p/{x}/{y}", key=("x", "y"))
    class Pair:
        x: int
        y: int

    @a.entity(get="/t/{id}")
    class Thing:
        id: int
        unreachable: Unreachable = link("n")
        plain: Plain = link("n")
        pair: Pair = link("id")
        wrong: WrongKey = link("id")

        @a.get("/u/{nobody}")
        def unsupplied(self) -> Plain: ...

        @a.get("/u/{id}", batch="/u{?ids}")
        def keyless(self) -> Plain: ...

        @a.get("/u/{id}", batch="/u{?ids}", key="id", group_by="id")
        def both(self) -> list[Plain]: ...

        @a.get("/u/{id}", batch="/u{?ids}", group_by="id")
        def one_of_many(self) -> Plain: ...

        @a.get("/u/{id}", batch="/u{?ids}", key="id")
        def many_of_one(self) -> list[Plain]: ...

        @a.get("/u/{id}", batch="/u", key="id")
        def listless(self) -> Plain: ...

        @a.get("/u/{id}", batch="/u{?ids,more}", key="id")
        def two_lists(self) -> Plain: ...

        @a.get("/u/{id}", batch="/u{?ids}", key=("id", "other"))
        def parts(self) -> Plain: ...

        @a.get("/u/{id}", inputs={"other": "id"})
        def inputs(self) -> Plain: ...

        @a.get("/u/{id}")
        def unused(self, size: int) -> Plain: ...

        @a.get("/u/{id}")
        def unannotated(self): ...  # type: ignore[no-untyped-def]  # what is tested

        @a.get("/u/{id")
        def unclosed(self) -> Plain: ...

        @b.get("/u/{id}", items="a..b")
        def path(self) -> Plain: ...

        @a.get("/u/{id}", headers={"Host": "x"})
        def header(self) -> Plain: ...

        @a.get("/u/{id}", ttl=-1)
        def ttl(self) -> Plain: ...

    @strawberry.type
    class Query:
        @a.get("/t/{id}")
        def thing(self, id: int) -> Thing: ...

        @c.get("/t")
        def other(self) -> Plain: ...

    expected = [
        "two sources are named 'a'",
        "source 'a': the environment variable WEFT_TEST_NOT_SET is not set",
        "source 'c': 'ftp://c.example' is not an http or https address",
        "source 'c': ttl is too small",
        "WrongKey: the key 'code' is not an attribute; attributes are: id",
        "Thing.unreachable: links to Unreachable, whose entity declares neither get nor batch",
        "Thing.plain: links to Plain, which is not an entity of any source",
        "Thing.pair: links by ('id',), but the key of Pair is ('x', 'y')",
        "Thing.unsupplied: nobody supplies {nobody} of GET /u/{nobody}; arguments and attributes are: id",
        "Thing.keyless: batch='/u{?ids}' without key or group_by",
        "Thing.both: key and group_by exclude each other",
        "Thing.one_of_many: group_by gives a list for each parent, but the field is Plain!",
        "Thing.many_of_one: key gives one item for each parent, but the field is [Plain!]!",
        "Thing.listless: the batch GET /u needs one list variable for the keys, but has 0",
        "Thing.two_lists: the batch GET /u{?ids,more} needs one list variable for the keys, but has 2",
        "Thing.parts: the key ('id', 'other') has 2 parts, but GET /u/{id} needs ['id']",
        "Thing.inputs: inputs names {other}",
        "Thing.unused: the argument 'size' is not used by GET /u/{id}",
        "Thing.unannotated: the type that it gives is not annotated",
        "Thing.unclosed: template '/u/{id': a brace is not closed",
        "Thing.path: 'a..b' is not a path of property names",
        "Thing.header: 'Host' is not a header that a graph may set or forward",
        "Thing.ttl: ttl is less than 0 seconds",
    ]
    found = faults_of(Query)
    missing = [part for part in expected if not any(part in fault for fault in found)]
    assert missing == []


def test_a_name_that_is_not_defined_is_a_fault_beside_the_others() -> None:
    a = Rest("a", "http://a.example")

    @strawberry.type
    class Query:
        @a.get("/one")
        def one(self) -> "Nowhere": ...  # type: ignore[name-defined]  # noqa: F821  # what is tested

        @a.get("/two/{id}")
        def two(self) -> Plain: ...

    found = faults_of(Query)
    assert any("Query.one: the annotation names 'Nowhere'" in fault for fault in found)
    assert any("Query.two: nobody supplies {id}" in fault for fault in found)


def test_a_graph_without_fault_is_made() -> None:
    a = Rest("a", "http://a.example")

    @strawberry.type
    class Query:
        @a.get("/two/{id}")
        def two(self, id: int) -> Plain: ...

    assert Graph(query=Query).sources == (a,)
