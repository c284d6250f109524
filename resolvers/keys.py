"""Keys of entities of Apollo Federation: which types have them, and whether somebody finds their objects by them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import graphql
import strawberry
from strawberry.federation.schema_directives import FederationDirective, Key
from strawberry.federation.types import FieldSet
from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from resolvers.declare import Declared
from resolvers.values import python_name
from sources import Call, entity_of


def is_federated(declared: Declared) -> bool:
    """Tell whether any type or field carries a directive of Federation."""
    definitions = list(map(definition_of, declared.classes))
    directives = [directive for found in definitions if found for directive in found.directives or ()]
    fields = [field for found in definitions if found for field in found.fields]
    directives += [directive for field in fields for directive in field.directives or ()]
    return any(isinstance(directive, FederationDirective) for directive in directives)


@contextlib.contextmanager
def keys_of_sources(declared: Declared, names: NameConverter) -> Iterator[None]:
    """Give the entities of sources that declare no `@key` the key by which their source gives them, for a while.

    For a while, because another graph that is no subgraph may have the same classes.
    """
    changed: list[tuple[StrawberryObjectDefinition, Sequence[object] | None]] = []
    try:
        for python_type in declared.classes:
            entity, definition = entity_of(python_type), definition_of(python_type)
            if entity is None or definition is None or keys_in(definition):
                continue
            fields = {field.python_name: names.get_graphql_name(field) for field in definition.fields}
            if all(part in fields for part in entity.call.key) and (entity.call.single or entity.call.batch):
                changed.append((definition, definition.directives))
                key = Key(
                    fields=FieldSet(" ".join(fields[part] for part in entity.call.key)), resolvable=strawberry.UNSET
                )
                definition.directives = [*(definition.directives or ()), key]
        yield
    finally:
        for definition, directives in changed:
            definition.directives = directives


def keys_in(definition: StrawberryObjectDefinition) -> list[Key]:
    """Give the keys that a type declares."""
    return [directive for directive in definition.directives or () if isinstance(directive, Key)]


def definition_of(python_type: type[Any]) -> StrawberryObjectDefinition | None:
    """Give what Strawberry knows of exactly this class, if it is a type."""
    found = python_type.__dict__.get("__strawberry_definition__")
    return found if isinstance(found, StrawberryObjectDefinition) else None


def is_entities(field: StrawberryField) -> bool:
    """Tell whether a field is Federation's `_entities`, as Strawberry adds it to the root."""
    function = field.base_resolver.wrapped_func if field.base_resolver is not None else None
    return getattr(function, "__func__", None) is strawberry.federation.Schema.entities_resolver


def key_faults(kind: graphql.GraphQLObjectType, origin: type[Any], call: Call | None) -> Iterator[str]:
    """Give what is wrong with the keys of a type: they name no fields, or nobody finds its objects by them."""
    definition = definition_of(origin)
    names = {python_name(field, name): name for name, field in kind.fields.items()}
    needed = {names.get(part) for part in call.key} if call is not None else set()
    for key in keys_in(definition) if definition is not None else ():
        written = f"@key(fields: {str(key.fields)!r})"
        selection_set = _selected(key)
        if selection_set is None:
            yield f"{written} is no selection of fields"
            continue
        unknown = list(_unknown(kind, selection_set))
        is_found = key.resolvable is False or hasattr(origin, "resolve_reference")
        if unknown:
            yield f"{written} names {', '.join(unknown)}, which the graph does not have"
        elif call is not None and not is_found and not needed <= set(fields_of(key)):
            yield (
                f"{written} does not hold the key {call.key} by which {call.source.name} gives it; declare "
                "resolve_reference, or a Key with resolvable=False"
            )


def fields_of(key: Key) -> list[str]:
    """Give the names of the fields that make up a key, without what is selected from them."""
    selection_set = _selected(key)
    selections = selection_set.selections if selection_set is not None else ()
    return [node.name.value for node in selections if isinstance(node, graphql.FieldNode)]


def _selected(key: Key) -> graphql.SelectionSetNode | None:
    try:
        document = graphql.parse(f"{{ {key.fields} }}", no_location=True)
    except graphql.GraphQLError:
        return None
    definition = document.definitions[0]
    return definition.selection_set if isinstance(definition, graphql.OperationDefinitionNode) else None


def _unknown(kind: Any, selection_set: graphql.SelectionSetNode | None) -> Iterator[str]:
    for node in selection_set.selections if selection_set is not None else ():
        name = node.name.value if isinstance(node, graphql.FieldNode) else "a fragment"
        field = getattr(kind, "fields", {}).get(name)
        if field is None:
            yield f"{kind.name}.{name}"
        elif isinstance(node, graphql.FieldNode):
            yield from _unknown(graphql.get_named_type(field.type), node.selection_set)
