"""A document read: its operations, whatever is wrong with single ones."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from sources.openapi.choosing import Choice
from sources.openapi.document import Document, DocumentError, below
from sources.openapi.keywords import is_true, object_in
from sources.openapi.loss import Losses
from sources.openapi.operation import Answer, Content, Link, Operation, Outline, Parameter, RequestBody
from sources.openapi.placed import places
from sources.openapi.pointer import shown
from sources.openapi.schema import Schema
from sources.openapi.schemas import Schemas
from sources.openapi.servers import origin_of, server_of

Json = Any
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_OF_REQUESTS = (frozenset({"accept", "content-type", "authorization"}), frozenset({"accept", "content-type"}))


class Api:
    """What a document says.

    Args:
        choice: which of its operations are read; None takes all.

    Attributes:
        title: the API's name, for people.
        server: the address below which its paths are; empty where the document names none and came from none.
        outlines: all of its operations, unread.
        chosen: those that are wanted, by their outlines; `operations` are they, in the order of the document.
        webhooks: requests that the backend sends by itself, by name.
        schemes: its security schemes by name, as the document has them; `security` are alternatives of them.
        faults: what the choice names and the document does not have.
        losses: what could not be read.
    """

    def __init__(self, document: Document, choice: Choice | None = None) -> None:
        self.document = document
        self.losses = Losses(document.losses)
        self.schemas = Schemas(document, self.losses)
        self.choice = choice or Choice()
        root = document.root
        info = object_in(root.get("info"))
        self.title = str(info.get("title") or "")
        self.description = _text(info, "description")
        self.server = server_of(root, "#", document.url, self.losses, document.guard) or origin_of(document.url) or ""
        self.schemes: Mapping[str, dict[str, Json]] = {
            name: self._resolved(node, below("#/components/securitySchemes", name))[0]
            for name, node in document.components("securitySchemes").items()
        }
        self.security = self._security(root) or ()
        self.outlines = tuple(self._outlines("#/paths", root.get("paths")))
        self.faults = tuple(self.choice.faults(self.outlines, document.components("schemas").keys()))
        is_taken = self.choice.takes()
        self.chosen = {one: self._operation(one) for one in self.outlines if is_taken(one)}
        self.operations = tuple(self.chosen.values())
        hooks = self._outlines("#/webhooks", root.get("webhooks"))
        self.webhooks = {one.path: self._operation(one, is_sent_to_us=True) for one in hooks}

    # -- operations -----------------------------------------------------------------------------------------------

    def named(self, name: str) -> Operation | None:
        """Give an operation by its ``operationId``, or as ``GET /pets/{id}``; None where there is none.

        It may be one that is not chosen.
        """
        outline = self._named.get(name)
        return None if outline is None else self.chosen.get(outline) or self._operation(outline)

    @functools.cached_property
    def _named(self) -> dict[str, Outline]:
        by_path = {str(outline): outline for outline in self.outlines}
        return by_path | {outline.id: outline for outline in reversed(self.outlines) if outline.id is not None}

    def _outlines(self, pointer: str, paths: Json) -> Iterator[Outline]:
        if paths is not None and not isinstance(paths, dict):
            self._lose(pointer, "broken-operation", "they are no object")
        for path, node in object_in(paths).items():
            if path.startswith("x-"):
                continue
            where = below(pointer, path)
            if not isinstance(node, dict):
                self._lose(where, "broken-operation", "a path that is no object")
                continue
            item, item_at = self._resolved(node, where)
            if "$ref" in node and len(node) > 1:  # what stands beside the reference counts too
                item = {**item, **{word: said for word, said in node.items() if word != "$ref"}}
            for method in METHODS:
                found = item.get(method)
                if isinstance(found, dict):
                    listed = found.get("tags")
                    tags = tuple(tag for tag in listed if isinstance(tag, str)) if isinstance(listed, list) else ()
                    named = _text(found, "operationId")
                    yield Outline(
                        id=named,
                        method=method.upper(),
                        path=path,
                        tags=tags,
                        item=item,
                        node=found,
                        item_pointer=item_at,
                        pointer=below(item_at, method),
                    )
                elif found is not None:
                    self._lose(below(where, method), "broken-operation", "an operation that is no object")

    def _operation(self, outline: Outline, *, is_sent_to_us: bool = False) -> Operation:
        node, pointer = outline.node, outline.pointer
        own = self._parameters(node, pointer)
        known = {(parameter.name, parameter.place) for parameter in own}
        shared = self._parameters(outline.item, outline.item_pointer)
        inherited = tuple(found for found in shared if (found.name, found.place) not in known)
        return Operation(
            id=outline.id,
            method=outline.method,
            path=outline.path,
            pointer=pointer,
            parameters=(*inherited, *own) if is_sent_to_us else self._in_path(outline, (*inherited, *own)),
            body=self._body(node, pointer),
            answers=self._answers(node, pointer),
            tags=outline.tags,
            summary=_text(node, "summary") or _text(outline.item, "summary"),
            description=_text(node, "description") or _text(outline.item, "description"),
            deprecated=is_true(node.get("deprecated")),
            security=self._security(node),
            server=self._server(node, pointer) or self._server(outline.item, outline.item_pointer),
            callbacks={} if is_sent_to_us else self._callbacks(node, pointer),
        )

    def _server(self, holder: dict[str, Json], pointer: str) -> str | None:
        document = self.document
        found = None
        if "servers" in holder:
            found = server_of(holder, pointer, document.url, self.losses, document.guard)
        return None if found == self.server else found

    def _callbacks(self, node: dict[str, Json], pointer: str) -> Mapping[str, Operation]:
        callbacks: dict[str, Operation] = {}
        for name, callback in object_in(node.get("callbacks")).items():
            found, where = self._resolved(callback, below(pointer, "callbacks", name))
            for outline in self._outlines(where, found):
                if name in callbacks:
                    self._lose(outline.pointer, "several-callbacks", "a callback has one request already")
                else:
                    callbacks[name] = self._operation(outline, is_sent_to_us=True)
        return callbacks

    def _parameters(self, node: dict[str, Json], pointer: str) -> tuple[Parameter, ...]:
        listed = node.get("parameters")
        if listed is not None and not isinstance(listed, list):
            self._lose(below(pointer, "parameters"), "broken-parameter", "parameters that are no list")
        found: dict[tuple[str, str], Parameter] = {}
        for index, one in enumerate(listed if isinstance(listed, list) else ()):
            parameter = self._parameter(one, below(pointer, "parameters", index))
            if parameter is None:
                continue
            if (parameter.name, parameter.place) in found:
                self._lose(below(pointer, "parameters", index), "broken-parameter", "a parameter that stands twice")
            else:
                found[parameter.name, parameter.place] = parameter
        return tuple(found.values())

    def _parameter(self, node: Json, pointer: str) -> Parameter | None:
        found, where = self._resolved(node, pointer)
        if not found and isinstance(node, dict) and "$ref" in node:
            return None  # noted already
        name, place = found.get("name"), found.get("in")
        if not isinstance(name, str) or not name or not isinstance(place, str) or place not in _STYLES:
            self._lose(pointer, "broken-parameter", "a parameter without a name or a known place")
            return None
        if place == "header" and name.lower() in _OF_REQUESTS[self.document.version == "2.0"]:
            # Media types and security schemes say them; OpenAPI 3: such a parameter "shall be ignored".
            self._lose(where, "header-said-elsewhere", f"OpenAPI does not take the header {name} as a parameter")
            return None
        media, content = next(iter(self._contents(found, where).items()), (None, None))
        style, explode, example = found.get("style"), found.get("explode"), found.get("example")
        style = style if isinstance(style, str) and style else _STYLES[place]
        if example is None and object_in(found.get("examples")):
            name_of_first, first = next(iter(found["examples"].items()))
            example = self._resolved(first, below(where, "examples", name_of_first))[0].get("value")
        schema = content.schema if content is not None else None
        return Parameter(
            name=name,
            place=place,
            schema=schema or self.schemas.at(found.get("schema", {}), below(where, "schema")),
            required=is_true(found.get("required")) or place == "path",
            style=style,
            explode=explode if isinstance(explode, bool) else style == "form",
            allow_reserved=is_true(found.get("allowReserved")),
            media=media,
            description=_text(found, "description"),
            deprecated=is_true(found.get("deprecated")),
            example=example,
            pointer=where,
        )

    def _in_path(self, outline: Outline, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
        """Give the parameters with exactly those in the path that it names."""
        names = places(outline.path)
        found = []
        for parameter in parameters:
            if parameter.place == "path" and parameter.name not in names:
                self._lose(parameter.pointer, "not-in-path", f"{outline.path} does not hold this parameter")
            else:
                found.append(parameter)
        for name in names:
            if not any(parameter.place == "path" and parameter.name == name for parameter in parameters):
                said = f"no parameter says what {{{shown(name)}}} is; it is a text"
                self.losses.add(outline.pointer, "undeclared-parameter", said, "loosened")
                schema = Schema(self.schemas, {"type": "string"}, outline.pointer)
                found.append(
                    Parameter(
                        name=name,
                        place="path",
                        schema=schema,
                        required=True,
                        style="simple",
                        explode=False,
                        pointer=outline.pointer,
                    )
                )
        return tuple(found)

    def _body(self, node: dict[str, Json], pointer: str) -> RequestBody | None:
        if "requestBody" not in node:
            return None
        found, where = self._resolved(node["requestBody"], below(pointer, "requestBody"))
        contents = self._contents(found, where)
        if not contents:
            return None
        return RequestBody(
            required=is_true(found.get("required")),
            contents=contents,
            description=_text(found, "description"),
            pointer=where,
        )

    def _contents(self, node: dict[str, Json], pointer: str) -> Mapping[str, Content]:
        found = {}
        for media, content in object_in(node.get("content")).items():
            content, where = self._resolved(content, below(pointer, "content", media))
            schema = self.schemas.at(content["schema"], below(where, "schema")) if "schema" in content else None
            found[media] = Content(schema, object_in(content.get("encoding")))
        return found

    def _answers(self, node: dict[str, Json], pointer: str) -> Mapping[str, Answer]:
        answers = {}
        for status, answer in object_in(node.get("responses")).items():
            if status.startswith("x-"):
                continue
            found, where = self._resolved(answer, below(pointer, "responses", status))
            spelled = status.lower() if status.lower() == "default" else status.upper()
            answers[spelled] = Answer(
                status=spelled,
                contents=self._contents(found, where),
                links=tuple(self._links(found, where)),
                description=_text(found, "description"),
                pointer=where,
            )
        return answers

    def _links(self, node: dict[str, Json], pointer: str) -> Iterator[Link]:
        for name, link in object_in(node.get("links")).items():
            found, where = self._resolved(link, below(pointer, "links", name))
            operation = _text(found, "operationId") or self._linked(found, where)
            if operation is None:
                self._lose(where, "broken-link", "a link that names no operation")
                continue
            yield Link(
                name=name,
                operation=operation,
                parameters=object_in(found.get("parameters")),
                description=_text(found, "description"),
                pointer=where,
            )

    def _linked(self, link: dict[str, Json], pointer: str) -> str | None:
        """Give the pointer to the operation that a link refers to, as `Operation.pointer` writes it."""
        reference = _text(link, "operationRef")
        if reference is None:
            return None
        try:
            return self.document.find(reference, pointer)[1]
        except DocumentError:
            return None

    # -- around them ----------------------------------------------------------------------------------------------

    def _security(self, node: dict[str, Json]) -> tuple[tuple[str, ...], ...] | None:
        found = node.get("security")
        if not isinstance(found, list):
            return None
        return tuple(tuple(one) for one in found if isinstance(one, dict))

    def _lose(self, pointer: str, reason: str, what: str) -> None:
        self.losses.add(pointer, reason, f"{what}; it is left out", "left-out")

    def _resolved(self, node: Json, pointer: str) -> tuple[dict[str, Json], str]:
        try:
            found, where = self.document.resolve(node, pointer)
        except DocumentError as exc:
            self.losses.add(pointer, "broken-reference", f"{exc}; this part is left out", "left-out")
            return {}, pointer
        return object_in(found), where


def _text(node: dict[str, Json], name: str) -> str | None:
    found = node.get(name)
    return found if isinstance(found, str) and found else None
