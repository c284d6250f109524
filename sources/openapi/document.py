"""A document and the files that it refers to, as one tree with pointers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sources.address import shown_address
from sources.number import Number
from sources.openapi.files import Files
from sources.openapi.keywords import object_in
from sources.openapi.loss import Losses
from sources.openapi.pointer import DocumentError, below, index_of, names_of
from sources.openapi.swagger import Upgrade
from sources.tls import Tls

__all__ = ["Document", "DocumentError", "below"]

Json = Any
_VERSION = re.compile(r"(2\.0|3\.[0-9])(?:\.|$|-)")
_MOST_REFERENCES = 100
_OTHERS = {
    "asyncapi": "an AsyncAPI document",
    "$schema": "a JSON Schema",
    "swaggerVersion": "a document of Swagger 1, which is too old",
    "__schema": "an introspection of GraphQL",
    "arazzo": "an Arazzo document",
    "resources": "a document of RAML or Google's discovery",
}
_ANCHORS = ("$anchor", "$dynamicAnchor")


class Document:
    """An OpenAPI document as JSON.

    Attributes:
        location: the path or URL by which it was named.
        url: the URL that it came from at last; None for a document on disk.
        guard: where the URLs may lead that it names; None where they may lead anywhere.
        version: ``2.0``, ``3.0`` or ``3.1``, which stands for later ones too.
        root: the whole document; one of version 2.0 in the shape of 3.0, whose schemas are references into the document
            as it is written. Pointers always lead there.
        losses: what could not be read so far.

    Raises:
        DocumentError: it is no OpenAPI document.
    """

    def __init__(self, location: str, root: Json, files: Files | None = None) -> None:
        self.location = location
        self.losses = Losses()
        self._files = files or Files(location)
        self.url = self._files.url
        self.guard = self._files.guard
        self.version = _version(root, shown_address(location))
        self._written = root
        self._places: dict[tuple[str, str], tuple[Json, str] | DocumentError] = {}
        self._anchors: dict[str, dict[str, tuple[Json, str]]] = {}
        self._depth = 0
        self._origins: dict[int, tuple[Json, str]] = {}
        self.root: dict[str, Json] = root
        if self.version == "2.0":
            upgrade = Upgrade(root, self.resolve, self.losses)
            self._origins = upgrade.origins
            self.root = upgrade.root

    @classmethod
    def load(
        cls,
        location: str,
        *,
        allow_remote_refs: bool = False,
        allow_private: bool = False,
        max_bytes: int | None = None,
        tls: Tls | None = None,
    ) -> Document:
        """Read a document.

        Args:
            location: a path, or an http(s) URL.
            allow_remote_refs: whether what it refers to may come from the network.
            allow_private: whether URLs that a document from the network names may lead into a private network.
            max_bytes: of all files together; None takes ``WEFT_MAX_OPENAPI_BYTES``, else 50,000,000.
            tls: certificates for fetching.

        Raises:
            DocumentError: it cannot be found or read, or is no OpenAPI document.
        """
        files = Files(
            location, allow_remote_refs=allow_remote_refs, allow_private=allow_private, max_bytes=max_bytes, tls=tls
        )
        return cls(location, files.root(""), files)

    def components(self, kind: str) -> Mapping[str, Json]:
        """Give the components of a kind, such as ``schemas``, by their names."""
        return object_in(object_in(self.root.get("components")).get(kind))

    def resolve(self, node: Json, pointer: str) -> tuple[Json, str]:
        """Follow references, and give what they lead to with its own pointer.

        Raises:
            DocumentError: a reference leads nowhere, to what may not be read, or round in a circle.
        """
        if id(node) in self._origins:
            pointer = self._origins[id(node)][1]
        for _ in range(_MOST_REFERENCES):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node, pointer
            node, pointer = self.find(node["$ref"], pointer)
        raise DocumentError("the reference goes round in a circle", pointer)

    def find(self, reference: str, pointer: str = "#") -> tuple[Json, str]:
        """Give what a reference names, which may be a reference again, with its own pointer.

        Args:
            pointer: where the reference stands.

        Raises:
            DocumentError: it leads nowhere, or to what may not be read.
        """
        base = pointer.partition("#")[0]
        known = self._places.get((base, reference))
        if known is None:
            self._depth += 1
            try:
                known = self._find(reference, base)
            except DocumentError as exc:
                known = exc
            finally:
                self._depth -= 1
            self._places[base, reference] = known
        if isinstance(known, DocumentError):
            raise DocumentError(known.problem, known.place)
        return known

    def _find(self, reference: str, base: str) -> tuple[Json, str]:
        if self._depth > _MOST_REFERENCES:
            raise DocumentError("the reference leads through itself, or through too many others", reference)
        file, _, fragment = reference.partition("#")
        key = self._files.key_of(file, base)
        if "#" in key:
            raise DocumentError("no such file", key)
        names = names_of(fragment)
        if names is not None:
            return self._walk(key, names, reference)
        if fragment not in self._anchors_of(key):
            raise DocumentError("there is no such anchor", reference)
        return self._anchors_of(key)[fragment]

    def _walk(self, key: str, names: list[str], reference: str) -> tuple[Json, str]:
        node, pointer = self._root(key), f"{key}#"
        for name in names:
            if isinstance(node, dict) and name not in node:
                node, pointer = self.resolve(node, pointer)
            if isinstance(node, dict) and name in node:
                node = node[name]
            elif isinstance(node, list) and (index := index_of(name)) is not None and index < len(node):
                node = node[index]
            else:
                raise DocumentError("there is no such part", reference)
            pointer = below(pointer, name)
        return node, pointer

    def _root(self, key: str) -> Json:
        return self._files.root(key) if key else self._written

    def _anchors_of(self, key: str) -> dict[str, tuple[Json, str]]:
        """Give the places of a file that have names of their own (JSON Schema's ``$anchor``)."""
        found = self._anchors.get(key)
        if found is None:
            found = self._anchors[key] = {}
            waiting: list[tuple[Json, str]] = [(self._root(key), f"{key}#")]
            while waiting:
                node, pointer = waiting.pop()
                for word in _ANCHORS if isinstance(node, dict) else ():
                    if isinstance(node.get(word), str):
                        found.setdefault(node[word], (node, pointer))
                parts = node.items() if isinstance(node, dict) else enumerate(node)
                waiting += [(part, below(pointer, name)) for name, part in parts if isinstance(part, dict | list)]
        return found


def _version(root: Json, place: str) -> str:
    """Give the version of OpenAPI that a document is written in, without its last part."""
    if not isinstance(root, dict):
        kind = {list: "an array", str: "a text", type(None): "empty"}.get(type(root), f"a {type(root).__name__}")
        raise DocumentError(f"not an OpenAPI document: it is {kind}, not an object", place)
    word = "openapi" if "openapi" in root else "swagger"
    said = root.get(word)
    if said is None:
        known = next((kind for word, kind in _OTHERS.items() if word in root), None)
        is_postman = "getpostman" in str(root["info"].get("schema")) if isinstance(root.get("info"), dict) else False
        hint = "it is a Postman collection" if is_postman else f"it is {known}" if known else ""
        raise DocumentError(
            f"not an OpenAPI document: {hint or 'it has neither openapi nor swagger, which say its version'}", place
        )
    text = said.text if isinstance(said, Number) else str(said) if isinstance(said, str | int | float) else ""
    text = f"{text}.0" if text.isdecimal() else text
    found = _VERSION.match(text)
    if found is None or (found[1] == "2.0") is not (word == "swagger"):
        raise DocumentError(f"{word}: {said!r} is not a version that can be read: 2.0, 3.0 and 3.1 are", place)
    paths = root.get("paths")
    if paths is not None and not isinstance(paths, dict):
        raise DocumentError("paths are no object", f"{place}#/paths")
    if not any(isinstance(root.get(name), dict) for name in ("paths", "webhooks", "components")):
        raise DocumentError("not an OpenAPI document: it has no paths", f"{place}#/paths")
    return found[1] if found[1] in ("2.0", "3.0") else "3.1"
