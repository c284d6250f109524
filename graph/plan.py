"""The plan of an operation: which backends are called, for whom, and in which order.

Theory of operation. A *fetch* is one call of a backend, made once for all the objects that need it. A *site* is one
place in the selection whose value a fetch gives. Sites share a fetch when they ask the same call the same question
(equal arguments) at the same *hop* - the number of fetches above them - so that aliases and sibling links of a list,
or of two lists, are one batch and not several. Equal hops also mean that no fetch waits for itself: every site of a
fetch has its parents at a smaller hop.

A *shape* is an object inside a fetch's payload (or the root), with what the operation selects from it. Sites hang on
shapes; shapes hang on sites. Plain Python resolvers stand in the tree as sites of a fetch without a call.

A plan holds no values of a request: variables are looked up when it runs. It is made once per operation and kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import graphql

from graph.selection import Selected, Selections, TooManyFields
from resolvers import CUT, Binding, Bindings, Fetching, Identity, Property, Python, References, ages_of
from sources import Rest


@dataclass(slots=True, eq=False)
class Leaf:
    """A scalar, or list of scalars, inside a shape's object."""

    selected: Selected
    path: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Nested:
    """An object, or list of objects, inside a shape's object."""

    selected: Selected
    path: tuple[str, ...]
    shape: Shape


@dataclass(slots=True, eq=False)
class GlobalIdOf:
    """The global id of a shape's object, from the parts of its key at these paths."""

    selected: Selected
    type_name: str
    paths: tuple[tuple[str, ...], ...]


@dataclass(slots=True, eq=False)
class TypeName:
    """``__typename``: known from the shape."""

    selected: Selected


@dataclass(slots=True, eq=False)
class Withheld:
    """A field that the client is denied: null, and an error."""

    selected: Selected


@dataclass(slots=True, eq=False)
class Site:
    """A value that a fetch gives to the objects of a shape.

    Args:
        shape: the object that is selected from; None for scalars.
        references: how objects are found that arguments name; each option of the shape has a fetch of its own.
    """

    selected: Selected
    fetch: Fetch
    owner: Shape
    binding: Fetching | Python
    shape: Shape | None = None
    references: References | None = None


Output = Leaf | Nested | TypeName | GlobalIdOf | Site | Withheld


@dataclass(slots=True, eq=False)
class Shape:
    """The selection from one type of object at one place.

    Where the schema says an interface or a union, a shape has `options` instead of outputs: one for each object type
    that may stand there.

    Args:
        fetch: whose payload holds the object; None for the operation's root.
        parent: the shape and output that hold it; None where it is what the fetch itself gives.
        whole: of an option, the shape that it is an option of.
    """

    type: graphql.GraphQLNamedType
    fetch: Fetch | None
    parent: tuple[Shape, Nested] | None = None
    outputs: list[Output] = field(default_factory=list)
    options: list[Shape] = field(default_factory=list)
    whole: Shape | None = None


@dataclass(slots=True, eq=False)
class Fetch:
    """One call, for all its sites.

    Args:
        hop: number of fetches above it.
        question: the arguments that reach the backend, as the document writes them.
        max_age_s: the smallest TTL among the fields selected from it.
        shown: of a connection, the names of the fields selected from it and from its edges.
    """

    number: int
    hop: int
    binding: Fetching | Python
    question: str = ""
    sites: list[Site] = field(default_factory=list)
    max_age_s: float = float("inf")
    shown: set[str] = field(default_factory=set)

    @property
    def parents(self) -> list[Fetch]:
        """The fetches that it must wait for, each once."""
        found = {id(site.owner.fetch): site.owner.fetch for site in self.sites}
        return [fetch for fetch in found.values() if fetch is not None]

    @property
    def calls(self) -> Fetching:
        """The call behind it.

        Raises:
            TypeError: it is a Python resolver.
        """
        if not isinstance(self.binding, Fetching):
            raise TypeError("a Python resolver calls no backend")
        return self.binding


@dataclass(slots=True, eq=False)
class Plan:
    """What an operation needs.

    Args:
        obstacles: what the compiled path cannot answer, each in a few words; the exact path can do all.
        denied: what the client is denied, and why.
    """

    root: Shape
    fetches: list[Fetch] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    denied: dict[str, None] = field(default_factory=dict)
    private: bool = False
    sees_client: bool = False

    def below(self, fetch: Fetch | None) -> Iterator[Fetch]:
        """Give the fetches that have a parent in ``fetch``; for None, those of the root."""
        for candidate in self.fetches:
            if any(site.owner.fetch is fetch for site in candidate.sites):
                yield candidate


def plan(
    schema: graphql.GraphQLSchema,
    bindings: Bindings,
    selections: Selections,
    root_type: graphql.GraphQLObjectType,
    root_fields: list[Selected],
) -> Plan:
    """Plan the given fields of a root type.

    Raises:
        TooManyFields: the selection multiplies to more fields than allowed.
    """
    planner = _Planner(schema, bindings, selections)
    planner.plan.root.type = root_type
    planner.fill(planner.plan.root, root_fields)
    for fetch in planner.plan.fetches:
        if isinstance(fetch.binding, Fetching) and fetch.max_age_s == float("inf"):
            fetch.max_age_s = fetch.binding.fresh_s
    return planner.plan


class _Planner:
    def __init__(self, schema: graphql.GraphQLSchema, bindings: Bindings, selections: Selections) -> None:
        self.bindings = bindings
        self.selections = selections
        self.plan = Plan(Shape(schema.query_type or graphql.GraphQLObjectType("Query", {}), None))
        self._shared: dict[tuple[object, ...], Fetch] = {}
        self._left = selections.max_fields
        self._abstract = 0  # how many interfaces and unions are above

    def fill(self, shape: Shape, fields: list[Selected]) -> None:
        self._left -= len(fields)
        if self._left < 0:
            raise TooManyFields
        for selected in fields:
            shape.outputs.append(self._output(shape, selected))

    def _output(self, shape: Shape, selected: Selected) -> Output:
        if selected.name == "__typename":
            return TypeName(selected)
        if selected.denied is not None:
            # Where null may not stand, or where the object shows later, the exact path says what becomes of it.
            if self._abstract or graphql.is_non_null_type(selected.field.type):
                self._obstacle(f"{shape.type.name}.{selected.name} is denied")
            self.plan.denied[selected.denied.message] = None
            return Withheld(selected)
        binding = self.bindings.of(shape.type.name, selected.name)
        if isinstance(binding, Property) and shape.fetch is not None and isinstance(shape.fetch.binding, Fetching):
            return self._property(shape, selected, binding, shape.fetch.binding.source)
        if isinstance(binding, Identity) and shape.fetch is not None and isinstance(shape.fetch.binding, Fetching):
            call = shape.fetch.binding
            shape.fetch.max_age_s = min([shape.fetch.max_age_s, *ages_of(binding.parts, call.fresh_s)])
            return GlobalIdOf(selected, binding.type_name, tuple(part.where(call.source) for part in binding.parts))
        if isinstance(binding, References):
            return self._references(shape, selected, binding)
        return self._site(shape, selected, binding)

    def _references(self, shape: Shape, selected: Selected, references: References) -> Site:
        """Plan the load of each type from which something is selected; which of them are made shows when it runs."""
        plan = self.plan
        self._obstacle(f"{shape.type.name}.{selected.name} names objects in its arguments")
        plan.private = plan.private or any(load.source.forward for load in references.loads.values())
        plan.sees_client = plan.sees_client or references.sees_client
        found = Fetch(-1, 0, Python(sees_client=references.sees_client))
        kind: Any = graphql.get_named_type(selected.field.type)
        whole = Shape(kind, found)
        for possible in self.selections.schema.get_possible_types(kind):
            fields = self.selections.below(possible, selected.nodes)
            if possible.name in self.selections.denials.types or all(self._is_known(possible, one) for one in fields):
                continue
            step = references.loads.get(possible.name, found.binding)
            fetch = self._fetch(shape, selected, step, 0)
            option = Shape(possible, fetch, whole=whole)
            fetch.sites.append(Site(selected, fetch, shape, step, option))
            whole.options.append(option)
            self.fill(option, fields)
        return Site(selected, found, shape, found.binding, whole, references)

    def _is_known(self, kind: graphql.GraphQLObjectType, selected: Selected) -> bool:
        """Tell whether a field is known from the name of an object: its type, or its global id."""
        if selected.name == "__typename":
            return True
        return isinstance(self.bindings.of(kind.name, selected.name), Identity)

    def _property(self, shape: Shape, selected: Selected, binding: Property, source: Rest) -> Output:
        fetch = shape.fetch
        path = binding.where(source)
        kind = graphql.get_named_type(selected.field.type)
        if fetch is not None:
            own = binding.ttl if binding.ttl is not None else fetch.calls.fresh_s
            fetch.max_age_s = min(fetch.max_age_s, own)
        if graphql.is_leaf_type(kind):
            return Leaf(selected, path)
        nested = Nested(selected, path, Shape(kind, fetch))
        nested.shape.parent = (shape, nested)
        self._fill_below(nested.shape, kind, selected)
        return nested

    def _site(self, shape: Shape, selected: Selected, binding: Binding) -> Site:
        hop = 0 if shape.fetch is None else shape.fetch.hop + 1
        step = binding if isinstance(binding, Fetching | Python) else Python(sees_client=False)
        fetch = self._fetch(shape, selected, step, hop)
        site = Site(selected, fetch, shape, step)
        fetch.sites.append(site)
        kind = graphql.get_named_type(selected.field.type)
        if shape.fetch is not None and isinstance(shape.fetch.binding, Fetching):
            parent = shape.fetch
            read = self.bindings.read_by(shape.type.name, binding)
            parent.max_age_s = min([parent.max_age_s, *(ages_of(read, parent.calls.fresh_s))])
        if isinstance(binding, Fetching):
            if binding.source.forward:
                self.plan.private = True
            if binding.guarded:
                self.plan.sees_client = True
                self._obstacle(f"{shape.type.name}.{selected.name} has permissions or extensions")
            if binding.pages is not None:
                fetch.shown |= self.selections.shown([selected])
        elif isinstance(binding, Python):
            self.plan.sees_client = self.plan.sees_client or binding.sees_client
            if shape.fetch is not None or not graphql.is_leaf_type(kind):
                self._obstacle(f"{shape.type.name}.{selected.name} is a Python resolver")
        else:
            self._obstacle(f"{shape.type.name}.{selected.name} is read from an object that Python made")
        if not graphql.is_leaf_type(kind):
            site.shape = Shape(kind, fetch)
            self._fill_below(site.shape, kind, selected)
        return site

    def _obstacle(self, what: str) -> None:
        if what not in self.plan.obstacles:
            self.plan.obstacles.append(what)

    def _fetch(self, shape: Shape, selected: Selected, step: Fetching | Python, hop: int) -> Fetch:
        identity: tuple[object, ...] = (id(shape), selected.key)
        if isinstance(step, Fetching):
            identity = (id(step.call), hop, question_of(selected))
        known = self._shared.get(identity)
        if known is None:
            known = self._shared[identity] = Fetch(len(self.plan.fetches), hop, step)
            if isinstance(step, Fetching):
                known.question = question_of(selected, unless=CUT if step.is_cut else None)
            self.plan.fetches.append(known)
        return known

    def _fill_below(self, shape: Shape, kind: graphql.GraphQLNamedType, selected: Selected) -> None:
        if isinstance(kind, graphql.GraphQLObjectType):
            self.fill(shape, self.selections.below(kind, selected.nodes))
            return
        # An abstract type: plan what each possible object would need; which one it is shows when it runs.
        if graphql.is_abstract_type(kind):
            self._abstract += 1
            for possible in self.selections.schema.get_possible_types(kind):
                if possible.name in self.selections.denials.types:
                    self.plan.denied[self.selections.denials.types[possible.name].message] = None
                    self._obstacle(f"{possible.name} is denied")
                    continue
                option = Shape(possible, shape.fetch, shape.parent, whole=shape)
                shape.options.append(option)
                self.fill(option, self.selections.below(possible, selected.nodes))
            self._abstract -= 1


def question_of(selected: Selected, *, unless: str | None = None) -> str:
    """Give the arguments as the document writes them, in the order of their names, perhaps without one."""
    written: list[Any] = sorted(selected.nodes[0].arguments or (), key=lambda argument: argument.name.value)
    return ",".join(graphql.print_ast(argument) for argument in written if argument.name.value != unless)
