"""Draw a model: sources, types with every kind of field, and roots."""

from __future__ import annotations

import dataclasses

from tests.graph.oracle.choices import Choices
from tests.graph.oracle.model import (
    LACKING,
    Argument,
    Discriminator,
    Endpoint,
    Enum,
    Field,
    Input,
    Json,
    Kind,
    Link,
    Model,
    Property,
    Push,
    Resolver,
    Source,
    Stub,
    Type,
    Union,
    list_of,
    map_of,
)

SCALARS = ["Int", "String", "ID", "Float", "Boolean"]
KEY_KINDS = ["Int", "ID", "String"]
MEMBERS: list[tuple[tuple[str, Json], ...]] = [
    (("RED", "r"), ("BLUE", "b")),
    (("LOW", 1), ("HIGH", 2)),
    (("ON", "OFF"), ("OFF", "ON")),
]
ENVELOPES = ["", "", "data", "data.rows"]
DEFAULTS: dict[str, list[Json]] = {
    "Int": [1, 0, -7],
    "String": ["d", ""],
    "ID": ["1"],
    "Float": [1.5],
    "Boolean": [True, False],
}
BOXES = [("str", "B0"), ("int", "B1"), ("bool", "B2"), ("list", "B3")]
BOXED = {"str": ["String", "ID"], "int": ["Int", "ID", "Float"], "bool": ["Boolean"]}
CONSTANTS: dict[str, list[Json]] = {
    "Int": [1, None, {}],
    "String": ["x", None, {}],
    "ID": ["1", 2, None],
    "Float": [0.5, None, "y"],
    "Boolean": [True, None, "z"],
}


class ModelMaker:
    """Makes one model out of choices.

    Args:
        pushes: whether it has a subscription, and no mutation.
    """

    def __init__(self, choices: Choices, *, pushes: bool = False) -> None:
        self.choices = choices
        self.pushes = pushes
        self.count = 0
        self.columns: list[str] = []
        self.prefix = ""

    def model(self) -> Model:
        choices = self.choices
        self.sources: list[Source] = []
        choices.several(self.source, 3, 1)
        self.enums: list[Enum] = []
        choices.several(self.enum, 2)
        self.inputs: list[Input] = []
        choices.several(self.input, 2)
        self.names = [f"T{number}" for number in range(1 + choices.below(4))]
        self.entities = {name: found for name in self.names if (found := self.entity(name)) is not None}
        self.members: dict[str, list[str]] = {}
        self.has_python = choices.rarely(3)  # on types, which only the exact path can do
        self.boxes = dict(choices.some(BOXES, 3)) if choices.rarely(2) else {}
        self.entries: dict[str, Type] = {}
        shared = choices.some(self.names, 3)
        if shared:
            self.members["I0"] = shared
        united = choices.some(self.names, 3)
        if united:
            self.members["U0"] = united
        interfaces = [self.interface()] if shared else []
        bases = [interfaces[0] if name in shared else None for name in self.names]
        types = [self.type(*pair) for pair in zip(self.names, bases, strict=True)]
        types += [self.box(name, wire) for wire, name in self.boxes.items()]
        query = tuple(choices.several(self.root_field, 4, 1))
        mutation = () if self.pushes else tuple(choices.several(self.write, 2))
        subscription = tuple(choices.several(self.push, 3, 1)) if self.pushes else ()
        return Model(
            sources=tuple(self.sources),
            types=(*types, *self.entries.values()),
            query=query,
            mutation=mutation,
            subscription=subscription,
            interfaces=tuple(interfaces),
            unions=(self.union(united),) if united else (),
            enums=tuple(self.enums),
            inputs=tuple(self.inputs),
        )

    def source(self) -> None:
        naming = self.choices.pick(["same", "camel", "pascal", "kebab"])
        self.sources.append(Source(f"s{len(self.sources)}", naming, ttl=60 if self.choices.rarely(3) else 0))

    def enum(self) -> None:
        self.enums.append(Enum(f"E{len(self.enums)}", self.choices.pick(MEMBERS)))

    def input(self) -> None:
        taken = self.choices.several(lambda: self.argument(in_input=True), 3, 1)
        self.inputs.append(Input(f"In{len(self.inputs)}", tuple(taken)))

    def name(self, prefix: str) -> str:
        """Give a name that no other field has, so that selections of different types never conflict."""
        self.count += 1
        return f"{prefix}_{self.count}"

    # -- kinds ----------------------------------------------------------------------------------------------------

    def kind(self, name: str, lists: int | None = None) -> Kind:
        choices = self.choices
        found = Kind(name, choices.rarely(2))
        for _ in range(choices.pick([0, 0, 0, 1, 1, 2]) if lists is None else lists):
            found = list_of(found, nullable=choices.rarely(2))
        return found

    def leaf(self) -> str:
        return self.choices.pick([*SCALARS, *(found.name for found in self.enums)])

    def composite(self, *, objects: bool = False) -> str:
        """Give an object type or an abstract one, perhaps only such as are objects in JSON."""
        if objects and self.boxes:
            return self.choices.pick([*self.names, *(name for name in self.members if name != "U0")])
        return self.choices.pick([*self.names, *self.members, *([] if objects else self.boxes.values())])

    def reply(self, name: str) -> Kind:
        """Give the kind of what a backend answers."""
        return self.map(self.kind(name)) if self.choices.rarely(6) else self.kind(name)

    def map(self, value: Kind) -> Kind:
        """Give the kind of a map with such values, or of a list of maps."""
        choices = self.choices
        found = map_of(value, nullable=choices.rarely(2))
        if found.name not in self.entries:
            own = (Property("key", Kind("String"), "key"), Property("value", value, "value"))
            self.entries[found.name] = Type(found.name, own, entry="generic")
        return list_of(found, nullable=choices.rarely(2)) if choices.rarely(4) else found

    def own_map(self) -> Kind:
        """Give the kind of a map whose entries are of a class of the author's."""
        choices, outer = self.choices, (self.columns, self.prefix)
        self.columns, self.prefix = [], "value."
        name = f"M{len(self.entries)}"
        self.entries[name] = Type(name, ())  # so that entries within have another name
        key = Property(self.name("my"), Kind(choices.pick(["String", "ID"])), "key")
        fields: list[Field] = choices.several(lambda: choices.pick([self.link, self.stub])([key]), 2)
        deeper = [Property(self.name("my"), self.kind(self.leaf()), f"value.{self.name('in')}") for _ in range(2)]
        if self.columns or choices.rarely(2):
            fields += deeper
        else:
            fields.append(Property(self.name("my"), self.kind(choices.pick([self.leaf(), self.composite()])), "value"))
        self.entries[name] = Type(name, (key, *fields), tuple(self.columns), entry="own")
        self.columns, self.prefix = outer
        return Kind(name, choices.rarely(2), Kind(name), entries=True)

    def nested(self, after: str) -> Kind:
        """Give the kind of an object inside an object: one that ends."""
        later = self.names[self.names.index(after) + 1 :] if after in self.names else []
        if later and not self.choices.rarely(3):
            return self.kind(self.choices.pick(later))
        name, lists = self.composite(), self.choices.below(3)
        return self.kind(name, lists) if lists else Kind(name, nullable=True)

    def box(self, name: str, wire: str) -> Type:
        """Give a type that holds what is no object."""
        choices = self.choices
        self.columns = []
        if wire == "list":
            held = Property(self.name("my"), self.kind(choices.pick([self.leaf(), *self.names]), 1), ".")
            return Type(name, (held,), box=wire)
        kind = Kind(choices.pick(BOXED[wire]), choices.rarely(2))
        held = Property(self.name("my"), kind, ".")
        singles = [name for name, (_, key, _) in self.entities.items() if len(key) == 1]
        fields: list[Field] = [held]
        if singles and kind.name in KEY_KINDS and choices.rarely(2):
            fields.append(Link(self.name("ln"), self.kind(choices.pick(singles), 0), (held.name,)))
        return Type(name, tuple(fields), box=wire)

    def union(self, united: list[str]) -> Union:
        if not self.boxes:
            return Union("U0", tuple(united), self.discriminator(united))
        values = tuple(zip(["a", "b", "c"], united, strict=False))
        boxes = tuple(self.boxes.items())
        told = Discriminator(self.name("tag"), values, judged=True, boxes=boxes)
        return Union("U0", (*united, *self.boxes.values()), told)

    # -- arguments ------------------------------------------------------------------------------------------------

    def argument(self, *, in_input: bool = False, in_body: bool = False) -> Argument:
        choices = self.choices
        if (in_input or in_body) and self.inputs and choices.rarely(3):
            return Argument(self.name("arg"), self.kind(choices.pick(self.inputs).name, choices.below(2)))
        name = choices.pick([*SCALARS, *(found.name for found in self.enums)])
        if choices.rarely(4):
            return Argument(self.name("arg"), self.kind(name, 2 if in_body and choices.rarely(3) else 1))
        members = [member for found in self.enums if found.name == name for member, _ in found.members]
        default = choices.pick([*DEFAULTS.get(name, []), *members]) if choices.rarely(3) else LACKING
        return Argument(self.name("arg"), Kind(name, choices.rarely(2)), default)

    def arguments(self, *, in_body: bool = False) -> tuple[Argument, ...]:
        return tuple(self.choices.several(lambda: self.argument(in_body=in_body), 2))

    def cut(self, kind: Kind) -> Argument | None:
        if kind.item is None or not self.choices.rarely(3):
            return None
        nullable = self.choices.rarely(2)
        return Argument("first", Kind("Int", nullable), self.choices.pick([1, 2, LACKING]))

    # -- types ----------------------------------------------------------------------------------------------------

    def entity(self, name: str) -> tuple[Endpoint, tuple[str, ...], tuple[Property, ...]] | None:
        """Give the endpoint of an entity, its key, and the properties that hold it."""
        choices = self.choices
        if choices.rarely(3):
            return None
        source = choices.pick(self.sources)
        found = [self.key_property() for _ in range(choices.pick([1, 1, 1, 2]))]
        key = tuple(part.name for part in found)
        batch = choices.pick(["query", "", "body"])
        endpoint = self.batched(
            Endpoint(
                self.name("e").replace("_", ""),
                source,
                variables=key,
                items=choices.pick(ENVELOPES),
                single=not batch or not choices.rarely(3),
                batch=batch,
                match=tuple(".".join(part.where(source)) for part in found),
            )
        )
        return endpoint, key, tuple(found)

    def key_property(self) -> Property:
        name = self.name("key")
        return Property(name, Kind(self.choices.pick(KEY_KINDS)), f"meta.{name}" if self.choices.rarely(5) else "")

    def batched(self, endpoint: Endpoint) -> Endpoint:
        choices = self.choices
        order = tuple(range(len(endpoint.variables)))
        return dataclasses.replace(
            endpoint,
            batch_items=choices.pick(ENVELOPES) if choices.rarely(3) else endpoint.items,
            batch_order=order[::-1] if choices.rarely(3) else order,
            max_batch=2 if choices.rarely(4) else 100,
        )

    def interface(self) -> Type:
        self.columns = []
        own = self.choices.several(lambda: self.property(""), 2, 1)
        fields: list[Field] = [*own, *self.choices.several(lambda: self.link(own), 1)]
        return Type("I0", tuple(fields), tuple(self.columns), discriminator=self.discriminator(self.members["I0"]))

    def discriminator(self, members: list[str]) -> Discriminator | None:
        choices = self.choices
        if choices.rarely(3):
            return None
        otherwise = choices.pick([None, None, members[0]])
        wire: list[list[Json]] = [["a", "b", "c"], [1, 2, 3], [True, "x", 0]]
        values = tuple(zip(choices.pick(wire), members, strict=False))
        if choices.rarely(3):
            return Discriminator(self.name("tag"), values, otherwise, judged=True)
        by = self.name("tag")
        return Discriminator(by if choices.rarely(2) else f"meta.{by}", values if choices.rarely(2) else (), otherwise)

    def type(self, name: str, interface: Type | None) -> Type:
        choices = self.choices
        self.columns = []
        entity = self.entities.get(name)
        own = [*(entity[2] if entity else ()), *choices.several(lambda: self.property(name), 3)]
        for found in interface.fields if interface is not None else ():
            is_leaf = found.kind.name not in (*self.names, *self.members)
            if isinstance(found, Property) and found.kind.nullable and is_leaf and choices.rarely(3):
                own.append(dataclasses.replace(found, kind=dataclasses.replace(found.kind, nullable=False)))
        if not own and interface is None:
            own = [self.property(name)]
        inherited = [found for found in (interface.fields if interface else ()) if isinstance(found, Property)]
        known = [*own, *(found for found in inherited if found.name not in {one.name for one in own})]
        fields: list[Field] = list(own)
        makers = [self.link, self.stub, self.stub, *([self.resolver] if self.has_python else [])]
        fields += choices.several(lambda: choices.pick(makers)(known), 3)
        endpoint, key = (entity[0], entity[1]) if entity else (None, ())
        return Type(name, tuple(fields), tuple(self.columns), interface, endpoint, key)

    def property(self, owner: str) -> Property:
        choices = self.choices
        name = self.name("is" if choices.rarely(3) else "my")
        path = choices.pick(["", "", "", f"box.{name}", f"box.in.{name}"])
        if choices.rarely(6):
            value = self.kind(choices.pick([self.leaf(), self.composite()]))
            return Property(name, self.own_map() if choices.rarely(2) else self.map(value), path)
        if choices.rarely(3):
            later = self.names[self.names.index(owner) + 1 :] if owner in self.names else []
            if later and choices.rarely(4):
                return Property(name, Kind(choices.pick(later), choices.rarely(2)), ".")
            return Property(name, self.nested(owner), path)
        return Property(name, self.kind(self.leaf()), path)

    def column(self, *, many: bool = False) -> str:
        name = self.prefix + self.name("fk") + ("_ids" if many else "")
        self.columns.append(name)
        return name

    def key_of(self, known: list[Property]) -> str:
        """Give an attribute that holds a part of a key: a declared one, or one that is not."""
        declared = [one.name for one in known if one.kind.item is None and one.kind.name in KEY_KINDS]
        return self.choices.pick(declared) if declared and self.choices.rarely(2) else self.column()

    def link(self, known: list[Property]) -> Field:
        if not self.entities:
            return self.property("")
        choices = self.choices
        target = choices.pick(list(self.entities))
        key = self.entities[target][1]
        if len(key) == 1 and choices.rarely(3):
            lists = [one.name for one in known if _is_list_of_keys(one.kind)]
            name = choices.pick(lists) if lists and choices.rarely(2) else self.column(many=True)
            return Link(self.name("ln"), self.kind(target, 1), (name,))
        return Link(self.name("ln"), self.kind(target, 0), tuple(self.key_of(known) for _ in key))

    def stub(self, known: list[Property]) -> Field:
        choices = self.choices
        keys = tuple(self.key_of(known) for _ in range(choices.pick([1, 1, 1, 2])))
        declared = {one.name for one in known}
        variables = tuple(key if key in declared else self.name("k") for key in keys)
        if len(set(variables)) < len(variables):
            variables, keys = variables[:1], keys[:1]
        name = self.name("e").replace("_", "")
        endpoint = Endpoint(
            name,
            choices.pick(self.sources),
            variables=variables,
            arguments=self.arguments(),
            items=choices.pick(ENVELOPES),
        )
        if choices.rarely(3):
            kind = self.reply(choices.pick([self.leaf(), self.composite()]))
            return Stub(self.name("st"), kind, endpoint, keys, cut=self.cut(kind))
        many = choices.rarely(2)
        kind = self.kind(self.composite(objects=True), 1 if many else 0)
        names = tuple(f"of_{name}_{position}" for position in range(len(keys)))
        if len(names) == 1 and choices.rarely(4):
            names = (f"meta.of_{name}",)
        endpoint = dataclasses.replace(
            self.batched(endpoint),
            batch=choices.pick(["query", "body"]),
            match=tuple(one if "." in one else endpoint.source.spelled(one) for one in names),
            many=many,
        )
        return Stub(self.name("st"), kind, endpoint, keys, names, cut=self.cut(kind))

    def resolver(self, known: list[Property] | None = None) -> Field:
        choices = self.choices
        kind = self.kind(choices.pick(SCALARS), choices.pick([0, 0, 1]))
        value: Json = choices.pick([*CONSTANTS[kind.name], LACKING])
        if kind.item is not None and value is not LACKING:
            value = choices.pick([[], [value], [value, CONSTANTS[kind.name][0]], None])
        return Resolver(self.name("py"), kind, value, is_async=choices.rarely(2))

    # -- roots ----------------------------------------------------------------------------------------------------

    def root_field(self) -> Field:
        choices = self.choices
        given = [name for name, (endpoint, _, _) in self.entities.items() if endpoint.single]
        if given and choices.rarely(3):
            name = choices.pick(given)
            endpoint, key, properties = self.entities[name]
            asked = tuple(Argument(part.name, Kind(part.kind.name)) for part in properties)
            return Stub(self.name("by"), self.kind(name, 0), endpoint, key, key_arguments=asked)
        if choices.rarely(6):
            return self.resolver()
        body = choices.rarely(4)
        kind = self.reply(self.composite() if not choices.rarely(4) else self.leaf())
        endpoint = Endpoint(
            self.name("e").replace("_", ""),
            choices.pick(self.sources),
            arguments=self.arguments(in_body=body),
            body=body,
            items=choices.pick(ENVELOPES),
        )
        return Stub(self.name("st"), kind, endpoint, cut=self.cut(kind))

    def write(self) -> Stub:
        choices = self.choices
        kind = self.reply(choices.pick([self.composite(), self.leaf()]))
        endpoint = Endpoint(
            self.name("e").replace("_", ""),
            choices.pick(self.sources),
            method=choices.pick(["POST", "PUT", "PATCH"]),
            arguments=self.arguments(in_body=True),
            body=True,
            items=choices.pick(ENVELOPES),
        )
        return Stub(self.name("wr"), kind, endpoint)

    def push(self) -> Push:
        """Give a field of events; most are of entities, of the source that gives the entity."""
        choices = self.choices
        items = choices.pick(ENVELOPES)
        if self.entities and not choices.rarely(3):
            name = choices.pick(list(self.entities))
            source = self.entities[name][0].source if not choices.rarely(6) else choices.pick(self.sources)
            return Push(self.name("ev"), self.kind(name, choices.pick([0, 0, 0, 1])), source, items)
        name = self.composite() if not choices.rarely(4) else self.leaf()
        return Push(self.name("ev"), self.reply(name), choices.pick(self.sources), items)


def _is_list_of_keys(kind: Kind) -> bool:
    return kind.item is not None and kind.item.item is None and kind.item.name in KEY_KINDS
