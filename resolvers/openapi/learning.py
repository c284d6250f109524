"""What classes learn of the document whose operations they are used with.

A class says which properties and options there are; the document says how a backend spells them, how the members of a
union are told apart, which lists are maps and which input stands for one of several things. Each type of a class is
put beside the document's type in the same place, from an operation's answer and arguments downwards. What a class says
itself stays, and so does whatever the document does not have.
"""

from __future__ import annotations

from typing import Any

import graphql

from resolvers.attributes import attributes_of, learn, origin_of
from resolvers.declare import Declared
from resolvers.entries import Entries
from resolvers.marks import MARK, NAME, AlternativesMark
from resolvers.openapi.described import Described
from resolvers.values import python_name
from sources import entity_of

Pair = tuple[graphql.GraphQLNamedType, graphql.GraphQLNamedType]


class Learning:
    """The types of a graph's classes, each beside the document's that it learns of: the first that it meets."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._known: set[graphql.GraphQLNamedType] = set()
        self._waiting: list[Pair] = []

    def learn(self, given: Any, said: Any) -> Any:
        """Let a declared type, and all types that it leads to, learn; give it with its maps."""
        learnt = self._beside(given, said)
        while self._waiting:
            own, other = self._waiting.pop()
            if own in self._known or own is other:
                continue
            self._known.add(own)
            if isinstance(own, graphql.GraphQLObjectType) and isinstance(other, graphql.GraphQLObjectType):
                self._object(own, other)
            elif isinstance(own, graphql.GraphQLUnionType) and isinstance(other, graphql.GraphQLUnionType):
                self._union(own, other)
            elif isinstance(own, graphql.GraphQLInputObjectType) and isinstance(other, graphql.GraphQLInputObjectType):
                self._input(own, other)
        return learnt

    def _beside(self, given: Any, said: Any) -> Any:
        """Note the two types for later, and give the first with the maps of the second."""
        if isinstance(said, graphql.GraphQLNonNull):
            return self._beside(given, said.of_type)
        if isinstance(given, graphql.GraphQLNonNull):
            return graphql.GraphQLNonNull(self._beside(given.of_type, said))
        if isinstance(given, graphql.GraphQLList) and isinstance(said, graphql.GraphQLList):
            inner = self._beside(given.of_type, said.of_type)
            return Entries(inner) if isinstance(said, Entries) else type(given)(inner)
        if all(graphql.is_composite_type(kind) or graphql.is_input_object_type(kind) for kind in (given, said)):
            self._waiting.append((given, said))
        return given

    def _object(self, own: graphql.GraphQLObjectType, other: graphql.GraphQLObjectType) -> None:
        entity = entity_of(origin_of(own) or object)
        if origin_of(own) is None or (entity is not None and entity.of is not None):
            return  # it is the document's, or of a document
        said = Described(other)
        names = names_in(own)
        for attribute, found in attributes_of(own).items():
            if not found.in_class:
                continue
            kind: Any = None
            if found.path is not None:
                kind = said.at(found.path)
            else:
                name = said_name(said, attribute, names.get(attribute))
                if name is not None:
                    learn(own, attribute, said.mark_of(name))
                    kind = said.fields[name][1].type
            element = own.fields.get(names.get(attribute, ""))
            if element is not None and kind is not None and not isinstance(kind, str):
                element.type = self._beside(element.type, kind)

    def _union(self, own: graphql.GraphQLUnionType, other: graphql.GraphQLUnionType) -> None:
        by_name = {member.name: member for member in own.types}
        members = {member: by_name.get(member.name) for member in other.types}
        unnamed = [member for member in own.types if member not in members.values()]
        for member, found in members.items():
            if found is None:
                alike = [one for one in unnamed if one.fields.keys() == member.fields.keys()]
                found = members[member] = alike[0] if alike else None
                unnamed = [one for one in unnamed if one is not found]
            if found is not None:
                self._waiting.append((found, member))
        definition = own.extensions.get("strawberry-definition")
        told = other.extensions.get(MARK)
        is_told = MARK in own.extensions or getattr(definition, "graphql_name", None) in self._declared.unions
        if told is not None and not is_told and all(members.values()):
            own.extensions[MARK] = told.renamed({member.name: str(found) for member, found in members.items()})

    def _input(self, own: graphql.GraphQLInputObjectType, other: graphql.GraphQLInputObjectType) -> None:
        wires = {found.extensions.get(NAME, name): found for name, found in other.fields.items()}
        is_one_of = getattr(own.extensions.get("strawberry-definition"), "is_one_of", False)
        if is_one_of and isinstance(other.extensions.get(MARK), AlternativesMark):
            own.extensions[MARK] = other.extensions[MARK]  # which is there once the fields are
        for name, element in own.fields.items():
            said = wires.get(python_name(element, name), other.fields.get(name))
            if said is not None:
                element.extensions[NAME] = said.extensions.get(NAME, name)
                element.type = self._beside(element.type, said.type)


def names_in(kind: graphql.GraphQLObjectType) -> dict[str, str]:
    """Give the fields of a class's type by the names of its attributes."""
    return {python_name(element, name): name for name, element in kind.fields.items()}


def said_name(said: Described, attribute: str, name: str | None) -> str | None:
    """Give the document's field that an attribute is: that of its name on the wire or in Python, else in the graph."""
    return said.name_of(attribute) or (name if name in said.fields else None)
