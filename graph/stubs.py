"""Operations of a document written as stubs that name them."""

from __future__ import annotations

import datetime as dt
import decimal
import inspect
import math
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import graphql

from graph.layout import Group, Part, Text, annotated, call, docstring, lines, literal
from graph.spelling import Spelling, member_name
from resolvers import OPERATION, mark_on
from resolvers.openapi import Offer
from sources import Call, Webhook
from sources.openapi import OpenAPI, Operation

# Names that mean something else in the signature of a function that Strawberry reads.
_NO_ARGUMENTS = frozenset({"self", "cls", "info", "root", "parent"})
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PLAIN = frozenset({"Int", "Float", "Boolean", "String"})
_NAMED = {"ID": "strawberry.ID", "Int64": "Int64", "URL": "URL", "Email": "Email"}
_READ = {dt.datetime: "dt.datetime", dt.date: "dt.date", dt.time: "dt.time"}
_WIDEST = 106  # characters of a docstring's line, whatever its indentation
_LONGEST_DEFAULT = 60  # characters of a default that stands in a signature
Arguments = Mapping[str, tuple[str, graphql.GraphQLArgument]]


class _Unwritten(Exception):
    """A stub that cannot be written, and why."""


class Stubs:
    """Writes fields that are calls.

    Args:
        variable: the name of the variable that holds the backend.
        left: takes what is left out.

    `constants` are lines that stand before the classes: defaults that no signature may hold.
    """

    def __init__(self, spelling: Spelling, source: OpenAPI, variable: str, left: list[str]) -> None:
        self._spelling = spelling
        self._source = source
        self._variable = variable
        self._left = left
        self.constants: list[str] = []

    def of(self, owner: str, name: str, field: graphql.GraphQLField, taken: set[str]) -> list[str]:
        """Give the lines of a stub; none where it is left out."""
        try:
            return list(self._stub(owner, name, field, taken))
        except _Unwritten as exc:
            self._left.append(f"{owner}.{name}: {exc}")
            return []

    def named(self, operation: object) -> Text:
        """Give how a declaration names an operation: by its ``operationId``, else by method and path."""
        api = self._source.api
        if isinstance(operation, Operation) and api is not None:
            for name in (operation.id or "", str(operation)):
                found = api.named(name) if name.strip() and not name.startswith(("/", "{")) else None
                if found is not None and found.pointer == operation.pointer:
                    return Text(name)
        raise _Unwritten("the document has no name for it")

    def _stub(self, owner: str, name: str, field: graphql.GraphQLField, taken: set[str]) -> Iterator[str]:
        mark, spelling = mark_on(field), self._spelling
        if not isinstance(mark, Call):
            raise _Unwritten("it is no call")
        attribute = spelling.attribute(name, taken)
        arguments: dict[str, tuple[str, graphql.GraphQLArgument]] = {}
        for known, argument in field.args.items():
            used = _NO_ARGUMENTS.union(found for found, _ in arguments.values())
            arguments[known] = spelling.attribute(known, used), argument
        declared = self._pushed(mark) if mark.pushed is not None else self._called(mark, field, arguments)
        taken.add(attribute)
        told = field.description or ""
        has_docstring = bool(told) and _is_plain(told)
        shown: list[Part] = [] if spelling.says(attribute, name) else [literal(name)]
        if told and not has_docstring:
            shown.append(Text(told, "description="))
        if shown:
            yield from lines(call(f"@{spelling.name('shown_as')}", *shown), 1)
        yield from lines(declared, 1)
        parameters = self._parameters(f"{owner}.{name}", attribute, arguments)
        answer = f") -> {spelling.annotation(field.type)}:"
        definition = Group(f"def {attribute}(", ("self", *parameters), answer, is_definition=True)
        if has_docstring:
            yield from lines(definition, 1)
            yield from docstring(told, 2)
        else:
            yield from lines(definition, 1, after=" ...")

    def _pushed(self, mark: Call) -> Part:
        feed = mark.pushed.feed if mark.pushed is not None else None
        if not isinstance(feed, Webhook):
            raise _Unwritten("its events come in a way that cannot be written")
        return call(f"@{self._variable}.webhook", Text(feed.topic))

    def _called(self, mark: Call, field: graphql.GraphQLField, arguments: Arguments) -> Part:
        """Give the decorator of a stub that names an operation."""
        operation = field.extensions.get(OPERATION)
        name = self.named(operation)
        if not isinstance(operation, Operation) or not (mark.reads or operation.method in _METHODS):
            raise _Unwritten(f"no declaration sends {operation}")
        offer = Offer(self._source, operation, field)
        options: list[Part] = [name]
        if mark.batch is not None:
            options += [Text(name.value, "batch="), f"group_by={literal(mark.key[0])}"]
        inputs = dict(mark.inputs)
        sent: dict[str, str] = {}
        for (attribute, _), variable in zip(arguments.values(), offer.variables, strict=True):
            sent[variable] = attribute
            if (offer.named.get(attribute) if variable in offer.parameters else attribute) != variable:
                inputs[variable] = attribute
        if inputs:
            items = (f"{literal(variable)}: {literal(given)}" for variable, given in inputs.items())
            options.append(Group("inputs={", tuple(items), "}"))
        if mark.invalidates:
            options.append(_invalidated(mark.invalidates, sent))
        if field.deprecation_reason:
            options.append(Text(field.deprecation_reason, "deprecation_reason="))
        return call(f"@{self._variable}.{'get' if mark.reads else operation.method.lower()}", *options)

    # -- arguments ------------------------------------------------------------------------------------------------

    def _parameters(self, where: str, stub: str, arguments: Arguments) -> Iterator[Part]:
        made = [self._parameter(where, stub, known, *found) for known, found in arguments.items()]
        yield from (part for part, is_required in made if is_required)
        yield from (part for part, is_required in made if not is_required)

    def _parameter(
        self, where: str, stub: str, known: str, attribute: str, argument: graphql.GraphQLArgument
    ) -> tuple[Part, bool]:
        kind: Any = argument.type
        value = self.default(argument, f"{where}({known}:)")
        if value is None and argument.default_value is not graphql.Undefined and graphql.is_non_null_type(kind):
            kind = kind.of_type  # a default that cannot be written: it may be left out all the same
        default = None if graphql.is_non_null_type(kind) else "None"
        if isinstance(value, str) and not value.endswith(")") and len(value) <= _LONGEST_DEFAULT:
            default = value
        elif value is not None:  # which no signature may hold
            default = self._spelling.constant(f"{stub}_{attribute}")
            given = argument.default_value
            written: Part = Text(given) if isinstance(given, str) and value == literal(given) else str(value)
            if isinstance(value, list):
                held = self._spelling.annotation(graphql.GraphQLNonNull(graphql.get_nullable_type(kind)))
                self.constants += annotated(default, held, Group("[", tuple(value), "]"))
            else:
                self.constants += lines(written, before=f"{default} = ")
        options: list[Part] = []
        if not self._spelling.says(attribute, known):
            options.append(f"name={literal(known)}")
        if argument.deprecation_reason:
            options.append(Text(argument.deprecation_reason, "deprecation_reason="))
        if argument.description:
            options.append(Text(argument.description, "description="))
        annotation = self._spelling.annotation(kind)
        after = "" if default is None else f" = {default}"
        if not options:
            return f"{attribute}: {annotation}{after}", default is None
        told = call("strawberry.argument", *options)
        annotated_as = Group(f"{attribute}: {self._spelling.name('Annotated')}[", (annotation, told), f"]{after}")
        return annotated_as, default is None

    def default(
        self, element: graphql.GraphQLArgument | graphql.GraphQLInputField, where: str
    ) -> str | list[str] | None:
        """Give a default as Python says it; None where there is none, or none that can be written, which is noted."""
        value = element.default_value
        if value is graphql.Undefined:
            return None
        kind: Any = graphql.get_nullable_type(element.type)
        if isinstance(kind, graphql.GraphQLList):
            given = value if isinstance(value, list) else [value]
            found = [self._value(item, kind.of_type) for item in given]
            if None not in found:
                return [text for text in found if text is not None]
        elif (written := self._value(value, kind)) is not None:
            return written
        self._left.append(f"{where}: its default {value!r:.60} cannot be written")
        return None

    def _value(self, value: Any, kind: Any) -> str | None:
        kind = graphql.get_nullable_type(kind)
        if isinstance(kind, graphql.GraphQLEnumType):
            member = next((name for name, held in kind.values.items() if held.value == value), None)
            return None if member is None else f"{self._spelling.class_of(kind.name)}.{member_name(member)}"
        if not isinstance(kind, graphql.GraphQLScalarType):
            return None
        if isinstance(value, dt.date | dt.time):
            return f"{self._spelling.name(_READ[type(value)])}.fromisoformat({literal(value.isoformat())})"
        if isinstance(value, decimal.Decimal | uuid.UUID):
            return f"{self._spelling.name(type(value).__name__)}({literal(str(value))})"
        if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
            return None
        plain = literal(value) if isinstance(value, str) else repr(value)
        if kind.name in _PLAIN:
            return plain
        named = _NAMED.get(kind.name)
        return None if named is None else f"{self._spelling.name(named)}({plain})"


def _is_plain(text: str) -> bool:
    """Tell whether a docstring would say exactly this, on lines that fit."""
    fits = all(len(line) <= _WIDEST and line.isprintable() and line == line.rstrip() for line in text.split("\n"))
    return fits and inspect.cleandoc(text) == text and "\\" not in text and '"""' not in text and text[0] != '"'


def _invalidated(stale: Mapping[str, str | None], sent: Mapping[str, str]) -> Part:
    """Give which types a write makes stale, as an option."""
    if not any(stale.values()):
        return Group("invalidates=[", tuple(map(literal, stale)), "]")
    held = {kind: "None" if variable is None else literal(sent[variable]) for kind, variable in stale.items()}
    return Group("invalidates={", tuple(f"{literal(kind)}: {key}" for kind, key in held.items()), "}")
