"""`OpenAPI`: a backend as its document describes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform, overload

from sources.endpoint import ENTITY_MARK, Entity, Get, Read
from sources.openapi.api import Api
from sources.openapi.document import Document, DocumentError
from sources.openapi.loss import Loss
from sources.openapi.named import OperationName, is_template
from sources.openapi.operation import Operation
from sources.rest import Rest
from sources.template import Template

T = TypeVar("T", bound=type)


class OpenAPI(Rest):
    """A REST backend that a document describes; ``Graph(documents=[OpenAPI("pets", "pets.yaml")])`` is a whole graph.

    Args:
        name: how errors, plans and logs call it; unique in a graph.
        location: the document's path or URL.
        url: base address; None takes the first server of the document.
        allow_remote_refs: whether references to other hosts are followed.
        auto_link: whether obvious links between its types are fields: `links` tells which.
        options: what `Rest` takes besides.
    """

    def __init__(
        self,
        name: str,
        location: str | Path,
        *,
        url: str | None = None,
        allow_remote_refs: bool = False,
        auto_link: bool = False,
        **options: Any,
    ) -> None:
        self.location = str(location)
        self.auto_link = auto_link
        self.links: tuple[str, ...] = ()
        self.classes: list[type[Any]] = []
        self.api: Api | None = None
        problem = ""
        try:
            self.api = Api(Document.load(self.location, allow_remote_refs=allow_remote_refs))
        except DocumentError as exc:
            problem = str(exc)
        address = url or (self.api.server if self.api is not None else "")
        super().__init__(name, address or "http://127.0.0.1", **options)
        if problem:
            self._fault(problem)
        elif not address:
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
        key: str | Sequence[str] = "id",
        ttl: float | None = None,
        max_batch: int | None = None,
    ) -> Callable[[T], T]: ...

    def type(self, name: T | str | None = None, /, **options: Any) -> T | Callable[[T], T]:
        """Declare a class that is the document's type of its name, with all properties that the document says.

        What the class declares replaces the document's: an attribute of the same name, with its own type or
        `field`; links, stubs of any source and functions are added. ``@shop.type`` alone takes the class's name.

        Args:
            name: the type's name in the document or in the graph, where it is not the class's.
            options: how its objects are given by key, as for `Rest.entity`; else as the document says.
        """

        def mark(python_type: T) -> T:
            of = name if isinstance(name, str) else python_type.__name__
            self.entity(**options)(python_type)
            found: Entity = getattr(python_type, ENTITY_MARK)
            setattr(python_type, ENTITY_MARK, Entity(found.call, python_type, of))
            self.classes.append(python_type)
            return python_type

        return mark if name is None or isinstance(name, str) else mark(name)

    def _template(self, text: str) -> Template:
        return super()._template(text) if is_template(text) else OperationName(text)
