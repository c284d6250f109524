"""How a declaration may pass a file on, and what a start-up says about every other way."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from strawberry.file_uploads import Upload as StrawberryUpload

from graph import Graph, GraphError
from resolvers import Upload, takes_uploads
from sources import FakeTransport, Form, Post, Rest

depot = Rest("depot", "http://depot", client=FakeTransport({}))


@strawberry.input
class Deep:
    title: str
    file: Upload | None = None


@strawberry.input
class Paper:
    title: str
    scan: Upload | None = None
    parts: list[Deep] | None = None
    again: Paper | None = None


@strawberry.input
class Album:
    photos: list[Upload]
    title: str = ""


@strawberry.type
class Kept:
    id: int


@strawberry.type
class Shelf:
    id: int

    @depot.post("/shelves/{id}", body=Form({"file": "{file}"}))
    def put(self, file: Upload) -> Kept: ...


def faults_of(mutation: type[Any]) -> list[str]:
    @strawberry.type
    class Query:
        word: str = "x"

    try:
        Graph(query=Query, mutation=mutation)
    except GraphError as exc:
        return exc.faults
    return []


def test_every_way_in_which_a_file_cannot_travel_is_a_fault_and_all_at_once() -> None:
    @strawberry.type
    class Mutation:
        @depot.post("/x")
        def unsaid(self, file: Upload) -> Kept: ...

        @depot.delete("/x")
        def deleted(self, file: Upload) -> Kept: ...

        @depot.post("/x", body={"file": "{file}"})
        def in_json(self, file: Upload) -> Kept: ...

        @depot.post("/x", body="{file}")
        def maybe(self, file: Upload | None) -> Kept: ...

        @depot.post("/x", body="{files}")
        def several(self, files: list[Upload]) -> Kept: ...

        @depot.post("/x", body="{paper}")
        def whole(self, paper: Paper) -> Kept: ...

        @depot.post("/x", body=Form("{paper}"))
        def too_deep(self, paper: Paper) -> Kept: ...

        @depot.post("/x", body=Form({"paper": "{album}"}))
        def as_a_field(self, album: Album) -> Kept: ...

        @depot.post("/x", body=Form({"meta": {"file": "{file}"}}))
        def below(self, file: Upload) -> Kept: ...

        @depot.post("/x{?file}", body=Form({"file": "{file}"}))
        def in_a_url(self, file: Upload) -> Kept: ...

        @depot.post("/x", body=Form({"file": "{file}"}), headers={"x-file": "{file}"})
        def in_a_header(self, file: Upload) -> Kept: ...

        @depot.get(Post("/x", body="{file}"))
        def read(self, file: Upload) -> Kept: ...

        @depot.get("/shelf")
        def shelf(self) -> Shelf: ...

        @depot.get("/file")
        def answered(self) -> Upload: ...

    goes = "holds a file, which goes to one object, with post, put or patch"
    only = "holds a file, which may stand in a body only"
    cannot = "cannot stand there: a body that is a file needs one (Upload), and a Form takes files as fields "
    cannot += "(Upload, list[Upload], or attributes of the one object it is)"
    assert sorted(faults_of(Mutation)) == sorted(
        [
            "Mutation.unsaid: say how the file in 'file' travels: body='{file}' or body=Form(...)",
            "Mutation.deleted: say how the file in 'file' travels: body='{file}' or body=Form(...)",
            "Mutation.deleted: the argument 'file' is not used by DELETE /x",
            f"Mutation.in_json: the file in 'file' {cannot}",
            f"Mutation.maybe: the file in 'file' {cannot}",
            f"Mutation.several: the file in 'files' {cannot}",
            f"Mutation.whole: the file in 'paper' {cannot}",
            f"Mutation.too_deep: the file in 'paper' {cannot}",
            f"Mutation.as_a_field: the file in 'album' {cannot}",
            f"Mutation.below: the file in 'file' {cannot}",
            f"Mutation.in_a_url: the argument 'file' {only}",
            f"Mutation.in_a_header: the argument 'file' {only}",
            f"Mutation.read: the argument 'file' {goes}",
            f"Shelf.put: the argument 'file' {goes}",
            "Mutation.answered: Upload is a type of arguments, not of answers",
        ]
    )


def test_files_travel_as_a_body_as_fields_or_in_the_object_that_is_the_form() -> None:
    @strawberry.type
    class Mutation:
        @depot.put("/x", body="{file}")
        def one(self, file: Upload) -> Kept: ...

        @depot.put("/x/{name}", body="{scan}", inputs={"scan": "file"})
        def renamed(self, name: str, file: Upload) -> Kept: ...

        @depot.post("/x", body=Form({"a": "{a}", "b": "{b}", "c": ["{c}"], "d": {"e": "{c}"}}))
        def fields(self, a: Upload | None, b: list[Upload], c: str) -> Kept: ...

        @depot.post("/x", body=Form("{album}"))
        def whole(self, album: Album) -> Kept: ...

        @strawberry.mutation
        def python(self, paper: Paper) -> str:
            return paper.title

    assert faults_of(Mutation) == []


def test_the_schema_says_what_an_upload_is() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        async def length(self, file: Upload) -> int:
            return len(await file.read())

    graph = Graph(query=Query)
    assert takes_uploads(graph.schema)
    assert (
        '"""A file, sent as a part of a `multipart/form-data` request."""\nscalar Upload @specifiedBy(' in graph.sdl()
    )


def test_a_graph_without_files_has_no_upload() -> None:
    @strawberry.type
    class Query:
        word: str = "x"

    graph = Graph(query=Query)
    assert not takes_uploads(graph.schema)
    assert "Upload" not in graph.sdl()


@pytest.mark.anyio
async def test_a_graph_is_given_files_without_a_server() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        async def names(self, paper: Paper, file: StrawberryUpload | None = None) -> list[str | None]:
            files: list[Any] = [paper.scan, *(part.file for part in paper.parts or []), file]
            return [None if file is None else f"{file.filename} {(await file.read()).decode()}" for file in files]

    def upload(name: str) -> Upload:
        return Upload(f"this is {name}".encode(), filename=name)

    answer = await Graph(query=Query).execute(
        "query($paper: Paper!, $file: Upload) { names(paper: $paper, file: $file) }",
        {
            "paper": {"title": "", "scan": upload("a"), "parts": [{"title": "", "file": upload("b")}, {"title": ""}]},
            "file": upload("c"),
        },
    )
    assert answer == {"data": {"names": ["a this is a", "b this is b", None, "c this is c"]}}


@pytest.mark.anyio
async def test_a_resolver_that_is_no_coroutine_is_given_files_too() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def name(self, file: Upload) -> str:
            return file.filename

        @strawberry.field
        def fails(self, file: Upload | None = None) -> str | None:
            raise LookupError

    graph = Graph(query=Query)
    answer = await graph.execute("query($f: Upload!) { name(file: $f) fails }", {"f": Upload(b"", filename="a")})
    assert answer["data"] == {"name": "a", "fails": None}
    assert answer["errors"][0]["message"] == "Internal server error"
