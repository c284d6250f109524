"""What Strawberry offers, over fields that backends give: resolvers, types, names, inputs."""

import datetime as dt
import enum
import json
from typing import Annotated, Any, Generic, NewType, TypeVar

import pytest
import strawberry
from strawberry.dataloader import DataLoader
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.schema_directive import Location

from graph import Graph, GraphError
from resolvers import field, link
from sources import FakeTransport, Rest
from tests.graph.elsewhere import Toy

Json = Any
T = TypeVar("T")


def book(key: str) -> Json:
    return {
        "id": key,
        "title": f"Book {key}",
        "code": f"c{key}",
        "author_id": f"a{key}",
        "cover": {"artist": f"x{key}"},
    }


def reply(method: str, target: str, body: bytes | None) -> Json:
    path, _, query = target.partition("?")
    if method == "POST":
        return json.loads(body or b"null")
    if path.startswith("/books/"):
        return book(path.removeprefix("/books/"))
    if path == "/shelf":
        return {"items": [book("1"), book("2")], "total_count": 2}
    if path == "/authors":
        return [{"id": key, "name": f"Author {key}"} for key in query.removeprefix("ids=").split(",")]
    if path == "/ratings":
        return [{"book_id": key, "stars": 4} for key in query.removeprefix("ids=").split(",")]
    return (404, {})


backend = FakeTransport(reply)
library = Rest("library", "http://library.example", client=backend)


@pytest.fixture(autouse=True)
def no_calls_yet() -> None:
    backend.calls.clear()


@library.entity(batch="/authors{?ids}")
class Author:
    id: strawberry.ID
    name: str


@strawberry.type
class Cover:
    """Its link needs a property that no class declares."""

    title: str | None
    painter: Author | None = link("artist")


@strawberry.type
class Rating:
    stars: int


@library.entity(get="/books/{id}")
@strawberry.type
class Book:
    id: strawberry.ID
    title: str
    code: strawberry.Private[str]
    author_id: strawberry.Private[str]
    cover: Cover | None
    author: Author | None = link("author_id")

    @library.get("/ratings?ids={book_id}", batch="/ratings{?ids}", key="book_id")
    def rating(self) -> Rating | None: ...

    @strawberry.field
    def label(self) -> str:
        return f"{self.code.upper()} {self.title}"

    @strawberry.field
    def same_cover(self) -> Cover | None:
        return self.cover

    @strawberry.field
    async def pages(self, numbers: list[int]) -> list[str]:
        async def page(number: int) -> str:
            return f"{self.title}, page {number}"

        return [page(number) for number in numbers]  # type: ignore[misc]  # awaitables count as their values

    @strawberry.field
    async def weight(self, info: strawberry.Info) -> int:
        loaded: int = await info.context["weights"].load(self.id)
        return loaded


def made(key: str) -> Book:
    """Make a book by hand, as a resolver of an author would."""
    return Book(id=strawberry.ID(key), title=f"Made {key}", code="m", author_id=f"a{key}", cover=Cover(title="Plain"))


# -- resolvers in Python ----------------------------------------------------------------------------------------------


@strawberry.type
class Library:
    @library.get("/books/{id}")
    def book(self, id: strawberry.ID) -> Book | None: ...

    @strawberry.field
    def by_hand(self) -> list[Book]:
        return [made("1"), made("2")]

    @strawberry.field
    async def later(self) -> list[Book | None]:
        async def one(key: str) -> Book:
            if key == "2":
                raise ValueError("lost")
            return made(key)

        return [one("1"), one("2"), made("3")]  # type: ignore[list-item]  # awaitables count as their values

    @strawberry.field
    async def streamed(self) -> strawberry.Streamable[int]:
        for number in range(3):
            yield number

    @strawberry.field
    def told(self, info: strawberry.Info, times: int = 1) -> list[str]:
        return [
            info.field_name,
            info.python_name,
            str(info.path.key),
            str(info.variable_values),
            info.operation.operation.value,
            str(len(info.selected_fields)),
            str(info.context),
        ]


graph = Graph(query=Library)


async def test_an_object_made_by_hand_has_the_stubs_and_links_of_its_class() -> None:
    response = await graph.execute(
        "{ byHand { title author { name } rating { stars } cover { title painter { name } } } }"
    )
    plain = {"title": "Plain", "painter": None}
    assert response == {
        "data": {
            "byHand": [
                {"title": "Made 1", "author": {"name": "Author a1"}, "rating": {"stars": 4}, "cover": plain},
                {"title": "Made 2", "author": {"name": "Author a2"}, "rating": {"stars": 4}, "cover": plain},
            ]
        }
    }
    assert sorted(backend.calls) == ["GET /authors?ids=a1,a2", "GET /ratings?ids=1,2"]


async def test_a_backends_object_that_a_resolver_passes_on_keeps_what_no_class_declares() -> None:
    response = await graph.execute("{ book(id: 1) { sameCover { painter { name } } } }")
    assert response == {"data": {"book": {"sameCover": {"painter": {"name": "Author x1"}}}}}


async def test_what_points_elsewhere_is_no_part_of_an_object_made_by_hand() -> None:
    with pytest.raises(TypeError, match="author"):
        Book(id=strawberry.ID("1"), title="", code="", author_id="", cover=None, author=None)
    assert repr(Cover(title="Plain")) == "Cover(title='Plain')"


async def test_resolvers_may_wait_and_give_lists_of_awaitables() -> None:
    response = await graph.execute("{ book(id: 1) { pages(numbers: [1, 2]) } later { title } streamed }")
    assert response["data"] == {
        "book": {"pages": ["Book 1, page 1", "Book 1, page 2"]},
        "later": [{"title": "Made 1"}, None, {"title": "Made 3"}],
        "streamed": [0, 1, 2],
    }
    assert [error["path"] for error in response["errors"]] == [["later", 1]]


async def test_private_attributes_come_from_the_backend_and_are_not_in_the_schema() -> None:
    assert (await graph.execute("{ book(id: 1) { label } }")) == {"data": {"book": {"label": "C1 Book 1"}}}
    assert "code" not in graph.sdl()
    assert "authorId" not in graph.sdl()


async def test_info_says_what_is_asked() -> None:
    response = await graph.execute("query ($n: Int!) { alias: told(times: $n) }", {"n": 2}, context="the context")
    assert response["data"]["alias"] == [
        "told",
        "told",
        "alias",
        "{'n': 2}",
        "query",
        "1",
        "the context",
    ]


async def test_a_data_loader_in_the_context_loads_the_books_of_a_list_together() -> None:
    asked: list[list[str]] = []

    async def weigh(keys: list[str]) -> list[int]:
        asked.append(keys)
        return [int(key) * 100 for key in keys]

    response = await graph.execute("{ byHand { weight } }", context={"weights": DataLoader(load_fn=weigh)})
    assert response == {"data": {"byHand": [{"weight": 100}, {"weight": 200}]}}
    assert asked == [["1", "2"]]


# -- options of fields ------------------------------------------------------------------------------------------------


async def test_strawberry_field_above_a_stub_adds_its_options() -> None:
    @strawberry.type
    class Query:
        @strawberry.field(name="volume", deprecation_reason="ask for a book")
        @library.get("/books/{id}")
        def book(
            self, id: Annotated[strawberry.ID, strawberry.argument(name="isbn", description="printed on the back")]
        ) -> Book | None:
            """One book."""

    shown = Graph(query=Query)
    assert (
        '  """One book."""\n  volume(\n    """printed on the back"""\n    isbn: ID!\n  ): Book @deprecated'
        in shown.sdl()
    )
    assert (await shown.execute("{ volume(isbn: 7) { title } }")) == {"data": {"volume": {"title": "Book 7"}}}


def test_strawberry_field_below_a_stubs_decorator_is_a_fault() -> None:
    source = Rest("other", "http://other.example")

    @strawberry.type
    class Query:
        name: str

        @source.get("/books")
        @strawberry.field
        def books(self) -> list[str]: ...

        @source.get("/names")
        def names(self) -> list[str]: ...

    with pytest.raises(GraphError) as caught:
        Graph(query=Query)
    assert caught.value.faults == [
        "source 'other': StrawberryField: a stub is a function, not a StrawberryField: "
        "other decorators stand above the source's"
    ]


@strawberry.schema_directive(locations=[Location.OBJECT, Location.FIELD_DEFINITION])
class Owner:
    team: str


def test_schema_directives_and_descriptions_are_in_the_sdl() -> None:
    @strawberry.type(description="A thing.", directives=[Owner(team="things")])
    class Thing:
        id: strawberry.ID = field("key", description="Its key.", directives=[Owner(team="keys")])

    @strawberry.type
    class Query:
        @strawberry.field(directives=[Owner(team="stubs")])
        @library.get("/thing")
        def thing(self) -> Thing | None: ...

    sdl = Graph(query=Query).sdl()
    assert "directive @owner(team: String!) on OBJECT | FIELD_DEFINITION" in sdl
    assert (
        '"""A thing."""\ntype Thing @owner(team: "things") {\n  """Its key."""\n  id: ID! @owner(team: "keys")' in sdl
    )
    assert 'thing: Thing @owner(team: "stubs")' in sdl


# -- types ------------------------------------------------------------------------------------------------------------


@strawberry.type
class Page(Generic[T]):
    items: list[T]
    total_count: int

    @strawberry.field
    def is_long(self) -> bool:
        return len(self.items) > 1

    @library.get("/shelf?of={total_count}", items="items")
    def again(self) -> list[T]: ...


@strawberry.input
class Between(Generic[T]):
    low: T | None = strawberry.UNSET
    high: T | None = None


async def test_generic_types_and_inputs_are_types_like_others() -> None:
    @strawberry.type
    class Query:
        @library.get("/shelf")
        def shelf(self) -> Page[Book]: ...

        @library.post("/echo", body="{between}")
        def echo(self, between: Between[int]) -> strawberry.scalars.JSON: ...

    response = await Graph(query=Query).execute(
        "{ shelf { totalCount isLong items { id author { name } } again { label } } echo(between: {low: 1}) }"
    )
    assert response == {
        "data": {
            "shelf": {
                "totalCount": 2,
                "isLong": True,
                "items": [
                    {"id": "1", "author": {"name": "Author a1"}},
                    {"id": "2", "author": {"name": "Author a2"}},
                ],
                "again": [{"label": "C1 Book 1"}, {"label": "C2 Book 2"}],
            },
            "echo": {"low": 1},
        }
    }


class Feline(enum.Enum):
    TOM = "t"
    KITTEN = strawberry.enum_value("k", description="Young.", deprecation_reason="they grow")


FelineKind = strawberry.enum(Feline, name="CatKind", description="Cats.")


@strawberry.interface
class Animal:
    name: str


@strawberry.type
class Cat(Animal):
    kind: FelineKind  # type: ignore[valid-type]


@strawberry.type
class Dog(Animal):
    favourite: Annotated["Toy", strawberry.lazy("tests.graph.elsewhere")]


@strawberry.type
class Zoo:
    @strawberry.field
    def pet(self, cat: bool) -> Annotated[Cat | Dog, strawberry.union("Pet", description="Cats and dogs.")]:
        return Cat(name="Tom", kind=Feline.KITTEN) if cat else Dog(name="Rex", favourite=Toy(name="ball"))

    @strawberry.field
    def animals(self) -> list[Animal]:
        return [Cat(name="Tom", kind=Feline.TOM), Dog(name="Rex", favourite=Toy(name="bone"))]


async def test_unions_interfaces_enums_and_lazy_types_of_resolvers() -> None:
    zoo = Graph(query=Zoo)
    response = await zoo.execute(
        "{ cat: pet(cat: true) { ...kind } dog: pet(cat: false) { ...kind } animals { name ...kind } }"
        " fragment kind on Animal { __typename ... on Cat { kind } ... on Dog { favourite { name } } }"
    )
    assert response == {
        "data": {
            "cat": {"__typename": "Cat", "kind": "KITTEN"},
            "dog": {"__typename": "Dog", "favourite": {"name": "ball"}},
            "animals": [
                {"name": "Tom", "__typename": "Cat", "kind": "TOM"},
                {"name": "Rex", "__typename": "Dog", "favourite": {"name": "bone"}},
            ],
        }
    }
    assert (
        '"""Cats."""\nenum CatKind {\n  TOM\n\n  """Young."""\n  KITTEN @deprecated(reason: "they grow")\n}'
        in zoo.sdl()
    )
    assert '"""Cats and dogs."""\nunion Pet = Cat | Dog' in zoo.sdl()


# -- names and scalars ------------------------------------------------------------------------------------------------


async def test_names_without_camel_case_find_their_properties() -> None:
    @strawberry.type
    class Query:
        @library.get("/shelf")
        def the_shelf(self) -> Page[Book]: ...

    plain = Graph(query=Query, config=StrawberryConfig(auto_camel_case=False))
    response = await plain.execute("{ the_shelf { total_count items { same_cover { painter { name } } } } }")
    assert response["data"]["the_shelf"]["total_count"] == 2
    assert response["data"]["the_shelf"]["items"][0] == {"same_cover": {"painter": {"name": "Author x1"}}}


class Shouting(NameConverter):
    def get_graphql_name(self, obj: Any) -> str:
        return super().get_graphql_name(obj).upper()

    def from_type(self, type_: Any) -> str:
        name = super().from_type(type_)
        return f"The{name}" if name in ("Book", "Author") else name


async def test_a_name_converter_renames_types_fields_and_arguments() -> None:
    @strawberry.type
    class Query:
        @library.get("/books/{id}", ttl=60)
        def book(self, id: strawberry.ID) -> Book | None: ...

    @strawberry.type
    class Mutation:
        @library.post("/books", body="{title}", invalidates=[Book])
        def rename(self, title: str) -> str: ...

    renamed = Graph(query=Query, mutation=Mutation, config=StrawberryConfig(name_converter=Shouting()))
    ask = "{ BOOK(ID: 1) { __typename TITLE AUTHOR { __typename NAME } RATING { STARS } LABEL } }"
    answer = {
        "data": {
            "BOOK": {
                "__typename": "TheBook",
                "TITLE": "Book 1",
                "AUTHOR": {"__typename": "TheAuthor", "NAME": "Author a1"},
                "RATING": {"STARS": 4},
                "LABEL": "C1 Book 1",
            }
        }
    }
    assert await renamed.execute(ask) == answer
    assert await renamed.execute('mutation { RENAME(TITLE: "new") }') == {"data": {"RENAME": "new"}}
    assert await renamed.execute(ask) == answer
    assert backend.calls.count("GET /books/1") == 2


Money = NewType("Money", int)
CENTS = strawberry.scalar(name="Money", serialize=lambda value: f"{value} cents", parse_value=lambda value: int(value))


@pytest.mark.parametrize(
    "options",
    [{"scalar_overrides": {Money: CENTS}}, {"config": StrawberryConfig(scalar_map={Money: CENTS})}],
    ids=["overrides", "map"],
)
async def test_scalars_are_overridden_for_backends_and_resolvers_alike(options: Json) -> None:
    @strawberry.type
    class Query:
        @library.post("/echo", body="{price}")
        def echo(self, price: Money) -> Money: ...

        @strawberry.field
        def twice(self, price: Money) -> Money:
            return Money(price * 2)

    priced = Graph(query=Query, **options)
    assert await priced.execute('{ echo(price: "4") twice(price: 4) }') == {
        "data": {"echo": "4 cents", "twice": "8 cents"}
    }


async def test_suggestions_can_be_switched_off() -> None:
    quiet = Graph(query=Library, config=StrawberryConfig(disable_field_suggestions=True))
    assert "Did you mean" in (await graph.execute("{ bok }"))["errors"][0]["message"]
    assert (await quiet.execute("{ bok }"))["errors"][0]["message"] == "Cannot query field 'bok' on type 'Library'."


# -- inputs -----------------------------------------------------------------------------------------------------------


@strawberry.input
class Change:
    title: strawberry.Maybe[str]
    note: strawberry.Maybe[str | None]
    tags: list[str] = strawberry.field(default_factory=lambda: ["new"])
    at: dt.date | None = strawberry.UNSET


@strawberry.input(one_of=True)
class Which:
    id: strawberry.Maybe[strawberry.ID]
    isbn: strawberry.Maybe[str]


@strawberry.type
class Inputs:
    @library.post("/echo", body={"change": "{change}", "title": "{title}"})
    def echo(self, change: Change, title: strawberry.Maybe[str]) -> strawberry.scalars.JSON: ...

    @library.post("/echo", body="{which}")
    def which(self, which: Which) -> strawberry.scalars.JSON: ...

    @strawberry.field
    def shown(self, change: Change) -> str:
        return f"{change.title} {change.note} {change.tags} {change.at!r}"


inputs = Graph(query=Inputs)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ({}, {"tags": ["new"]}),
        ({"title": "a", "note": None}, {"tags": ["new"], "title": "a", "note": None}),
        ({"tags": [], "at": "2020-02-03"}, {"tags": [], "at": "2020-02-03"}),
        ({"at": None}, {"tags": ["new"], "at": None}),
    ],
)
async def test_a_backend_receives_what_was_given_and_nothing_for_what_was_left_out(sent: Json, received: Json) -> None:
    response = await inputs.execute("query ($it: Change!) { echo(change: $it) }", {"it": sent})
    assert response == {"data": {"echo": {"change": received}}}


async def test_a_resolver_receives_unset_and_some() -> None:
    response = await inputs.execute('{ shown(change: {title: "a", note: null}) }')
    assert response == {"data": {"shown": "Some('a') Some(None) ['new'] UNSET"}}


@pytest.mark.parametrize("name", ["echo", "shown"])
@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ %s(change: {title: null}) }", {}),
        ("query ($title: String) { %s(change: {title: $title}) }", {"title": None}),
        ("query ($it: Change!) { %s(change: $it) }", {"it": {"title": None}}),
    ],
)
async def test_what_may_be_left_out_may_not_be_null(name: str, query: str, variables: Json) -> None:
    response = await inputs.execute(query % name, variables)
    assert "null" in response["errors"][0]["message"]
    assert response["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")
    assert backend.calls == []


async def test_an_argument_that_may_be_left_out_may_not_be_null() -> None:
    query = "query ($title: String) { echo(change: {}, title: $title) }"
    response = await inputs.execute(query, {"title": None})
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert backend.calls == []
    assert (await inputs.execute(query, {"title": "a"}))["data"]["echo"]["title"] == "a"


@pytest.mark.parametrize("sent", [{}, {"id": "1", "isbn": "2"}, {"id": None}])
async def test_exactly_one_of_the_fields_of_a_one_of_input_is_given(sent: Json) -> None:
    response = await inputs.execute("query ($it: Which!) { which(which: $it) }", {"it": sent})
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert backend.calls == []
    assert await inputs.execute('{ which(which: {id: "1"}) }') == {"data": {"which": {"id": "1"}}}
