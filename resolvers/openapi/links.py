"""What an answer leads to, as its document says: fields of the type that is answered.

A parameter of the other operation comes from the answer, ``$response.body#/id``. What came from the request,
``$request.path.id``, is not known any more when the field is asked for; where the answer has a property of that name,
it is taken to be that.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import graphql

from resolvers.marks import MARK, OPERATION
from resolvers.openapi.built import Built
from resolvers.openapi.defaults import default_of
from resolvers.openapi.names import Names, field_name
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.results import json_schema
from resolvers.openapi.texts import described
from sources.openapi import Link, Losses, Operation, Schema

_BODY = re.compile(r"\$response\.body#(/.+)")
_REQUEST = re.compile(r"\$request\.(?:path\.|query\.|body#/)([^/]+)")
_INDEX = re.compile(r"[0-9]+")


class _Unlinked(Exception):
    """A link that is no field; the message says why."""


class Links:
    """The links of one document's operations.

    Args:
        built: the fields of its operations.
    """

    def __init__(self, built: Mapping[Operation, Built], outputs: Outputs, losses: Losses) -> None:
        self._built = built
        self._outputs = outputs
        self._losses = losses
        self._by_id = {operation.id: operation for operation in built if operation.id is not None}
        self._by_pointer = {operation.pointer: operation for operation in built}

    def add(self) -> None:
        """Give each type that is answered the fields of its links."""
        for operation in self._built:
            for answer in operation.answers.values():
                schema = json_schema(answer) if answer.is_success else None
                for link in answer.links:
                    try:
                        self._add(link, schema)
                    except _Unlinked as exc:
                        self._losses.add(link.pointer, "link", f"{exc}; the link is left out", "left-out")

    def _add(self, link: Link, schema: Schema | None) -> None:
        kind = None if schema is None else self._outputs.of(schema, "")
        if schema is None or not isinstance(kind, graphql.GraphQLObjectType):
            raise _Unlinked("the answer is no object with properties")
        target = self._by_id.get(link.operation) or self._by_pointer.get(_pointer(link.operation))
        if target is None:
            raise _Unlinked(f"there is no operation {link.operation!r} in the graph")
        built = self._built[target]
        if not built.call.reads or built.call.single is None:
            raise _Unlinked(f"{target} writes, and a field of an object only reads")
        inputs, defaults = dict[str, str](), dict[str, Any]()
        for key, value in link.parameters.items():
            variable = _variable(built, key)
            if variable is None:
                raise _Unlinked(f"{target} has no parameter {key!r}")
            if isinstance(value, str) and value.strip("{}").startswith("$"):
                inputs[variable] = self._attribute(link, key, value.strip("{}"), schema)
            else:
                defaults[variable] = value
        self._put(kind, link, built, inputs, defaults)

    def _attribute(self, link: Link, key: str, expression: str, schema: Schema) -> str:
        """Give where the parent's object holds a parameter, as `Call.inputs` says it."""
        found = _BODY.fullmatch(expression)
        if found is not None:
            parts = [part.replace("~1", "/").replace("~0", "~") for part in found.group(1).split("/")[1:]]
            if len(parts) > 1 and any("." in part or _INDEX.fullmatch(part) for part in parts):
                raise _Unlinked(f"{expression} is no path of properties")
            if parts[0] not in schema.properties:
                raise _Unlinked(f"the answer has no property {parts[0]!r}")
            return ".".join(parts)
        found = _REQUEST.fullmatch(expression)
        if found is not None and found.group(1) in schema.properties:
            self._losses.add(
                link.pointer,
                "link-of-request",
                f"{expression} is taken from the property {found.group(1)!r} of the answer",
                "loosened",
            )
            return found.group(1)
        raise _Unlinked(f"the parameter {key!r} is {expression}, which the answer does not say")

    def _put(
        self,
        kind: graphql.GraphQLObjectType,
        link: Link,
        built: Built,
        inputs: Mapping[str, str],
        defaults: Mapping[str, Any],
    ) -> None:
        arguments = dict[str, graphql.GraphQLArgument]()
        for name, argument in built.arguments.items():
            if name in inputs:
                continue
            if name in defaults:
                default = default_of(defaults[name], argument.type)
                if default is graphql.Undefined:
                    raise _Unlinked(f"the parameter {name!r} is {defaults[name]!r}, which is not of its type")
                arguments[name] = graphql.GraphQLArgument(
                    argument.type, default, description=argument.description, extensions=argument.extensions
                )
            else:
                arguments[name] = argument
        if any(attribute in arguments for attribute in inputs.values()):
            raise _Unlinked("an argument of the field would have the name of a property that the link takes")
        call = dataclasses.replace(built.call, inputs=dict(inputs), name=link.name)
        name = field_name(link.name)
        known = kind.fields.get(name)
        if known is not None:
            mark = known.extensions.get(MARK)
            if getattr(mark, "single", None) is call.single and getattr(mark, "inputs", None) == call.inputs:
                return
            name = Names(kind.fields).take(f"{name}Link")
        kind.fields[name] = graphql.GraphQLField(
            graphql.get_nullable_type(built.kind),
            arguments,
            description=described(link.description),
            extensions={MARK: call, OPERATION: built.operation},
        )


def _pointer(text: str) -> str:
    return text[text.find("#") :] if "#" in text else text


def _variable(built: Built, key: str) -> str | None:
    """Give the variable of a parameter that a link names, perhaps with its place: ``path.id``."""
    place, _, name = key.partition(".")
    for placed in built.placed:
        if placed.name == key or (placed.name == name and placed.place == place):
            return placed.variable
    return None
