"""Which list operations of a document answer for many keys at once, and where in an answer the list is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import graphql

from resolvers.openapi.described import Described
from resolvers.openapi.offers import Offer
from sources import snake_case

_WORD = re.compile(r"[a-z0-9]+")
_FILLERS = frozenset({"filter", "filters", "where", "query", "in", "list", "by", "eq", "any"})
_ENVELOPES = ("data", "items", "results", "values", "records", "entries", "content", "value")
_SIZES = frozenset(
    {"limit", "per_page", "page_size", "pagesize", "size", "top", "take", "max_results", "count", "first"}
)
_PLACES = frozenset({"page", "offset", "cursor", "after", "before", "skip", "page_token", "start", "starting_after"})


def words_of(name: str) -> tuple[str, ...]:
    """Give the words of a name, the last one in the singular: ``filter[customerIds]`` is customer, id."""
    words = [word for word in _WORD.findall(snake_case(name.replace("IDs", "Ids"))) if word not in _FILLERS]
    return (*words[:-1], singular(words[-1])) if words else ()


def singular(word: str) -> str:
    """Give the singular of a word, as far as its end tells."""
    if word.endswith("ies") and len(word) > 3:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 2 else word


def plural(word: str) -> str:
    """Give the plural of a word, as far as its end tells."""
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def names_key(name: str, type_name: str, key: str) -> bool:
    """Tell whether a parameter of a list is named like the key of its items."""
    words, own, part = words_of(name), words_of(type_name), words_of(key)
    bare = part[len(own) :] if part[: len(own)] == own and len(part) > len(own) else part
    return bool(words) and words in (part, bare, (*own, *bare), (*own[-1:], *bare), ("key",))


def batch_of(offer: Offer, type_name: str, key: Sequence[str]) -> str | None:
    """Give the variable of a list operation that takes many keys; None where it has none."""
    if len(key) != 1:
        return None
    for variable, parameter in offer.parameters.items():
        is_list = isinstance(graphql.get_nullable_type(offer.argument(variable).type), graphql.GraphQLList)
        if is_list and parameter.place == "query" and names_key(parameter.name, type_name, key[0]):
            return variable
    return None


def page_of(offer: Offer) -> int | None:
    """Give how many items a list has at most where nobody says how many; None where it has all, 0 where none can tell.

    A batch that got a page only would lose the others.
    """
    sizes, is_paged = list[int](), False
    for variable, parameter in offer.parameters.items():
        name = "_".join(_WORD.findall(snake_case(parameter.name)))
        if name in _SIZES or name in _PLACES:
            is_paged = True
            default = parameter.schema.default
            if (
                name in _SIZES
                and isinstance(default, int)
                and not graphql.is_required_argument(offer.argument(variable))
            ):
                sizes.append(max(default, 0))
    return min(sizes, default=0) if is_paged else None


def envelope_of(answer: Any, target: graphql.GraphQLObjectType | None, *, lists: bool) -> tuple[str, ...]:
    """Give the path from an answer to its payload: a list, or an object; empty where the answer is the payload.

    Args:
        target: what the payload is in the graph; None where it is no object.
    """
    kind = graphql.get_nullable_type(answer)
    if not isinstance(kind, graphql.GraphQLObjectType) or kind is target:
        return ()
    said = Described(kind)
    found = {
        path[0]: element
        for path, element in said.fields.values()
        if len(path) == 1 and _holds(element.type, lists=lists)
    }
    named = [name for name in _ENVELOPES if name in found]
    if lists:
        return (named[0],) if named else tuple(found) if len(found) == 1 else ()
    if target is not None and any(said.name_of(attribute) for attribute in _attributes(target)):
        return ()
    return (named[0],) if named else ()


def _attributes(kind: graphql.GraphQLObjectType) -> list[str]:
    return [snake_case(name) for name in kind.fields]


def _holds(kind: Any, *, lists: bool) -> bool:
    inner = graphql.get_nullable_type(kind)
    if lists:
        return isinstance(inner, graphql.GraphQLList)
    return isinstance(inner, graphql.GraphQLObjectType)
