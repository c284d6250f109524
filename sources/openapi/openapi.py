"""`OpenAPI`: a backend as its document describes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sources.openapi.api import Api
from sources.openapi.document import Document, DocumentError
from sources.openapi.loss import Loss
from sources.openapi.operation import Operation
from sources.rest import Rest


class OpenAPI(Rest):
    """A REST backend that a document describes; ``Graph(documents=[OpenAPI("pets", "pets.yaml")])`` is a whole graph.

    Args:
        name: how errors, plans and logs call it; unique in a graph.
        location: the document's path or URL.
        url: base address; None takes the first server of the document.
        allow_remote_refs: whether references to other hosts are followed.
        options: what `Rest` takes besides.
    """

    def __init__(
        self,
        name: str,
        location: str | Path,
        *,
        url: str | None = None,
        allow_remote_refs: bool = False,
        **options: Any,
    ) -> None:
        self.location = str(location)
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
