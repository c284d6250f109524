"""Decoders that read only what an operation needs, and check types while they read.

A `Need` is the tree of properties wanted from a JSON object; `Decoders` turns it into a msgspec Struct and keeps the
Struct for every other operation with the same need, whatever its text. Of a value that is no object the value itself
is wanted (`ITSELF`); what is wanted of a map is wanted of its entries. Fields of Structs are named ``f0, f1, ...``;
the backend's names appear only as msgspec's rename table, so no name from outside ever reaches generated code.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Hashable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import cachetools
import graphql
import msgspec

from resolvers import ENTRY_VALUE, JSON_TYPES, Entries, is_map, wrapped
from sources import Number

INT = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
MATCH = str | int
KEY = MATCH | None
ITSELF: Any = object()  # the name of what is no property, but the value
_SCALARS: dict[str, Any] = {"Int": INT, "Float": float, "String": str, "Boolean": bool, "ID": str | int}


class Uncompilable(Exception):
    """The operation cannot be answered by the compiled path; the exact path answers it."""


class Need:
    """The properties wanted from one kind of JSON object, in the order in which they were first asked for.

    An object whose type shows when it is read has a need for each type that it may have, in `options`.

    Args:
        label: of an option, its object type; options are told apart by it even where they want the same.
    """

    def __init__(self, label: str | None = None) -> None:
        self.label = label
        self.options: dict[str, Need] = {}
        self.names: dict[Any, int] = {}
        self.kinds: list[Any] = []
        self.needs: list[Need | None] = []

    def leaf(self, name: str, kind: Any) -> str:
        """Want a scalar of a msgspec type; give its field name."""
        index = self._index(name)
        if index == len(self.kinds):
            self.kinds.append(kind)
            self.needs.append(None)
        elif kind is msgspec.Raw:  # only there has to be something
            return f"f{index}"
        elif self.needs[index] is not None:
            raise Uncompilable(f"{name} is read as an object and as a scalar")
        elif self.kinds[index] != kind:
            self.kinds[index] = _stricter(self.kinds[index], kind)
        return f"f{index}"

    def object(self, name: str, kind: Any) -> tuple[str, Need]:
        """Want an object, or lists of objects as the GraphQL type ``kind`` says; None is an object that may lack."""
        index = self._index(name)
        if index < len(self.kinds) and self.kinds[index] is msgspec.Raw:
            self.kinds[index], self.needs[index] = kind, Need()
        if index == len(self.kinds):
            self.kinds.append(kind)
            self.needs.append(Need())
        found, known = self.needs[index], self.kinds[index]
        if found is None:
            raise Uncompilable(f"{name} is read as a scalar and as an object")
        if known is None and _is_object(kind):
            self.kinds[index] = kind  # an object on the way to something is one of the graph's as well
        elif _spelled(known) != _spelled(kind) and not (kind is None and _is_object(known)):
            raise Uncompilable(f"{name} is read in two ways")
        return f"f{index}", found

    def option(self, type_name: str) -> Need:
        """Give the need from an object of one type among several."""
        if self.names:
            raise Uncompilable("an object is read both with and without a known type")
        return self.options.setdefault(type_name, Need(type_name))

    def key_kind(self, path: tuple[str, ...]) -> str:
        """Give ``Int`` or ``String`` where the property at the path is always that, else ``?``."""
        need = self
        if self.options:
            return "?"
        *on_the_way, last = path or (ITSELF,)
        for name in on_the_way:
            below = need.needs[need.names[name]]
            if below is None:
                return "?"
            need = below
        kind = need.kinds[need.names[last]]
        if kind in (INT, INT | None):
            return "Int"
        return "String" if kind in (str, str | None) else "?"

    @property
    def is_whole(self) -> bool:
        """Whether the value itself is wanted, and no property of it."""
        return ITSELF in self.names

    def _index(self, name: str) -> int:
        if self.options:
            raise Uncompilable("an object is read both with and without a known type")
        if self.names and self.is_whole is not (name is ITSELF):
            raise Uncompilable("an object is read both as a whole and by its properties")
        return self.names.setdefault(name, len(self.names))

    def signature(self) -> Hashable:
        """Give what makes two needs equal."""
        kinds = map(_spelled, self.kinds)
        below = (None if need is None else need.signature() for need in self.needs)
        options = tuple(option.signature() for option in self.options.values())
        return (self.label, options, *zip(self.names, kinds, below, strict=True))


def _spelled(kind: Any) -> str:
    """Write a type down; a map is not a list."""
    return f"{kind} as map" if is_map(kind) else str(kind)


def _stricter(one: Any, other: Any) -> Any:
    """Give the type of a property that is read twice: a field's rather than a key's, and without null if either is."""
    if one is msgspec.Raw:
        return other
    bare, also = without_null(one), without_null(other)
    if bare == also or also == MATCH:
        found = bare
    elif bare == MATCH:
        found = also
    else:
        raise Uncompilable("a property is read as two types")
    return found | None if bare != one and also != other else found


def without_null(kind: Any) -> Any:
    """Give the msgspec type that accepts the same values but null; `Any` stays, it cannot tell."""
    return functools.reduce(operator.or_, [option for option in options_of(kind) if option is not type(None)])


def options_of(kind: Any) -> tuple[Any, ...]:
    """Give the members of a union of msgspec types, or the type alone."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def leaf_type(kind: graphql.GraphQLOutputType) -> Any:
    """Give the msgspec type that accepts exactly the JSON values which need no coercion."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return _leaf_item(kind.of_type)
    return _leaf_item(kind) | None


def _leaf_item(kind: Any) -> Any:
    if isinstance(kind, graphql.GraphQLList):
        return list_of(leaf_type(kind.of_type))
    return _SCALARS.get(kind.name) or JSON_TYPES.get(kind, Any)


def list_of(item: Any) -> Any:
    """Give the msgspec type of a list."""
    return list[item]


class Decoders:
    """Struct types and decoders, shared by all operations of a graph and bounded."""

    def __init__(self, size: int = 2000) -> None:
        self._structs: cachetools.LRUCache[Hashable, type[msgspec.Struct]] = cachetools.LRUCache(size)
        self._decoders: cachetools.LRUCache[Hashable, msgspec.json.Decoder[Any]] = cachetools.LRUCache(size)
        self._outputs: cachetools.LRUCache[Hashable, type[msgspec.Struct]] = cachetools.LRUCache(size)

    def struct(self, need: Need) -> Any:
        """Give the Struct whose objects stand for what a need is read from."""
        identity = need.signature()
        known = self._structs.get(identity)
        if known is None:
            fields: list[Any] = []
            for index, (kind, below) in enumerate(zip(need.kinds, need.needs, strict=True)):
                spelled = self.value(kind, below)
                fields.append((f"f{index}", spelled, None) if _is_nullable(kind) else (f"f{index}", spelled))
            rename = {f"f{index}": name for name, index in need.names.items() if name is not ITSELF}
            known = self._structs[identity] = msgspec.defstruct("Read", fields, rename=rename, kw_only=True, gc=False)
        return known

    def entry(self, need: Need) -> Any:
        """Give the Struct for entries of a map; it is called with what is wanted of them, in the order of the need."""
        identity = ("entry", need.signature())
        known = self._structs.get(identity)
        if known is None:
            rename = {f"f{index}": name for name, index in need.names.items()}
            known = self._structs[identity] = msgspec.defstruct("Entry", list(rename), rename=rename, gc=False)
        return known

    def item(self, need: Need) -> Any:
        """Give the msgspec type that reads a need; where the type shows later, that of JSON not yet read."""
        if need.options:
            return msgspec.Raw
        return self.value(need.kinds[0], need.needs[0]) if need.is_whole else self.struct(need)

    def value(self, kind: Any, below: Need | None) -> Any:
        """Give the msgspec type of a property: ``kind`` itself, or what the GraphQL type ``kind`` says of a need."""
        return kind if below is None else self.payload(kind, below)

    def payload(self, kind: Any, need: Need) -> Any:
        """Give the msgspec type for a GraphQL type of whose objects this is wanted; None is one that may lack."""
        if kind is None:
            return _or_null(self.item(need))
        if isinstance(kind, graphql.GraphQLNonNull):
            return self._payload_item(kind.of_type, need)
        return _or_null(self._payload_item(kind, need))

    def _payload_item(self, kind: Any, need: Need) -> Any:
        if isinstance(kind, Entries):
            index = need.names.get(ENTRY_VALUE)
            held = msgspec.Raw if index is None else self.value(need.kinds[index], need.needs[index])
            return dict[str, held]  # type: ignore[valid-type]  # a type made of what is wanted
        if isinstance(kind, graphql.GraphQLList):
            return list_of(self.payload(kind.of_type, need))
        return self.item(need)

    def decoder(self, identity: Hashable, payload: Any, path: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
        """Give the decoder for a payload inside an envelope."""
        whole = (identity, path)
        known = self._decoders.get(whole)
        if known is None:
            known = self._decoders[whole] = msgspec.json.Decoder(wrapped(payload, path), float_hook=Number)
        return known

    def output(self, keys: tuple[str, ...]) -> type[msgspec.Struct]:
        """Give the Struct that encodes as an object with these response keys, in this order."""
        known = self._outputs.get(keys)
        if known is None:
            fields = [(f"f{index}", Any) for index in range(len(keys))]
            rename = {f"f{index}": key for index, key in enumerate(keys)}
            known = self._outputs[keys] = msgspec.defstruct("Write", fields, rename=rename, gc=False)
        return known


def _is_object(kind: Any) -> bool:
    return not isinstance(graphql.get_nullable_type(kind), graphql.GraphQLList)


def _or_null(kind: Any) -> Any:
    return kind if kind is msgspec.Raw else kind | None


def _is_nullable(kind: Any) -> bool:
    if kind is None:
        return True
    if isinstance(kind, graphql.GraphQLType):
        return not isinstance(kind, graphql.GraphQLNonNull)
    return kind is Any or type(None) in getattr(kind, "__args__", ())
