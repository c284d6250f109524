"""What a graph's author declares about one REST call: data only, nothing is sent from here.

An `Endpoint` is a method, a URL template and how body and headers are made. A `Call` groups the endpoints that
answer one question: one key at a time (`single`), many keys at once (`batch`), and how answers find their keys.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sources.address import check_header_name, check_header_value
from sources.body import Body, Encodes, Json, variable_of
from sources.errors import DeclarationError, InvalidInput
from sources.event import Feed
from sources.manner import Manner
from sources.paging import Header, Paging
from sources.template import RefusedValue, Template

if TYPE_CHECKING:
    from sources.rest import Rest


class Expands(Protocol):
    """A path and query, or the text of a header, with places for values."""

    @property
    def text(self) -> str:
        """How it is written."""
        ...

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the values that it takes."""
        ...

    def expand(self, values: Mapping[str, object]) -> str:
        """Give the text with the values in it; that of a header is empty where none is there.

        Raises:
            RefusedValue: a value could change more than the place it stands in.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One method and URL template of a backend, and where in a reply the payload sits.

    Args:
        items: path of property names from the reply's root to the payload; empty when the reply is the payload.
        body: None sends no body.
        headers: header name to a fixed text, to ``{variable}``, or to what is made of several values.
        manner: how it is spoken to; None for the source's way.
        optional: variables that need nobody to supply them, because the backend does without.
    """

    method: str
    template: Expands
    items: tuple[str, ...] = ()
    body: Encodes | None = None
    headers: tuple[tuple[str, str | Expands], ...] = ()
    manner: Manner | None = None
    optional: frozenset[str] = frozenset()
    variables: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = set(self.template.variables)
        for _, text in self.headers:
            if not isinstance(text, str):
                names.update(text.variables)
            elif (name := variable_of(text)) is not None:
                names.add(name)
        if self.body is not None:
            names.update(self.body.variables)
        object.__setattr__(self, "variables", frozenset(names))

    def __str__(self) -> str:
        return f"{self.method} {self.template.text}"


def headers_of(source: Rest, endpoint: Endpoint, values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Give the headers that an endpoint sends for values; one whose value is None or absent is left out.

    Raises:
        InvalidInput: a value may not stand there.
    """
    found: list[tuple[str, str]] = []
    for name, text in endpoint.headers:
        if isinstance(text, str):
            variable = variable_of(text)
            value = text if variable is None else values.get(variable)
            if value is not None:
                found.append((name, source.header(name, value)))
        else:
            try:
                expanded = text.expand(values)
            except RefusedValue as exc:
                raise InvalidInput(str(exc), source=source.name) from exc
            if expanded:
                found.append((name, expanded))
    return tuple(found)


def stale_types(invalidates: Sequence[str | type] | Mapping[str | type, str | None]) -> dict[str, str | None]:
    """Give what an author says becomes stale: names of types, each with what holds the key of the one object."""
    if isinstance(invalidates, str | type):
        invalidates = [invalidates]
    keyed = invalidates if isinstance(invalidates, Mapping) else dict.fromkeys(invalidates)
    return {kind if isinstance(kind, str) else kind.__name__: argument for kind, argument in keyed.items()}


def declared_headers(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Give the headers that an author declares, names in lower case.

    Raises:
        DeclarationError: a name or a text is impossible.
    """
    for name, text in (headers or {}).items():
        check_header_name(name)
        check_header_value(name, text)
    return tuple((name.lower(), text) for name, text in (headers or {}).items())


def split_path(path: str | None) -> tuple[str, ...]:
    """Give the property names of a dotted path: ``data.items`` becomes ``("data", "items")``."""
    if path is None or path == ".":
        return ()
    parts = tuple(path.split("."))
    if not all(parts):
        raise DeclarationError(f"{path!r} is not a path of property names: it has an empty part")
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class Get:
    """A read with its own envelope: ``batch=Get("/products{?ids}", items="data")``."""

    template: str
    items: str | None = None

    def endpoint(self, template: Callable[[str], Template] = Template) -> Endpoint:
        """Give the endpoint this form declares."""
        return Endpoint("GET", template(self.template), split_path(self.items))


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """A read that takes its keys in a JSON body: ``batch=Post("/customers/search", body={"ids": "{ids}"})``."""

    template: str
    body: Json
    items: str | None = None

    def endpoint(self, template: Callable[[str], Template] = Template) -> Endpoint:
        """Give the endpoint this form declares."""
        return Endpoint("POST", template(self.template), split_path(self.items), Body(self.body))


Read = str | Get | Post


def endpoint_of(
    read: Read | None,
    items: tuple[str, ...],
    headers: tuple[tuple[str, str], ...],
    template: Callable[[str], Template] = Template,
) -> Endpoint | None:
    """Give the endpoint that a read declares; its own envelope goes before the one for all.

    Raises:
        DeclarationError: its template or its envelope is none.
    """
    if read is None:
        return None
    if isinstance(read, str):
        return Endpoint("GET", template(read), items, headers=headers)
    endpoint = read.endpoint(template)
    own = endpoint.items if read.items is not None else items
    return Endpoint(endpoint.method, endpoint.template, own, endpoint.body, headers)


Overflow = Literal["latest", "drop_oldest", "close"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pushed:
    """How events become the answers of a subscription's field.

    Args:
        items: property names from the event to its payload.
        where: for an argument that filters events, the dotted path to what it must equal.
        key: dotted paths to what tells an event's objects apart; empty where the type's own key does.
        overflow: what becomes of events that a subscriber takes too slowly: only the newest of each key is kept, the
            oldest go, or the subscription ends with an error.
        buffer: how many events a subscriber may be behind.
        compares: whether an event tells the whole state, of which only what has changed is passed on.
    """

    feed: Feed
    items: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    overflow: Overflow = "close"
    buffer: int = 64
    compares: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Call:
    """The endpoints that answer one question about a backend, and how their answers are told apart.

    Args:
        key: properties of an answered item that say which key it belongs to; never the position.
        many: whether one key has a list of items (``group_by``).
        ttl: seconds an answer may be reused; None takes the source's.
        inputs: template variable to the parent's attribute that supplies it, where the names differ.
        invalidates: names of the types whose stored answers a write makes stale, each with the argument that holds
            the key of the one object concerned, or None for all of them.
        deprecation_reason: why clients should no longer use it; None where they may.
        is_faulty: whether its declaration is a fault that is reported already.
        serial: tells this call apart from every other one of the process.
        default_body: whether the arguments that nothing else uses make up the request body.
        paging: how the list that it answers is cut into pages; None where it is not.
        total: where a reply says how many items the list has.
        name: the field that declares it, where it is paged.
        pushed: how its answers come by themselves, as events; None where they are asked for.
    """

    source: Rest
    single: Endpoint | None
    batch: Endpoint | None = None
    key: tuple[str, ...] = ()
    many: bool = False
    ttl: float | None = None
    max_batch: int = 100
    inputs: Mapping[str, str] = field(default_factory=dict)
    invalidates: Mapping[str, str | None] = field(default_factory=dict)
    reads: bool = True
    default_body: bool = False
    deprecation_reason: str | None = None
    is_faulty: bool = False
    paging: Paging | None = None
    total: tuple[str, ...] | Header | None = None
    name: str = ""
    pushed: Pushed | None = None
    serial: int = field(default_factory=itertools.count().__next__)


def paged(name: str, paging: Paging | None, total: str | Header | None, *, is_batched: bool) -> dict[str, Any]:
    """Give what a `Call` says about the pages of the field of this name.

    Raises:
        DeclarationError: what is declared cannot be.
    """
    if paging is None:
        if total is not None:
            raise DeclarationError("total is for lists in pages, and there is no paging")
        return {}
    if is_batched:
        raise DeclarationError("paging and batch exclude each other: each list has pages of its own")
    paging.check()
    for path in (paging.more, paging.next_path, paging.item_path):
        split_path(path)
    if isinstance(total, Header):
        check_header_name(total.name)
    return {"paging": paging, "total": split_path(total) if isinstance(total, str) else total, "name": name}


@dataclass(slots=True, eq=False)
class Entity:
    """A class whose objects a backend gives by key.

    Args:
        of: the type of the source's document that the class is; None for a class that stands for itself.
    """

    call: Call
    python_type: type[Any]
    of: str | None = None


CALL_MARK = "__weft_call__"
ENTITY_MARK = "__weft_entity__"


def call_of(function: object) -> Call | None:
    """Give the call that a decorator of `Rest` attached to a stub, if any."""
    found = getattr(function, CALL_MARK, None)
    return found if isinstance(found, Call) else None


def entity_of(python_type: type[Any]) -> Entity | None:
    """Give the entity that `Rest.entity` declared for exactly this class, if any."""
    found = python_type.__dict__.get(ENTITY_MARK)
    return found if isinstance(found, Entity) else None
