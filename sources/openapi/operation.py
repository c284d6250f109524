"""What can be asked of a backend, as its document says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sources.openapi.schema import Schema

Json = Any


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Parameter:
    """A value of a request's path, query, headers or cookies.

    Args:
        place: ``path``, ``query``, ``header`` or ``cookie``.
        style: how an array or object is written, as OpenAPI calls it; `explode` belongs to it.
        media: the media type in which it is written, where `style` says nothing.
    """

    name: str
    place: str
    schema: Schema
    required: bool
    style: str
    explode: bool
    allow_reserved: bool = False
    media: str | None = None
    description: str | None = None
    deprecated: bool = False
    example: Json = None
    pointer: str


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A body of one media type; the schema is None where nothing is said of it.

    Args:
        encoding: for a property of a form, how it is written (OpenAPI's Encoding Object).
    """

    schema: Schema | None
    encoding: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RequestBody:
    """What a request carries, by media type."""

    required: bool
    contents: Mapping[str, Content]
    description: str | None = None
    pointer: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Link:
    """Another operation that an answer leads to.

    Args:
        operation: its ``operationId``, or the pointer to it.
        parameters: for its parameters, constants or runtime expressions such as ``$response.body#/id``.
    """

    name: str
    operation: str
    parameters: Mapping[str, Json]
    description: str | None = None
    pointer: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Answer:
    """A reply of one status (``200``, ``4XX``, ``default``), by media type."""

    status: str
    contents: Mapping[str, Content]
    links: tuple[Link, ...] = ()
    description: str | None = None
    pointer: str

    @property
    def is_success(self) -> bool:
        """Whether it is what was asked for."""
        return self.status.startswith("2")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outline:
    """An operation before it is read: enough to choose it, and to call it something.

    Args:
        id: its ``operationId``; None where it has none.
        item: its path's node, and `node` its own.
        pointer: where it stands.
    """

    id: str | None
    method: str
    path: str
    tags: tuple[str, ...]
    item: dict[str, Json]
    node: dict[str, Json]
    item_pointer: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Operation:
    """One method of one path.

    Args:
        id: its ``operationId``; None where it has none.
        security: alternatives of names of schemes that go together; None takes the document's.
        server: an address of its own.
        callbacks: requests that the backend sends in turn, by name; their path is where, as a runtime expression.
    """

    id: str | None
    method: str
    path: str
    pointer: str
    parameters: tuple[Parameter, ...]
    body: RequestBody | None
    answers: Mapping[str, Answer]
    tags: tuple[str, ...] = ()
    summary: str | None = None
    description: str | None = None
    deprecated: bool = False
    security: tuple[tuple[str, ...], ...] | None = None
    server: str | None = None
    callbacks: Mapping[str, Operation] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
