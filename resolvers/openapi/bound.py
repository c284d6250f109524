"""Calls of Python that name operations of a document: ``@shop.get("getProduct")``.

What the document says of the operation becomes the call's endpoint; what the author declares around it is compared
with what the operation takes and answers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import graphql

from resolvers.attributes import attributes_of, learn, origin_of
from resolvers.binding import Property
from resolvers.check import CUT
from resolvers.declare import Declared
from resolvers.marks import MARK, NAME, argument_names, mark_on, taken_by_stub
from resolvers.openapi.batches import batch_of, envelope_of
from resolvers.openapi.described import Described
from resolvers.openapi.learning import Learning, names_in, said_name
from resolvers.openapi.offers import Offer
from resolvers.openapi.operations import is_safe
from resolvers.openapi.part import Part
from resolvers.openapi.weaving import path_faults, type_faults
from sources import Call, Encodes, Endpoint, entity_of, snake_case
from sources.openapi import OpenAPI, OperationName, near


def bind_operations(schema: graphql.GraphQLSchema, parts: Mapping[OpenAPI, Part], declared: Declared) -> None:
    """Put the operations of documents in place of their names; faults are added to what is declared."""
    learning = Learning(declared)
    for kind in list(schema.type_map.values()):
        if not isinstance(kind, graphql.GraphQLObjectType) or graphql.is_introspection_type(kind):
            continue
        entity = entity_of(origin_of(kind) or object)
        if entity is not None and _names_operations(entity.call):
            kind.extensions[MARK] = _Binder(parts, learning, declared, kind.name).entity(kind, entity.call)
        for element in kind.fields.values():
            call = mark_on(element)
            if isinstance(call, Call) and _names_operations(call):
                where = f"{kind.name}.{getattr(element.extensions.get('strawberry-definition'), 'python_name', '')}"
                element.extensions[MARK] = _Binder(parts, learning, declared, where).stub(element, call)
            elif isinstance(call, Call) and call.source in parts and isinstance(call.source, OpenAPI):
                topic = getattr(call.pushed.feed, "topic", None) if call.pushed is not None else None
                if topic is not None:
                    element.type = learning.learn(element.type, parts[call.source].happenings.get(topic))


def _names_operations(call: Call) -> bool:
    return any(isinstance(one.template, OperationName) for one in (call.single, call.batch) if one is not None)


class _Refused(Exception):
    """A call that cannot be; the message says why."""


class _Binder:
    """One call on its way from names to endpoints."""

    def __init__(self, parts: Mapping[OpenAPI, Part], learning: Learning, declared: Declared, where: str) -> None:
        self._parts = parts
        self._learning = learning
        self._declared = declared
        self._where = where

    def _fault(self, message: str) -> None:
        self._declared.add_fault(f"{self._where}: {message}")

    def stub(self, element: graphql.GraphQLField, call: Call) -> Call:
        """Give the call of a field."""
        arguments = taken_by_stub(element)
        try:
            single = self._offer(call, call.single)
            batch = self._offer(call, call.batch)
            if single is not None:
                call = self._single(element, call, single, arguments)
            if batch is not None:
                call = self._batch(call, batch, element.type, arguments)
        except _Refused as exc:
            self._fault(str(exc))
            return dataclasses.replace(call, single=None, batch=None, is_faulty=True)
        return call

    def entity(self, kind: graphql.GraphQLObjectType, call: Call) -> Call:
        """Give the call by which objects of a type are given by key."""
        try:
            single = self._offer(call, call.single)
            batch = self._offer(call, call.batch)
            if single is not None and call.single is not None:
                needed = single.required()
                if len(needed) != len(call.key):
                    given = ", ".join(needed) or "nothing"
                    raise _Refused(f"{single} needs {given}, but the key is {call.key}")
                items = call.single.items or envelope_of(single.element.type, kind, lists=False)
                self._compare(kind, single, single.answer(items))
                call = dataclasses.replace(call, single=single.endpoint(needed, items, call.single))
            if batch is not None:
                call = self._batch(call, batch, graphql.GraphQLList(kind), set())
        except _Refused as exc:
            self._fault(str(exc))
            return dataclasses.replace(call, single=None, batch=None, is_faulty=True)
        return call

    def _offer(self, call: Call, endpoint: Endpoint | None) -> Offer | None:
        """Give the operation that an endpoint names; None where it names none."""
        if endpoint is None or not isinstance(endpoint.template, OperationName) or not isinstance(call.source, OpenAPI):
            return None
        source, name = call.source, endpoint.template.text
        if source.api is None:
            raise _Refused(f"the document {source.location} cannot be read")
        operation = source.api.named(name)
        if operation is None:
            known = [outline.id for outline in source.api.outlines if outline.id is not None]
            raise _Refused(f"{source.location} has no operation {name!r}{near(name, known)}")
        reads = is_safe(operation) or source.is_read(operation)
        if operation.method != endpoint.method and not (reads and endpoint.method == "GET"):
            raise _Refused(f"{name} of {source.location} is {operation}, and not a {endpoint.method}")
        element = self._parts[source].field(operation)
        if element is None:
            raise _Refused(f"{name} of {source.location} cannot be called: see the losses of the document")
        return Offer(source, operation, element)

    def _single(self, element: graphql.GraphQLField, call: Call, offer: Offer, arguments: set[str]) -> Call:
        inputs, rest = self._inputs(call, offer, arguments)
        body, taken = (None, {}) if offer.body in inputs else self._body(element, call, offer, rest)
        inputs |= taken
        unknown = rest - {*taken.values(), offer.body, CUT} - set(body.variables if body is not None else ())
        if unknown:
            raise _Refused(_takes_no(offer, min(unknown)))
        wanted = graphql.get_named_type(element.type)
        is_list = isinstance(graphql.get_nullable_type(element.type), graphql.GraphQLList)
        target = wanted if isinstance(wanted, graphql.GraphQLObjectType) else None
        own = call.single.items if call.single is not None else ()
        items = own or envelope_of(offer.element.type, target, lists=is_list)
        answer = offer.answer(items)
        if answer is not None:
            for fault in type_faults(answer, element.type, "the answer", str(offer)):
                raise _Refused(fault)
        if target is not None:
            self._compare(target, offer, answer)
        supplied = {variable for variable in offer.variables if inputs.get(variable, variable) in arguments}
        endpoint = offer.endpoint([*offer.required(), *supplied], items, call.single, body)
        self._learn(element, offer, inputs, items)
        return dataclasses.replace(call, single=endpoint, inputs=inputs, default_body=False)

    def _learn(
        self, element: graphql.GraphQLField, offer: Offer, inputs: Mapping[str, str], items: tuple[str, ...]
    ) -> None:
        """Let the types of a field and of its arguments learn what the document says of them."""
        element.type = self._learning.learn(element.type, offer.answer(items))
        python = argument_names(element)
        variables = {inputs.get(variable, variable): variable for variable in offer.variables}
        for name, argument in element.args.items():
            variable = variables.get(python[name])
            if variable is not None:
                argument.type = self._learning.learn(argument.type, offer.argument(variable).type)

    def _inputs(self, call: Call, offer: Offer, arguments: set[str]) -> tuple[dict[str, str], set[str]]:
        """Give which argument supplies which variable of an operation, and the arguments that supply none."""
        known = offer.named if offer.body is None else {**offer.named, offer.body: offer.body}
        inputs, rest = dict[str, str](), set(arguments)
        for name, supplier in call.inputs.items():
            if name not in known:
                raise _Refused(f"inputs names {{{name}}}, which {offer} does not take{near(name, known)}")
            inputs[known[name]] = supplier
            rest.discard(supplier)
        known = offer.named
        for argument in sorted(rest):
            if argument in known and known[argument] not in inputs:
                rest.discard(argument)
                if known[argument] != argument:
                    inputs[known[argument]] = argument
        return inputs, rest

    def _body(
        self, element: graphql.GraphQLField, call: Call, offer: Offer, rest: set[str]
    ) -> tuple[Encodes | None, dict[str, str]]:
        """Give what the arguments that are no parameters send: the whole body, or properties of it."""
        declared = None if call.single is None else call.single.body
        if declared is not None:
            return declared, {}
        variable = offer.body
        if variable is None or variable in rest:
            return None, {}
        if not rest:
            if variable in offer.required():
                raise _Refused(f"nobody supplies the body that {offer} needs")
            return None, {}
        named = {python: name for name, python in argument_names(element).items()}
        kind = graphql.get_named_type(offer.argument(variable).type)
        properties = _properties(kind)
        only = next(iter(rest)) if len(rest) == 1 else None
        if only is not None and only not in properties:
            given = graphql.get_named_type(element.args[named[only]].type)
            if not graphql.is_leaf_type(given) or graphql.is_leaf_type(kind):
                return None, {variable: only}
        unknown = sorted(rest - properties.keys())
        if unknown:
            raise _Refused(
                f"{offer} takes no {unknown[0]!r}, and its body has no such property{near(unknown[0], properties)}"
            )
        for name, (wire, is_required) in properties.items():
            if is_required and name not in rest:
                raise _Refused(f"nobody supplies the property {wire!r} of the body that {offer} needs")
        return offer.payload({properties[name][0]: f"{{{name}}}" for name in sorted(rest)}), {}

    def _batch(self, call: Call, offer: Offer, given: Any, arguments: set[str]) -> Call:
        endpoint = call.batch
        inputs, _ = self._inputs(call, offer, arguments)
        target = graphql.get_named_type(given)
        kind = target if isinstance(target, graphql.GraphQLObjectType) else None
        items = (endpoint.items if endpoint is not None else ()) or envelope_of(offer.element.type, kind, lists=True)
        answer = offer.answer(items)
        if kind is not None:
            self._compare(kind, offer, answer)
        variable = batch_of(offer, kind.name if kind is not None else "", call.key)
        if variable is None:
            taken = ", ".join(offer.variables) or "nothing"
            raise _Refused(f"{offer} has no list parameter for the keys {call.key}; it takes {taken}")
        supplied = {one for one in offer.variables if inputs.get(one, one) in arguments}
        needed = [one for one in offer.required() if one != variable and one not in supplied]
        if needed:
            raise _Refused(f"nobody supplies {{{needed[0]}}} of {offer}")
        return dataclasses.replace(
            call, batch=offer.endpoint([variable, *supplied], items, endpoint), inputs={**call.inputs, **inputs}
        )

    def _compare(self, kind: graphql.GraphQLObjectType, offer: Offer, answer: Any) -> None:
        """Compare the properties that a class declares with what an operation answers."""
        said_kind = graphql.get_named_type(answer) if answer is not None else None
        if said_kind is kind or not isinstance(said_kind, graphql.GraphQLObjectType):
            return
        entity = entity_of(origin_of(kind) or object)
        if entity is not None and entity.of is not None:
            return  # what it declares is compared with its own schema
        where = f"the answer of {offer}"
        said = Described(said_kind)
        own = {name: found for name, found in attributes_of(kind).items() if found.in_class}
        names = names_in(kind)
        if own and not any(_is_in(said, offer, name, found, names) for name, found in own.items()):
            raise _Refused(f"{where} is {said_kind.name}, which has none of the properties of {kind.name}")
        for attribute, found in own.items():
            if found.path is not None:
                for fault in path_faults(said, found.path, found.kind, where):
                    self._declared.add_fault(f"{kind.name}.{attribute}: {fault}")
                continue
            spelled = said.name_of(offer.source.property_name(attribute))
            name = spelled or said_name(said, attribute, names.get(attribute))
            if name is None:
                told = f"{where} has no property {attribute!r}{near(attribute, said)}"
                self._declared.add_fault(f"{kind.name}.{attribute}: {told}")
                continue
            path, element = said.fields[name]
            if path != (offer.source.property_name(attribute),):
                learn(kind, attribute, said.mark_of(name))
            for fault in type_faults(element.type, found.kind, name, where):
                self._declared.add_fault(f"{kind.name}.{attribute}: {fault}")


def _is_in(said: Described, offer: Offer, attribute: str, found: Property, names: Mapping[str, str]) -> bool:
    if found.path is not None:
        return not isinstance(said.at(found.path), str)
    spelled = said.name_of(offer.source.property_name(attribute))
    return bool(spelled or said_name(said, attribute, names.get(attribute)))


def _takes_no(offer: Offer, name: str) -> str:
    known = [snake_case(variable) for variable in offer.variables]
    return f"{offer} takes no {name!r}{near(name, known)}; it takes {', '.join(known) or 'nothing'}"


def _properties(kind: graphql.GraphQLNamedType) -> dict[str, tuple[str, bool]]:
    """Give the properties of an input by their names in Python: the wire's name, and whether it must be there."""
    if not isinstance(kind, graphql.GraphQLInputObjectType):
        return {}
    return {
        snake_case(name): (element.extensions.get(NAME, name), graphql.is_required_input_field(element))
        for name, element in kind.fields.items()
    }
