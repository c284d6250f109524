"""Make the reader of a fetch: the decoder for what it must give, and the types of objects that show when they are read.

Where the schema says an interface or a union, the decoder leaves an object's JSON as it is (`msgspec.Raw`). A *settler*
then asks what type it has and decodes it again, with the decoder for just that type's selection: `settler` gives the
function that does so wherever in a payload such objects stand. A payload without any costs nothing.

Two other shapes are settled as well, so that whatever comes after reading finds objects in lists: a map becomes a list
of its entries, and a value that is no object (a member of a union may be a text) becomes an object that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import graphql
import msgspec

from graph.decode import ITSELF, Decoders, Need, Uncompilable, leaf_type, list_of, options_of
from graph.plan import Fetch
from graph.read import Deviation, batch_reader, no_reader, root_reader, singles_reader
from graph.want import Wants
from resolvers import ENTRY_KEY, ENTRY_VALUE, Entries, Kinds, Part, Python, is_map, unwrap
from sources import Rest

Settle = Callable[[Any], Any]
_decode = msgspec.json.Decoder().decode


class Readers:
    """Makes readers for the fetches of one plan."""

    def __init__(self, wants: Wants, decoders: Decoders, kinds: Mapping[str, Kinds]) -> None:
        self._wants = wants
        self._decoders = decoders
        self._kinds = kinds

    def reader(self, fetch: Fetch) -> Callable[[list[Part]], Any]:
        """Give the function from the parts of a fetch's load to its result.

        Raises:
            Uncompilable: only the exact path can read it.
        """
        call, decoders = fetch.binding, self._decoders
        if isinstance(call, Python):
            return no_reader
        need = self._wants.needs[fetch.number]
        kind: Any = fetch.sites[0].selected.field.type
        if call.batch is not None and call.parents:
            items = list_of(decoders.item(need))
            identity: tuple[Any, ...] = ("batch", need.signature())
            path = call.batch.items
            read = batch_reader(decoders.decoder(identity, items, path), decoders.decoder(identity, items, ()), path)
            settle = self._item(need, kind, call.source)
            return read if settle is None else _settled_items(read, settle)
        if call.single is None:
            raise Uncompilable("a call without endpoint")
        shown = None if call.is_entity else kind
        if fetch.sites[0].shape is None:
            identity, payload = ("leaf", str(kind)), leaf_type(kind)
        else:
            identity = ("single", str(shown), need.signature())
            payload = decoders.payload(shown, need)
        enveloped = decoders.decoder(identity, payload, call.single.items).decode
        plain = decoders.decoder(identity, payload, ()).decode
        nullable = call.is_entity or not isinstance(kind, graphql.GraphQLNonNull)
        settle = self._settler(shown, need, kind, call.source)
        if not call.parents:
            return _settled(root_reader(enveloped, plain, call.single.items, nullable), settle)
        return _settled_values(singles_reader(enveloped, plain, call.single.items, nullable), settle)

    def _settler(self, shown: Any, need: Need, kind: Any, source: Rest) -> Settle | None:
        """Give the function that settles a value of a GraphQL type; None where there is nothing to settle.

        Args:
            shown: the type with its lists and nulls; None is one object that may lack.
            kind: a type that names the object's.
        """
        item = self._entries(need, source) if is_map(shown) else self._item(need, kind, source)
        return None if item is None else _mapped(shown, item)

    def _below(self, need: Need, name: Any, source: Rest) -> Settle | None:
        """Give the settler of a property."""
        index = need.names[name]
        kind, below = need.kinds[index], need.needs[index]
        return None if below is None else self._settler(kind, below, kind, source)

    def _entries(self, need: Need, source: Rest) -> Settle:
        """Give the function from a map to its entries."""
        names, make = tuple(need.names), self._decoders.entry(need)
        if ENTRY_KEY in names and not _takes_text(need.kinds[need.names[ENTRY_KEY]]):
            raise Uncompilable("a map's key is read as something else than text")
        settle = self._below(need, ENTRY_VALUE, source) if ENTRY_VALUE in names else None
        listed = _ENTRIES.get(names)
        if listed is None:
            raise Uncompilable("a map's entry is read by more than key and value")
        if settle is None:
            return lambda found: listed(make, found, found.values())
        return lambda found: listed(make, found, map(settle, found.values()))

    def _item(self, need: Need, kind: Any, source: Rest) -> Settle | None:
        if need.options:
            return self._chooser(need, graphql.get_named_type(kind).name, source)
        if need.is_whole:
            return _boxed(self._decoders.struct(need), self._below(need, ITSELF, source))
        fields: list[tuple[str, Settle]] = []
        for name, index in need.names.items():
            settle = self._below(need, name, source)
            if settle is not None:
                fields.append((f"f{index}", settle))
        return _fields_settled(fields) if fields else None

    def _chooser(self, need: Need, abstract: str, source: Rest) -> Settle:
        kinds, options = self._kinds[abstract], {}
        for name, option in need.options.items():
            settle = self._item(option, None, source)
            decode = self._decoders.decoder(("option", option.signature()), self._decoders.item(option), ()).decode
            options[name] = decode if settle is None else _after(decode, settle)
        path = kinds.where(source)
        if path is None:
            return lambda raw: _chosen(options, kinds.judged(_decode(raw)))(raw)
        tell = self._decoders.decoder(("tell", path), str | int | bool | None, path).decode
        named = kinds.named
        return lambda raw: _chosen(options, named(unwrap(tell(raw), path)))(raw)


_ENTRIES: dict[tuple[str, ...], Callable[[Any, Any, Any], list[Any]]] = {
    (): lambda make, keys, values: [make() for _ in keys],
    (ENTRY_KEY,): lambda make, keys, values: list(map(make, keys)),
    (ENTRY_VALUE,): lambda make, keys, values: list(map(make, values)),
    (ENTRY_KEY, ENTRY_VALUE): lambda make, keys, values: list(map(make, keys, values)),
    (ENTRY_VALUE, ENTRY_KEY): lambda make, keys, values: list(map(make, values, keys)),
}


def _takes_text(kind: Any) -> bool:
    return any(option is str or option is Any for option in options_of(kind))


def _boxed(make: Any, settle: Settle | None) -> Settle:
    """Give the function from a value to the object that holds it."""

    def box(value: Any) -> Any:
        if _is_null(value):  # which is no member of a union
            raise Deviation
        return make(f0=value if settle is None else settle(value))

    return box


def _chosen(options: Mapping[str, Settle], name: str | None) -> Settle:
    if name is None:
        raise Deviation
    return options[name]


def _after(first: Settle, then: Settle) -> Settle:
    return lambda value: then(first(value))


def _fields_settled(fields: list[tuple[str, Settle]]) -> Settle:
    def settle(value: Any) -> Any:
        for name, inner in fields:
            setattr(value, name, inner(getattr(value, name)))
        return value

    return settle


def _mapped(kind: Any, item: Settle) -> Settle:
    """Give the settler for lists and nulls around what ``item`` settles."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return _mapped_some(kind.of_type, item)
    some = _mapped_some(kind, item)
    return lambda value: None if _is_null(value) else some(value)


def _mapped_some(kind: Any, item: Settle) -> Settle:
    if isinstance(kind, graphql.GraphQLList) and not isinstance(kind, Entries):
        inner = _mapped(kind.of_type, item)
        return lambda value: list(map(inner, value))
    return item


def _is_null(value: Any) -> bool:
    return value is None or (type(value) is msgspec.Raw and bytes(value) == b"null")


def _settled(read: Callable[[list[Part]], Any], settle: Settle | None) -> Callable[[list[Part]], Any]:
    return read if settle is None else lambda parts: settle(read(parts))


def _settled_items(read: Callable[[list[Part]], list[Any]], settle: Settle) -> Callable[[list[Part]], list[Any]]:
    return lambda parts: list(map(settle, read(parts)))


def _settled_values(
    read: Callable[[list[Part]], dict[Any, Any]], settle: Settle | None
) -> Callable[[list[Part]], dict[Any, Any]]:
    if settle is None:
        return read
    return lambda parts: {key: settle(value) for key, value in read(parts).items()}
