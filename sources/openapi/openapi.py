"""`OpenAPI`: a backend as its document describes it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack, dataclass_transform, overload
from urllib.parse import urljoin

from sources.auth import ApiKey, Auth, OAuth2
from sources.credentials import Credentials
from sources.delivery import Signature
from sources.endpoint import ENTITY_MARK, Call, Endpoint, Entity, Get, Pushed, Read
from sources.openapi.api import Api
from sources.openapi.choosing import Choice
from sources.openapi.closed import Closed
from sources.openapi.document import Document, DocumentError
from sources.openapi.loss import Loss
from sources.openapi.named import OperationName, is_template
from sources.openapi.operation import Operation, Outline
from sources.openapi.security import Security
from sources.private import Guard
from sources.pushing import PushOptions
from sources.rest import Rest
from sources.signature import SharedSecret
from sources.template import Template
from sources.webhook import Webhook

_EVENT = Endpoint("GET", Template("/"))  # stands where a call has an endpoint; an event is there without asking
_NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")
T = TypeVar("T", bound=type)
F = TypeVar("F", bound=Callable[..., Any])


class OpenAPI(Rest):
    """A REST backend that a document describes; ``Graph(documents=[OpenAPI("pets", "pets.yaml")])`` is a whole graph.

    Args:
        name: how errors, plans and logs call it; unique in a graph.
        location: the document's path or URL, or the document itself.
        url: base address; None takes the first server of the document.
        allow_remote_refs: whether references to other hosts are followed.
        allow_private: whether a document from the network may name addresses inside of a private network: of its
            servers, token endpoints and references. Those at the host that it came from it may in any case, and what
            is named in Python, or in a document on disk, is the author's affair.
        include: patterns of the operations that are in the graph; none takes all. See `Choice`.
        exclude: patterns of those that are not.
        rename: names by ``operationId``, by method and path (``GET /pets``) or by the name of a component.
        prefix: what the names of all types and fields begin with.
        reads: patterns of operations that change nothing though they are no ``GET``; they are fields for reading.
        results: whether documented failures are results, in unions, and not errors.
        webhook_signature: how the document's webhooks prove that they are the backend's; None is a secret of the
            environment, ``PETS_WEBHOOK_SECRET``, in the header ``X-Webhook-Token``.
        auth: how the gateway authenticates; None takes the document's security schemes, with secrets from the
            environment.
        auto_link: whether obvious links between its types are fields: `links` tells which.
        options: what `Rest` takes besides.
    """

    is_described = True

    def __init__(
        self,
        name: str,
        location: str | Path | Document,
        *,
        url: str | None = None,
        allow_remote_refs: bool = False,
        allow_private: bool = False,
        auto_link: bool = False,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        rename: Mapping[str, str] | None = None,
        prefix: str = "",
        reads: str | Sequence[str] = (),
        results: bool = False,
        webhook_signature: Signature | None = None,
        auth: Auth | None = None,
        **options: Any,
    ) -> None:
        self.location = location.location if isinstance(location, Document) else str(location)
        self.auto_link = auto_link
        self.links: tuple[str, ...] = ()
        self.classes: list[type[Any]] = []
        self.results = results
        self.api: Api | None = None
        self._is_read = Choice(_patterns(reads)).takes() if reads else None
        choice = Choice(_patterns(include), _patterns(exclude), dict(rename or {}), prefix)
        problem = ""
        try:
            if not isinstance(location, Document):
                location = Document.load(
                    self.location,
                    allow_remote_refs=allow_remote_refs,
                    allow_private=allow_private,
                    tls=options.get("tls"),
                )
            self.api = Api(location, choice)
        except DocumentError as exc:
            problem = str(exc)
        address = url or (self.api.server if self.api is not None else "")
        super().__init__(name, address or "http://127.0.0.1", auth=auth, **options)
        guard = None if self.api is None or allow_private else self.api.document.guard
        if guard is not None and self._exchange is not None:
            self._exchange.watch(_guard(guard, url, auth))
        self._follows_servers = url is None
        self._security: Security | None = None
        if self.api is not None and auth is None:
            self._security = Security(name, self.api.schemes, self.api.security, base=address)
        self._secret: Signature | None = None
        self._signature = webhook_signature
        if problem:
            self._fault(problem)
        for name in choice.rename.values():
            if not _NAME.fullmatch(name):
                self._fault(f"rename: {name!r} is not a name: letters, digits and _ are")
        for fault in () if self.api is None else self.api.faults:
            self._fault(f"{self.location}: {fault}")
        if not problem and not address:
            self._fault(f"{self.location}: the document names no server; give url=")

    def __repr__(self) -> str:
        return f"OpenAPI({self.name!r}, {self.location!r})"

    @property
    def operations(self) -> Sequence[Operation]:
        """The operations that are in the graph."""
        return () if self.api is None else self.api.operations

    @property
    def losses(self) -> Sequence[Loss]:
        """What the graph does not hold as the document has it."""
        return () if self.api is None else tuple(self.api.losses)

    def unset(self) -> list[str]:
        """Give what the backend may need of the environment and does not have: ``api_key: set PETS_API_KEY``.

        Only what the graph uses counts. It is no fault: requests go without, and webhooks are refused.
        """
        found = [] if self._security is None else self._security.unset()
        secrets = [] if self._secret is None else self._secret.missing()
        return [*found, *(f"webhooks: set {name}" for name in secrets)]

    def is_read(self, operation: Outline | Operation) -> bool:
        """Tell whether an operation was said to change nothing."""
        return self._is_read is not None and self._is_read(operation)

    # -- what operations are sent with ----------------------------------------------------------------------------

    @property
    def unsupported(self) -> Mapping[str, str]:
        """The security schemes, by name, by which the gateway cannot authenticate, and why."""
        return {} if self._security is None else self._security.unsupported

    @property
    def variables(self) -> Mapping[str, str]:
        """With what the names of the environment variables of the security schemes begin, by the schemes' names."""
        return {} if self._security is None else self._security.variables

    @property
    def own_parameters(self) -> frozenset[str]:
        """The names in the query that belong to credentials."""
        return frozenset() if self._security is None else self._security.parameters()

    def credentials(self, operation: Operation) -> Auth | None:
        """Give how the gateway authenticates for an operation; None for the source's own way."""
        return None if self._security is None else self._security.of(operation.security)

    def supplies(self, operation: Operation) -> frozenset[tuple[str, str]]:
        """Give the places and names, these in lower case, of what credentials fill in a request of an operation."""
        credentials = self.credentials(operation)
        if not isinstance(credentials, Credentials):
            return frozenset()
        kinds = (auth for alternative in credentials.alternatives for auth in alternative)
        queried = {("query", auth.query.lower()) for auth in kinds if isinstance(auth, ApiKey) and auth.query}
        return frozenset(queried | {("header", name.lower()) for name in credentials.names})

    def address(self, operation: Operation) -> str | None:
        """Give the base address of an operation that has one of its own; None for the source's."""
        if operation.server is None or not self._follows_servers:
            return None
        return urljoin(self.url, operation.server)

    def pushed_call(self, topic: str) -> Call:
        """Give the call of a field whose events are posted to ``/webhooks/{name of the source}/{topic}``."""
        return Call(source=self, single=_EVENT, ttl=0.0, pushed=Pushed(feed=Webhook(topic, self._usual_signature())))

    def _usual_signature(self) -> Signature:
        if self._signature is not None:
            return self._signature
        secret = self._secret = SharedSecret(env=f"{_NO_WORD.sub('_', self.name).upper()}_WEBHOOK_SECRET")
        return Closed(secret)

    # -- declaring ------------------------------------------------------------------------------------------------

    @overload
    @dataclass_transform(kw_only_default=True)
    def type(self, name: T, /) -> T: ...

    @overload
    @dataclass_transform(kw_only_default=True)
    def type(
        self,
        name: str | None = None,
        /,
        *,
        get: str | Get | None = None,
        batch: Read | None = None,
        key: str | Sequence[str] | None = None,
        ttl: float | None = None,
        max_batch: int | None = None,
    ) -> Callable[[T], T]: ...

    def type(self, name: T | str | None = None, /, **options: Any) -> T | Callable[[T], T]:
        """Declare a class that is the document's type of its name, with all properties that the document says.

        What the class declares replaces the document's: an attribute of the same name, with its own type or
        `field`; links, stubs of any source and functions are added. ``@shop.type`` alone takes the class's name.

        Args:
            name: the type's name in the document or in the graph, where it is not the class's.
            options: how its objects are given by key, as for `Rest.entity`; what is left out is as the document says.
        """

        def mark(python_type: T) -> T:
            of = name if isinstance(name, str) else python_type.__name__
            is_told = any(options.get(word) is not None for word in ("get", "batch", "key"))
            self.entity(**{**options, "key": (options.get("key") or "id") if is_told else ()})(python_type)
            found: Entity = getattr(python_type, ENTITY_MARK)
            setattr(python_type, ENTITY_MARK, Entity(found.call, python_type, of))
            self.classes.append(python_type)
            return python_type

        return mark if name is None or isinstance(name, str) else mark(name)

    def webhook(
        self,
        topic: str,
        *,
        signature: Signature | None = None,
        events: Sequence[str] = (),
        each: bool = False,
        max_body_bytes: int = 1_000_000,
        **options: Unpack[PushOptions],
    ) -> Callable[[F], F]:
        """Declare that the backend posts its events to ``/webhooks/{name of the source}/{topic}``.

        Args:
            topic: as the document's webhooks and callbacks are called, or any other.
            signature: as for `Rest.webhook`; None is the `webhook_signature` of the source.
        """
        told = signature or self._usual_signature()
        return super().webhook(
            topic, signature=told, events=events, each=each, max_body_bytes=max_body_bytes, **options
        )

    def _template(self, text: str) -> Template:
        return super()._template(text) if is_template(text) else OperationName(text)


def _guard(guard: Guard, url: str | None, auth: Auth | None) -> Guard:
    """Give the guard of a document that lets through what the author named besides."""
    kinds = itertools.chain.from_iterable(auth.alternatives) if isinstance(auth, Credentials) else [auth]
    tokens = [kind.token_url for kind in kinds if isinstance(kind, OAuth2)]
    return guard.but(*tokens, *([] if url is None else [url]))


def _patterns(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
