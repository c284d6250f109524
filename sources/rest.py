"""A REST backend: where it is, how it is spoken to, and the decorators that declare its calls.

The decorators only attach data to the function or class they decorate and give it back unchanged. A fault in a
declaration is kept in `Rest.faults` instead of raised, so that a start-up reports every one of them together.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, TypeVar, Unpack, dataclass_transform

import httpx

from sources.address import shown_address
from sources.auth import Auth
from sources.body import Encoded, Json, Stream
from sources.convention import Decimals, Naming, Timestamps, Values, naming_function, values_faults
from sources.declared import WriteOptions, body_of, check_bounds, names_of, text_of
from sources.endpoint import (
    CALL_MARK,
    ENTITY_MARK,
    Call,
    Endpoint,
    Entity,
    Get,
    Post,
    Read,
    declared_headers,
    endpoint_of,
    paged,
    split_path,
    stale_types,
)
from sources.errors import DeclarationError, InvalidInput, UpstreamError
from sources.exchange import Exchange, failure_of
from sources.httpx_transport import transport_of
from sources.manner import Manner
from sources.paging import Header, Paging
from sources.policy import Policy
from sources.pushing import Pushing
from sources.secret import lacking
from sources.shield import Health, Left
from sources.template import RefusedValue, Template, scalar_text
from sources.tls import Tls
from sources.transport import MAX_REPLY_BYTES, Reply, Transport

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T", bound=type)
_SERIALS = itertools.count()


class Rest(Pushing):
    """A REST backend and the calls that a graph makes to it.

    Args:
        name: how errors, plans and logs call it; unique in a graph.
        url: base address, with a path prefix if all templates share one.
        auth: how the gateway authenticates to the backend.
        ttl: seconds an answer may be reused where nothing closer to the field says otherwise.
        policy: how long it is waited for, how often it is asked again, when it is left alone; `timeout`,
            `connect_timeout`, `read_timeout`, `retries` and `limit`, where given, take the place of its own.
        naming: how the backend spells property names; `timestamps` how it spells instants; `decimals` how it is sent
            a `Decimal`: it may answer either way.
        values: for an enum class, what the backend says to the member that it means, where that is not the member's
            own value. The first of several spellings of a member is the one that is sent.
        forward: client headers passed on to this backend; what depends on them is private to that client.
        headers: fixed headers of each request.
        max_batch: keys in one batch call at most; more are split over several calls.
        max_reply_bytes: of one reply, unpacked; of a larger one the rest is not read, and it is a failure.
        tls: certificates for this backend; it is verified in any case.
        reason: dotted path, in a reply of status 4xx, to the text that says why; without it clients see the status.
        client: an `httpx.AsyncClient`, or any `Transport`, to send with instead of the built-in one.
    """

    is_described = False  # by a document

    def __init__(
        self,
        name: str,
        url: str,
        *,
        auth: Auth | None = None,
        ttl: float = 0.0,
        policy: Policy | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        read_timeout: float | None = None,
        retries: int | None = None,
        limit: int | None = None,
        naming: Naming = "same",
        timestamps: Timestamps = "iso",
        decimals: Decimals = "string",
        values: Values | None = None,
        forward: str | Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        max_batch: int = 100,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        tls: Tls | None = None,
        reason: str | None = None,
        client: httpx.AsyncClient | Transport | None = None,
    ) -> None:
        self.serial = next(_SERIALS)
        self.name = name
        self.url = url
        self.auth = auth
        self.tls = tls
        self.ttl = ttl
        self.timestamps: Timestamps = timestamps
        self.decimals: Decimals = decimals
        self.values: dict[type[enum.Enum], Mapping[Any, enum.Enum]] = {}
        forward = (forward,) if isinstance(forward, str) else tuple(forward)
        self.forward = tuple(header.lower() for header in forward)
        self.max_batch = max_batch
        self.faults: list[str] = []
        self.property_name: Callable[[str], str] = str
        self._exchange: Exchange | None = None
        self._reason: tuple[str, ...] = ()
        if not name or not isinstance(name, str):
            self._fault("a source needs a name")
        whole = (("max_batch", max_batch - 1), ("max_reply_bytes", max_reply_bytes - 1))
        for option, value in (("ttl", ttl), *whole):
            if not (math.isfinite(value) and value >= 0):
                self._fault(f"{option} is too small" if value < 0 else f"{option} is not a number")
        own: dict[str, Any] = {
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            "retries": retries,
            "limit": limit,
        }
        own = {option: value for option, value in own.items() if value is not None}
        self.policy = dataclasses.replace(policy or Policy(), **own)
        refused = list(self.policy.faults())
        for fault in refused:
            self._fault(fault)
        if timestamps not in ("iso", "unix", "unix_ms"):
            self._fault(f"timestamps={timestamps!r}: expected 'iso', 'unix' or 'unix_ms'")
        if decimals not in ("string", "number"):
            self._fault(f"decimals={decimals!r}: expected 'string' or 'number'")
        for members, spelled in (values or {}).items():
            for fault in values_faults(members, spelled):
                self._fault(fault)
            self.values[members] = spelled
        with self._noting_faults():
            self.property_name = functools.lru_cache(10_000)(naming_function(naming))
        with self._noting_faults():
            self._reason = split_path(reason)
        with self._noting_faults():
            self._exchange = Exchange(
                source=name,
                url=url,
                auth=auth,
                headers=headers or {},
                forward=forward,
                policy=Policy() if refused else self.policy,
                max_reply_bytes=max_reply_bytes,
                tls=tls,
                transport=transport_of(client, max_reply_bytes=max_reply_bytes),
            )

    @contextlib.contextmanager
    def _noting_faults(self) -> Iterator[None]:
        try:
            yield
        except DeclarationError as exc:
            self._fault(str(exc))

    def __repr__(self) -> str:
        return f"Rest({self.name!r}, {shown_address(self.url)!r})"

    # -- declaring ------------------------------------------------------------------------------------------------

    def get(
        self,
        template: str | Get | Post,
        *,
        batch: Read | None = None,
        key: str | Sequence[str] | None = None,
        group_by: str | Sequence[str] | None = None,
        items: str | None = None,
        ttl: float | None = None,
        max_batch: int | None = None,
        headers: Mapping[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
        paging: Paging | None = None,
        total: str | Header | None = None,
        deprecation_reason: str | None = None,
    ) -> Callable[[F], F]:
        """Declare that a field's value is what ``GET template`` answers.

        Args:
            template: RFC 6570; a variable is an argument of the field, else an attribute of the parent. `Post` is a
                read that takes a JSON body.
            batch: how to ask for many keys at once; its one list variable takes the keys.
            key: property of an answered item that equals the key it was asked by.
            group_by: the same, where one key has many items.
            items: dotted path to the payload inside the reply.
            ttl: seconds an answer may be reused.
            headers: header name to a fixed text or ``{variable}``.
            inputs: template variable to the argument or parent's attribute that supplies it, where the names differ.
            paging: how the backend cuts the list at `items` into pages, where the field is a connection.
            total: dotted path, or `Header`, to the number of items in the whole list.
            deprecation_reason: why clients should no longer use the field.
        """

        def build(where: str) -> Call:
            if key is not None and group_by is not None:
                raise DeclarationError("key and group_by exclude each other: an answer is one item or many per key")
            check_bounds(ttl, max_batch)
            if batch is not None and not all(names_of(key) or names_of(group_by) or [""]):
                raise DeclarationError(f"batch={text_of(batch)!r} without key or group_by: answers match by key")
            envelope = split_path(items)
            return Call(
                source=self,
                single=endpoint_of(template, envelope, declared_headers(headers), self._template),
                batch=endpoint_of(batch, envelope, declared_headers(headers), self._template),
                key=names_of(key if group_by is None else group_by),
                many=group_by is not None,
                ttl=ttl,
                max_batch=max_batch or self.max_batch,
                inputs=dict(inputs or {}),
                **paged(where, paging, total, is_batched=batch is not None),
                deprecation_reason=deprecation_reason,
            )

        return self._marks(build)

    def post(self, template: str, **options: Unpack[WriteOptions]) -> Callable[[F], F]:
        """Declare a field that is written with ``POST template``; `WriteOptions` says with what."""
        return self._write("POST", template, **options)

    def put(self, template: str, **options: Unpack[WriteOptions]) -> Callable[[F], F]:
        """Declare a field that is written with ``PUT template``; `WriteOptions` says with what."""
        return self._write("PUT", template, **options)

    def patch(self, template: str, **options: Unpack[WriteOptions]) -> Callable[[F], F]:
        """Declare a field that is written with ``PATCH template``; `WriteOptions` says with what."""
        return self._write("PATCH", template, **options)

    def delete(self, template: str, **options: Unpack[WriteOptions]) -> Callable[[F], F]:
        """Declare a field that is written with ``DELETE template``; it sends no body unless one is given."""
        return self._write("DELETE", template, **options)

    def _write(
        self,
        method: str,
        template: str,
        *,
        body: Json = None,
        items: str | None = None,
        headers: Mapping[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
        invalidates: Sequence[str | type] | Mapping[str | type, str | None] = (),
        deprecation_reason: str | None = None,
    ) -> Callable[[F], F]:
        def build(where: str) -> Call:
            return Call(
                source=self,
                single=Endpoint(
                    method,
                    self._template(template),
                    split_path(items),
                    body_of(body),
                    declared_headers(headers),
                ),
                inputs=dict(inputs or {}),
                invalidates=stale_types(invalidates),
                ttl=0.0,
                deprecation_reason=deprecation_reason,
                reads=False,
                default_body=body is None and method != "DELETE",
            )

        return self._marks(build)

    @dataclass_transform(kw_only_default=True)
    def entity(
        self,
        *,
        get: str | Get | None = None,
        batch: Read | None = None,
        key: str | Sequence[str] = "id",
        items: str | None = None,
        ttl: float | None = None,
        max_batch: int | None = None,
    ) -> Callable[[T], T]:
        """Declare a class whose objects this backend gives by key; `link` reaches them.

        Args:
            get: template for one object; its variables are the key's attributes.
            batch: how to ask for many objects at once.
            key: the attribute, or attributes, that identify an object.
            items: dotted path to the payload inside the reply.
            ttl: seconds an object may be reused.
        """

        def mark(python_type: T) -> T:
            try:
                check_bounds(ttl, max_batch)
                envelope = split_path(items)
                call = Call(
                    source=self,
                    single=endpoint_of(get, envelope, (), self._template),
                    batch=endpoint_of(batch, envelope, (), self._template),
                    key=names_of(key),
                    ttl=ttl,
                    max_batch=max_batch or self.max_batch,
                )
            except DeclarationError as exc:
                self._fault(f"{python_type.__qualname__}: {exc}")
                call = Call(source=self, single=None, key=names_of(key), is_faulty=True)
            setattr(python_type, ENTITY_MARK, Entity(call, python_type))
            return python_type

        return mark

    def _marks(self, build: Callable[[str], Call]) -> Callable[[F], F]:
        def mark(function: F) -> F:
            where = getattr(function, "__qualname__", type(function).__name__)
            try:
                call = build(where)
            except DeclarationError as exc:
                self._fault(f"{where}: {exc}")
                call = Call(source=self, single=None, is_faulty=True)
            if isinstance(function, FunctionType):
                setattr(function, CALL_MARK, call)
            else:
                kind = type(function).__name__
                self._fault(f"{where}: a stub is a function, not a {kind}: other decorators stand above the source's")
            return function

        return mark

    def _template(self, text: str) -> Template:
        return Template(text)

    def _fault(self, message: str) -> None:
        self.faults.append(f"source {self.name!r}: {message}")

    # -- speaking -------------------------------------------------------------------------------------------------

    @property
    def exchange(self) -> Exchange:
        """What speaks to the backend; where its declaration is faulty, a `DeclarationError` is raised."""
        if self._exchange is None:
            raise DeclarationError("; ".join(self.faults))
        return self._exchange

    @property
    def health(self) -> Health:
        """How the backend is doing: the state of its breaker, its failures, who is under way and who waits."""
        return self.exchange.health

    @property
    def destination(self) -> tuple[str, int] | None:
        """Host and port of the backend; None where an author's own client speaks to it."""
        return None if self._exchange is None else self._exchange.peer

    def missing(self) -> list[str]:
        """Give a sentence for each environment variable or file that this source needs and that is not there."""
        secrets = [] if self.auth is None else [lacking(name) for name in self.auth.missing()]
        return [*secrets, *([] if self.tls is None else self.tls.missing())]

    def target(self, endpoint: Endpoint, values: Mapping[str, object]) -> str:
        """Expand the endpoint's template: path and query below the source's address.

        Raises:
            InvalidInput: a value may not enter a URL.
        """
        try:
            return endpoint.template.expand(values)
        except RefusedValue as exc:
            raise InvalidInput(str(exc), source=self.name) from exc

    def body(self, endpoint: Endpoint, values: Mapping[str, object]) -> bytes | Encoded | Stream | None:
        """Give the request body of an endpoint, None where it has none.

        Raises:
            InvalidInput: a value may not stand in it.
        """
        try:
            return None if endpoint.body is None else endpoint.body.encode(values)
        except RefusedValue as exc:
            raise InvalidInput(str(exc), source=self.name) from exc

    def header(self, name: str, value: object) -> str:
        """Spell a value for a header.

        Raises:
            InvalidInput: it is no scalar.
        """
        try:
            return scalar_text(name, value)
        except RefusedValue as exc:
            raise InvalidInput(str(exc), source=self.name) from exc

    async def send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | Encoded | Stream | None = None,
        manner: Manner | None = None,
        *,
        reads: bool | None = None,
        left: Left | None = None,
    ) -> Reply:
        """Make one call to the backend, as its policy says, whatever status it answers.

        Args:
            manner: how the backend is spoken to; what it answers is then read in that manner.
            reads: whether it changes nothing, and so may be made again; None for what the method says.
            left: gives the seconds for which anybody waits for it; None where that has no end.

        Raises:
            SourceError: the backend did not answer, or a header value or a file was refused.
        """
        exchange = self._exchange or self.exchange
        if manner is None:
            return await exchange.send(method, target, headers=headers, body=body, reads=reads, left=left)
        sent = exchange.send(
            method, target, headers=headers, body=body, auth=manner.auth, base=manner.url, reads=reads, left=left
        )
        return manner.read(await sent, self.name)

    def failure(self, reply: Reply) -> UpstreamError:
        """Give the failure that a reply's unsuccessful status means."""
        return failure_of(reply, self.name, self._reason)

    async def aclose(self) -> None:
        """Close the connections to the backend."""
        if self._exchange is not None:
            await self._exchange.aclose()
