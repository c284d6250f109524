"""Permissions, field extensions and schema extensions of Strawberry, over fields that backends give."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import graphql
import httpx
import pytest
import strawberry
from strawberry.extensions import (
    DisableIntrospection,
    FieldExtension,
    MaskErrors,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
)
from strawberry.field_extensions import InputMutationExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.types import ExecutionResult

from graph import App, Graph, GraphError
from graph.engine import Request
from resolvers import Connection, field, link
from sources import FakeTransport, Offset, Rest
from tests.serving import ASKED_FOR, running

Json = Any


def reply(method: str, target: str, body: bytes | None) -> Json:
    path, _, query = target.partition("?")
    if method == "POST":
        return json.loads(body or b"null")
    if path == "/books":
        return [{"id": key, "title": f"Book {key}", "author_id": f"a{key}"} for key in "123"]
    if path == "/authors":
        return [{"id": key, "name": f"Author {key}"} for key in query.removeprefix("ids=").split(",")]
    if path == "/ratings":
        return [{"book_id": key, "stars": 4, "voters": ["Ada"]} for key in query.removeprefix("ids=").split(",")]
    if path == "/search":
        return [query]
    return (404, {})


backend = FakeTransport(reply)
library = Rest("library", "http://library.example", client=backend)


@pytest.fixture(autouse=True)
def no_calls_yet() -> None:
    backend.calls.clear()
    noted.clear()


noted: list[str] = []


class IsKeeper(BasePermission):
    message = "Only keepers may see this"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        noted.append(f"keeper? {info.field_name} {sorted(kwargs)}")
        return bool(info.context == "keeper")


class IsOpen(BasePermission):
    """Denies the second book, later than it allows the others."""

    message = "This book is closed"
    error_extensions = {"code": "CLOSED", "shelf": 4}  # noqa: RUF012  # so does Strawberry declare it

    async def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        await asyncio.sleep(0.01 if source.id == "2" else 0)
        return bool(source.id != "2")


class Louder(FieldExtension):
    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        rating = await next_(source, info, **kwargs)
        rating.stars += len(rating.voters)
        return rating


class Trimmed(FieldExtension):
    """Passes on other arguments than it is given."""

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        return await next_(source, info, **{**kwargs, "text": kwargs["text"].strip()})


class Known(FieldExtension):
    """Has an answer of its own to one question, and asks twice about all others."""

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        if kwargs["text"] == "known":
            return ["known"]
        return [*await next_(source, info, **kwargs), *await next_(source, info, **kwargs)]


class Sync(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs)


@library.entity(batch="/authors{?ids}")
class Author:
    id: strawberry.ID
    name: str


@strawberry.type
class Rating:
    stars: int
    voters: strawberry.Private[list[str]]


@library.entity(batch="/books{?ids}")
class Book:
    id: strawberry.ID
    title: str
    closed_title: str | None = field("title", permission_classes=[IsOpen])
    kept_author: Author | None = link("author_id", permission_classes=[IsKeeper])
    open_author: Author | None = link("author_id", permission_classes=[IsOpen])

    @strawberry.field(permission_classes=[IsOpen])
    @library.get("/ratings?ids={book_id}", batch="/ratings{?ids}", key="book_id")
    def rating(self) -> Rating | None: ...

    @strawberry.field(extensions=[Louder(), PermissionExtension([IsOpen()], fail_silently=True)])
    @library.get("/ratings?ids={book_id}", batch="/ratings{?ids}", key="book_id")
    def loud_rating(self) -> Rating | None: ...

    @strawberry.field(permission_classes=[IsOpen])
    def label(self) -> str | None:
        return self.title.upper()


@strawberry.type
class Query:
    @library.get("/books")
    def books(self) -> list[Book]: ...

    @strawberry.field(permission_classes=[IsKeeper])
    @library.get("/books")
    def kept_books(self) -> list[Book] | None: ...

    @strawberry.field(extensions=[PermissionExtension([IsKeeper()], fail_silently=True)])
    @library.get("/books")
    def hidden_books(self) -> list[Book]: ...

    @strawberry.field(extensions=[Trimmed()])
    @library.get("/search{?text,limit}")
    def trimmed(self, text: str, limit: int | None = None) -> list[str]: ...

    @strawberry.field(extensions=[Known()])
    @library.get("/search{?text}")
    def known(self, text: str) -> list[str]: ...

    @strawberry.field
    def hello(self) -> str:
        return "hello"

    @strawberry.field
    def unlucky(self) -> str | None:
        raise ValueError("a secret")


@strawberry.input
class Volume:
    title: str
    note: str | None = None


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[IsKeeper])
    @library.post("/books", body="{title}", invalidates=[Book])
    def add(self, title: str) -> str | None: ...

    @strawberry.mutation(extensions=[InputMutationExtension()])
    @library.post("/books")
    def add_with(self, title: str, volume: Volume) -> strawberry.scalars.JSON: ...


graph = Graph(query=Query, mutation=Mutation)


def errors(response: Json) -> list[str]:
    return [
        f"{'.'.join(map(str, error.get('path', ())))} {error['extensions']['code']}: {error['message']}"
        for error in response.get("errors", ())
    ]


# -- permissions ------------------------------------------------------------------------------------------------------


async def test_what_a_permission_denies_is_null_and_never_asked() -> None:
    response = await graph.execute("{ keptBooks { title } hiddenBooks { title } }", context="reader")
    assert response["data"] == {"keptBooks": None, "hiddenBooks": []}
    assert errors(response) == ["keptBooks FORBIDDEN: Only keepers may see this"]
    assert backend.calls == []
    response = await graph.execute('mutation { add(title: "new") }', context="reader")
    assert response["data"] == {"add": None}
    assert errors(response) == ["add FORBIDDEN: Only keepers may see this"]
    assert backend.calls == []
    assert noted == ["keeper? keptBooks []", "keeper? hiddenBooks []", "keeper? add ['title']"]


async def test_what_a_permission_allows_is_as_without_it() -> None:
    response = await graph.execute("{ keptBooks { title keptAuthor { name } } }", context="keeper")
    assert response == {
        "data": {"keptBooks": [{"title": f"Book {key}", "keptAuthor": {"name": f"Author a{key}"}} for key in "123"]}
    }
    assert backend.calls == ["GET /books", "GET /authors?ids=a1,a2,a3"]
    assert await graph.execute('mutation { add(title: "new") }', context="keeper") == {"data": {"add": "new"}}


async def test_objects_that_are_allowed_share_one_call_however_long_a_permission_takes() -> None:
    response = await graph.execute("{ books { rating { stars } openAuthor { name } closedTitle label } }")
    assert response["data"]["books"] == [
        {"rating": {"stars": 4}, "openAuthor": {"name": "Author a1"}, "closedTitle": "Book 1", "label": "BOOK 1"},
        {"rating": None, "openAuthor": None, "closedTitle": None, "label": None},
        {"rating": {"stars": 4}, "openAuthor": {"name": "Author a3"}, "closedTitle": "Book 3", "label": "BOOK 3"},
    ]
    assert sorted(errors(response)) == [
        "books.1.closedTitle CLOSED: This book is closed",
        "books.1.label CLOSED: This book is closed",
        "books.1.openAuthor CLOSED: This book is closed",
        "books.1.rating CLOSED: This book is closed",
    ]
    assert {error["extensions"]["shelf"] for error in response["errors"]} == {4}
    assert backend.calls[0] == "GET /books"
    assert sorted(backend.calls[1:]) == ["GET /authors?ids=a1,a3", "GET /ratings?ids=1,3"]


async def test_a_permission_guards_the_pages_of_a_connection() -> None:
    def pages(method: str, target: str, body: bytes | None) -> Json:
        return {"data": [{"id": "1", "title": "One"}], "total": 1}

    shelf = FakeTransport(pages)
    paged = Rest("paged", "http://paged.example", client=shelf)

    @strawberry.type
    class Leaf:
        id: strawberry.ID
        title: str

    @strawberry.type
    class Root:
        @strawberry.field(permission_classes=[IsKeeper])
        @paged.get("/leaves{?offset,limit}", paging=Offset("offset", size="limit"), items="data", total="total")
        def leaves(self, first: int = 10, after: str | None = None) -> Connection[Leaf] | None: ...

    guarded = Graph(query=Root)
    query = "{ leaves(first: 5) { totalCount nodes { title } } }"
    assert (await guarded.execute(query, context="reader"))["data"] == {"leaves": None}
    assert shelf.calls == []
    response = await guarded.execute(query, context="keeper")
    assert response == {"data": {"leaves": {"totalCount": 1, "nodes": [{"title": "One"}]}}}
    assert shelf.calls == ["GET /leaves?offset=0&limit=5"]


async def test_an_answer_behind_a_permission_is_the_clients_own() -> None:
    request = Request("{ keptBooks { title } }")
    answers = await asyncio.gather(
        graph.engine.answer(request, {}, lambda: "keeper", key="same"),
        graph.engine.answer(request, {}, lambda: "reader", key="same"),
        graph.engine.answer(request, {}, lambda: "keeper", key="same"),
    )
    assert [b"Only keepers" in answer.body for answer in answers] == [False, True, False]
    assert {answer.fresh_until for answer in answers} == {None}
    assert all(answer.private for answer in answers)
    assert backend.calls == ["GET /books"]


async def test_an_answer_behind_a_permission_says_so_to_caches() -> None:
    lasting = Rest("lasting", "http://lasting.example", client=backend, ttl=3600)

    class IsAnybody(BasePermission):
        def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
            return True

    @strawberry.type
    class Root:
        @lasting.get("/search?q=1")
        def found(self) -> list[str]: ...

        @strawberry.field(permission_classes=[IsAnybody])
        @lasting.get("/search?q=1")
        def kept(self) -> list[str] | None: ...

    with running(App(Graph(query=Root))) as address:
        async with httpx.AsyncClient() as client:
            open_answer = await client.post(f"{address}/graphql", json={"query": "{ found }"})
            kept_answer = await client.post(f"{address}/graphql", json={"query": "{ kept }"})
    assert open_answer.headers["cache-control"].startswith("public, max-age=3")
    assert kept_answer.json()["data"] == {"kept": ["q=1"]}
    assert kept_answer.headers["cache-control"] == "private, no-cache"


async def test_a_backend_that_fails_behind_a_permission_fails_as_without_it() -> None:
    @strawberry.type
    class Root:
        @strawberry.field(permission_classes=[IsKeeper])
        @library.get("/nowhere")
        def must(self) -> list[str]: ...

        @strawberry.field(permission_classes=[IsKeeper])
        @library.get("/books")
        def number(self) -> int | None: ...

    response = await Graph(query=Root).execute("{ number }", context="keeper")
    assert response["data"] == {"number": None}
    assert [error["extensions"]["code"] for error in response["errors"]] == ["UPSTREAM_INVALID"]
    response = await Graph(query=Root).execute("{ must }", context="keeper")
    assert response["data"] is None


async def test_a_permission_that_fails_keeps_its_reasons_to_itself() -> None:
    class Broken(BasePermission):
        def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
            raise RuntimeError("a secret")

    @strawberry.type
    class Root:
        @strawberry.field(permission_classes=[Broken])
        @library.get("/books")
        def books(self) -> list[Book] | None: ...

    response = await Graph(query=Root).execute("{ books { id } }")
    assert errors(response) == ["books INTERNAL_SERVER_ERROR: Internal server error"]
    assert backend.calls == []


async def test_a_permission_holds_in_a_class_that_only_an_option_names() -> None:
    @strawberry.type
    class Hidden:
        id: strawberry.ID
        kept: Author | None = link("id", permission_classes=[IsKeeper])

    @strawberry.type
    class Root:
        @strawberry.field(graphql_type=Hidden)
        def hidden(self) -> object:
            return Hidden(id=strawberry.ID("a1"))

    response = await Graph(query=Root).execute("{ hidden { kept { name } } }")
    assert response["data"] == {"hidden": {"kept": None}}
    assert errors(response) == ["hidden.kept FORBIDDEN: Only keepers may see this"]
    assert backend.calls == []


@strawberry.type
class Unreached:
    id: strawberry.ID
    kept: Author | None = link("id", permission_classes=[IsKeeper])


def test_a_permission_that_nobody_would_ask_is_a_fault() -> None:
    @strawberry.type
    class Root:
        @strawberry.field(graphql_type="Unreached")
        def hidden(self) -> object: ...

        @library.get("/authors/{id}")
        def author(self, id: strawberry.ID) -> Author | None: ...

    with pytest.raises(GraphError) as caught:
        Graph(query=Root)
    assert caught.value.faults == [
        "Unreached.kept: its class is not reached from the root types; name it in Graph(types=[...])"
    ]
    assert Graph(query=Root, types=[Unreached]).sdl()


async def test_a_permission_that_takes_too_long_costs_the_fields_that_would_share_its_call() -> None:
    class Stuck(BasePermission):
        async def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
            await asyncio.sleep(30 if source.id == "2" else 0)
            return True

    @library.entity(batch="/books{?ids}")
    class Volume:
        id: strawberry.ID
        stuck: Author | None = link("author_id", permission_classes=[Stuck])
        author: Author | None = link("author_id")

    @strawberry.type
    class Root:
        @library.get("/books")
        def books(self) -> list[Volume]: ...

    response = await Graph(query=Root, timeout=0.2).execute("{ books { stuck { name } author { name } } }")
    assert response["data"]["books"] == [{"stuck": None, "author": {"name": f"Author a{key}"}} for key in "123"]
    assert {error["extensions"]["code"] for error in response["errors"]} == {"DEADLINE_EXCEEDED"}


async def test_cancelling_an_operation_cancels_its_permissions() -> None:
    ended = asyncio.Event()

    class Slow(BasePermission):
        async def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
            try:
                await asyncio.sleep(30)
            finally:
                ended.set()
            return True

    @strawberry.type
    class Root:
        @strawberry.field(permission_classes=[Slow])
        @library.get("/books")
        def books(self) -> list[Book] | None: ...

    under_way = asyncio.create_task(Graph(query=Root).execute("{ books { id } }"))
    await asyncio.sleep(0.01)
    under_way.cancel()
    await asyncio.gather(under_way, return_exceptions=True)
    assert ended.is_set()
    assert backend.calls == []


# -- extensions of fields ---------------------------------------------------------------------------------------------


async def test_a_field_extension_sees_the_backends_object_and_may_change_it() -> None:
    response = await graph.execute("{ books { loudRating { stars } rating { stars } } }")
    assert [book["loudRating"] for book in response["data"]["books"]] == [{"stars": 5}, None, {"stars": 5}]
    assert [book["rating"] for book in response["data"]["books"]] == [{"stars": 4}, None, {"stars": 4}]
    assert set(backend.calls) == {"GET /books", "GET /ratings?ids=1,3"}


async def test_a_field_extension_may_pass_on_other_arguments_or_answer_itself() -> None:
    response = await graph.execute('{ trimmed(text: " a ") known(text: "known") more: known(text: "b") }')
    assert response == {"data": {"trimmed": ["text=a"], "known": ["known"], "more": ["text=b", "text=b"]}}
    assert sorted(backend.calls) == ["GET /search?text=a", "GET /search?text=b"]


async def test_an_extension_that_reshapes_arguments_reaches_the_backend() -> None:
    response = await graph.execute('mutation { addWith(input: {title: "a", volume: {title: "b"}}) }')
    assert response == {"data": {"addWith": {"title": "a", "volume": {"title": "b", "note": None}}}}


def test_an_extension_that_cannot_wait_for_a_backend_is_a_fault() -> None:
    source = Rest("other", "http://other.example")

    @strawberry.type
    class Root:
        @strawberry.field(extensions=[Sync()])
        @source.get("/books")
        def books(self) -> list[str]: ...

        @source.get("/names")
        def names(self) -> list[str]: ...

    with pytest.raises(GraphError, match=r"Root.books: .*Cannot mix async-only extension\(s\) Fetched with sync-only"):
        Graph(query=Root)


# -- extensions of the schema -----------------------------------------------------------------------------------------


class Noting(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        noted.append("operation begins")
        yield
        noted.append(f"operation ends: {self.execution_context.result!r}")

    async def on_parse(self) -> AsyncIterator[None]:
        noted.append("parse begins")
        yield
        noted.append("parse ends")

    def on_validate(self) -> Iterator[None]:
        noted.append("validate begins")
        yield
        noted.append(f"validate ends: {self.execution_context.pre_execution_errors}")

    async def on_execute(self) -> AsyncIterator[None]:
        noted.append("execute begins")
        yield
        noted.append("execute ends")

    async def get_results(self) -> dict[str, Any]:
        return {"hooks": len(noted)}


async def test_the_hooks_of_an_extension_run_in_their_order() -> None:
    extended = Graph(query=Query, extensions=[Noting])
    expected = [
        "operation begins",
        "parse begins",
        "parse ends",
        "validate begins",
        "validate ends: None",
        "execute begins",
        "execute ends",
        "operation ends: ExecutionResult(data={'books': [{'title': 'Book 1'}, {'title': 'Book 2'}, "
        "{'title': 'Book 3'}]}, errors=None, extensions=None)",
    ]
    for _ in range(2):  # the second time, the document is known
        noted.clear()
        response = await extended.execute("{ books { title } }")
        assert response["extensions"] == {"hooks": 8}
        assert noted == expected


async def test_an_operation_that_is_refused_has_its_hooks_as_far_as_it_came() -> None:
    extended = Graph(query=Query, extensions=[Noting])
    response = await extended.execute("{ books")
    assert errors(response) == [" GRAPHQL_PARSE_FAILED: Syntax Error: Expected Name, found <EOF>."]
    assert response["extensions"] == {"hooks": 4}
    assert "data" not in response
    assert [note.partition(":")[0] for note in noted] == [
        "operation begins",
        "parse begins",
        "parse ends",
        "operation ends",
    ]
    noted.clear()
    assert "GRAPHQL_VALIDATION_FAILED" in str(await extended.execute("{ nothing }"))
    assert "execute begins" not in noted
    noted.clear()
    assert "BAD_USER_INPUT" in str(await extended.execute("query ($t: String!) { known(text: $t) }"))
    assert noted[-2] == "execute ends"


class Wrapping(SchemaExtension):
    async def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        noted.append(f"{info.parent_type.name}.{info.field_name}")
        value = _next(root, info, *args, **kwargs)
        value = await value if hasattr(value, "__await__") else value
        return value.swapcase() if isinstance(value, str) else value


async def test_resolve_runs_around_what_python_resolves() -> None:
    extended = Graph(query=Query, extensions=[Wrapping])
    response = await extended.execute("{ hello books { title label } keptBooks { id } }", context="keeper")
    assert response["data"]["hello"] == "HELLO"
    assert response["data"]["books"][0] == {"title": "Book 1", "label": "book 1"}
    assert len(response["data"]["keptBooks"]) == 3
    called = [note for note in noted if not note.startswith("keeper?")]
    assert called == ["Query.hello", "Query.keptBooks", "Book.label", "Book.label", "Book.label"]


async def test_an_extension_never_shares_what_another_client_is_answered() -> None:
    class Counting(SchemaExtension):
        def get_results(self) -> dict[str, Any]:
            noted.append("counted")
            return {"number": len(noted)}

    extended = Graph(query=Query, extensions=[Counting])
    request = Request("{ books { title } }")
    answers = await asyncio.gather(*(extended.engine.answer(request, {}, lambda: None, key="same") for _ in range(3)))
    numbers = sorted(json.loads(answer.body)["extensions"]["number"] for answer in answers)
    assert numbers == [1, 2, 3]
    assert all(answer.private and answer.no_store for answer in answers)
    assert backend.calls == ["GET /books"]


async def test_extensions_of_strawberry_work() -> None:
    def limited() -> SchemaExtension:
        return QueryDepthLimiter(max_depth=1)

    depth = Graph(query=Query, extensions=[limited])
    deep = "{ books { keptAuthor { name } } }"
    for _ in range(2):
        assert "exceeds maximum operation depth" in (await depth.execute(deep))["errors"][0]["message"]
    assert backend.calls == []
    tokens = Graph(query=Query, extensions=[lambda: MaxTokensLimiter(max_token_count=5)])
    assert await tokens.execute("{ hello }") == {"data": {"hello": "hello"}}
    assert errors(await tokens.execute("{ a: hello b: hello }")) == [
        " LIMIT_EXCEEDED: the document has more than 5 tokens"
    ]
    closed = Graph(query=Query, extensions=[DisableIntrospection])
    assert "introspection has been disabled" in str(await closed.execute("{ __schema { queryType { name } } }"))
    opened = Graph(query=Query, extensions=[ParserCache])
    for _ in range(2):
        assert await opened.execute("{ __schema { queryType { name } } }") == {
            "data": {"__schema": {"queryType": {"name": "Query"}}}
        }


async def test_masked_errors_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    masked = Graph(query=Query, extensions=[MaskErrors])
    with caplog.at_level(logging.ERROR, logger="weft"):
        response = await masked.execute("{ unlucky }")
    assert response["data"] == {"unlucky": None}
    assert errors(response) == ["unlucky INTERNAL_SERVER_ERROR: Unexpected error."]
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a secret"]


async def test_an_extension_may_answer_refuse_or_fail() -> None:
    class Answering(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            self.execution_context.result = ExecutionResult(data={"hello": "from elsewhere"}, errors=None)
            yield

    class Refusing(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            if self.execution_context.query:
                raise graphql.GraphQLError("Not you", extensions={"code": "UNAUTHENTICATED"})
            yield

    class Failing(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            if self.execution_context.query:
                raise ValueError("a secret")
            yield

    class FailingLate(SchemaExtension):
        def get_results(self) -> dict[str, Any]:
            raise ValueError("a secret")

    async def ask(extension: type[SchemaExtension]) -> Json:
        return await Graph(query=Query, extensions=[extension]).execute("{ hello }")

    assert await ask(Answering) == {"data": {"hello": "from elsewhere"}}
    assert await ask(Refusing) == {"errors": [{"message": "Not you", "extensions": {"code": "UNAUTHENTICATED"}}]}
    assert await ask(Failing) == {
        "errors": [{"message": "Internal server error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]
    }
    assert await ask(FailingLate) == {"data": {"hello": "hello"}}


async def test_an_extension_may_replace_the_document() -> None:
    class Renaming(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            self.execution_context.query = "{ hello }"
            yield

    class Parsing(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            self.execution_context.graphql_document = graphql.parse("{ hi: hello }")
            yield

    assert await Graph(query=Query, extensions=[Renaming]).execute("named") == {"data": {"hello": "hello"}}
    assert await Graph(query=Query, extensions=[Parsing]).execute("{ hello }") == {"data": {"hi": "hello"}}


async def test_a_mutation_is_not_executed_by_get_with_extensions_either() -> None:
    extended = Graph(query=Query, mutation=Mutation, extensions=[Noting])
    with running(App(extended)) as address:
        async with httpx.AsyncClient() as client:
            refused = await client.get(
                f"{address}/graphql", params={"query": 'mutation { add(title: "a") }'}, headers=ASKED_FOR
            )
            answered = await client.post(f"{address}/graphql", json={"query": "{ hello }"})
    assert refused.status_code == 405
    assert backend.calls == []
    assert answered.json() == {"data": {"hello": "hello"}, "extensions": {"hooks": len(noted)}}
    assert answered.headers["cache-control"] == "no-store"
