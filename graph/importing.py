"""What became of the documents of a graph: operations, fields, types, and whatever was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import graphql
import msgspec

from graph.graph import Graph
from resolvers import mark_on
from sources import Call
from sources.openapi import Loss, OpenAPI

_WORDS = {"json": "a value became JSON", "left-out": "left out", "loosened": "promises less"}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Imported:
    """What became of one document.

    Args:
        operations: how many of its operations were wanted.
        fields: how many fields of each root type they are, by the type's name.
    """

    source: OpenAPI
    title: str
    version: str
    operations: int
    fields: dict[str, int]
    losses: tuple[Loss, ...]

    def line(self) -> str:
        """Give it in one line, without its losses."""
        return (
            f"{self.source.name} ({self.label()}): {_count(self.operations, 'operation')}, "
            f"{_count(sum(self.fields.values()), 'field')}"
        )

    def label(self) -> str:
        """Give the document's title and version, with its location where that says more."""
        title = " ".join(f"{self.title} {self.version}".split())
        return title if len(title) <= 60 else f"{title[:57]}..."


def imported(graph: Graph) -> list[Imported]:
    """Give what became of each document of a graph, in their order."""
    return [_imported(graph, source) for source in graph.sources if isinstance(source, OpenAPI) and source.api]


def _imported(graph: Graph, source: OpenAPI) -> Imported:
    schema = graph.schema
    fields = {}
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        if root is not None:
            count = sum(_is_of(field, source) for field in root.fields.values())
            if count:
                fields[root.name] = count
    info = source.api.document.root.get("info") if source.api is not None else None
    version = info.get("version") if isinstance(info, dict) else None
    return Imported(
        source=source,
        title=source.api.title if source.api is not None else "",
        version=version if isinstance(version, str) else "",
        operations=len(source.operations),
        fields=fields,
        losses=tuple(source.losses),
    )


def _is_of(field: graphql.GraphQLField, source: OpenAPI) -> bool:
    mark = mark_on(field)
    return isinstance(mark, Call) and mark.source is source


def types_in(graph: Graph) -> int:
    """Give how many types a graph has, without those that every schema has."""
    return sum(
        not (name.startswith("__") or graphql.is_specified_scalar_type(kind))
        for name, kind in graph.schema.type_map.items()
    )


def lines(graph: Graph, *, report: bool) -> Iterator[str]:
    """Give what became of the documents as text.

    Args:
        report: whether each loss is told, and not only how many there are of each reason.
    """
    for document in imported(graph):
        yield document.line()
        yield f"  {document.source.location}"
        for root, count in document.fields.items():
            yield f"  {count:>6}  {root}"
        losses = document.losses
        yield f"  {_count(len(losses), 'loss')}"
        for (reason, effect), count in sorted(
            Counter((loss.reason, loss.effect) for loss in losses).items(), key=lambda found: (-found[1], found[0])
        ):
            yield f"  {count:>6}  {reason} ({_WORDS[effect]})"
            if report:
                told = (loss for loss in losses if (loss.reason, loss.effect) == (reason, effect))
                yield from (f"          {loss.pointer}: {loss.message}" for loss in told)
    yield f"{_count(types_in(graph), 'type')} in all"


def as_json(graph: Graph) -> bytes:
    """Give the same as JSON: ``{documents: [...], operations, fields, types, losses: [...]}``."""
    documents = imported(graph)
    found: dict[str, Any] = {
        "documents": [
            {
                "name": document.source.name,
                "location": document.source.location,
                "title": document.title,
                "version": document.version,
                "operations": document.operations,
                "fields": sum(document.fields.values()),
                "losses": len(document.losses),
            }
            for document in documents
        ],
        "operations": sum(document.operations for document in documents),
        "fields": sum(sum(document.fields.values()) for document in documents),
        "types": types_in(graph),
        "losses": [
            {
                "document": document.source.name,
                "pointer": loss.pointer,
                "reason": loss.reason,
                "message": loss.message,
                "effect": loss.effect,
            }
            for document in documents
            for loss in document.losses
        ],
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def greeting(graph: Graph) -> Iterator[str]:
    """Give what somebody who serves a graph wants to know of its documents; nothing where it has none."""
    for document in imported(graph):
        source = document.source
        losses = len(document.losses)
        told = f", {_count(losses, 'loss')} (weft import --report shows them)" if losses else ""
        yield f"{document.line()}{told}"
        yield f"  at {source.url}"
        yield from (f"  {missing}" for missing in source.unset())
        yield from (f"  link {link}" for link in source.links)
        yield from (
            f"  webhook POST /webhooks/{name}/{topic}"
            for name, topic in graph.receiving.webhooks
            if name == source.name
        )


def _count(number: int, thing: str) -> str:
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"
