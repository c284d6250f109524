"""Entities of Apollo Federation: their keys, and the objects that representations name.

A router sends *representations*: the type of an object, its key, and what other subgraphs know of it. An object that a
source gives by this key is loaded like a linked one. Otherwise the class's `resolve_reference` finds it, as in
Strawberry. A class without either adds fields to an object of other subgraphs: its representation is the object.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import graphql
from strawberry.federation.schema_directives import External

from resolvers.binding import Bindings, Fetching, Identity, Named, Property
from resolvers.entries import Entries, map_of
from resolvers.keys import definition_of, fields_of, keys_in
from resolvers.node import identity_of
from resolvers.values import python_name, wire_object
from sources import Rest


class Representations:
    """The entities of one graph, and what representations say about them.

    Args:
        kinds: the entities' types.
        by_key: for each type, the load that gives its objects by key, where a source does.
    """

    def __init__(
        self, bindings: Bindings, kinds: Iterable[graphql.GraphQLObjectType], by_key: Mapping[str, Fetching]
    ) -> None:
        self._bindings = bindings
        self._kinds = {kind.name: kind for kind in kinds}
        self._by_key = by_key
        definitions = {name: definition_of(bindings.origins[name]) for name in self._kinds}
        self._keys = {
            name: [fields_of(key) for key in keys_in(found)] for name, found in definitions.items() if found is not None
        }

    def read(self, arguments: Mapping[str, Any]) -> list[Named | Exception]:
        """Give what each representation names, in order, or why it names nothing."""
        found: list[Named | Exception] = []
        for representation in arguments["representations"]:
            try:
                found.append(self._named(representation))
            except graphql.GraphQLError as exc:
                found.append(exc)
        return found

    def _named(self, representation: Any) -> Named:
        name = representation.get("__typename") if isinstance(representation, Mapping) else None
        if not isinstance(name, str):
            raise _refused("a representation is an object with a __typename")
        kind = self._kinds.get(name)
        if kind is None:
            raise _refused(f"{name[:100]!r} is no entity of this graph")
        given = {key: value for key, value in representation.items() if key in kind.fields}
        load = self._by_key.get(name)
        if load is not None:
            key = self._key(kind, load, given)
            if key is not None:
                return Named(name, key, self._external(kind, given, load.source))
        reference = getattr(self._bindings.origins[name], "resolve_reference", None)
        if reference is not None:
            return Named(name, find=_Reference(reference, kind, representation))
        if load is not None:
            raise _refused(f"the representation of {name} lacks {' and '.join(load.call.key)}")
        keys = self._keys[name]
        if not any(all(given.get(part) is not None for part in key) for key in keys):
            raise _refused(f"the representation of {name} lacks {' or '.join(' and '.join(key) for key in keys)}")
        return Named(name, value=self._object(kind, given))

    def _key(self, kind: graphql.GraphQLObjectType, load: Fetching, given: Mapping[str, Any]) -> Any:
        """Give the key by which the source knows the object, None where a part of it lacks."""
        names = {python_name(field, name): name for name, field in kind.fields.items()}
        parts = []
        for part in load.call.key:
            name = names.get(part, "")
            if given.get(name) is None:
                return None
            value = given[name]
            if isinstance(self._bindings.of(kind.name, name), Identity):
                said = identity_of(value)
                if said is None or said[0] != kind.name or len(said[1]) != 1:
                    raise _refused(f"{kind.name}.{name} is no global id of its type")
                parts.append(said[1][0])
                continue
            found = wire_object(self._value(kind.fields[name].type, value, f"{kind.name}.{name}"), load.source)
            if not isinstance(found, str | int) or isinstance(found, bool):
                raise _refused(f"{kind.name}.{name} is no key")
            parts.append(found)
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _external(self, kind: graphql.GraphQLObjectType, given: Mapping[str, Any], source: Rest) -> dict[str, Any]:
        """Give what other subgraphs say of an object, as its own backend would have said it."""
        row: dict[str, Any] = {}
        for name, value in given.items():
            field = kind.fields[name]
            directives = field.extensions["strawberry-definition"].directives
            if any(isinstance(directive, External) for directive in directives):
                self._write(row, kind, name, value, source)
        return row

    def _write(self, row: dict[str, Any], kind: graphql.GraphQLObjectType, name: str, value: Any, source: Rest) -> None:
        binding = self._bindings.of(kind.name, name)
        if isinstance(binding, Property):
            *path, last = binding.where(source)
            for part in path:
                row = row.setdefault(part, {})
            row[last] = self._raw(kind.fields[name].type, value, source, f"{kind.name}.{name}")

    def _raw(self, kind: Any, value: Any, source: Rest, where: str) -> Any:
        """Give a value of a response as the backend would have written it."""
        inner = graphql.get_nullable_type(kind)
        if isinstance(inner, graphql.GraphQLList) and isinstance(value, list):
            items = [self._raw(inner.of_type, item, source, where) for item in value]
            return map_of(items) if isinstance(inner, Entries) else items
        if isinstance(inner, graphql.GraphQLObjectType) and isinstance(value, Mapping):
            row: dict[str, Any] = {}
            for name in value.keys() & inner.fields.keys():
                self._write(row, inner, name, value[name], source)
            return row
        return wire_object(self._value(kind, value, where), source)

    def _value(self, kind: Any, value: Any, where: str) -> Any:
        """Give the value of Python for a value of a response."""
        inner = graphql.get_nullable_type(kind)
        if value is None and inner is kind:
            return None
        try:
            if isinstance(inner, graphql.GraphQLList) and isinstance(value, list):
                return [self._value(inner.of_type, item, where) for item in value]
            if isinstance(inner, graphql.GraphQLObjectType) and isinstance(value, Mapping):
                return self._object(inner, value)
            if graphql.is_leaf_type(inner) and value is not None:
                return inner.parse_value(value)
        except graphql.GraphQLError as exc:
            raise _refused(f"{where} is not what its type says: {exc.message}") from exc
        except (ValueError, TypeError) as exc:
            raise _refused(f"{where} is not what its type says") from exc
        raise _refused(f"{where} is not what its type says")

    def _object(self, kind: graphql.GraphQLObjectType, given: Mapping[str, Any]) -> Any:
        """Give the author's object with what is known of it; no constructor is run, and what is not known is None."""
        origin = self._bindings.origins[kind.name]
        instance = object.__new__(origin)
        for attribute in dataclasses.fields(origin):
            default = attribute.default
            if attribute.default_factory is not dataclasses.MISSING:
                default = attribute.default_factory()
            object.__setattr__(instance, attribute.name, None if default is dataclasses.MISSING else default)
        for name in given.keys() & kind.fields.keys():
            field = kind.fields[name]
            if isinstance(self._bindings.of(kind.name, name), Property):
                value = self._value(field.type, given[name], f"{kind.name}.{name}")
                object.__setattr__(instance, python_name(field, name), value)
        return instance


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """A call of a class's `resolve_reference`, with what a representation has of its parameters."""

    function: Any
    kind: graphql.GraphQLObjectType
    representation: Mapping[str, Any]

    def __call__(self, info: graphql.GraphQLResolveInfo[Any]) -> Any:
        given = {name: value for name, value in self.representation.items() if name != "__typename"}
        for name, field in self.kind.fields.items():
            if name in given:
                given.setdefault(python_name(field, name), given[name])
        parameters = inspect.signature(self.function).parameters
        if "info" in parameters:
            schema = info.schema.extensions["strawberry-definition"]
            field = info.parent_type.fields[info.field_name].extensions["strawberry-definition"]
            given["info"] = schema.config.info_class(_raw_info=info, _field=field)
        if not any(found.kind is inspect.Parameter.VAR_KEYWORD for found in parameters.values()):
            given = {name: value for name, value in given.items() if name in parameters}
        missing = [name for name, found in parameters.items() if found.default is found.empty and name not in given]
        if missing and not any(found.kind is inspect.Parameter.VAR_KEYWORD for found in parameters.values()):
            raise _refused(f"the representation of {self.kind.name} lacks {' and '.join(missing)}")
        return self.function(**given)


def _refused(message: str) -> graphql.GraphQLError:
    return graphql.GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})
