"""Small documents, and graphs of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graph import Graph
from sources import FakeTransport
from sources.openapi import OpenAPI

Json = Any


def document(
    components: Mapping[str, Json], *, version: str = "3.1.0", paths: Mapping[str, Json] | None = None
) -> Json:
    """Give a document that reads and writes each of its schemas, as `/0`, `/1`, …, unless `paths` says otherwise."""
    if paths is None:
        paths = {f"/{index}": _reads_and_writes(name) for index, name in enumerate(components)}
    return {
        "openapi": version,
        "info": {"title": "Small", "version": "1"},
        "paths": paths,
        "components": {"schemas": components},
    }


def reads(schema: Json, **options: Json) -> Json:
    """Give an operation that answers what follows a schema."""
    return {**options, "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}


def writes(schema: Json, **options: Json) -> Json:
    """Give an operation whose body follows a schema."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {**reads({"type": "boolean"}, **options), "requestBody": body}


def source(folder: Path, written: Json, answers: Any = None, name: str = "small") -> OpenAPI:
    """Give the source of a document, with its backend's answers as `FakeTransport` takes them."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(written))
    return OpenAPI(name, path, url="http://127.0.0.1", client=FakeTransport(answers or {}))


def graph_of(folder: Path, components: Mapping[str, Json], answers: Any = None, **options: Any) -> Graph:
    """Give the graph of `document`."""
    return Graph(documents=[source(folder, document(components, **options), answers)])


def definition(graph: Graph, name: str) -> str:
    """Give a type as the schema definition language has it."""
    blocks = graph.sdl().split("\n\n")
    return next(block for block in blocks if block.split(" ")[1:2] == [name]).strip()


def losses(graph: Graph) -> list[tuple[str, str]]:
    """Give pointer and reason of each loss."""
    (found,) = [one for one in graph.sources if isinstance(one, OpenAPI)]
    return [(loss.pointer, loss.reason) for loss in found.losses]


def _reads_and_writes(name: str) -> Json:
    reference = {"$ref": "#/components/schemas/" + name.replace("~", "~0").replace("/", "~1")}
    return {"get": reads(reference, operationId=f"get {name}"), "post": writes(reference, operationId=f"put {name}")}
