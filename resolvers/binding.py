"""How each field of a schema gets its value: a property, a REST call, a link to an entity, or plain Python."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import graphql
from strawberry.types.field import StrawberryField

from resolvers.filters import Filter
from resolvers.marks import PropertyMark
from resolvers.pages import Pages
from resolvers.requires import Requirements
from resolvers.shared import Shared, shared_of
from sources import Call, Endpoint, Pushed, Rest

if TYPE_CHECKING:
    from resolvers.discriminator import Kinds


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """A value inside the parent's object; `path` None is the attribute's name in the source's spelling.

    Args:
        kind: the field's type in the schema; None for attributes that are not in it (``strawberry.Private``).
        mark: what the author wrote on it with `field`.
        in_class: whether objects of the author's class have it; those of a document's further properties do not.
    """

    attribute: str
    path: tuple[str, ...] | None = None
    ttl: float | None = None
    kind: graphql.GraphQLOutputType | None = None
    mark: PropertyMark | None = None
    in_class: bool = True

    def where(self, source: Rest) -> tuple[str, ...]:
        """Give the property names from the parent's object to the value."""
        return (source.property_name(self.attribute),) if self.path is None else self.path


def boxes_of(schema: graphql.GraphQLSchema, attributes: Mapping[str, Mapping[str, Property]]) -> frozenset[str]:
    """Give the `Bindings.boxes` of a schema.

    Such a type stands in a union for what is no object: ``class Number: value: int = field(".")``.
    """
    boxes = {name for name, own in attributes.items() if _is_box(own.values())}
    abstract = (graphql.GraphQLInterfaceType, graphql.GraphQLUnionType)
    for kind in schema.type_map.values() if boxes else ():
        if isinstance(kind, abstract) and any(found.name in boxes for found in schema.get_possible_types(kind)):
            boxes.add(kind.name)
    return frozenset(boxes)


def _is_box(attributes: Collection[Property]) -> bool:
    kinds = [graphql.get_nullable_type(found.kind) for found in attributes if found.path == ()]
    values = (graphql.GraphQLList, graphql.GraphQLScalarType, graphql.GraphQLEnumType)
    return len(kinds) == len(attributes) and any(isinstance(kind, values) for kind in kinds)


def property_of(attribute: str, mark: object, kind: graphql.GraphQLOutputType | None) -> Property:
    """Give the binding of a value inside its parent's object, as what was written on it says."""
    if isinstance(mark, PropertyMark):
        return Property(attribute, mark.path, mark.ttl, kind, mark)
    return Property(attribute, kind=kind)


def undeclared(name: str, source: Rest) -> tuple[str, ...]:
    """Give where a name that no class declares is in the backend's object: spelled as the source does, or a path."""
    return tuple(name.split(".")) if "." in name else (source.property_name(name),)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One attribute of the parent that a call needs; see `undeclared` for one that its class does not have."""

    attribute: str
    declared: Property | None

    def where(self, source: Rest) -> tuple[str, ...]:
        """Give the property names from the parent's object to the value."""
        return self.declared.where(source) if self.declared else undeclared(self.attribute, source)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Feeding:
    """How the events of a subscription's field are read.

    Args:
        filters: for an argument that filters events, by its Python name, what in an event it must equal.
        key: where an event holds what tells its object apart; empty where nothing does.
        rest: how the object is loaded by its key, for what an event does not hold; None where no source gives it.
        splits: whether a list in an event is several events.
    """

    pushed: Pushed
    filters: Mapping[str, Filter]
    key: tuple[tuple[str, ...], ...]
    rest: Fetching | None
    splits: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fetching:
    """A REST call behind a field or link, with every variable's supplier known.

    Args:
        parents: what is read from each parent; together they are its key. Empty for a call that has no parent.
        single_names: the single endpoint's variables that take the key's parts, in their order.
        batch_names: the batch endpoint's list variables that take the key's parts; one name takes composite keys whole.
        arguments: the field's arguments (Python names) that any endpoint uses; `argument_names` has them by the
            schema's names.
        match: where a batch's item holds each part of its key.
        target: name of the object type that it answers, or None for scalars.
        invalidates: the call's, by the schema's names of the types.
        renamed: template variables that take an argument of another name.
        is_cut: whether the argument `first` reaches no endpoint, so that the list is cut here.
        keep_s: longest time that anybody may reuse an answer.
        holds: names of the object types that an answer may hold, the target among them unless it is abstract.
        entity: the call of the entity that it gives by key, under which single and batched answers are stored alike.
        fresh_s: seconds an answer may be reused when no field asks for less: the endpoint's, else the type's, else
            the source's.
        key_names: of such a call without parents, the arguments that make up the key.
        keeps_digits: whether any field of an answer shows digits that a float does not hold.
        entity_match: where an object of the source's own entity holds its key.
        pages: how a connection is loaded; None for every other call.
        takes_ids: whether any argument takes global ids.
        guarded: whether the field's permissions or extensions run first and decide whether it is called.
        shown: whether one of them may look at the answer and change it.
        has_maybe: whether any argument may be left out but not be null.
        feeding: how its answers come as events; None where it is called.
    """

    call: Call
    parents: tuple[Reading, ...]
    single: Endpoint | None
    batch: Endpoint | None
    single_names: tuple[str, ...]
    batch_names: tuple[str, ...]
    arguments: frozenset[str]
    match: tuple[tuple[str, ...], ...]
    match_kinds: tuple[graphql.GraphQLOutputType | None, ...]
    target: str | None
    keep_s: float
    invalidates: Mapping[str, str | None] = field(default_factory=dict)
    renamed: tuple[tuple[str, str], ...] = ()
    is_cut: bool = False
    is_entity: bool = False
    many_keys: bool = False
    holds: frozenset[str] = frozenset()
    entity: Call | None = None
    key_names: tuple[str, ...] = ()
    entity_match: tuple[tuple[str, ...], ...] = ()
    keeps_digits: bool = False

    fresh_s: float = 0.0
    pages: Pages | None = None
    takes_ids: bool = False
    guarded: bool = False
    shown: bool = False
    has_maybe: bool = False
    feeding: Feeding | None = None
    argument_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether answers are stored at all."""
        return self.keep_s > 0 or self.may_stand_in

    @property
    def may_stand_in(self) -> bool:
        """Whether a stored answer may stand in for a failure."""
        return self.call.reads and self.source.policy.stale_if_error > 0

    @property
    def source(self) -> Rest:
        """The backend that is called."""
        return self.call.source


@dataclass(frozen=True, slots=True, eq=False)
class Python:
    """A Strawberry resolver with a body.

    Args:
        sees_client: whether it may look at the client's request, which makes its answers the client's own.
        bare: the function itself where it takes nothing but the (absent) parent of a root field.
        shared: of a generator that runs once for all clients that subscribe alike, how its values wait for them.
    """

    sees_client: bool
    bare: Any = None
    shared: Shared | None = None


def python_of(definition: StrawberryField) -> Python:
    """Give the binding of a field that Strawberry resolves."""
    resolver = definition.base_resolver
    guarded = bool(definition.extensions or definition.permission_classes)
    sees = guarded or resolver is None or resolver.info_parameter is not None
    bare = None
    is_plain = not guarded and not definition.arguments and not definition.is_subscription
    if resolver is not None and is_plain and resolver.info_parameter is None:
        bare = _without_parent(resolver)
    return Python(sees, bare, None if resolver is None else shared_of(resolver.wrapped_func))


def _without_parent(resolver: Any) -> Any:
    """Give the function as it is called at the root, where there is no parent."""
    function = resolver.wrapped_func
    if resolver.self_parameter is not None:
        return functools.partial(function, None)
    return None if resolver.root_parameter is not None or resolver.parent_parameter is not None else function


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """An object that an argument names.

    Args:
        key: by which a source gives it; None where it is found otherwise.
        given: properties that came with its name, as the source writes them; they replace the backend's.
        find: the author's own function for it, which is told what resolvers are.
        value: the object itself, where neither has to be asked.
    """

    type_name: str
    key: Any = None
    given: Mapping[str, Any] = field(default_factory=dict)
    find: Callable[[graphql.GraphQLResolveInfo[Any]], Any] | None = None
    value: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """A root field that gives objects whose types and keys its arguments name.

    Args:
        read: gives what the arguments name, in order; an error stands for what names nothing.
        loads: how sources give the objects of each type by key.
        singles: the same for one key, where a type has a call for just that.
        sees_client: whether an author's function may look at the client's request.
        forgives: whether a key that may not stand in an address names nothing, and is no error.
    """

    read: Callable[[Mapping[str, Any]], Sequence[Named | Exception]]
    loads: Mapping[str, Fetching]
    singles: Mapping[str, Fetching]
    sees_client: bool = False
    forgives: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """The global id of an entity's objects, made of the parts of their key."""

    type_name: str
    parts: tuple[Property, ...]


Binding = Property | Fetching | Python | Identity | References


@dataclass(slots=True)
class Bindings:
    """The bindings of a schema, by type and field name (GraphQL's); `kinds` by abstract type.

    Args:
        owned: of the `attributes`, those that objects of the author's class have: all that Python may look at.
        boxes: object types whose value need not be an object in the backend's JSON, since all that is read of it is
            itself; and the abstract types that may turn out to be one of them.
    """

    fields: dict[str, dict[str, Binding]] = field(default_factory=dict)
    attributes: dict[str, dict[str, Property]] = field(default_factory=dict)
    owned: dict[str, dict[str, Property]] = field(default_factory=dict)
    origins: dict[str, type[Any]] = field(default_factory=dict)
    kinds: dict[str, Kinds] = field(default_factory=dict)
    boxes: Collection[str] = ()
    requirements: Requirements = field(default_factory=Requirements)
    sources: list[Rest] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def read_by(self, type_name: str, binding: Binding) -> list[Property | None]:
        """Give what a field reads of its parent: the parts of its key, or whatever a resolver may look at."""
        if isinstance(binding, Fetching):
            return [reading.declared for reading in binding.parents]
        if isinstance(binding, Identity):
            return list(binding.parts)
        return [binding] if isinstance(binding, Property) else list(self.owned.get(type_name, {}).values())

    def of(self, type_name: str, field_name: str) -> Binding:
        """Give the binding of a field; fields that Weft did not bind are Python's (introspection)."""
        try:
            return self.fields[type_name][field_name]
        except KeyError:
            return Python(sees_client=False)


def ages_of(read: Iterable[Property | None], default_s: float) -> list[float]:
    """Give the longest age of each property that is read; None stands for one that no class declares."""
    return [default_s if found is None or found.ttl is None else found.ttl for found in read]
