"""Work out the bindings of a schema, once, at start-up.

Whatever an author can have forgotten is found here: a template variable that nobody supplies, a batch without a list
variable, a link to a class that no backend gives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import graphql
from strawberry.types.field import StrawberryField

from resolvers.attributes import attribute_named, attributes_of, call_of_type, origin_of, property_in
from resolvers.binding import (
    Binding,
    Bindings,
    Fetching,
    Identity,
    Named,
    Python,
    Reading,
    References,
    boxes_of,
    property_of,
    python_of,
    undeclared,
)
from resolvers.calls import as_named, asks_same, broken, freshness_s, in_key_order, positions, with_default_body
from resolvers.check import cut_by, entity_faults, paging_faults, property_faults, stub_faults
from resolvers.connection import Connection
from resolvers.contents import Contents, target_of
from resolvers.declare import Declared
from resolvers.discriminator import ATTRIBUTE, TYPENAME, Discriminator, Kinds
from resolvers.entities import Representations
from resolvers.extension import is_guarded, is_shown
from resolvers.feeding import feeding_of, generator_faults, pushed_faults
from resolvers.keys import is_entities, key_faults
from resolvers.marks import MARK, LinkMark, PropertyMark, argument_names, mark_on, taken_by_stub
from resolvers.node import GLOBAL_ID, LookupMark, Node, NodeIds, is_node, taken_by, taken_type
from resolvers.pages import Pages
from resolvers.requires import requirement_faults, requirements_of
from resolvers.upload import await_uploads, is_upload, upload_faults
from resolvers.values import python_name, see_entries
from resolvers.weights import is_list, weight_faults
from sources import Call, Endpoint, snake_case

Reads = Callable[[Mapping[str, Any]], Sequence[Named | Exception]]
Read = Callable[[Mapping[str, Fetching]], Reads]


def bind(schema: graphql.GraphQLSchema, declared: Declared) -> Bindings:
    """Work out the binding of every field of the schema, and collect every fault."""
    see_entries(schema)
    faults = [*declared.faults, *weight_faults(schema), *requirement_faults(schema)]
    bindings = Bindings(sources=declared.sources, faults=faults, requirements=requirements_of(schema))
    binder = _Binder(schema, bindings)
    objects = [
        kind
        for kind in schema.type_map.values()
        if isinstance(kind, graphql.GraphQLObjectType) and not graphql.is_introspection_type(kind)
    ]
    for kind in objects:
        binder.attributes_of(kind)
    bindings.boxes = boxes_of(schema, bindings.attributes)
    for found in schema.type_map.values():
        if isinstance(found, graphql.GraphQLInterfaceType | graphql.GraphQLUnionType):
            binder.kinds_of(found, declared)
        elif isinstance(found, graphql.GraphQLInputObjectType):
            binder.take_ids(found.name, found.fields)
    for kind in objects:
        bindings.fields[kind.name] = {
            name: binder.binding(kind, name, element) for name, element in kind.fields.items()
        }
    return bindings


class _Binder:
    def __init__(self, schema: graphql.GraphQLSchema, bindings: Bindings) -> None:
        self.schema = schema
        self.bindings = bindings
        self._contents = Contents(schema, bindings)
        self.roots = {
            root.name
            for root in (schema.query_type, schema.mutation_type, schema.subscription_type)
            if root is not None
        }

    def attributes_of(self, kind: graphql.GraphQLObjectType) -> None:
        origin = origin_of(kind)
        if origin is not None:
            self.bindings.origins[kind.name] = origin
        found = self.bindings.attributes[kind.name] = attributes_of(kind)
        self.bindings.owned[kind.name] = {name: given for name, given in found.items() if given.in_class}
        for attribute in found.values():
            for fault in property_faults(attribute.mark, attribute.kind) if attribute.mark is not None else ():
                self._fault(f"{kind.name}.{attribute.attribute}", fault)
        entity = self._entity(kind.name)
        for fault in entity_faults(entity, found.keys()) if entity is not None else ():
            self._fault(kind.name, fault)

    def kinds_of(self, abstract: graphql.GraphQLInterfaceType | graphql.GraphQLUnionType, declared: Declared) -> None:
        definition = abstract.extensions.get("strawberry-definition")
        own = vars(getattr(definition, "origin", Discriminator)).get(ATTRIBUTE) or abstract.extensions.get(MARK)
        found = own or declared.unions.get(getattr(definition, "graphql_name", None)) or Discriminator(TYPENAME)
        possible = [kind.name for kind in self.schema.get_possible_types(abstract)]
        kinds = Kinds(found, {name: self.bindings.origins.get(name) for name in possible})
        self.bindings.kinds[abstract.name] = kinds
        for fault in kinds.faults:
            self._fault(abstract.name, fault)

    def binding(self, kind: graphql.GraphQLObjectType, name: str, element: graphql.GraphQLField) -> Binding:
        definition = element.extensions.get("strawberry-definition")
        mark = mark_on(element)
        where = f"{kind.name}.{python_name(element, name)}"
        if is_upload(element.type):
            self._fault(where, "Upload is a type of arguments, not of answers")
        if isinstance(mark, Call):
            self.take_ids(where, element.args)
            is_pushed = mark.pushed is not None or kind is self.schema.subscription_type
            return (self._pushed if is_pushed else self._stub)(kind, where, element, mark)
        if isinstance(mark, LinkMark):
            return self._link(kind, where, element, mark)
        if isinstance(mark, LookupMark):
            return self._lookup()
        if not isinstance(definition, StrawberryField):
            is_property = isinstance(mark, PropertyMark)
            return property_of(snake_case(name), mark, element.type) if is_property else Python(sees_client=True)
        if is_entities(definition):
            return self._entities(element)
        if definition.base_resolver is None and not definition.extensions and not definition.permission_classes:
            identity = None
            if definition.python_name == "id" and issubclass(self.bindings.origins.get(kind.name, object), Node):
                identity = self._identity(kind.name)
            return identity or property_in(kind, definition.python_name, mark, element.type)
        for argument in definition.arguments:
            if taken_by(argument.type_annotation.annotation) is not None:
                self._fault(where, f"the argument {argument.python_name!r} reaches no source: read it with key_of")
        await_uploads(element, self._contents.holds_file)
        if kind is self.schema.subscription_type:
            for fault in generator_faults(definition):
                self._fault(where, fault)
        return python_of(definition)

    # -- stubs ----------------------------------------------------------------------------------------------------

    def _stub(self, kind: graphql.GraphQLObjectType, where: str, element: graphql.GraphQLField, call: Call) -> Fetching:
        arguments = taken_by_stub(element)
        single, batch = call.single, call.batch
        if single is None:
            return broken(call)
        if call.default_body:
            single = with_default_body(call, single, arguments)
        invalidates = {self._type_name(name): argument for name, argument in call.invalidates.items()}
        for fault in stub_faults(self.schema, element, call, single, batch, arguments, invalidates):
            self._fault(where, fault)
        pages = self._pages(where, element, call, single, arguments)
        suppliers = self._suppliers(kind, where, call, single, arguments)
        parents, names = tuple(suppliers.values()), tuple(suppliers)
        for fault in upload_faults(element, call, single, self._contents.holds_file, has_parents=bool(parents)):
            self._fault(where, fault)
        batch_names: tuple[str, ...] = ()
        if batch is not None:
            batch_names = self._list_variables(where, call, batch, arguments)
            if not parents:
                batch, batch_names = None, ()  # there is one question only: nothing to batch
            elif len(call.key) != len(names):
                self._fault(where, f"the key {call.key} has {len(call.key)} parts, but {single} needs {sorted(names)}")
            names, parents = in_key_order(call.key, names, parents)
            batch_names = as_named(batch_names, names, call.key)
        target = target_of(element)
        entity = self._entity(target)
        fresh_s = freshness_s(call, entity if pages is None else self._entity(self._item_of(target)))
        given = entity is not None and not parents and asks_same(single, entity) and call.source is entity.source
        return Fetching(
            call=call,
            parents=parents,
            single=single,
            batch=batch,
            single_names=names if parents else (),
            batch_names=batch_names,
            arguments=frozenset(arguments),
            match=self._match(target, call),
            match_kinds=self._match_kinds(target, call),
            target=target,
            fresh_s=fresh_s,
            keep_s=self._contents.keep_s(call, target, fresh_s),
            holds=self._contents.holds(target),
            entity=entity if given else None,
            key_names=self._entity_names(target, entity) if given and entity is not None else (),
            entity_match=self._match(target, entity) if entity is not None and call.source is entity.source else (),
            keeps_digits=self._contents.keeps_digits(element.type, call.source),
            is_cut=cut_by(element, call, single, batch, arguments),
            invalidates=invalidates,
            renamed=tuple((variable, name) for variable, name in call.inputs.items() if name in arguments),
            pages=pages,
            takes_ids=any(GLOBAL_ID in argument.extensions for argument in element.args.values()),
            argument_names=argument_names(element),
            guarded=self._is_guarded(where, element),
            shown=is_shown(element),
            has_maybe=self._contents.has_maybe(element.args),
        )

    def _pushed(
        self, kind: graphql.GraphQLObjectType, where: str, element: graphql.GraphQLField, call: Call
    ) -> Fetching:
        arguments = taken_by_stub(element)
        invalidates = {self._type_name(name): path for name, path in call.invalidates.items()}
        for fault in pushed_faults(self.schema, kind, element, call, arguments, invalidates):
            self._fault(where, fault)
        if call.pushed is None:
            return broken(call)
        target, entity = target_of(element), self._entity(target_of(element))
        given = entity is not None and entity.source is call.source and (entity.single or entity.batch)
        rest = self._by_key(where, str(target), entity) if entity is not None and given else None
        attributes = self.bindings.attributes.get(target or "", {})
        return dataclasses.replace(
            broken(call),
            single=call.single,
            arguments=frozenset(arguments),
            target=target,
            holds=self._contents.holds(target),
            invalidates=invalidates,
            renamed=tuple((variable, name) for variable, name in call.inputs.items() if name in arguments),
            keeps_digits=self._contents.keeps_digits(element.type, call.source),
            takes_ids=any(GLOBAL_ID in argument.extensions for argument in element.args.values()),
            argument_names=argument_names(element),
            guarded=self._is_guarded(where, element),
            shown=is_shown(element),
            has_maybe=self._contents.has_maybe(element.args),
            feeding=feeding_of(call, call.pushed, element, attributes, rest),
        )

    def _is_guarded(self, where: str, element: graphql.GraphQLField) -> bool:
        definition = element.extensions.get("strawberry-definition")
        if isinstance(definition, StrawberryField) and definition.extensions and not is_guarded(element):
            # Its permissions would be asked by nobody.
            self._fault(where, "its class is not reached from the root types; name it in Graph(types=[...])")
        return is_guarded(element)

    def _type_name(self, name: str) -> str:
        """Give the schema's name of a type that an author names as it is or by its class."""
        if name in self.schema.type_map:
            return name
        named = (kind for kind, origin in self.bindings.origins.items() if origin.__name__ == name)
        return next(named, name)

    def _pages(
        self, where: str, element: graphql.GraphQLField, call: Call, single: Endpoint, arguments: set[str]
    ) -> Pages | None:
        """Give how a connection is loaded; None where a field is none."""
        origin = self.bindings.origins.get(target_of(element) or "")
        is_connection = origin is not None and issubclass(origin, Connection)
        for fault in paging_faults(element, call, single, arguments, is_connection=is_connection):
            self._fault(where, fault)
        return Pages(call, single) if call.paging is not None else None

    def _item_of(self, target: str | None) -> str | None:
        """Give the type of a connection's items."""
        for name in ("edges", "node"):
            kind = self.schema.type_map.get(target or "")
            found = kind.fields.get(name) if isinstance(kind, graphql.GraphQLObjectType) else None
            target = None if found is None else graphql.get_named_type(found.type).name
        return target

    def _suppliers(
        self, kind: graphql.GraphQLObjectType, where: str, call: Call, endpoint: Endpoint, arguments: set[str]
    ) -> dict[str, Reading]:
        """Find the parent's attribute behind each variable that no argument supplies."""
        attributes = self.bindings.attributes[kind.name]
        readings: dict[str, Reading] = {}
        missing: list[str] = []
        ordered = [
            *endpoint.template.variables,
            *sorted(endpoint.variables - set(endpoint.template.variables)),
        ]
        for name in ordered:
            attribute = call.inputs.get(name, name)
            if attribute in arguments or (name in endpoint.optional and name not in call.inputs):
                continue
            if call.paging is not None and name in call.paging.variables:
                continue
            for owner in {kind.name, getattr(self.bindings.origins.get(kind.name), "__name__", kind.name)}:
                own = f"{snake_case(owner)}_"
                if attribute not in attributes and snake_case(attribute).startswith(own):
                    attribute = snake_case(attribute).removeprefix(own)
            if attribute not in attributes and snake_case(attribute) in attributes:
                attribute = snake_case(attribute)  # a document's variable
            if attribute in attributes and kind.name not in self.roots:
                readings[name] = Reading(attribute, attributes[attribute])
            elif name in call.inputs and kind.name not in self.roots:
                readings[name] = Reading(call.inputs[name], None)
            else:
                missing.append(name)
        for name in missing:
            have = ", ".join(sorted(arguments | set(attributes))) or "nothing"
            self._fault(where, f"nobody supplies {{{name}}} of {endpoint}; arguments and attributes are: {have}")
        return readings

    def _list_variables(self, where: str, call: Call, batch: Endpoint, arguments: set[str]) -> tuple[str, ...]:
        bodies = batch.body.variables if batch.body else ()
        needed = (name for name in (*batch.template.variables, *bodies) if name not in batch.optional)
        free = [name for name in needed if call.inputs.get(name, name) not in arguments]
        names, parts = tuple(dict.fromkeys(free)), len(call.key)
        if len(names) not in (1, parts) or (len(names) == 1 and parts > 1 and not batch.body):
            self._fault(
                where,
                f"the batch {batch} needs {'one list variable' if parts < 2 else f'{parts} list variables'} "
                f"for the keys, but has {len(names)}",
            )
        return names

    # -- links ----------------------------------------------------------------------------------------------------

    def _link(
        self, kind: graphql.GraphQLObjectType, where: str, element: graphql.GraphQLField, mark: LinkMark
    ) -> Binding:
        target = target_of(element)
        call = self._entity(target)
        if call is None:
            self._fault(where, f"links to {target or 'a scalar'}, which is not an entity of any source")
            return property_of(where, None, element.type)
        if call.single is None and call.batch is None:
            if not call.is_faulty:
                self._fault(where, f"links to {target}, whose entity declares neither get nor batch")
            return broken(call)
        if len(mark.names) != len(call.key):
            self._fault(where, f"links by {mark.names}, but the key of {target} is {call.key}")
        attributes = self.bindings.attributes[kind.name]
        return dataclasses.replace(
            self._by_key(where, str(target), call),
            parents=tuple(Reading(name, attribute_named(name, attributes)) for name in mark.names),
            many_keys=is_list(element.type),
            guarded=self._is_guarded(where, element),
            shown=is_shown(element),
        )

    def _by_key(self, where: str, target: str, call: Call) -> Fetching:
        """Give the load of an entity's objects by their keys."""
        attributes = self.bindings.attributes[target]
        single_names = self._entity_names(target, call) if call.single else ()
        batch_names = self._list_variables(where, call, call.batch, set()) if call.batch else ()
        return Fetching(
            call=call,
            parents=tuple(Reading(part, attributes.get(part)) for part in call.key),
            single=call.single,
            batch=call.batch,
            single_names=single_names,
            batch_names=as_named(batch_names, single_names, call.key),
            arguments=frozenset(),
            match=self._match(target, call),
            match_kinds=self._match_kinds(target, call),
            target=target,
            fresh_s=freshness_s(call, None),
            keep_s=self._contents.keep_s(call, target, freshness_s(call, None)),
            holds=self._contents.holds(target),
            entity=call,
            entity_match=self._match(target, call),
            key_names=single_names,
            keeps_digits=self._contents.keeps_digits(self.schema.type_map[target], call.source),
            is_entity=True,
        )

    # -- objects by type and key ----------------------------------------------------------------------------------

    def _references(self, read: Read, names: Iterable[str], **options: bool) -> References:
        """Give the binding of a field that names objects of these types, read by what ``read`` makes of their loads."""
        loads: dict[str, Fetching] = {}
        for name in names:
            call = self._entity(name)
            if call is not None and (call.single is not None or call.batch is not None):
                loads[name] = self._by_key(name, name, call)
        singles = {name: dataclasses.replace(load, batch=None) for name, load in loads.items() if load.single}
        return References(read(loads), loads, singles, **options)

    def _entities(self, element: graphql.GraphQLField) -> References:
        union: Any = graphql.get_named_type(element.type)
        origins = [self.bindings.origins[kind.name] for kind in union.types]
        for kind, origin in zip(union.types, origins, strict=True):
            for fault in key_faults(kind, origin, self._entity(kind.name)):
                self._fault(kind.name, fault)
        is_found = any(hasattr(origin, "resolve_reference") for origin in origins)

        def read(loads: Mapping[str, Fetching]) -> Reads:
            return Representations(self.bindings, union.types, loads).read

        return self._references(read, [kind.name for kind in union.types], sees_client=is_found)

    def _lookup(self) -> References:
        names = [name for name, origin in self.bindings.origins.items() if is_node(origin)]
        return self._references(lambda loads: NodeIds(loads).read, names, forgives=True)

    def _identity(self, name: str) -> Identity | None:
        call, attributes = self._entity(name), self.bindings.attributes[name]
        if call is None or (call.single is None and call.batch is None and not call.is_faulty):
            self._fault(name, "it is a Node, but no source gives it by key: declare an entity with get or batch")
            return None
        return Identity(name, tuple(attributes[part] for part in call.key if part in attributes))

    def take_ids(self, where: str, inputs: Mapping[str, graphql.GraphQLArgument | graphql.GraphQLInputField]) -> None:
        """Find the arguments, or the fields of an input, that take global ids."""
        for name, element in inputs.items():
            taken = taken_type(element)
            call = None if taken is None else self._entity(taken)
            if taken is not None and (call is None or len(call.key) != 1 or not is_node(self.bindings.origins[taken])):
                self._fault(where, f"{name} takes ids of {taken}, which is not a Node with a key of one part")

    def _entity(self, target: str | None) -> Call | None:
        return call_of_type(self.schema.type_map.get(target or ""))

    def _entity_names(self, target: str | None, call: Call) -> tuple[str, ...]:
        names = tuple(n for n in call.single.template.variables if n not in call.single.optional) if call.single else ()
        if len(names) != len(call.key):
            self._fault(str(target), f"{call.single} has variables {names}, but the key is {call.key}")
            return tuple(call.key)
        return tuple(name for _, name in sorted(zip(positions(call.key, names), names, strict=True)))

    def _match(self, target: str | None, call: Call) -> tuple[tuple[str, ...], ...]:
        attributes = self.bindings.attributes.get(target or "", {})
        return tuple(
            attributes[part].where(call.source) if part in attributes else undeclared(part, call.source)
            for part in call.key
        )

    def _match_kinds(self, target: str | None, call: Call) -> tuple[graphql.GraphQLOutputType | None, ...]:
        attributes = self.bindings.attributes.get(target or "", {})
        return tuple(attributes[part].kind if part in attributes else None for part in call.key)

    def _fault(self, where: str, message: str) -> None:
        text = f"{where}: {message}"
        if text not in self.bindings.faults:
            self.bindings.faults.append(text)
