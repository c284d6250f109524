"""Documents for tests, in memory or as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sources.openapi import Api, Choice, Document, Schema

Json = Any


def document(version: str = "3.0.3", **parts: Json) -> Document:
    """A document of nothing but these parts."""
    word = "swagger" if version == "2.0" else "openapi"
    return Document("api.yaml", {word: version, "info": {"title": "Pets", "version": "1"}, "paths": {}, **parts})


def api(version: str = "3.0.3", choice: Choice | None = None, **parts: Json) -> Api:
    """What such a document says."""
    return Api(document(version, **parts), choice)


def schemas(version: str = "3.0.3", /, **components: Json) -> dict[str, Schema]:
    """The schemas of a document that has nothing else, by their names."""
    read = api(version, components={"schemas": components})
    found = {name: read.schemas.named(name) for name in components}
    return {name: schema for name, schema in found.items() if schema is not None}


def losses_of(read: Api) -> list[tuple[str, str]]:
    """Where something was lost, and by which word."""
    return [(loss.pointer, loss.reason) for loss in read.losses]


def write(folder: Path, **files: str) -> Path:
    """Write files whose names have their dots as `__`, and give the first."""
    paths = []
    for name, text in files.items():
        path = folder / name.replace("__", ".").replace("_in_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths[0]
