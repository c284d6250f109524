"""A document and the files that it refers to, as one tree with pointers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import yaml

Json = Any


class DocumentError(Exception):
    """A document that cannot be read; the message is one line that says where and why."""


class Document:
    """An OpenAPI document as JSON.

    Args:
        location: the path or URL by which it was named.
        root: the whole document.
    """

    def __init__(self, location: str, root: dict[str, Json]) -> None:
        self.location = location
        self.root = root
        self.version = str(root.get("openapi") or root.get("swagger") or "")

    @classmethod
    def load(cls, location: str, *, allow_remote_refs: bool = False) -> Document:
        """Read a document.

        Raises:
            DocumentError: it cannot be found or read, or is no OpenAPI document.
        """
        try:
            if location.startswith(("http://", "https://")):
                reply = httpx.get(location, timeout=30.0)
                reply.raise_for_status()
                text = reply.text
            else:
                text = Path(location).read_text(encoding="utf-8")
        except (OSError, httpx.HTTPError) as exc:
            raise DocumentError(f"{location}: {exc}") from exc
        try:
            root = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
        except ValueError as exc:
            raise DocumentError(f"{location}: {exc}") from exc
        if not isinstance(root, dict) or not (root.get("openapi") or root.get("swagger")):
            raise DocumentError(f"{location}: not an OpenAPI document: it has neither 'openapi' nor 'swagger'")
        return cls(location, root)

    def resolve(self, node: Json, pointer: str) -> tuple[Json, str]:
        """Follow references, and give what they lead to with its own pointer.

        Raises:
            DocumentError: a reference leads nowhere, or round in a circle.
        """
        for _ in range(100):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node, pointer
            pointer = node["$ref"]
            node = self.at(pointer)
        raise DocumentError(f"{pointer}: the reference goes round in a circle")

    def at(self, pointer: str) -> Json:
        """Give what a pointer leads to.

        Raises:
            DocumentError: it leads nowhere.
        """
        if not pointer.startswith("#"):
            raise DocumentError(f"{pointer}: not in this document")
        node: Json = self.root
        for part in pointer[1:].split("/")[1:]:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(name)] if isinstance(node, list) else node[name]
            except (KeyError, IndexError, ValueError, TypeError) as exc:
                raise DocumentError(f"{pointer}: there is no such part") from exc
        return node


def below(pointer: str, *names: str | int) -> str:
    """Give the pointer to a part of what a pointer leads to."""
    return "/".join([pointer, *(str(name).replace("~", "~0").replace("/", "~1") for name in names)])
