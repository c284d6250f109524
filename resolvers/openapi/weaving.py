"""Classes of Python that are types of a document: what a class declares, and all else that the document says.

Theory of operation. A class is a Strawberry type of its own, so that annotations can name it. When Strawberry has
built the schema, the document's type of that name is put into the class's: fields that the class does not declare are
added, those that it declares learn where the document has them, and wherever the document's types name theirs, the
class's stands instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import graphql

from resolvers.attributes import attributes_of, learn, origin_of
from resolvers.declare import BLANK, Declared
from resolvers.discriminator import Discriminator
from resolvers.marks import MARK, PropertyMark
from resolvers.openapi.described import Described, differs
from resolvers.openapi.part import Part, reached
from resolvers.values import python_name
from sources import Call, entity_of
from sources.openapi import OpenAPI, near


def woven_in(schema: graphql.GraphQLSchema, source: OpenAPI) -> Iterator[tuple[graphql.GraphQLObjectType, str]]:
    """Give the types whose classes are types of a document, each with what the document calls it."""
    for kind in schema.type_map.values():
        entity = entity_of(origin_of(kind) or object)
        if not isinstance(kind, graphql.GraphQLObjectType) or entity is None or entity.of is None:
            continue
        if entity.call.source is source:
            yield kind, entity.of


def weave_types(schema: graphql.GraphQLSchema, parts: Mapping[OpenAPI, Part], declared: Declared) -> None:
    """Give every class that is a document's type the properties that the document says; faults are added."""
    replaced: dict[graphql.GraphQLNamedType, graphql.GraphQLObjectType] = {}
    for source, part in parts.items():
        for kind, of in woven_in(schema, source):
            kind.fields.pop(BLANK, None)
            found = part.type_named(of)
            if found is None:
                names = [*part.components, *(known.name for known in part.kinds())]
                declared.add_fault(f"{kind.name}: {source.location} has no type {of!r}{near(of, names)}")
            elif not isinstance(found, graphql.GraphQLObjectType):
                declared.add_fault(f"{kind.name}: {of!r} of {source.location} is no object with properties")
            elif found in replaced:
                declared.add_fault(f"{kind.name}: {of!r} of {source.location} is {replaced[found].name} already")
            else:
                replaced[found] = kind
                _weave(kind, Described(found), f"the schema {of} of {source.location}", declared)
                continue
            kind.extensions[MARK] = Call(source=source, single=None, is_faulty=True)
    if replaced:
        _replace(replaced, [*(kind for one in parts.values() for kind in one.kinds()), *reached(replaced.values())])
        for part in parts.values():
            for element in part.fields():
                element.type = _instead(element.type, replaced)


def _weave(kind: graphql.GraphQLObjectType, said: Described, where: str, declared: Declared) -> None:
    """Add what a document says of a type, and find where it has what the class declares."""
    members = declared_properties(kind)
    own: dict[str, str] = {}
    for attribute, (mark, given) in members.items():
        name = said.name_of(attribute)
        if mark.path is not None:
            for fault in path_faults(said, mark.path, given, where):
                declared.add_fault(f"{kind.name}.{attribute}: {fault}")
        elif name is None:
            declared.add_fault(f"{kind.name}.{attribute}: {where} has no property {attribute!r}{near(attribute, said)}")
        else:
            own[attribute] = name
            for fault in type_faults(said.fields[name][1].type, given, name, where):
                declared.add_fault(f"{kind.name}.{attribute}: {fault}")
    for attribute, name in own.items():
        learn(kind, attribute, said.mark_of(name))
    kept = dict(kind.fields)
    by_name = {name: attribute for attribute, name in own.items()}
    names = {python_name(element, name): name for name, element in kept.items()}
    kind.fields.clear()
    for name, element in said.kind.fields.items():
        if name in by_name:
            shown = names.get(by_name[name])  # None for what only Python sees
            if shown is not None:
                kind.fields[shown] = kept.pop(shown)
        elif name not in kept:
            kind.fields[name] = element
    kind.fields.update(kept)
    if kind.description is None:
        kind.description = said.kind.description


def declared_properties(
    kind: graphql.GraphQLObjectType,
) -> dict[str, tuple[PropertyMark, graphql.GraphQLOutputType | None]]:
    """Give the properties that a class declares, with what is written on them and their types in the schema."""
    found: dict[str, tuple[PropertyMark, graphql.GraphQLOutputType | None]] = {}
    for attribute, given in attributes_of(kind).items():
        if given.in_class:
            found[attribute] = given.mark or PropertyMark(None, None), given.kind
    return found


def path_faults(
    said: Described, path: tuple[str, ...], given: graphql.GraphQLOutputType | None, where: str
) -> Iterator[str]:
    """Give what is wrong with a path that an author wrote, as far as the document tells."""
    found = said.at(path)
    if isinstance(found, str):
        yield f"{where} has no property {found!r}" + (f" in {'.'.join(path)!r}" if len(path) > 1 else "")
    elif found is not None:
        yield from type_faults(found, given, ".".join(path), where)


def type_faults(said: Any, given: Any, name: str, where: str) -> Iterator[str]:
    """Give what is wrong with the type of an attribute, beside what the document says."""
    if given is not None and differs(given, said):
        yield f"it is {given}, but {name!r} of {where} is {said}"


def _replace(replaced: Mapping[Any, graphql.GraphQLObjectType], kinds: Iterable[graphql.GraphQLNamedType]) -> None:
    """Let types name the classes' types in place of the document's."""
    for kind in kinds:
        if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            for element in kind.fields.values():
                element.type = _instead(element.type, replaced)
        elif isinstance(kind, graphql.GraphQLUnionType):
            names = {member.name: replaced[member].name for member in kind.types if member in replaced}
            kind.types = tuple(replaced.get(member, member) for member in kind.types)
            told = kind.extensions.get(MARK)
            if isinstance(told, Discriminator) and names:
                kind.extensions[MARK] = told.renamed(names)


def _instead(kind: Any, replaced: Mapping[Any, graphql.GraphQLObjectType]) -> Any:
    if isinstance(kind, graphql.GraphQLNonNull):
        return graphql.GraphQLNonNull(_instead(kind.of_type, replaced))
    if isinstance(kind, graphql.GraphQLList):
        return graphql.GraphQLList(_instead(kind.of_type, replaced))
    return replaced.get(kind, kind)
