"""Documents written in a few words, and graphs of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graph import Graph
from sources.openapi import OpenAPI

Json = Any
PATH = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def answers(schema: Json | None = None, status: str = "200", **options: Json) -> Json:
    """Give responses of one status: JSON of a schema, or nothing."""
    content = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {status: {"description": "", **content, **options}}


def operation(responses: Json | None = None, *parameters: Json, **options: Json) -> Json:
    """Give an operation."""
    found = {"responses": answers({"type": "string"}) if responses is None else responses, **options}
    return {**found, "parameters": list(parameters)} if parameters else found


def body(schema: Json, media: str = "application/json", *, required: bool = True) -> Json:
    """Give a request's body."""
    return {"required": required, "content": {media: {"schema": schema}}}


def ref(name: str) -> Json:
    """Refer to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def thing(**properties: str) -> Json:
    """Give the schema of an object by the types of its properties; those that end in ``!`` are always there."""
    return {
        "type": "object",
        "required": [name for name, kind in properties.items() if kind.endswith("!")],
        "properties": {name: {"type": kind.removesuffix("!")} for name, kind in properties.items()},
    }


def source(
    folder: Path, paths: Json, schemas: Json = None, *, name: str = "pets",
    document: Mapping[str, Json] | None = None, **options: Any,
) -> OpenAPI:  # fmt: skip
    """Give the source of a document.

    Args:
        document: what it says besides.
        options: of `OpenAPI`.
    """
    written = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "1"},
        "servers": [{"url": f"http://{name}.example"}],
        "paths": paths,
        "components": {"schemas": schemas or {}},
        **(document or {}),
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(written))
    return OpenAPI(name, path, **options)


def graph_of(
    folder: Path, paths: Mapping[str, Json], schemas: Mapping[str, Json] | None = None, **options: Any
) -> Graph:
    """Give the graph of `source`."""
    return Graph(documents=[source(folder, paths, schemas, **options)])


def root(graph: Graph, name: str = "Query") -> list[str]:
    """Give the fields of a root type as the schema definition language has them, without their descriptions."""
    _, _, rest = graph.sdl().partition(f"type {name} {{\n")
    lines = (line.strip() for line in rest.partition("\n}")[0].splitlines())
    return [line for line in lines if line and not line.startswith('"')]


def losses(graph: Graph) -> list[tuple[str, str, str]]:
    """Give pointer, reason and effect of each loss."""
    return [
        (loss.pointer, loss.reason, loss.effect)
        for one in graph.sources
        if isinstance(one, OpenAPI)
        for loss in one.losses
    ]
