"""Draw an operation over a model's schema: text and variables, valid by construction."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import graphql

from tests.graph.oracle.choices import Choices
from tests.graph.oracle.model import LACKING, Enum, Input, Json, Kind, Model, Stub, graphql_name, literal

Composite = graphql.GraphQLObjectType | graphql.GraphQLInterfaceType | graphql.GraphQLUnionType

VALUES: dict[str, list[Json]] = {
    "Int": [1, 2, 0, 7],
    "Float": [1.5, 2.0, -2e-7],
    "String": ["x", "", 'q"\u00e9 /?&'],
    "Boolean": [True, False],
    "ID": ["1", "2", "3", "zz", "a/b"],
}
DEPTH = 4
SIZES = [1, 2, 2, 2, 4]  # most selections in a set, by the depth that is left


@dataclass
class Operation:
    text: str
    variables: dict[str, Json]


@dataclass
class Variable:
    name: str
    type: str
    default: str
    value: Json = field(default=LACKING)

    @property
    def definition(self) -> str:
        return f"${self.name}: {self.type}{self.default}"


class Writer:
    """Writes one operation out of choices."""

    def __init__(self, choices: Choices, model: Model, schema: graphql.GraphQLSchema) -> None:
        self.choices = choices
        self.model = model
        self.schema = schema
        self.variables: list[Variable] = []
        self.aliases: dict[tuple[str, str], int] = {}
        self.composites = model.composites()

    def operation(self, kind: graphql.OperationType = graphql.OperationType.QUERY) -> Operation:
        root = self.schema.get_root_type(kind)
        assert root is not None
        if kind is graphql.OperationType.SUBSCRIPTION:  # of one field, which is always there
            selection = self.field(root, DEPTH, "", self.composites)
        else:
            selection = self.selection(root, DEPTH, self.composites)
        text = f"{kind.value} %s {{ {selection} }}"
        for position, name in enumerate(self.composites):
            if f"...{name}Parts" in text:
                body = self.selection(self.type(name), 1, self.composites[position + 1 :])
                text += f" fragment {name}Parts on {name} {{ {body} }}"
        used = [found for found in self.variables if re.search(rf"\${found.name}\b", text)]
        listed = ", ".join(found.definition for found in used)
        given = {found.name: found.value for found in used if found.value is not LACKING}
        return Operation(text.replace("%s", f"({listed})" if listed else "", 1), given)

    def type(self, name: str) -> Any:
        return self.schema.type_map[name]

    # -- selections -----------------------------------------------------------------------------------------------

    def selection(self, kind: Composite, depth: int, fragments: list[str]) -> str:
        choices = self.choices
        return " ".join(choices.several(lambda: self.part(kind, depth, fragments), SIZES[depth], 1))

    def part(self, kind: Composite, depth: int, fragments: list[str]) -> str:
        choices = self.choices
        directive = self.directive() if choices.rarely(6) else ""
        is_abstract = graphql.is_abstract_type(kind)
        option = choices.below(8)
        if option == 7:
            return f"{choices.pick(['', 'kind: '])}__typename{directive}"
        if depth and (option == 6 or (is_abstract and option > 2)):
            on = choices.pick([name for name in self.composites if self.overlap(kind, name)] or [kind.name])
            if on in fragments and choices.rarely(2):
                return f"...{on}Parts{directive}"
            condition = "" if on == kind.name and choices.rarely(2) else f" on {on}"
            return f"...{condition}{directive} {{ {self.selection(self.type(on), depth - 1, fragments)} }}"
        if isinstance(kind, graphql.GraphQLUnionType):
            return f"__typename{directive}"
        return self.field(kind, depth, directive, fragments)

    def overlap(self, kind: Composite, name: str) -> bool:
        if kind.name in ("Query", "Mutation", "Subscription"):
            return False
        return bool(set(self.model.possible(kind.name)) & set(self.model.possible(name)))

    def field(self, kind: Any, depth: int, directive: str, fragments: list[str]) -> str:
        choices = self.choices
        named: dict[str, Any] = {name: graphql.get_named_type(element.type) for name, element in kind.fields.items()}
        leaves = [name for name, below in named.items() if graphql.is_leaf_type(below)]
        deeper = [name for name in named if name not in leaves]
        if not depth and not leaves:
            return f"__typename{directive}"
        name = choices.pick(
            leaves if not depth or (leaves and not deeper) else deeper if not leaves else [*deeper, *leaves]
        )
        arguments = self.arguments(kind.name, name)
        alias = self.alias(kind, name, arguments)
        text = f"{alias}{name}{arguments}{directive}"
        if name in leaves:
            return text
        return f"{text} {{ {self.selection(named[name], depth - 1, fragments)} }}"

    def alias(self, kind: Any, name: str, arguments: str) -> str:
        """Give an alias that no other field has: equal ones ask the same of fields that are of one type."""
        own = kind.fields[name].type
        inherited = [found.fields[name].type for found in getattr(kind, "interfaces", ()) if name in found.fields]
        overridden = any(str(found) != str(own) for found in inherited)
        number = self.aliases.setdefault((f"{kind.name if overridden else ''}{name}", arguments), len(self.aliases))
        if arguments or overridden:
            return f"a{number}: "
        return f"b{number}: " if self.choices.rarely(4) else ""

    def directive(self) -> str:
        choices = self.choices
        names = choices.pick(["@include", "@skip", "@skip @include"]).split()
        return "".join(f" {name}(if: {self.condition()})" for name in names)

    def condition(self) -> str:
        if self.choices.rarely(3):
            return self.choices.pick(["true", "false"])
        return self.variable(Kind("Boolean"), strict=True)

    # -- arguments ------------------------------------------------------------------------------------------------

    def arguments(self, type_name: str, name: str) -> str:
        kind = self.model.objects.get(type_name)
        element = (
            next((found for found in kind.every_field if graphql_name(found.name) == name), None) if kind else None
        )
        if not isinstance(element, Stub):
            return ""
        parts = []
        for found in element.arguments:
            optional = found.kind.nullable or found.default is not LACKING
            if optional and self.choices.rarely(3):
                continue
            value = (
                "-1"
                if found.name == "first" and self.choices.rarely(12)
                else self.input(found.kind, has_default=found.default is not LACKING)
            )
            parts.append(f"{graphql_name(found.name)}: {value}")
        if self.choices.rarely(2):
            parts.reverse()
        return f"({', '.join(parts)})" if parts else ""

    def input(self, kind: Kind, *, has_default: bool = False) -> str:
        """Write a value for a position of this type: a literal, perhaps with variables in it, or a variable."""
        choices = self.choices
        if choices.rarely(3):
            return self.variable(kind, has_default=has_default)
        if kind.nullable and choices.rarely(4):
            return "null"
        if kind.item is not None:
            if kind.item.item is None and choices.rarely(4):  # one item stands for a list of it
                found = self.input(kind.item)
                return f"[{found}]" if "$" in found or found == "null" else found
            return f"[{', '.join(self.input(kind.item) for _ in range(choices.pick([1, 0, 2])))}]"
        named = self.model.by_name.get(kind.name)
        if isinstance(named, Input):
            parts = [
                f"{graphql_name(found.name)}: {self.input(found.kind, has_default=found.default is not LACKING)}"
                for found in named.fields
                if not (found.kind.nullable or found.default is not LACKING) or choices.rarely(2)
            ]
            return f"{{{', '.join(parts)}}}"
        return literal(self.model, kind, self.scalar(kind))

    def scalar(self, kind: Kind) -> Json:
        named = self.model.by_name.get(kind.name)
        return self.choices.pick([name for name, _ in named.members] if isinstance(named, Enum) else VALUES[kind.name])

    def variable(self, kind: Kind, *, has_default: bool = False, strict: bool = False) -> str:
        """Write a variable that may stand where this type is expected; a strict one is a boolean and never null."""
        choices = self.choices
        own = Kind(kind.name, kind.nullable and not choices.rarely(4), kind.item)
        default = ""
        if choices.rarely(3):
            default = f" = {self.constant(Kind(kind.name, False, kind.item))}"
        if not own.nullable and (default or has_default) and choices.rarely(2):
            own = Kind(kind.name, True, kind.item)
        alike = [found for found in self.variables if (found.type, found.default) == (str(own), default)]
        known = [found for found in alike if found.value is not None or not strict]
        if known and choices.rarely(2):
            return f"${choices.pick(known).name}"
        optional = own.nullable or default
        value = LACKING if optional and choices.rarely(2) else self.json(Kind("Boolean") if strict else own)
        self.variables.append(Variable(f"v{len(self.variables)}", str(own), default, value))
        return f"${self.variables[-1].name}"

    def constant(self, kind: Kind) -> str:
        return literal(self.model, kind, self.json(kind))

    def json(self, kind: Kind) -> Json:
        """Give a JSON value for a variable."""
        choices = self.choices
        if kind.nullable and choices.rarely(4):
            return None
        if kind.item is not None:
            return [self.json(kind.item) for _ in range(choices.pick([1, 0, 2]))]
        named = self.model.by_name.get(kind.name)
        if isinstance(named, Input):
            return {
                graphql_name(found.name): self.json(found.kind)
                for found in named.fields
                if not (found.kind.nullable or found.default is not LACKING) or choices.rarely(2)
            }
        return self.scalar(kind)
