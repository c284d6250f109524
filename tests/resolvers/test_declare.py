"""Declared classes become Strawberry types: entities as types, stubs as fields, wherever the roots reach them."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Generic, TypeVar

import pytest
import strawberry
from strawberry.tools import merge_types

from graph import Graph, GraphError
from resolvers import declare, field, link
from sources import FakeTransport, Rest
from tests.resolvers import elsewhere

T = TypeVar("T")

source = Rest("s", "http://s.example", client=FakeTransport({}))


# -- fields and their order -------------------------------------------------------------------------------------------


@strawberry.type
class Stock:
    available: int


@source.entity(get="/products/{id}")
class Product:
    """Something that is sold."""

    @source.get("/stock/{sku}")
    def stock(self) -> Stock | None:
        """What is left."""

    id: strawberry.ID
    sku: str
    price_cents: int = field("price.cents", description="Without tax.")
    similar: list[Product] = link("similar_ids")

    @strawberry.field
    def label(self) -> str:
        return self.sku

    @source.get("/reviews{?product_id,limit}")
    def top_reviews(self, limit: int = 3) -> list[Review]: ...

    def plain_method(self) -> str:
        return self.sku


@source.entity(get="/reviews/{id}")
class Review:
    id: strawberry.ID
    product: Product = link("product_id")


@strawberry.type
class ShopQuery:
    @source.get("/products/{id}")
    def product(self, id: strawberry.ID) -> Product | None: ...


SHOP = '''\
"""Something that is sold."""
type Product {
  id: ID!
  sku: String!

  """Without tax."""
  priceCents: Int!
  similar: [Product!]!
  label: String!

  """What is left."""
  stock: Stock
  topReviews(limit: Int! = 3): [Review!]!
}'''


def test_stubs_become_fields_after_the_annotated_ones() -> None:
    assert SHOP in Graph(query=ShopQuery).sdl()


def test_an_entity_becomes_a_type_without_a_second_decorator() -> None:
    found = declare(ShopQuery)
    assert found.faults == []
    assert found.classes == [ShopQuery, Product, Stock, Review]
    assert found.sources == [source]
    assert "__strawberry_definition__" in vars(Review)


def test_two_graphs_may_share_classes() -> None:
    @strawberry.type
    class Other:
        @source.get("/reviews/{id}")
        def review(self, id: strawberry.ID) -> Review: ...

    first = Graph(query=ShopQuery).sdl()
    second = Graph(query=Other).sdl()
    assert SHOP in second
    assert Graph(query=ShopQuery).sdl() == first
    assert Graph(query=Other).sdl() == second


def test_a_declared_class_keeps_its_python() -> None:
    Graph(query=ShopQuery)
    product = Product(id=strawberry.ID("1"), sku="a", price_cents=5)  # type: ignore[call-arg]  # mypy sees no dataclass behind a method's decorator
    assert product.plain_method() == "a"


# -- reaching ---------------------------------------------------------------------------------------------------------


def reached(*roots: type[Any]) -> set[str]:
    return {python_type.__name__ for python_type in declare(*roots).classes}


@source.entity(get="/answers/{id}")
class Answer:
    id: strawberry.ID


@source.entity(get="/hints/{id}")
class Hint:
    id: strawberry.ID


def best_answer() -> Answer | None:
    return None


@strawberry.type
class ResolverQuery:
    best: Answer | None = strawberry.field(resolver=best_answer)

    @strawberry.field
    async def hints(self) -> list[Hint]:
        return []


def test_python_resolvers_reach_what_they_give() -> None:
    assert reached(ResolverQuery) == {"ResolverQuery", "Answer", "Hint"}


def test_unions_are_followed_to_every_member() -> None:
    @source.entity(get="/cats/{id}")
    class Cat:
        id: strawberry.ID

    @source.entity(get="/dogs/{id}")
    class Dog:
        id: strawberry.ID

    def pet(self: Any, id: strawberry.ID) -> Any: ...

    pet.__annotations__["return"] = Annotated[Cat | Dog, strawberry.union("Pet")]

    @strawberry.type
    class Query:
        found = source.get("/pets/{id}")(pet)

    assert reached(Query) == {"Query", "Cat", "Dog"}
    assert "union Pet = Cat | Dog" in Graph(query=Query).sdl()


@strawberry.enum
class Size(enum.Enum):
    SMALL = "s"


@strawberry.input
class Wish:
    size: Size | None = None


@strawberry.type
class SizeQuery:
    @source.get("/sizes{?size}")
    def sizes(self, size: Size = Size.SMALL) -> list[Size]: ...


@strawberry.type
class WishMutation:
    @source.post("/wishes")
    def wish(self, wish: Wish) -> Size: ...


def test_enums_and_inputs_are_used_as_they_are() -> None:
    sdl = Graph(query=SizeQuery, mutation=WishMutation).sdl()
    assert "sizes(size: Size! = SMALL): [Size!]!" in sdl
    assert "wish(wish: Wish!): Size!" in sdl
    assert "input Wish {\n  size: Size\n}" in sdl


# -- references that come late ----------------------------------------------------------------------------------------


@strawberry.type
class ForwardQuery:
    @source.get("/late/{id}")
    def late(self, id: strawberry.ID) -> Late: ...

    @source.get("/late")
    def quoted(self) -> list["Late"]: ...  # noqa: UP037  # quoted twice is what an author may write


@source.entity(get="/late/{id}")
class Late:
    id: strawberry.ID
    other: Late | None = link("other_id")


def test_a_class_may_be_named_before_it_is_defined() -> None:
    sdl = Graph(query=ForwardQuery).sdl()
    assert "late(id: ID!): Late!" in sdl
    assert "quoted: [Late!]!" in sdl
    assert "other: Late" in sdl


@source.entity(get="/distant/{id}")
class Distant:
    id: strawberry.ID


@source.entity(get="/remote/{id}")
class Remote:
    id: strawberry.ID


def test_a_lazy_type_of_a_field_is_followed_into_its_module() -> None:
    @strawberry.type
    class Query:
        @elsewhere.source.get("/parcels/{id}")
        def parcel(self, id: strawberry.ID) -> elsewhere.Parcel: ...

    assert "distant: Distant!" in Graph(query=Query).sdl()


def test_a_lazy_type_of_a_stub_is_followed_into_its_module() -> None:
    @strawberry.type
    class Query:
        @elsewhere.source.get("/depot")
        def depot(self) -> elsewhere.Depot: ...

    assert "latest: Remote!" in Graph(query=Query).sdl()


def test_a_lazy_type_whose_name_is_known_is_followed() -> None:
    def late(self: Any, id: strawberry.ID) -> Any: ...

    late.__annotations__["return"] = Annotated[Late, strawberry.lazy("tests.resolvers.test_declare")]

    @strawberry.type
    class Query:
        late_one = source.get("/late/{id}")(late)

    assert "lateOne(id: ID!): Late!" in Graph(query=Query).sdl()


# -- inheritance ------------------------------------------------------------------------------------------------------


@strawberry.interface
class Node:
    id: strawberry.ID


@source.entity(get="/leaves/{id}")
class Leaf(Node):
    colour: str


@strawberry.type
class NodeQuery:
    @source.get("/nodes/{id}")
    def node(self, id: strawberry.ID) -> Node | None: ...


def test_types_behind_an_interface_are_declared_when_they_are_given() -> None:
    found = Graph(query=NodeQuery, types=[Leaf])
    assert "type Leaf implements Node {\n  id: ID!\n  colour: String!\n}" in found.sdl()
    assert "interface Node {\n  id: ID!\n}" in found.sdl()


@strawberry.interface
class Stocked:
    sku: str

    @source.get("/stock/{sku}")
    def stock(self) -> Stock | None: ...


@source.entity(get="/shoes/{sku}", key="sku")
class Shoe(Stocked):
    size: int


@strawberry.type
class ShoeQuery:
    @source.get("/shoes/{sku}")
    def shoe(self, sku: str) -> Shoe | None: ...


def test_a_stub_of_an_interface_is_a_field_of_its_types() -> None:
    sdl = Graph(query=ShoeQuery).sdl()
    assert "type Shoe implements Stocked {\n  sku: String!\n  stock: Stock\n  size: Int!\n}" in sdl


@strawberry.type
class ReviewsQuery:
    @source.get("/reviews/{id}")
    def review(self, id: strawberry.ID) -> Review | None: ...


@strawberry.type
class WholeQuery(ReviewsQuery):
    @source.get("/products/{id}")
    def product(self, id: strawberry.ID) -> Product | None: ...


def test_stubs_are_inherited() -> None:
    sdl = Graph(query=WholeQuery).sdl()
    assert "product(id: ID!): Product" in sdl
    assert "review(id: ID!): Review" in sdl


def test_merged_roots_have_the_stubs_of_all() -> None:
    @strawberry.type
    class Products:
        @source.get("/products/{id}")
        def product(self, id: strawberry.ID) -> Product | None: ...

    @strawberry.type
    class Reviews:
        @source.get("/reviews/{id}")
        def review(self, id: strawberry.ID) -> Review | None: ...

    sdl = Graph(query=merge_types("Query", (Products, Reviews))).sdl()
    assert "product(id: ID!): Product" in sdl
    assert "review(id: ID!): Review" in sdl


@source.entity(get="/reports/{id}")
class Report(elsewhere.Dated):
    id: strawberry.ID


@strawberry.type
class Ticket(elsewhere.Stamped):
    number: int


@strawberry.type
class ReportQuery:
    @source.get("/reports/{id}")
    def report(self, id: strawberry.ID) -> Report: ...

    @source.get("/ticket")
    def ticket(self) -> Ticket: ...


def test_inherited_annotations_are_read_where_they_were_written() -> None:
    found = declare(ReportQuery)
    assert found.faults == []
    sdl = Graph(query=ReportQuery).sdl()
    assert "type Report implements Dated {\n  madeAt: DateTime!\n  id: ID!\n}" in sdl


# -- generics ---------------------------------------------------------------------------------------------------------


@strawberry.type
class PageInfo:
    cursor: str

    @source.get("/counts/{cursor}")
    def total(self) -> int | None: ...


@strawberry.type
class Page(Generic[T]):
    items: list[T]


@strawberry.type
class InformedPage(Generic[T]):
    items: list[T]
    info: PageInfo


@source.entity(get="/things/{id}")
class Thing:
    id: strawberry.ID


@strawberry.type
class PageQuery:
    @source.get("/things")
    def things(self) -> Page[Thing]: ...


@strawberry.type
class InformedQuery:
    @source.get("/things")
    def things(self) -> InformedPage[Thing]: ...


def test_an_entity_as_a_parameter_of_a_generic_is_declared() -> None:
    sdl = Graph(query=PageQuery).sdl()
    assert "things: ThingPage!" in sdl
    assert "type ThingPage {\n  items: [Thing!]!\n}" in sdl


def test_what_a_generic_type_itself_names_is_declared() -> None:
    sdl = Graph(query=InformedQuery).sdl()
    assert "type PageInfo {\n  cursor: String!\n  total: Int\n}" in sdl


# -- faults -----------------------------------------------------------------------------------------------------------


def faults(*roots: type[Any]) -> list[str]:
    return declare(*roots).faults


def test_a_stub_that_does_not_say_what_it_gives_is_a_fault() -> None:
    @strawberry.type
    class Query:
        @source.get("/a")
        def silent(self): ...  # type: ignore[no-untyped-def]  # what this is about

        @source.get("/b")
        def nothing(self) -> None: ...

    name = f"{test_a_stub_that_does_not_say_what_it_gives_is_a_fault.__name__}.<locals>.Query"
    assert faults(Query) == [
        f"{name}.silent: the type that it gives is not annotated (-> Type)",
        f"{name}.nothing: it is annotated to give None",
    ]


@strawberry.type
class UndefinedQuery:
    @source.get("/a")
    def first(self) -> Missing: ...  # type: ignore[name-defined]  # noqa: F821  # what this is about

    @source.get("/b{?wish}")
    def second(self, wish: Absent) -> int: ...  # type: ignore[name-defined]  # noqa: F821  # what this is about


def test_an_undefined_name_in_a_stubs_annotation_is_a_fault() -> None:
    assert faults(UndefinedQuery) == [
        "UndefinedQuery.first: the annotation names 'Missing', which is not defined in tests.resolvers.test_declare",
        "UndefinedQuery.second: the annotation names 'Absent', which is not defined in tests.resolvers.test_declare",
    ]


def test_undefined_names_of_stubs_and_other_faults_are_reported_together() -> None:
    with pytest.raises(GraphError) as caught:
        Graph(query=UndefinedQuery)
    text = str(caught.value)
    assert "'Missing'" in text
    assert "'Absent'" in text


def test_an_undefined_name_in_a_class_is_a_fault() -> None:
    @source.entity(get="/x/{id}")
    class Broken:
        id: strawberry.ID

    Broken.__annotations__["other"] = "NowhereToBeFound"
    assert any("'NowhereToBeFound'" in fault for fault in faults(Broken))


@strawberry.type
class AttributeQuery:
    @source.get("/a")
    def first(self) -> enum.Missing: ...  # type: ignore[name-defined]  # what this is about


def test_an_undefined_name_in_a_known_module_is_a_fault() -> None:
    (fault,) = faults(AttributeQuery)
    assert "AttributeQuery.first" in fault
    assert "Missing" in fault


def test_two_sources_of_one_name_are_a_fault_once() -> None:
    one = Rest("twin", "http://one.example", client=FakeTransport({}))
    other = Rest("twin", "http://two.example", client=FakeTransport({}))

    def number() -> Any:
        def stub(self: Any) -> int: ...

        return stub

    @strawberry.type
    class Query:
        a = one.get("/a")(number())
        b = other.get("/b")(number())
        c = other.get("/c")(number())

    assert faults(Query) == ["two sources are named 'twin': errors and plans could not tell them apart"]
