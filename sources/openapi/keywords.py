"""What the keywords of one schema say, without those of the schemas that it refers to.

JSON Schema's words of all versions: a `nullable` of 3.0 and a type `null` of 3.1, an `enum` and a `const`.
"""

from __future__ import annotations

from typing import Any

from sources.number import Number

Json = Any
Node = dict[str, Json]
KINDS = frozenset({"boolean", "integer", "number", "string", "array", "object"})

# Words that describe a value or bound it: with them alone a schema says the same as the one that it refers to.
DESCRIBING = frozenset(
    "$comment $schema $id $anchor $dynamicAnchor $defs definitions title description summary deprecated readOnly "
    "writeOnly default example examples nullable externalDocs xml pattern minLength maxLength minItems maxItems "
    "uniqueItems minProperties maxProperties multipleOf not if then else name in style explode allowReserved "
    "allowEmptyValue collectionFormat contains minContains maxContains propertyNames dependentRequired".split()
)
COMBINING = frozenset({"allOf", "oneOf", "anyOf", "discriminator", "$ref", "$dynamicRef"})
# With these besides, it says no more of what a value is made of.
BOUNDING = DESCRIBING | {"required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_OBJECT = ("properties", "additionalProperties", "patternProperties", "unevaluatedProperties")
_ARRAY = ("items", "prefixItems", "minItems", "maxItems", "uniqueItems")
_TEXT = ("pattern", "minLength", "maxLength", "contentEncoding", "contentMediaType")
_NUMBER = ("minimum", "maximum", "multipleOf")
_FORMATS = dict.fromkeys(
    "date date-time time duration uuid uri url email hostname ipv4 ipv6 byte binary password".split(), "string"
) | {"int32": "integer", "int64": "integer", "float": "number", "double": "number"}


def object_in(node: Json) -> Node:
    """Give a part that is an object; an empty one where it is missing or something else."""
    return node if isinstance(node, dict) else {}


def is_true(found: Json) -> bool:
    """Tell whether a switch is on; in some documents it is a text."""
    return found is True or found == "true"


def words_beyond(node: Node, known: frozenset[str]) -> bool:
    """Tell whether a schema says anything besides what is said by such words."""
    return any(word not in known and not word.startswith("x-") for word in node)


def types_of(node: Node) -> frozenset[str]:
    """Give the types that a schema names, ``null`` among them; none where it names none that is known."""
    said = node.get("type")
    named = said if isinstance(said, list) else [said]
    found = frozenset(one for one in named if isinstance(one, str)) & (KINDS | {"null"})
    return found | {"string"} if said == "file" else found


def inferred_kinds(node: Node) -> frozenset[str]:
    """Give the kinds that a schema without a type means by its other words."""
    if any(word in node for word in _OBJECT) or isinstance(node.get("required"), list):
        return frozenset({"object"})
    if any(word in node for word in _ARRAY):
        return frozenset({"array"})
    if any(word in node for word in _TEXT):
        return frozenset({"string"})
    if any(is_number(node.get(word)) for word in _NUMBER):
        return frozenset({"number"})
    form = node.get("format")
    return frozenset({_FORMATS[form]}) if isinstance(form, str) and form in _FORMATS else frozenset()


def kind_of(value: Json) -> str:
    """Give the kind of a value of JSON, ``null`` among them."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "null"


def common_kinds(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """Give the kinds that both allow: an integer is a number."""
    both = one & other
    if ("integer" in one and "number" in other) or ("integer" in other and "number" in one):
        both |= {"integer"}
    return both


def values_of(node: Node) -> tuple[Json, ...] | None:
    """Give the values that a schema lists, null among them; None where it lists none."""
    if "const" in node:
        return (node["const"],)
    found = node.get("enum")
    return tuple(found) if isinstance(found, list) and found else None


def allows_null(node: Node) -> bool:
    """Tell whether a schema says itself that its value may be null."""
    if is_true(node.get("nullable")) or is_true(node.get("x-nullable")) or "null" in types_of(node):
        return True
    if None in (values_of(node) or ()):
        return True
    return any(is_null(option) for word in ("oneOf", "anyOf") for option in listed(node, word))


def is_null(node: Json) -> bool:
    """Tell whether a schema allows nothing but null."""
    if not isinstance(node, dict):
        return False
    return types_of(node) == {"null"} or values_of(node) == (None,)


def listed(node: Node, word: str) -> list[Json]:
    """Give a list of schemas; an empty one where there is none."""
    found = node.get(word)
    return found if isinstance(found, list) else []


def format_of(node: Node) -> str | None:
    """Give the format of a text or number."""
    found = node.get("format")
    if isinstance(found, str) and found:
        return found
    if str(node.get("contentEncoding")).lower() in ("base64", "base64url"):
        return "byte"
    is_binary = node.get("type") == "file" or node.get("contentMediaType") == "application/octet-stream"
    return "binary" if is_binary else None


def bounds_of(node: Node, word: str, exclusive: str) -> list[int | float]:
    """Give the bounds that a schema sets in one direction; the exclusive ones of 3.1 as if they were none."""
    return [node[name] for name in (word, exclusive) if is_number(node.get(name))]


def is_number(found: Json) -> bool:
    """Tell whether a value is a number of JSON."""
    return isinstance(found, int | float) and not isinstance(found, bool)


def spelled(value: Json, kinds: frozenset[str]) -> Json:
    """Give a value that a document lists as the wire has it: in YAML, texts without quotes may look like numbers."""
    if kinds == {"string"} and isinstance(value, bool | int | float):
        return (
            str(value).lower() if isinstance(value, bool) else value.text if isinstance(value, Number) else str(value)
        )
    return float(value) if isinstance(value, Number) else value
