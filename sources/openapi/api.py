"""A document read: its operations, whatever is wrong with single ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sources.openapi.document import Document, DocumentError, below
from sources.openapi.loss import Losses
from sources.openapi.operation import Answer, Content, Link, Operation, Parameter, RequestBody
from sources.openapi.schema import Schemas

Json = Any
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


class Api:
    """What a document says.

    Attributes:
        title: the API's name, for people.
        server: the address below which its paths are; empty where the document has none.
        operations: in the order of the document.
        webhooks: requests that the backend sends by itself, by name.
        schemes: its security schemes by name, as the document has them; `security` are alternatives of them.
        losses: what could not be read.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.losses = Losses()
        self.schemas = Schemas(document, self.losses)
        info = _object(document.root.get("info"))
        self.title = str(info.get("title") or "")
        self.description = _text(info, "description")
        self.server = self._server(document.root) or ""
        components = _object(document.root.get("components"))
        self.schemes: Mapping[str, dict[str, Json]] = {
            name: self._resolved(node, below("#/components/securitySchemes", name))[0]
            for name, node in _object(components.get("securitySchemes")).items()
        }
        self.security = self._security(document.root) or ()
        self.operations = tuple(self._paths("#/paths", _object(document.root.get("paths"))))
        self.webhooks = {
            operation.path: operation for operation in self._paths("#/webhooks", _object(document.root.get("webhooks")))
        }

    # -- operations -----------------------------------------------------------------------------------------------

    def _paths(self, pointer: str, paths: dict[str, Json]) -> Iterator[Operation]:
        for path, node in paths.items():
            item, where = self._resolved(node, below(pointer, path))
            if path.startswith("x-"):
                continue
            shared = self._parameters(item, where)
            for method in METHODS:
                if isinstance(item.get(method), dict):
                    yield self._operation(path, method, item, item[method], below(where, method), shared)

    def _operation(
        self, path: str, method: str, item: dict[str, Json], node: dict[str, Json], pointer: str,
        shared: tuple[Parameter, ...],
    ) -> Operation:  # fmt: skip
        own = self._parameters(node, pointer)
        known = {(parameter.name, parameter.place) for parameter in own}
        inherited = tuple(found for found in shared if (found.name, found.place) not in known)
        callbacks: dict[str, Operation] = {}
        for name, callback in _object(node.get("callbacks")).items():
            found, where = self._resolved(callback, below(pointer, "callbacks", name))
            for operation in self._paths(where, found):
                callbacks.setdefault(name, operation)
        tags = node.get("tags")
        return Operation(
            id=_text(node, "operationId"),
            method=method.upper(),
            path=path,
            pointer=pointer,
            parameters=(*inherited, *own),
            body=self._body(node, pointer),
            answers=self._answers(node, pointer),
            tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
            summary=_text(node, "summary"),
            description=_text(node, "description"),
            deprecated=node.get("deprecated") is True,
            security=self._security(node),
            server=self._server(node) or self._server(item),
            callbacks=callbacks,
        )

    def _parameters(self, node: dict[str, Json], pointer: str) -> tuple[Parameter, ...]:
        found = node.get("parameters")
        listed = found if isinstance(found, list) else []
        given = (self._parameter(one, below(pointer, "parameters", index)) for index, one in enumerate(listed))
        return tuple(parameter for parameter in given if parameter is not None)

    def _parameter(self, node: Json, pointer: str) -> Parameter | None:
        found, where = self._resolved(node, pointer)
        name, place = found.get("name"), found.get("in")
        if not isinstance(name, str) or place not in _STYLES:
            self.losses.add(
                pointer, "broken-parameter", "a parameter has no name or no place; it is left out", "left-out"
            )
            return None
        media, content = next(iter(self._contents(found, where).items()), (None, None))
        style = found.get("style") if isinstance(found.get("style"), str) else _STYLES[place]
        explode = found.get("explode")
        return Parameter(
            name=name,
            place=place,
            schema=(content.schema if content is not None else None)
            or self.schemas.at(found.get("schema") or {}, below(where, "schema")),
            required=found.get("required") is True or place == "path",
            style=str(style),
            explode=explode if isinstance(explode, bool) else style == "form",
            allow_reserved=found.get("allowReserved") is True,
            media=media,
            description=_text(found, "description"),
            deprecated=found.get("deprecated") is True,
            example=found.get("example"),
            pointer=where,
        )

    def _body(self, node: dict[str, Json], pointer: str) -> RequestBody | None:
        if "requestBody" not in node:
            return None
        found, where = self._resolved(node["requestBody"], below(pointer, "requestBody"))
        contents = self._contents(found, where)
        if not contents:
            return None
        return RequestBody(
            required=found.get("required") is True,
            contents=contents,
            description=_text(found, "description"),
            pointer=where,
        )

    def _contents(self, node: dict[str, Json], pointer: str) -> Mapping[str, Content]:
        found = {}
        for media, content in _object(node.get("content")).items():
            content, where = self._resolved(content, below(pointer, "content", media))
            schema = self.schemas.at(content["schema"], below(where, "schema")) if "schema" in content else None
            found[media] = Content(schema, _object(content.get("encoding")))
        return found

    def _answers(self, node: dict[str, Json], pointer: str) -> Mapping[str, Answer]:
        answers = {}
        for status, answer in _object(node.get("responses")).items():
            found, where = self._resolved(answer, below(pointer, "responses", status))
            answers[str(status).upper()] = Answer(
                status=str(status).upper(),
                contents=self._contents(found, where),
                links=tuple(self._links(found, where)),
                description=_text(found, "description"),
                pointer=where,
            )
        return answers

    def _links(self, node: dict[str, Json], pointer: str) -> Iterator[Link]:
        for name, link in _object(node.get("links")).items():
            found, where = self._resolved(link, below(pointer, "links", name))
            operation = _text(found, "operationId") or _text(found, "operationRef")
            if operation is None:
                self.losses.add(where, "broken-link", "a link names no operation; it is left out", "left-out")
                continue
            yield Link(
                name=name,
                operation=operation,
                parameters=_object(found.get("parameters")),
                description=_text(found, "description"),
                pointer=where,
            )

    # -- around them ----------------------------------------------------------------------------------------------

    def _security(self, node: dict[str, Json]) -> tuple[tuple[str, ...], ...] | None:
        found = node.get("security")
        if not isinstance(found, list):
            return None
        return tuple(tuple(one) for one in found if isinstance(one, dict))

    def _server(self, node: dict[str, Json]) -> str | None:
        found = node.get("servers")
        for server in found if isinstance(found, list) else []:
            url = _object(server).get("url")
            if isinstance(url, str):
                for name, variable in _object(_object(server).get("variables")).items():
                    url = url.replace("{" + name + "}", str(_object(variable).get("default", "")))
                return url
        return None

    def _resolved(self, node: Json, pointer: str) -> tuple[dict[str, Json], str]:
        try:
            found, where = self.document.resolve(node, pointer)
        except DocumentError as exc:
            self.losses.add(pointer, "broken-reference", f"{exc}; this part is left out", "left-out")
            return {}, pointer
        return _object(found), where


def _object(node: Json) -> dict[str, Json]:
    return node if isinstance(node, dict) else {}


def _text(node: dict[str, Json], name: str) -> str | None:
    found = node.get(name)
    return found if isinstance(found, str) and found else None
