"""A schema of a document, however its version spells it. Nothing is read before it is asked for.

A document refers to its schemas in circles, so a `Schema` is a view: one object for each place, whose parts are views
again. Two views are the same schema if they are the same object.

**Theory of operation.** What a value may be is said by several nodes of the document at once: the schema's own, and
those that it takes over (``allOf``, a reference with words beside it, a ``oneOf`` with one member). `parts` is the flat
list of them, own last, each once, found without recursion and bounded; whatever is asked of a schema is then worked
out over these nodes one by one. So circles of ``allOf`` end, and thousands of schemas that take over each other need
no stack.

A place often says no more than a description or "or null" around another schema. The other one is its `shape`: there
the types of values are to be found, by its identity, while the place says whether the value may be null and what it is
called in words.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from sources.openapi import keywords
from sources.openapi.document import DocumentError, below
from sources.openapi.keywords import BOUNDING, COMBINING, DESCRIBING, KINDS, Node
from sources.openapi.loss import Effect
from sources.openapi.pointer import component_at
from sources.openapi.telling import Telling, telling

if TYPE_CHECKING:
    from sources.openapi.schemas import Schemas

Json = Any
T = TypeVar("T")
_MOST_PARTS = 100
_MOST_BESIDES = 4
_PASSING = DESCRIBING | COMBINING | {"type"}
_LOW = ("minimum", "exclusiveMinimum")
_HIGH = ("maximum", "exclusiveMaximum")


class _of_shape(Generic[T]):  # a decorator
    """An attribute that is read once, and from the shape where that is another schema."""

    def __init__(self, read: Callable[[Schema], T]) -> None:
        self._read = read
        self._name = read.__name__
        self.__doc__ = read.__doc__

    @overload
    def __get__(self, schema: None, owner: type) -> _of_shape[T]: ...
    @overload
    def __get__(self, schema: Schema, owner: type) -> T: ...
    def __get__(self, schema: Schema | None, owner: type) -> _of_shape[T] | T:
        if schema is None:
            return self
        shape = schema.shape
        found: T = self._read(schema) if shape is schema else getattr(shape, self._name)
        schema.__dict__[self._name] = found  # which is looked up first from now on
        return found


class Schema:
    """What a value may be.

    Args:
        taken: the schemas that it takes over besides those of its ``allOf``.

    Attributes:
        pointer: where it stands.
        name: the component's name; None for a schema that stands where it is used.
        node: what is written there.
    """

    def __init__(
        self,
        schemas: Schemas,
        node: Node,
        pointer: str,
        taken: tuple[Schema, ...] = (),
        *,
        is_combined: bool = False,
    ) -> None:
        self._schemas = schemas
        self.node = node
        self.pointer = pointer
        self._taken = taken
        self.name = None if is_combined else component_at(pointer)

    def __repr__(self) -> str:
        return f"Schema({self.pointer!r})"

    # -- what it is made of ---------------------------------------------------------------------------------------

    def _listed(self, word: str) -> tuple[Schema, ...]:
        return tuple(
            self._schemas.at(one, below(self.pointer, word, index))
            for index, one in enumerate(keywords.listed(self.node, word))
            if not keywords.is_null(one)
        )

    @functools.cached_property
    def _choices(self) -> tuple[Schema, ...]:
        """The members of its own ``oneOf`` or ``anyOf``, but for null."""
        return tuple(dict.fromkeys(self._listed("oneOf") or self._listed("anyOf")))

    @functools.cached_property
    def _takes(self) -> tuple[Schema, ...]:
        """The schemas that it takes over, an only choice among them."""
        return (*self._taken, *self._listed("allOf"), *(self._choices if len(self._choices) == 1 else ()))

    def says_beyond(self, words: frozenset[str]) -> bool:
        """Tell whether it says anything of a value besides what such words say."""
        return bool(self._taken) or keywords.words_beyond(self.node, words)

    @functools.cached_property
    def shape(self) -> Schema:
        """The schema that says what a value is; another one where this one only describes that, or adds null."""
        schema, seen = self, set[Schema]()
        while schema not in seen and len(seen) < _MOST_PARTS:
            seen.add(schema)
            others = [one for one in schema._takes if one.says_beyond(DESCRIBING)]
            is_open = len(schema._choices) > 1 or keywords.words_beyond(schema.node, _PASSING)
            if len(others) != 1 or is_open:
                return schema
            schema = others[0]
        return self

    @functools.cached_property
    def parts(self) -> tuple[Schema, ...]:
        """All schemas that a value follows at once: those that it takes over in their order, itself last."""
        found: dict[Schema, None] = {}
        seen = {self}
        waiting: list[tuple[Schema, Iterator[Schema]]] = [(self, iter(self._takes))]
        while waiting:
            schema, others = waiting[-1]
            for other in others:
                if other in seen:
                    continue
                seen.add(other)
                if len(seen) > _MOST_PARTS:
                    self._lose(
                        "too-many-parts", f"it takes over more than {_MOST_PARTS} schemas; the others do not count"
                    )
                    break
                waiting.append((other, iter(other._takes)))
                break
            else:
                waiting.pop()
                found[schema] = None
        return tuple(found)

    def _lose(self, reason: str, message: str, effect: Effect = "loosened") -> None:
        self._schemas.losses.add(self.pointer, reason, message, effect)

    # -- in words -------------------------------------------------------------------------------------------------

    def _said(self, word: str) -> Json:
        """Give what it says itself, or else what its shape does."""
        found = self.node.get(word)
        return self.shape.node.get(word) if found is None else found

    def _text(self, word: str) -> str | None:
        found = self._said(word)
        return found if isinstance(found, str) and found else None

    @property
    def title(self) -> str | None:
        """Its title."""
        return self._text("title")

    @property
    def description(self) -> str | None:
        """What it is, for people."""
        return self._text("description")

    @property
    def deprecated(self) -> bool:
        """Whether it should no longer be used."""
        return keywords.is_true(self._said("deprecated"))

    @functools.cached_property
    def read_only(self) -> bool:
        """Whether it is sent by the backend only."""
        return any(keywords.is_true(part.node.get("readOnly")) for part in self.parts)

    @functools.cached_property
    def write_only(self) -> bool:
        """Whether it is sent to the backend only."""
        return any(keywords.is_true(part.node.get("writeOnly")) for part in self.parts)

    @property
    def default(self) -> Json:
        """What is taken where it is left out; None where nothing is said."""
        return keywords.spelled(self._said("default"), self.kinds)

    @property
    def example(self) -> Json:
        """An example of a value; None where there is none."""
        found, several = self._said("example"), self._said("examples")
        if found is None and isinstance(several, list) and several:
            found = several[0]
        return keywords.spelled(found, self.kinds)

    @functools.cached_property
    def nullable(self) -> bool:
        """Whether it may be null."""
        if keywords.allows_null(self.node) or any(keywords.allows_null(one.node) for one in self._choices):
            return True
        taken = ([keywords.allows_null(part.node) for part in one.parts] for one in self._takes)
        return bool(self._takes) and all(map(any, taken))

    # -- what a value is ------------------------------------------------------------------------------------------

    @_of_shape
    def kinds(self) -> frozenset[str]:
        """Which kinds of JSON it may be, without null; none of them where it may be anything."""
        if self._own_kinds:
            return self._own_kinds
        found: set[str] = set()
        seen: set[Schema] = {self}
        waiting = list(self.options)
        while waiting:
            option = waiting.pop()
            if option in seen:
                continue
            seen.add(option)
            if option.shape._own_kinds:
                found |= option.shape._own_kinds
            elif option.options:
                waiting += option.options
            else:
                return frozenset()
        return frozenset(found)

    @functools.cached_property
    def _own_kinds(self) -> frozenset[str]:
        """The kinds that it names, or means, without looking at its options."""
        found: frozenset[str] = frozenset()
        for part in self.parts:
            named = keywords.types_of(part.node) & KINDS
            common = keywords.common_kinds(found, named)
            if found and named and not common:
                self._lose("contradiction", "its parts name types that exclude each other; the last one counts")
            found = common or named or found
        if found:
            return found
        for part in self.parts:
            found |= keywords.inferred_kinds(part.node)
        values = [keywords.kind_of(value) for value in self.enum or ()]
        return found or frozenset(values)

    @_of_shape
    def enum(self) -> tuple[Json, ...] | None:
        """The values that it may have, without null; None where they are not listed."""
        found: tuple[Json, ...] | None = None
        for part in self.parts:
            values = keywords.values_of(part.node)
            if values is None:
                continue
            both = values if found is None else tuple(value for value in found if value in values)
            found = both or values
        if found is None and self._choices and self._choices == self._ways:
            lists = [one._own_values for one in self._choices]
            if all(lists):
                found = tuple(value for values in lists for value in values)
        if found is None:
            return None
        kinds = frozenset().union(*(keywords.types_of(part.node) & KINDS for part in self.parts))
        return _distinct(keywords.spelled(value, kinds) for value in found if value is not None) or None

    @functools.cached_property
    def _own_values(self) -> tuple[Json, ...]:
        lists = [keywords.values_of(part.node) or () for part in self.parts]
        return next((values for values in reversed(lists) if values), ())

    @_of_shape
    def format(self) -> str | None:
        """What kind of text or number it is."""
        return next((form for part in reversed(self.parts) if (form := keywords.format_of(part.node))), None)

    @_of_shape
    def minimum(self) -> int | float | None:
        """The smallest value; None where nothing is said."""
        return max((low for part in self.parts for low in keywords.bounds_of(part.node, *_LOW)), default=None)

    @_of_shape
    def maximum(self) -> int | float | None:
        """The largest value; None where nothing is said."""
        return min((high for part in self.parts for high in keywords.bounds_of(part.node, *_HIGH)), default=None)

    # -- what objects and arrays hold -----------------------------------------------------------------------------

    @_of_shape
    def properties(self) -> Mapping[str, Schema]:
        """The properties of an object, those of all its parts."""
        found: dict[str, tuple[Schema, ...]] = {}
        for part in self.parts:
            for name, schema in part._own_properties.items():
                found[name] = (*found.get(name, ()), schema)
        return {name: self._schemas.combined(schemas) for name, schemas in found.items()}

    @functools.cached_property
    def _own_properties(self) -> Mapping[str, Schema]:
        if "properties" not in self.node:
            return {}
        try:
            own, where = self._schemas.document.resolve(self.node["properties"], below(self.pointer, "properties"))
        except DocumentError as exc:
            self._lose("broken-reference", f"{exc}; the properties are left out", "left-out")
            return {}
        if not isinstance(own, dict):
            self._lose("broken-schema", "the properties are no object; they are left out", "left-out")
            return {}
        return {name: self._schemas.at(node, below(where, name)) for name, node in own.items() if node is not False}

    @_of_shape
    def required(self) -> frozenset[str]:
        """The properties that are always there."""
        return frozenset(
            name for part in self.parts for name in keywords.listed(part.node, "required") if isinstance(name, str)
        )

    @_of_shape
    def items(self) -> Schema | None:
        """What an array holds; None where nothing is said."""
        found = []
        for part in self.parts:
            if isinstance(part.node.get("prefixItems"), list) or isinstance(part.node.get("items"), list):
                part._lose("tuple", "each place of the array has its own schema; its items are JSON", "json")
                return None
            if "items" in part.node:
                found.append(self._schemas.at(part.node["items"], below(part.pointer, "items")))
        return self._schemas.combined(tuple(found)) if found else None

    @_of_shape
    def additional(self) -> Schema | bool:
        """What further properties of an object hold; True is anything, False that there are none."""
        found = [said for part in self.parts if (said := part._own_additional) is not None]
        schemas = tuple(said for said in found if isinstance(said, Schema))
        return self._schemas.combined(schemas) if schemas else False not in found

    @functools.cached_property
    def _own_additional(self) -> Schema | bool | None:
        """What it says itself of further properties; None where it says nothing."""
        found: Schema | bool | None = None
        for word in ("additionalProperties", "unevaluatedProperties"):
            node = self.node.get(word)
            if isinstance(node, dict) and node:
                return self._schemas.at(node, below(self.pointer, word))
            if node is not None:
                found = node is not False and found is not False
        patterns = self.node.get("patternProperties")
        if isinstance(patterns, dict) and patterns and not found:
            (name, node), *others = patterns.items()
            return True if others else self._schemas.at(node, below(self.pointer, "patternProperties", name))
        return found

    @_of_shape
    def is_map(self) -> bool:
        """Whether it is an object whose property names are values."""
        return not self.properties and any(part._own_additional not in (None, False) for part in self.parts)

    # -- which of several -----------------------------------------------------------------------------------------

    @functools.cached_property
    def _ways(self) -> tuple[Schema, ...]:
        """The schemas of which a value follows one, as some part of it says.

        A part whose choices take that part over in turn lists its own kinds: that is no choice for whoever extends it.
        """
        found: tuple[Schema, ...] = ()
        for part in self.parts:
            choices = part._choices
            known = BOUNDING | {"type"} if "properties" in part.node else BOUNDING
            if len(choices) < 2 or not any(one.says_beyond(known) for one in choices):
                continue
            if part is not self and any(part in one.parts for one in choices):
                continue
            if found:
                self._lose("several-choices", "it is one of several schemas in more than one way; the last way counts")
            found = choices
        return found

    @functools.cached_property
    def chosen(self) -> Mapping[Schema, Schema]:
        """For the shape of each choice, the schema of values that follow it and everything that is said besides."""
        if self.enum is not None:
            return {}
        if not self._ways:
            return self._extended
        said = (part for part in self.parts if keywords.words_beyond(part.node, BOUNDING | COMBINING | {"type"}))
        besides = dict.fromkeys(map(self._schemas.bare, said))
        if len(besides) > _MOST_BESIDES:
            self._lose("nested-options", "options within options within options: they stand alone")
            besides = {}
        found = {}
        for choice in self._ways:
            own = set(map(self._schemas.bare, choice.parts))
            extra = [part for part in besides if part not in own]
            fits = all(_fit(part.kinds, choice.kinds) for part in extra)
            found[choice.shape] = self._schemas.combined((*extra, choice)) if extra and fits else choice
        return found

    @property
    def _extended(self) -> Mapping[Schema, Schema]:
        """The schemas that extend it, where it has a discriminator."""
        found = self.node.get("discriminator")
        if found is None:
            return {}
        extending = dict.fromkeys(self._schemas.extending.get(self, ()))
        mapping = found.get("mapping") if isinstance(found, dict) else None
        where = below(self.pointer, "discriminator", "mapping")
        for value, reference in mapping.items() if isinstance(mapping, dict) else ():
            named = self.target(reference, below(where, value)) if isinstance(reference, str) else None
            if named is not None and named.shape is not self:
                extending[named.shape] = None
        return {one: one for one in extending}

    @_of_shape
    def options(self) -> tuple[Schema, ...]:
        """The schemas of which a value follows one; of a base with a discriminator, those that extend it."""
        return tuple(dict.fromkeys(self.chosen.values()))

    @_of_shape
    def discriminator(self) -> Telling | None:
        """What tells the options apart; None where nothing does."""
        return telling(self)

    def target(self, reference: str, pointer: str) -> Schema | None:
        """Give the schema that a discriminator at a place names; None where there is none."""
        return self._schemas.target(reference, pointer)


def _fit(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one or not other or bool(keywords.common_kinds(one, other))


def _distinct(values: Iterable[Json]) -> tuple[Json, ...]:
    found: dict[str, Json] = {}
    for value in values:
        found.setdefault(repr(value), value)
    return tuple(found.values())
