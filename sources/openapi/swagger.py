"""Swagger 2.0 in the shape of OpenAPI 3.0.

Only what stands around schemas is made anew; a schema becomes a reference to where it is written, so that whatever is
said of it later leads to a place in the user's own document. A parameter of 2.0 is a schema itself, but for ``file``,
which readers of schemas know. `Upgrade.origins` holds the places of what was made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sources.openapi.keywords import object_in
from sources.openapi.loss import Losses
from sources.openapi.pointer import DocumentError, below

Json = Any
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_STYLES = {
    "csv": ("form", False),
    "ssv": ("spaceDelimited", False),
    "tsv": ("tabDelimited", False),
    "pipes": ("pipeDelimited", False),
    "multi": ("form", True),
}
_FLOWS = {"application": "clientCredentials", "accessCode": "authorizationCode"}
_KEPT = ("info", "tags", "externalDocs", "security")
_KEPT_OF_OPERATIONS = ("tags", "summary", "description", "operationId", "deprecated", "security")
_DESCRIBING = ("name", "in", "required", "description", "deprecated", "example")


class Upgrade:
    """A document of version 2.0, made anew.

    Args:
        root: the document as it is written.
        resolve: follows its references; see `Document.resolve`.
        losses: where to note what cannot be read.

    Attributes:
        root: the same in the shape of 3.0.
        origins: by the identity of an object of it, the object and where it is written.
    """

    def __init__(self, root: dict[str, Json], resolve: Callable[[Json, str], tuple[Json, str]], losses: Losses) -> None:
        self._written = root
        self._resolve = resolve
        self._losses = losses
        self.origins: dict[int, tuple[Json, str]] = {}
        self.root: dict[str, Json] = {
            "openapi": "3.0.3",
            **{name: root[name] for name in _KEPT if name in root},
            "servers": _servers(root),
            "paths": {},
            "components": {
                "schemas": {
                    name: {"$ref": below("#/definitions", name)} for name in object_in(root.get("definitions"))
                },
                "securitySchemes": {
                    name: self._scheme(node, below("#/securityDefinitions", name))
                    for name, node in object_in(root.get("securityDefinitions")).items()
                },
            },
        }
        for path, node in object_in(root.get("paths")).items():
            self.root["paths"][path] = node if path.startswith("x-") else self._item(node, below("#/paths", path))

    def _at(self, node: dict[str, Json], pointer: str) -> dict[str, Json]:
        self.origins[id(node)] = node, pointer  # which keeps it alive: an identity is free again after its object
        return node

    def _found(self, node: Json, pointer: str) -> tuple[Json, str]:
        """Follow a reference; what leads nowhere stays as it is, for whoever reads it next to note."""
        try:
            return self._resolve(node, pointer)
        except DocumentError:
            return node, pointer

    def _item(self, node: Json, pointer: str) -> Json:
        item, where = self._found(node, pointer)
        if not isinstance(item, dict) or "$ref" in item:
            return item
        made = {name: item[name] for name in ("summary", "description") if name in item}
        for method in _METHODS:
            if method in item:
                made[method] = self._operation(item, item[method], where, below(where, method), method)
        return self._at(made, where)

    def _operation(self, item: dict[str, Json], node: Json, item_at: str, pointer: str, method: str) -> Json:
        if not isinstance(node, dict):
            return node
        made = {name: node[name] for name in _KEPT_OF_OPERATIONS if name in node}
        parameters: list[Json] = []
        forms: list[tuple[dict[str, Json], str]] = []
        for given, where in self._parameters(item, item_at, node, pointer):
            if not isinstance(given, dict) or "$ref" in given:
                parameters.append(given)
            elif given.get("in") == "body":
                made["requestBody"] = self._body(given, where, self._media(node, "consumes"))
            elif given.get("in") == "formData" and isinstance(given.get("name"), str):
                forms.append((given, where))
            else:
                parameters.append(self._parameter(given, where))
        if forms and "requestBody" in made:
            self._losses.add(pointer, "two-bodies", "a body and a form exclude each other; the form is left out",
                             "left-out")  # fmt: skip
        elif forms:
            made["requestBody"] = self._form(forms, pointer, self._media(node, "consumes"))
        made["parameters"] = parameters
        made["responses"] = {
            str(status): self._answer(answer, below(pointer, "responses", status), node, method)
            for status, answer in object_in(node.get("responses")).items()
            if not str(status).startswith("x-")
        }
        if isinstance(node.get("schemes"), list):
            made["servers"] = _servers({**self._written, "schemes": node["schemes"]})
        return made

    def _parameters(
        self, item: dict[str, Json], item_at: str, node: dict[str, Json], pointer: str
    ) -> Iterator[tuple[Json, str]]:
        """Give an operation's parameters, before them those of its path that it does not replace."""
        found: dict[object, tuple[Json, str]] = {}
        for holder, holder_at in ((item, item_at), (node, pointer)):
            listed = holder.get("parameters")
            for index, one in enumerate(listed if isinstance(listed, list) else ()):
                given, where = self._found(one, below(holder_at, "parameters", index))
                if isinstance(given, dict) and isinstance(given.get("name"), str):
                    place = str(given.get("in"))
                    found["body" if place == "body" else (given["name"], place)] = given, where
                else:
                    found[where] = given, where
        yield from found.values()

    def _parameter(self, given: dict[str, Json], where: str) -> dict[str, Json]:
        made = {name: given[name] for name in _DESCRIBING if name in given}
        made["schema"] = {"$ref": below(where, "schema") if _is_schema_below(given) else where}
        if given.get("in") == "query":
            made["style"], made["explode"] = self._style(given)
        return self._at(made, where)

    def _style(self, given: dict[str, Json]) -> tuple[str, bool]:
        word = given.get("collectionFormat")
        return _STYLES.get(word, _STYLES["csv"]) if isinstance(word, str) else _STYLES["csv"]

    def _body(self, given: dict[str, Json], where: str, consumes: list[str]) -> dict[str, Json]:
        content = {"schema": {"$ref": below(where, "schema")}} if "schema" in given else {}
        made: dict[str, Json] = {name: given[name] for name in ("description", "required") if name in given}
        made["content"] = dict.fromkeys(consumes, content)
        return self._at(made, where)

    def _form(self, forms: list[tuple[dict[str, Json], str]], pointer: str, consumes: list[str]) -> dict[str, Json]:
        has_file = any(given.get("type") == "file" for given, _ in forms)
        medias = [media for media in consumes if media.partition(";")[0].strip().lower() in _FORMS]
        if has_file:
            medias = [_FORMS[0]]
        encoding = {}
        for given, _ in forms:
            if given.get("type") == "array":
                style, explode = self._style(given)
                encoding[given["name"]] = {"style": style, "explode": explode}
        where = below(pointer, "parameters")
        schema = self._at(
            {
                "type": "object",
                "properties": {given["name"]: {"$ref": at} for given, at in forms},
                "required": [given["name"] for given, _ in forms if given.get("required") is True],
            },
            where,
        )
        return self._at(
            {
                "required": any(given.get("required") is True for given, _ in forms),
                "content": {media: {"schema": schema, "encoding": encoding} for media in medias or [_FORMS[1]]},
            },
            where,
        )

    def _answer(self, node: Json, pointer: str, operation: dict[str, Json], method: str) -> Json:
        given, where = self._found(node, pointer)
        if not isinstance(given, dict) or "$ref" in given:
            return given
        made: dict[str, Json] = {name: given[name] for name in ("description", "headers") if name in given}
        examples = object_in(given.get("examples"))
        made["content"] = {}
        if "schema" in given or examples or method == "get":
            # By the letter an answer without a schema is empty; those that are read never are.
            for media in self._media(operation, "produces"):
                content: dict[str, Json] = {"schema": {"$ref": below(where, "schema")}} if "schema" in given else {}
                if media in examples:
                    content["example"] = examples[media]
                made["content"][media] = content
        return self._at(made, where)

    def _media(self, operation: dict[str, Json], word: str) -> list[str]:
        listed = operation.get(word, self._written.get(word))
        found = [media for media in listed if isinstance(media, str)] if isinstance(listed, list) else []
        return found or ["application/json"]

    def _scheme(self, node: Json, pointer: str) -> Json:
        given, where = self._found(node, pointer)
        if not isinstance(given, dict):
            return given
        made = dict(given)
        if given.get("type") == "basic":
            made |= {"type": "http", "scheme": "basic"}
        elif given.get("type") == "oauth2":
            flow = str(given.get("flow"))
            described = {name: given[name] for name in ("authorizationUrl", "tokenUrl", "scopes") if name in given}
            made["flows"] = {_FLOWS.get(flow, flow): described}
        return self._at(made, where)


def _is_schema_below(given: dict[str, Json]) -> bool:
    return "type" not in given and isinstance(given.get("schema"), dict)


def _servers(root: dict[str, Json]) -> list[Json]:
    host, base = root.get("host"), root.get("basePath")
    path = "/" + base.strip("/") if isinstance(base, str) and base.strip("/") else ""
    listed = root.get("schemes")
    schemes = [scheme for scheme in ("https", "http") if isinstance(listed, list) and scheme in listed]
    if not isinstance(host, str) or not host:
        return [{"url": path}] if path else []
    # Without schemes it is the one by which the document came.
    return [{"url": f"{scheme}://{host}{path}"} for scheme in schemes] or [{"url": f"//{host}{path}"}]
