"""What an operation would cost, estimated from its plan before anything is executed.

Theory of operation. After the GraphQL Cost Directives specification: an operation's *field cost* adds the weights of
its fields, each as often as it is resolved, with those of the arguments that they take; its *type cost* adds the
weights of the objects (and weighted scalars) that it gives. Its cost here is the larger of the two. Below an interface
or union the dearest possible type counts. How often a field is resolved follows from the lists above it: `ListSize`,
or else an argument such as ``first``, or else `Limits.assumed_list_size`. *Upstream calls* follow from the same
numbers: so many keys, split at ``max_batch``, or one call for each key where no batch is declared.

Everything is worked out once, when the operation is planned. An *amount* is therefore a number, or, where a length is a
variable, a function of the variables' values; only operations with such a length are looked at again per request.

Introspection costs nothing of this. It is compared with asking for the whole schema once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import graphql

from graph.amount import Amount, Values, largest, mapped, times, total
from graph.errors import RequestError
from graph.limits import Limits, exceeded
from graph.plan import Fetch, Nested, Plan, Shape, Site
from graph.selection import Burst, Selected
from resolvers import Fetching, ListSize, Pages, Weights, is_list

_Sizes = Mapping[str, Amount] | None
_NO_VALUES: Values = {}
_FRAGMENT = graphql.FragmentDefinitionNode
_INTROSPECTION = ("__schema", "__type")
_MOST_INTROSPECTION = 3  # times the whole schema


@dataclass(frozen=True, slots=True, eq=False)
class Cost:
    """The estimate of one operation, for given values of its variables.

    Args:
        introspection: fields of the schema's own description.
    """

    fields: float
    types: float
    calls: int
    introspection: float = 0.0

    @property
    def weight(self) -> float:
        """The cost as one number."""
        return max(self.fields, self.types)


class Estimate:
    """What an operation costs, as it depends on its variables."""

    def __init__(self, amounts: Sequence[Amount]) -> None:
        self._amounts = amounts
        self.is_fixed = not any(callable(amount) for amount in amounts)
        self._fixed = self._at(_NO_VALUES) if self.is_fixed else None

    def at(self, values: Values = _NO_VALUES) -> Cost:
        """Give the cost with these values of the variables; a length that has none is assumed."""
        return self._fixed or self._at(values)

    def _at(self, values: Values) -> Cost:
        fields, types, calls, introspection = (
            amount(values) if callable(amount) else amount for amount in self._amounts
        )
        return Cost(max(0.0, fields), max(0.0, types), math.ceil(calls), introspection)


class Estimator:
    """Estimates the plans of one schema."""

    def __init__(self, schema: graphql.GraphQLSchema, limits: Limits) -> None:
        self._weights = Weights(schema)
        self._limits = limits
        self._schema_sizes = _schema_sizes(schema)
        self._mutation = schema.mutation_type

    def estimate(self, plan: Plan) -> Estimate:
        """Give the cost of a planned operation.

        Raises:
            RequestError: a list's length is not given as its `ListSize` requires.
        """
        walk = _Walk(self._weights, self._limits.assumed_list_size, self._schema_sizes)
        fields, types = walk.shape(plan.root, 1, None)
        calls = walk.calls(apart=plan.root.type is self._mutation)
        return Estimate((fields, types, calls, walk.introspection()))

    def check(self, cost: Cost) -> None:
        """Refuse an operation that costs more than the limits allow.

        Raises:
            RequestError: it does.
        """
        limits, weighed = self._limits, cost.weight
        if limits.max_cost is not None and weighed > limits.max_cost:
            raise exceeded(f"the operation's estimated cost is {weighed:.15g}, more than {limits.max_cost:.15g}")
        if limits.max_upstream_calls is not None and cost.calls > limits.max_upstream_calls:
            raise exceeded(
                f"the operation may need {cost.calls:.15g} upstream calls, more than {limits.max_upstream_calls}"
            )
        if limits.max_cost is not None and cost.introspection > _MOST_INTROSPECTION * self._whole_schema:
            raise exceeded(f"the operation asks for more than {_MOST_INTROSPECTION} times the whole schema")

    @functools.cached_property
    def _whole_schema(self) -> float:
        query = graphql.get_introspection_query(True, True, True, True, True, True)
        document = graphql.parse(query)
        fragments = {found.name.value: found for found in document.definitions if isinstance(found, _FRAGMENT)}
        [operation] = (found for found in document.definitions if isinstance(found, graphql.OperationDefinitionNode))

        def values(selection_set: graphql.SelectionSetNode | None) -> float:
            found = 0.0
            for selection in selection_set.selections if selection_set is not None else ():
                if isinstance(selection, graphql.FragmentSpreadNode):
                    found += values(fragments[selection.name.value].selection_set)
                elif isinstance(selection, graphql.FieldNode):
                    found += self._schema_sizes.get(selection.name.value, 1) * (1.0 + values(selection.selection_set))
            return found

        return values(operation.selection_set)


class _Walk:
    def __init__(self, weights: Weights, assumed: int, schema_sizes: Mapping[str, int]) -> None:
        self._weights = weights
        self._assumed = assumed
        self._schema_sizes = schema_sizes
        self._keys: dict[int, tuple[Fetch, list[Amount]]] = {}
        self._introspected: list[Amount] = []
        self._looked_up: list[Amount] = []

    def shape(self, shape: Shape, count: Amount, sizes: _Sizes) -> tuple[Amount, Amount]:
        """Give the field and type cost of one object, and note what is called for ``count`` of them.

        Args:
            sizes: lengths that the field above gives to the object's lists.
        """
        if shape.options:
            options = [self.shape(option, count, sizes) for option in shape.options]
            return largest([fields for fields, _ in options]), largest([types for _, types in options])
        fields: list[Amount] = []
        types: list[Amount] = [self._weights.types.get(shape.type.name, 1.0)]
        for output in shape.outputs:
            if output.selected.name in _INTROSPECTION and not shape.type.name.startswith("__"):
                self._introspected.append(_introspection(output, self._schema_sizes))
                continue
            own, below = self._output(shape, output, count, sizes)
            fields.append(own)
            types.append(below)
        return total(fields), total(types)

    def _output(self, shape: Shape, output: Any, count: Amount, sizes: _Sizes) -> tuple[Amount, Amount]:
        selected: Selected = output.selected
        if selected.name == "__typename":
            return 0.0, 0.0
        place = (shape.type.name, selected.name)
        weight = max(0.0, self._weights.fields.get(place, 0.0) + self._arguments(place, selected))
        length, lengths = self._length(place, selected, sizes)
        if isinstance(output, Site) and isinstance(output.binding, Fetching):
            _, asked = self._keys.setdefault(output.fetch.number, (output.fetch, []))
            keys = times(count, length) if output.binding.many_keys else count
            asked.append(
                keys if output.binding.pages is None else times(keys, self._pages(output.binding.pages, lengths))
            )
        elif isinstance(output, Site) and output.references is not None:
            length = _named(selected, self._assumed)
            self._looked_up.append(_looked_up(list(output.references.loads.values()), times(count, length)))
        if not isinstance(output, Nested | Site) or output.shape is None:
            kind = graphql.get_named_type(selected.field.type)
            return weight, times(length, self._weights.types.get(kind.name, 0.0))
        fields, types = self.shape(output.shape, times(count, length), lengths)
        return total([weight, times(length, fields)]), times(length, types)

    def _pages(self, pages: Pages, lengths: _Sizes) -> Amount:
        """Give how many pages a connection takes."""
        size = pages.paging.usual_size
        wanted = (lengths or {}).get("edges", self._assumed)
        return mapped(lambda count: max(1, math.ceil(count / size)), wanted)

    def _arguments(self, place: tuple[str, str], selected: Selected) -> float:
        weights = self._weights.arguments.get(place, {})
        cost = 0.0
        for argument in selected.nodes[0].arguments or ():
            cost += weights.get(argument.name.value, 0.0)
            if self._weights.inputs and isinstance(argument.value, graphql.ObjectValueNode | graphql.ListValueNode):
                cost += self._inputs(selected.field.args[argument.name.value].type, argument.value)
        return cost

    def _inputs(self, kind: Any, value: graphql.ValueNode) -> float:
        """Give the weights of the input fields that a literal names."""
        named = graphql.get_named_type(kind)
        if isinstance(value, graphql.ListValueNode):
            return sum(self._inputs(named, item) for item in value.values)
        if not isinstance(value, graphql.ObjectValueNode) or not isinstance(named, graphql.GraphQLInputObjectType):
            return 0.0
        return sum(
            self._weights.inputs.get((named.name, held.name.value), 0.0)
            + self._inputs(named.fields[held.name.value].type, held.value)
            for held in value.fields
        )

    def _length(self, place: tuple[str, str], selected: Selected, sizes: _Sizes) -> tuple[Amount, _Sizes]:
        """Give the number of values that a field gives, and the lengths of the lists in its object."""
        declared = self._weights.sizes.get(place)
        own: Amount | None = sizes.get(selected.name) if sizes else None
        lengths: _Sizes = None
        if declared is not None:
            length = self._sliced(place, declared, selected)
            if declared.sized_fields:
                lengths = dict.fromkeys(declared.sized_fields, length)
            else:
                own = length
        kind: Any = graphql.get_nullable_type(selected.field.type)
        if isinstance(kind, Burst):  # each event is an answer of its own
            kind = graphql.get_nullable_type(kind.of_type)
        if not is_list(kind):
            return 1, lengths
        length = self._assumed if own is None else own
        while is_list(kind := graphql.get_nullable_type(kind.of_type)):
            length = times(length, self._assumed)
        return length, lengths

    def _sliced(self, place: tuple[str, str], size: ListSize, selected: Selected) -> Amount:
        written = {argument.name.value: argument.value for argument in selected.nodes[0].arguments or ()}
        given = [name for name in size.slicing_arguments or () if _is_given(written.get(name))]
        defaults = {
            name: max(0, default)
            for name in size.slicing_arguments or ()
            if isinstance(default := selected.field.args[name].default_value, int)
        }
        if size.slicing_arguments and size.require_one_slicing_argument and len(given or defaults) != 1:
            names = ", ".join(size.slicing_arguments)
            message = f"{'.'.join(place)} takes exactly one of these arguments: {names}"
            error = graphql.GraphQLError(message, selected.nodes[0])
            raise RequestError([error], "GRAPHQL_VALIDATION_FAILED")
        assumed = self._assumed if size.assumed_size is None else size.assumed_size
        lengths: list[Amount] = [count for name, count in defaults.items() if name not in written]
        lengths += [_given(written[name], defaults.get(name, assumed), assumed) for name in given]
        return largest(lengths) if lengths else assumed

    def calls(self, *, apart: bool) -> Amount:
        """Give how many calls all that was noted takes.

        Args:
            apart: whether each place calls for itself, as below the root fields of a mutation.
        """
        return total(
            [
                _calls(fetch.calls, keys)
                for fetch, asked in self._keys.values()
                for keys in (asked if apart else [total(asked)])
            ]
            + self._looked_up
        )

    def introspection(self) -> Amount:
        """Give how many fields of the schema's description all that was noted gives."""
        return total(self._introspected)


def _is_given(value: graphql.ValueNode | None) -> bool:
    return value is not None and not isinstance(value, graphql.NullValueNode)


def _given(value: graphql.ValueNode, default: int, assumed: int) -> Amount:
    if isinstance(value, graphql.IntValueNode):
        return max(0, int(value.value))
    if not isinstance(value, graphql.VariableNode):
        return assumed
    name = value.name.value

    def length(values: Values) -> float:
        found = values.get(name, default)
        return max(0, found) if isinstance(found, int) else assumed

    return length


def _named(selected: Selected, assumed: int) -> Amount:
    """Give how many objects are referred to: as many as the argument's list names."""
    kind: Any = graphql.get_nullable_type(selected.field.type)
    ids = selected.nodes[0].arguments[0].value if selected.nodes[0].arguments else None
    if ids is None or not is_list(kind):
        return 1
    if isinstance(ids, graphql.ListValueNode):
        return len(ids.values)
    if not isinstance(ids, graphql.VariableNode):
        return 1
    name = ids.name.value

    def length(values: Values) -> float:
        found = values.get(name)
        return len(found) if isinstance(found, list) else assumed

    return length


def _looked_up(calls: Sequence[Fetching], ids: Amount) -> Amount:
    """Give the calls for so many ids at worst: one id of each type, and all others of the type with the least batch."""
    if not calls:
        return 0
    others = len(calls) - 1
    least = min(call.call.max_batch if call.batch is not None else 1 for call in calls)
    return mapped(lambda count: min(count, others + math.ceil(max(0, count - others) / least)), ids)


def _calls(call: Fetching, keys: Amount) -> Amount:
    most = call.call.max_batch
    if call.feeding is not None:  # an event is there without a call, but what it lacks may take one
        return 0 if call.feeding.rest is None else 1
    if not call.parents:
        return 1 if call.pages is None else keys
    if call.batch is None:
        return keys
    return mapped(lambda count: math.ceil(count / most), keys)


# -- introspection ----------------------------------------------------------------------------------------------------


def _schema_sizes(schema: graphql.GraphQLSchema) -> dict[str, int]:
    """Give how long the lists of the schema's description are: on average, rounded up."""
    kinds = [*schema.type_map.values()]
    having = [kind for kind in kinds if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType)]
    taking = [kind for kind in kinds if isinstance(kind, graphql.GraphQLInputObjectType)]
    choosing = [kind for kind in kinds if isinstance(kind, graphql.GraphQLEnumType)]
    fields = [element for kind in having for element in kind.fields.values()]
    return {
        "types": len(kinds),
        "directives": len(schema.directives),
        "fields": _average(len(fields), len(having)),
        "args": _average(sum(len(element.args) for element in fields), len(fields)),
        "inputFields": _average(sum(len(kind.fields) for kind in taking), len(taking)),
        "enumValues": _average(sum(len(kind.values) for kind in choosing), len(choosing)),
    }


def _average(count: int, of: int) -> int:
    return max(1, math.ceil(count / max(1, of)))


def _introspection(output: Any, sizes: Mapping[str, int]) -> float:
    """Give how many values a field of the schema's description gives."""
    below = sum(_introspection(inner, sizes) for inner in output.shape.outputs) if _shape(output) else 0.0
    return sizes.get(output.selected.name, 1) * (1.0 + below)


def _shape(output: Any) -> Shape | None:
    return output.shape if isinstance(output, Nested | Site) else None
