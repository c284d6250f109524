"""Bindings: who supplies each variable of a call, and every fault of a declaration that a start-up can see."""

from typing import Any

import pytest
import strawberry

from graph import Graph, GraphError
from resolvers import Bindings, Fetching, Property, Python, field, link
from sources import ApiKey, FakeTransport, Get, Post, Rest


def rest(name: str = "s", **options: Any) -> Rest:
    return Rest(name, f"http://{name}.example", client=FakeTransport({}), **options)


def faults(query: type[Any], mutation: type[Any] | None = None) -> list[str]:
    with pytest.raises(GraphError) as caught:
        Graph(query=query, mutation=mutation)
    return caught.value.faults


def bindings(query: type[Any], mutation: type[Any] | None = None) -> Bindings:
    return Graph(query=query, mutation=mutation).engine.bindings


def fetching(query: type[Any], name: str, attribute: str) -> Fetching:
    found = bindings(query).of(name, attribute)
    assert isinstance(found, Fetching)
    return found


def query_of(python_type: Any) -> type[Any]:
    """Give a root whose only field answers the type."""
    outside = rest("outside")

    @strawberry.type
    class Query:
        @outside.get("/it")
        def it(self) -> python_type: ...

    return Query


@strawberry.type
class Plain:
    x: int


# -- who supplies what ------------------------------------------------------------------------------------------------


def test_arguments_supply_before_attributes_do() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int
        size: int

        @s.get("/b/{id}{?size}")
        def by_argument(self, size: int) -> Plain: ...

        @s.get("/b/{id}{?size}")
        def by_attribute(self) -> Plain: ...

    by_argument, by_attribute = (fetching(query_of(A), "A", name) for name in ("byArgument", "byAttribute"))
    assert [reading.attribute for reading in by_argument.parents] == ["id"]
    assert [reading.attribute for reading in by_attribute.parents] == ["id", "size"]


def test_a_variable_may_carry_the_name_of_its_type() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class OrderLine:
        id: int

        @s.get("/b{?order_line_id}")
        def b(self) -> Plain: ...

    (reading,) = fetching(query_of(OrderLine), "OrderLine", "b").parents
    assert reading.attribute == "id"


def test_inputs_say_which_attribute_supplies_a_variable() -> None:
    s = rest(naming="camel")

    @s.entity(get="/a/{id}")
    class A:
        id: int
        owner_name: str = field("owner.full")

        @s.get("/b/{name}", inputs={"name": "owner_name"})
        def declared(self) -> Plain: ...

        @s.get("/b/{name}", inputs={"name": "shop_name"})
        def undeclared(self) -> Plain: ...

        @s.get("/b/{name}", inputs={"name": "shop.name"})
        def deep(self) -> Plain: ...

    found = [fetching(query_of(A), "A", name).parents[0].where(s) for name in ("declared", "undeclared", "deep")]
    assert found == [("owner", "full"), ("shopName",), ("shop", "name")]


def test_headers_and_bodies_take_variables_too() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int
        tenant: str

        @s.get(Post("/b", body={"where": {"id": "{id}"}}), headers={"X-Tenant": "{tenant}"})
        def b(self) -> Plain: ...

    assert sorted(reading.attribute for reading in fetching(query_of(A), "A", "b").parents) == ["id", "tenant"]


def test_the_parts_of_a_composite_key_are_in_the_order_of_the_key() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int
        site: str
        sku: str

        @s.get("/b/{sku}/{site}", batch=Post("/b", body={"keys": "{keys}"}), key=("site", "sku"))
        def b(self) -> Plain | None: ...

    found = fetching(query_of(A), "A", "b")
    assert [reading.attribute for reading in found.parents] == ["site", "sku"]
    assert found.single_names == ("site", "sku")
    assert found.batch_names == ("keys",)


def test_a_batch_may_name_the_parts_of_a_key_in_any_order() -> None:
    s = rest()

    @s.entity(get="/b/{site}/{sku}", batch="/b{?sku*,site*}", key=("site", "sku"))
    class B:
        site: str
        sku: str

    @s.entity(get="/a/{id}")
    class A:
        id: int
        site: str
        sku: str
        linked: B = link("site", "sku")

        @s.get("/c/{sku}/{site}", batch="/c{?site*,sku*}", key=("place", "number"))
        def c(self) -> Plain | None: ...

    graph = query_of(A)
    assert fetching(graph, "A", "linked").batch_names == ("site", "sku")
    assert fetching(graph, "A", "c").batch_names == ("sku", "site")


def test_properties_are_found_by_the_spelling_of_the_source() -> None:
    s = rest(naming="camel")

    @s.entity(get="/a/{id}")
    class A:
        id: int
        unit_price: int
        total: int = field("sum.total")
        itself: Plain = field(".")

    found = bindings(query_of(A))
    paths = []
    for name in ("id", "unitPrice", "total", "itself"):
        binding = found.of("A", name)
        assert isinstance(binding, Property)
        paths.append(binding.where(s))
    assert paths == [("id",), ("unitPrice",), ("sum", "total"), ()]


def test_whatever_has_a_body_is_python() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int

        @strawberry.field
        def label(self) -> str:
            return "a"

        @strawberry.field
        async def slow(self, info: strawberry.Info) -> str:
            return "a"

    found = bindings(query_of(A))
    label, slow, unknown = found.of("A", "label"), found.of("A", "slow"), found.of("__Schema", "types")
    assert isinstance(label, Python)
    assert label.sees_client is False
    assert isinstance(slow, Python)
    assert slow.sees_client is True
    assert isinstance(unknown, Python)


def test_an_answer_is_kept_as_long_as_its_most_patient_field_may_be_reused() -> None:
    s = rest(ttl=5)

    @strawberry.type
    class Inner:
        z: int = field(ttl=60)

    @s.entity(get="/a/{id}")
    class A:
        id: int
        x: int = field(ttl=1)
        y: int = field(ttl=30)
        inner: Inner

    @strawberry.type
    class Query:
        @s.get("/a/{id}")
        def a(self, id: int) -> A | None: ...

        @s.get("/plain")
        def plain(self) -> Plain: ...

    @strawberry.type
    class Mutation:
        @s.post("/a")
        def make(self, x: int) -> A: ...

    found = bindings(Query, Mutation)
    kept = [found.of(root, name) for root, name in (("Query", "a"), ("Query", "plain"), ("Mutation", "make"))]
    assert [one.keep_s for one in kept if isinstance(one, Fetching)] == [60, 5, 0]


def test_an_answer_holds_its_type_and_every_type_nested_in_it() -> None:
    s = rest()

    @strawberry.type
    class Leaf:
        x: int

    @strawberry.type
    class Branch:
        leaves: list[Leaf]

    @s.entity(get="/o/{id}")
    class Other:
        id: int

    @s.entity(get="/a/{id}")
    class Tree:
        id: int
        branch: Branch
        other: Other = link("other_id")

    assert fetching(query_of(Tree), "Query", "it").holds == {"Tree", "Branch", "Leaf"}


# -- faults of stubs --------------------------------------------------------------------------------------------------


def test_a_root_has_no_attributes_that_could_supply_a_variable() -> None:
    s = rest()

    @strawberry.type
    class Query:
        id: int = 5

        @s.get("/a/{id}")
        def a(self) -> Plain: ...

    assert any(fault.startswith("Query.a: nobody supplies {id} of GET /a/{id}") for fault in faults(Query))


@pytest.mark.parametrize(
    ("template", "options"),
    [
        ("/b/{lost}", {}),
        ("/b{?lost}", {}),
        ("/b{/lost*}", {}),
        ("/b", {"headers": {"X-Lost": "{lost}"}}),
        (Post("/b", body={"deep": [{"lost": "{lost}"}]}), {}),
        ("/b/{x}", {"inputs": {"y": "x"}}),
    ],
)
def test_a_variable_that_nobody_supplies_is_a_fault(template: Any, options: dict[str, Any]) -> None:
    s = rest()

    @strawberry.type
    class Query:
        @s.get(template, **options)
        def b(self, known: int = 0) -> Plain: ...

    text = template if isinstance(template, str) else template.template
    found = [fault for fault in faults(Query) if "nobody supplies" in fault]
    assert len(found) == 1
    assert found[0].startswith("Query.b: ")
    assert text in found[0]
    assert found[0].endswith("arguments and attributes are: known")


def test_faults_of_mutations_are_found_like_those_of_queries() -> None:
    s = rest()

    @strawberry.type
    class Query:
        x: int = 1

    @strawberry.type
    class Mutation:
        @s.patch("/a/{id}")
        def rename(self, name: str) -> Plain: ...

        @s.delete("/a/{id}")
        def drop(self, id: int, reason: str) -> bool: ...

    assert faults(Query, Mutation) == [
        "Mutation.rename: nobody supplies {id} of PATCH /a/{id}; arguments and attributes are: name",
        "Mutation.drop: the argument 'reason' is not used by DELETE /a/{id}",
    ]


def test_an_argument_that_only_one_form_takes_is_a_fault() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int

        @s.get("/b/{id}{?size}", batch="/b{?ids*}", key="id")
        def b(self, size: int) -> Plain: ...

    assert faults(query_of(A)) == ["A.b: the argument 'size' is not used by GET /b{?ids*}"]


def test_a_batch_of_composite_keys_needs_a_list_for_each_part() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int
        sku: str

        @s.get("/b/{id}/{sku}", batch="/b{?keys*}", key=("id", "sku"))
        def b(self) -> Plain: ...

    assert faults(query_of(A)) == ["A.b: the batch GET /b{?keys*} needs 2 list variables for the keys, but has 1"]


def test_a_write_names_types_that_the_graph_has() -> None:
    s = rest()

    @strawberry.type
    class Query:
        @s.get("/plain")
        def plain(self) -> Plain: ...

    @strawberry.type
    class Mutation:
        @s.post("/plain", invalidates=["Plian"])
        def make(self) -> bool: ...

    (fault,) = faults(Query, Mutation)
    assert "Mutation.make" in fault
    assert "Plian" in fault


def test_a_write_names_arguments_that_it_has() -> None:
    s = rest()

    @strawberry.type
    class Query:
        @s.get("/plain")
        def plain(self) -> Plain: ...

    @strawberry.type
    class Mutation:
        @s.post("/plain/{id}", invalidates={Plain: "idd"})
        def make(self, id: int) -> bool: ...

    (fault,) = faults(Query, Mutation)
    assert "Mutation.make" in fault
    assert "idd" in fault


# -- faults of entities and links -------------------------------------------------------------------------------------


def test_a_link_to_a_scalar_is_a_fault() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int
        other: str = link("other_id")

    assert faults(query_of(A)) == ["A.other: links to a scalar, which is not an entity of any source"]


def test_a_link_without_key_is_a_fault() -> None:
    s = rest()

    @s.entity(get="/b/{id}")
    class B:
        id: int

    @s.entity(get="/a/{id}")
    class A:
        id: int
        b: B = link()

    assert faults(query_of(A)) == ["A.b: links by (), but the key of B is ('id',)"]


def test_an_entity_that_is_asked_by_more_than_its_key_is_a_fault() -> None:
    s = rest()

    @s.entity(get="/b/{site}/{id}")
    class B:
        id: int

    @s.entity(get="/a/{id}")
    class A:
        id: int
        b: B = link("b_id")

    assert faults(query_of(A)) == ["B: GET /b/{site}/{id} has variables ('site', 'id'), but the key is ('id',)"]


def test_a_batch_of_an_entity_needs_a_list_variable() -> None:
    s = rest()

    @s.entity(batch="/b", key="id")
    class B:
        id: int

    @s.entity(get="/a/{id}")
    class A:
        id: int
        b: B = link("b_id")

    assert faults(query_of(A)) == ["A.b: the batch GET /b needs one list variable for the keys, but has 0"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"get": "b/{id}"}, "template 'b/{id}': it must begin with '/'"),
        ({"get": "/b/{id"}, "template '/b/{id': a brace is not closed"),
        ({"get": "/b/{id!}"}, "'{id!}' is not an RFC 6570 expression"),
        ({"get": "//evil.example/{id}"}, "and not with '//'"),
        ({"get": "/b/{id}#x"}, "or a '#'"),
        ({"get": "/b/{id}", "items": "a."}, "'a.' is not a path of property names"),
        ({"get": "/b/{id}", "batch": Get("/b{?ids}", items=".a")}, "'.a' is not a path of property names"),
        ({"get": "/b/{id}", "ttl": -1}, "ttl is less than 0 seconds"),
        ({"get": "/b/{id}", "max_batch": 0}, "max_batch is less than 1 key"),
    ],
)
def test_a_fault_of_an_entity_names_its_class_and_source(options: dict[str, Any], message: str) -> None:
    s = rest("shelf")

    @s.entity(**options)
    class B:
        id: int

    found = faults(query_of(B))
    assert any(fault.startswith("source 'shelf': ") and "B: " in fault and message in fault for fault in found)


def test_a_bad_path_of_a_field_is_reported_with_the_other_faults() -> None:
    s = rest()

    @s.entity(get="/a/{id}")
    class A:
        id: int
        price: int = field("price..cents")

        @s.get("/b/{lost}")
        def b(self) -> Plain: ...

    found = faults(query_of(A))
    assert any("price..cents" in fault and "A" in fault for fault in found)
    assert any("{lost}" in fault for fault in found)


# -- faults of sources ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://s.example"}, "'ftp://s.example' is not an http or https address"),
        ({"url": "s.example"}, "'s.example' is not an http or https address"),
        ({"url": ""}, "'' is not an http or https address"),
        ({"url": "http://s.example:port"}, "'http://s.example:port' is not an address"),
        ({"url": "http://s.example/?a=1"}, "a base address holds no query, fragment or credentials"),
        ({"url": "http://u:p@s.example"}, "a base address holds no query, fragment or credentials"),
        ({"naming": "screaming"}, "naming='screaming': expected one of"),
        ({"timestamps": "epoch"}, "timestamps='epoch': expected 'iso', 'unix' or 'unix_ms'"),
        ({"reason": "a..b"}, "'a..b' is not a path of property names"),
        ({"headers": {"Host": "x"}}, "'Host' is not a header that a graph may set or forward"),
        ({"forward": ["Content-Length"]}, "'Content-Length' is not a header that a graph may set or forward"),
        ({"timeout": 0}, "timeout must be more than 0 seconds"),
        ({"max_batch": 0}, "max_batch is too small"),
        ({"limit": 0}, "limit is too small"),
        ({"retries": -1}, "retries is too small"),
    ],
)
def test_a_fault_of_a_source_names_the_source(options: dict[str, Any], message: str) -> None:
    url = options.pop("url", "http://s.example")
    s = Rest("s", url, client=FakeTransport({}), **options)

    @strawberry.type
    class Query:
        @s.get("/a")
        def a(self) -> Plain: ...

    (fault,) = faults(Query)
    assert fault.startswith("source 's': ")
    assert message in fault


def test_all_faults_of_one_source_are_reported_at_once() -> None:
    s = Rest("s", "ftp://s.example", naming="screaming", timestamps="epoch", reason="a..b", retries=-1)  # type: ignore[arg-type]  # what this is about

    @strawberry.type
    class Query:
        @s.get("/a")
        def a(self) -> Plain: ...

    found = faults(Query)
    for mark in ("ftp://s.example", "screaming", "epoch", "a..b", "retries"):
        assert any(mark in fault for fault in found), mark


def test_a_missing_secret_stops_serving_not_declaring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEFT_TEST_SECRET", raising=False)
    s = rest(auth=ApiKey("X-Key", env="WEFT_TEST_SECRET"))

    @strawberry.type
    class Query:
        @s.get("/a")
        def a(self) -> Plain: ...

    graph = Graph(query=Query)
    with pytest.raises(GraphError) as caught:
        graph.check_environment()
    assert caught.value.faults == ["source 's': the environment variable WEFT_TEST_SECRET is not set"]
    monkeypatch.setenv("WEFT_TEST_SECRET", "x")
    graph.check_environment()


def test_faults_of_bindings_are_reported_beside_those_of_the_schema() -> None:
    s = rest()

    @strawberry.type
    class Odd:
        x: complex

    @strawberry.type
    class Query:
        @s.get("/odd")
        def odd(self) -> Odd: ...

        @s.get("/b/{lost}")
        def b(self) -> Plain: ...

    found = faults(Query)
    assert any("complex" in fault for fault in found)
    assert any("{lost}" in fault for fault in found)


def test_a_fault_is_reported_once_however_many_fields_meet_it() -> None:
    s = rest()

    @s.entity(get="/b/{x}/{y}")
    class B:
        id: int

    @s.entity(get="/a/{id}")
    class A:
        id: int
        one: B = link("one_id")
        two: B = link("two_id")

        @s.get("/a/{id")
        def three(self) -> Plain: ...

        @s.get("/a/{id}")
        def four(self) -> Plain: ...

    found = faults(query_of(A))
    assert len(found) == len(set(found)) == 2
