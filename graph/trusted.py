"""Trusted documents: a list, made when clients are built, of all that may run; clients name its documents by id.

Two formats of the list are read. Relay and graphql-codegen write one JSON object of ids and documents; Apollo's
``generate-persisted-query-manifest`` writes

    {"format": "apollo-persisted-query-manifest", "version": 1,
     "operations": [{"id": "5f3a…", "name": "Cart", "type": "query", "body": "query Cart { … }"}]}

A request says the id as ``documentId`` (GraphQL over HTTP; ``sha256:`` may stand before a hash), as ``doc_id`` (Relay)
or as ``extensions.persistedQuery.sha256Hash`` (Apollo). What is listed was checked at start-up; a text from a client
is not even looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import graphql
import msgspec

from graph.errors import GraphError, RequestError
from graph.operation import Operations
from graph.persisted import persisted_hash

_NAME = re.compile(r"\b(?:query|mutation|subscription)\s+([_A-Za-z]\w*)")


class Document(msgspec.Struct, frozen=True):
    """A listed document."""

    id: str
    body: str


class _Manifest(msgspec.Struct):
    format: Literal["apollo-persisted-query-manifest"]
    version: Literal[1]
    operations: list[Document]


class TrustedDocuments:
    """The only documents that run, by id.

    Raises:
        GraphError: documents that the schema does not take, that are empty, or of which two have one id; all of them.
    """

    def __init__(self, documents: Iterable[Document], operations: Operations) -> None:
        self._known: dict[str, str] = {}
        faults: list[str] = []
        for document in documents:
            known = self._known.setdefault(document.id, document.body)
            if not document.id:
                found = ["the id is empty"]
            elif known != document.body:
                found = ["two documents have this id"]
            else:
                found = _faults(document.body, operations)
            name = _NAME.search(document.body)
            called = f"document {document.id!r}" + (f" ({name[1]})" if name else "")
            faults += [f"{called}: {fault}" for fault in found]
        if faults:
            raise GraphError(faults)

    def __len__(self) -> int:
        return len(self._known)

    def text(self, query: str | None, extensions: Mapping[str, Any] | None, document_id: str | None = None) -> str:
        """Give the document that a request names.

        Raises:
            RequestError: it names none, or none that is listed, or sends a text.
        """
        named = document_id or persisted_hash(extensions)
        if query or not named:
            raise RequestError.of("name a document of this server's list by its id", "DOCUMENT_NOT_TRUSTED")
        text = self._known.get(named)
        if text is None:
            text = self._known.get(named.removeprefix("sha256:"))
        if text is None:
            raise RequestError.of("no document of this server's list has this id", "DOCUMENT_NOT_TRUSTED")
        return text


def read_manifest(path: Path) -> list[Document]:
    """Read a list of documents from a file, in either format.

    Raises:
        GraphError: there is no such file, it is in neither format, or it lists nothing.
    """
    try:
        decoded = msgspec.json.decode(path.read_bytes())
        if isinstance(decoded, dict) and "format" in decoded:
            documents = msgspec.convert(decoded, _Manifest).operations
        else:
            documents = [Document(*entry) for entry in msgspec.convert(decoded, dict[str, str]).items()]
    except OSError as exc:
        raise GraphError([f"{path}: {exc.strerror or exc}"]) from exc
    except msgspec.ValidationError as exc:
        raise GraphError([f"{path}: neither ids with documents nor Apollo's manifest: {exc}"]) from exc
    except (msgspec.DecodeError, RecursionError, ValueError) as exc:
        raise GraphError([f"{path}: not JSON: {exc}"]) from exc
    if not documents:
        raise GraphError([f"{path}: no document is listed, so nothing could run"])
    return documents


def _faults(text: str, operations: Operations) -> list[str]:
    try:
        for name in _operation_names(text):
            operations.variant_without_variables(operations.get(text, name))
    except RequestError as exc:
        return [error.message for error in exc.errors]
    return []


def _operation_names(text: str) -> list[str | None]:
    """Give the names that requests must say to run each operation of a document; None where it holds but one."""
    try:
        document = graphql.parse(text, no_location=True)
    except (graphql.GraphQLError, RecursionError):
        return [None]  # and `Operations.get` says what is wrong with it
    names = [
        definition.name.value if definition.name else None
        for definition in document.definitions
        if isinstance(definition, graphql.OperationDefinitionNode)
    ]
    return names if len(names) > 1 else [None]
