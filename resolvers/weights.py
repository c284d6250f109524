"""What fields and types are said to cost, and how long lists are, for an estimate before anything is executed.

After the GraphQL Cost Directives specification (IBM, draft of 2021): `Cost` is its ``@cost``, `ListSize` its
``@listSize``. They are Strawberry schema directives; on stubs and entities, and wherever else one likes, they are
written as decorators:

    @ListSize(slicing_arguments=["limit"])
    @blog.get("/posts{?limit}")
    def posts(self, limit: int = 10) -> list[Post]: ...
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import graphql
import strawberry
from strawberry.schema_directive import Location

from resolvers.directive import Decorator, declared_on

# Arguments that say how many items a list has, where no `ListSize` says so; and the lists of an object that they size.
SLICING = ("first", "last", "limit", "perPage", "pageSize", "take")
SIZED = ("edges", "nodes", "items")


@strawberry.schema_directive(
    name="cost",
    locations=[
        Location.ARGUMENT_DEFINITION,
        Location.ENUM,
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.SCALAR,
    ],
)
class Cost(Decorator):
    """What a field, argument, input field or type adds to an operation's cost: ``Cost(weight="2.5")``.

    Objects, and fields and arguments that hold objects, weigh 1 where nothing is said; everything else weighs 0.

    Args:
        weight: a number as text; a negative one may make a field cheaper that takes such an argument.
    """

    weight: str


@strawberry.schema_directive(name="listSize", locations=[Location.FIELD_DEFINITION])
class ListSize(Decorator):
    """How many items a field's list has at most.

    Args:
        assumed_size: the length where no argument says it.
        slicing_arguments: the field's arguments (GraphQL's names) of which the largest given value is the length.
        sized_fields: the lists of the field's object that have this length, instead of the field itself.
        require_one_slicing_argument: whether an operation must give exactly one of them. A default counts as given
            where no other is.
    """

    assumed_size: int | None = None
    slicing_arguments: list[str] | None = None
    sized_fields: list[str] | None = None
    require_one_slicing_argument: bool | None = True


class Weights:
    """The weights and list sizes of a schema, every default filled in."""

    def __init__(self, schema: graphql.GraphQLSchema) -> None:
        self.types: dict[str, float] = {}
        self.fields: dict[tuple[str, str], float] = {}
        self.arguments: dict[tuple[str, str], dict[str, float]] = {}
        self.inputs: dict[tuple[str, str], float] = {}
        self.sizes: dict[tuple[str, str], ListSize] = {}
        for name, kind in schema.type_map.items():
            default = 1.0 if graphql.is_composite_type(kind) and not name.startswith("__") else 0.0
            self.types[name] = _weight(kind, default)
            if isinstance(kind, graphql.GraphQLObjectType):
                for field_name, element in kind.fields.items():
                    self._add_field((name, field_name), element)
            elif isinstance(kind, graphql.GraphQLInputObjectType):
                for field_name, held in kind.fields.items():
                    if weight := _weight(held, 0.0):
                        self.inputs[name, field_name] = weight

    def _add_field(self, place: tuple[str, str], element: graphql.GraphQLField) -> None:
        is_leaf = graphql.is_leaf_type(graphql.get_named_type(element.type))
        self.fields[place] = _weight(element, 0.0 if is_leaf or place[0].startswith("__") else 1.0)
        weighing = {
            name: weight
            for name, argument in element.args.items()
            if (weight := _weight(argument, float(graphql.is_input_object_type(graphql.get_named_type(argument.type)))))
        }
        if weighing:
            self.arguments[place] = weighing
        declared = next((found for found in declared_on(element) if isinstance(found, ListSize)), None)
        size = declared or _conventional(element)
        if size is not None:
            self.sizes[place] = size


def weight_faults(schema: graphql.GraphQLSchema) -> Iterator[str]:
    """Give what is wrong with the costs and list sizes that an author declared; each is one sentence."""
    for kind in schema.type_map.values():
        yield from _cost_faults(kind.name, kind)
        if isinstance(kind, graphql.GraphQLInputObjectType):
            for name, held in kind.fields.items():
                yield from _cost_faults(f"{kind.name}.{name}", held)
        elif isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            for name, element in kind.fields.items():
                yield from _cost_faults(f"{kind.name}.{name}", element)
                for argument_name, argument in element.args.items():
                    yield from _cost_faults(f"{kind.name}.{name}({argument_name}:)", argument)
                yield from _size_faults(f"{kind.name}.{name}", element)


def _weight(element: Any, default: float) -> float:
    for found in declared_on(element):
        if isinstance(found, Cost):
            return _number(found.weight, default)
    return default


def _number(text: object, default: float) -> float:
    try:
        number = float(str(text))
    except ValueError:
        return default
    return number if math.isfinite(number) else default


def _cost_faults(where: str, element: Any) -> Iterator[str]:
    found = [directive for directive in declared_on(element) if isinstance(directive, Cost)]
    if len(found) > 1:
        yield f"{where}: Cost is given {len(found)} times"
    for directive in found:
        if math.isnan(_number(directive.weight, math.nan)):
            yield f"{where}: Cost(weight={directive.weight!r}) is not a number"
        elif isinstance(element, graphql.GraphQLInterfaceType | graphql.GraphQLUnionType):
            yield f"{where}: Cost stands on an abstract type, whose cost is that of its dearest object type"


def _size_faults(where: str, element: graphql.GraphQLField) -> Iterator[str]:
    for directive in declared_on(element):
        if not isinstance(directive, ListSize):
            continue
        if directive.assumed_size is not None and directive.assumed_size < 0:
            yield f"{where}: ListSize(assumed_size={directive.assumed_size}) is less than 0"
        for name in directive.slicing_arguments or ():
            if name not in element.args:
                have = ", ".join(element.args) or "none"
                yield f"{where}: ListSize names the argument {name!r}; arguments are: {have}"
            elif graphql.get_named_type(element.args[name].type) is not graphql.GraphQLInt:
                yield f"{where}: ListSize names the argument {name!r}, which is not an Int"
        if directive.assumed_size is None and not directive.slicing_arguments:
            yield f"{where}: ListSize needs assumed_size or slicing_arguments"
        fields: Mapping[str, Any] = getattr(graphql.get_named_type(element.type), "fields", {})
        for name in directive.sized_fields or ():
            if name not in fields or not is_list(fields[name].type):
                yield f"{where}: ListSize names the field {name!r}, which is no list of {element.type}"
        if not directive.sized_fields and not is_list(element.type):
            yield f"{where}: ListSize stands on a field that is no list; sized_fields names the lists of its object"


def _conventional(element: graphql.GraphQLField) -> ListSize | None:
    """Give the size that the names of a field's arguments tell, None where they tell nothing."""
    slicing = [
        name
        for name, argument in element.args.items()
        if name in SLICING and graphql.get_nullable_type(argument.type) is graphql.GraphQLInt
    ]
    if not slicing:
        return None
    fields: Mapping[str, Any] = getattr(graphql.get_named_type(element.type), "fields", {})
    sized = [] if is_list(element.type) else [name for name in SIZED if name in fields and is_list(fields[name].type)]
    if not sized and not is_list(element.type):
        return None
    return ListSize(slicing_arguments=slicing, sized_fields=sized or None, require_one_slicing_argument=False)


def is_list(kind: graphql.GraphQLOutputType) -> bool:
    """Tell whether a type is a list, null or not."""
    return isinstance(graphql.get_nullable_type(kind), graphql.GraphQLList)
