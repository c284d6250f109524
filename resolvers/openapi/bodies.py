"""The body of an operation's request as an argument of its field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import graphql

from resolvers import scalars
from resolvers.marks import NAME
from resolvers.openapi.inputs import Inputs
from resolvers.openapi.names import field_name, told_apart, type_name
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.texts import described, outdated
from resolvers.upload import UPLOAD
from sources.openapi import Content, Kind, Losses, Operation, RequestBody, Schema, kind_of

_ORDER = (Kind.JSON, Kind.FORM, Kind.PARTS, Kind.TEXT, Kind.BYTES)


@dataclass(frozen=True, slots=True)
class Carried:
    """A body as a field takes it.

    Args:
        media: as which it is sent.
    """

    name: str
    argument: graphql.GraphQLArgument
    media: str
    content: Content


class Bodies:
    """The bodies of one document's operations."""

    def __init__(self, outputs: Outputs, inputs: Inputs, losses: Losses) -> None:
        self._outputs = outputs
        self._inputs = inputs
        self._losses = losses

    def of(self, operation: Operation, place: str, *, is_read: bool) -> Carried | None:
        """Give the argument for the body of an operation: JSON where it may be, else a form, a text, a file.

        Args:
            place: what types are called whose schemas have no name of their own.
            is_read: whether it is asked for on the query type, which takes no files.
        """
        body = operation.body
        if body is None:
            return None
        if operation.method in ("GET", "HEAD"):
            self._losses.add(
                body.pointer,
                "body-of-get",
                f"{operation} has a body, which no backend reads; it is left out",
                "left-out",
            )
            return None
        media, kind, content = _chosen(body)
        name = "input"
        if kind is Kind.BYTES and not is_read:
            taken, name = UPLOAD, "file"
        elif kind in (Kind.TEXT, Kind.BYTES):
            taken = graphql.GraphQLString if kind is Kind.TEXT else scalars.BYTES
        else:
            taken = self._structured(body, kind, content, place, is_read=is_read)
        if kind is Kind.TEXT and content.schema is not None and content.schema.kinds - {"string"}:
            self._losses.add(
                body.pointer,
                "written-as-text",
                f"a body of {media} is sent as a text, whatever its schema says",
                "loosened",
            )
        is_required = body.required or taken is UPLOAD
        argument = graphql.GraphQLArgument(
            graphql.GraphQLNonNull(taken) if is_required else taken, description=described(body.description)
        )
        return Carried(name, argument, media, content)

    def _structured(self, body: RequestBody, kind: Kind, content: Content, place: str, *, is_read: bool) -> Any:
        schema = content.schema
        if schema is None:
            self._losses.add(body.pointer, "no-schema", "nothing is said of what the body holds; it is JSON")
            return scalars.ANY
        if kind is Kind.PARTS and schema.properties and not is_read:
            return self._parts(schema, place)
        return graphql.get_nullable_type(self._inputs.of(schema, f"{place}Body"))

    def _parts(self, schema: Schema, place: str) -> graphql.GraphQLInputObjectType | graphql.GraphQLScalarType:
        """Give the input type of a multipart form; its files are parts of it, and stand in no object within."""
        fields = dict[str, graphql.GraphQLInputField]()
        names = told_apart(schema.properties, field_name)
        for wire, found in schema.properties.items():
            if found.read_only:
                continue
            kind = _file(found) or self._inputs.of(found, f"{place}{type_name(wire)}", wire)
            is_required = wire in schema.required and not found.nullable
            fields[names[wire]] = graphql.GraphQLInputField(
                graphql.GraphQLNonNull(kind) if is_required else kind,
                description=described(found.description, example=found.example),
                deprecation_reason=None if is_required else outdated(found.deprecated),
                extensions={NAME: wire},
            )
        if not fields:
            return scalars.ANY
        name = self._outputs.names.take(f"{type_name(schema.name or f'{place}Body')}Form")
        return graphql.GraphQLInputObjectType(name, fields, description=described(schema.description))


def _chosen(body: RequestBody) -> tuple[str, Kind, Content]:
    """Give the media type that says most of what a body holds; a form with files is one of parts."""
    found = [(media, kind_of(media), content) for media, content in body.contents.items()]
    if any(kind is Kind.PARTS and _has_files(content.schema) for _, kind, content in found):
        found = [one for one in found if one[1] is not Kind.FORM]
    return min(found, key=lambda one: _ORDER.index(one[1]))


def _has_files(schema: Schema | None) -> bool:
    return schema is not None and any(_file(found) is not None for found in schema.properties.values())


def _file(schema: Schema) -> Any:
    """Give the type of a part that is a file, or several; None for any other part."""
    if schema.kinds == {"array"} and schema.items is not None:
        return None if _file(schema.items) is None else graphql.GraphQLList(graphql.GraphQLNonNull(UPLOAD))
    return UPLOAD if schema.kinds <= {"string"} and schema.format == "binary" else None
