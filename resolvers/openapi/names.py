"""Names of a document as names of GraphQL: sanitised, told apart, the same in every run.

A text is cut into words. Accents are dropped; a letter that is not Latin becomes its code point, as in ``u4e2d``. Of
two texts that would have one name, the one that is spelled like the name has it, and the other gets a number.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable

LONGEST = 60  # characters of a name, where nothing else is said

_WORD = re.compile(r"[A-Za-z0-9]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_CAPITALS = re.compile(r"[A-Z]+s?$|[A-Z]+(?=[A-Z][a-z]|[0-9]|$)|[A-Z]")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMPARED = {"<=": " less or equal ", ">=": " greater or equal ", "!=": " not ", "<": " less ", ">": " greater "}
_SIGNS = {"+": "plus ", "-": "minus "}
_SYMBOLS = {
    "+": "plus", "-": "minus", "*": "star", "=": "equal", "!": "not", "&": "and", "|": "or", "%": "percent", "@": "at",
    "$": "dollar", "#": "hash", ".": "dot", ",": "comma", ":": "colon", ";": "semicolon", "/": "slash", "~": "tilde",
    "\\": "backslash", "?": "question", "^": "caret", "_": "underscore", " ": "space", "'": "quote", '"': "quotes",
}  # fmt: skip
_LATIN = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "œ": "oe", "ł": "l", "Ł": "L"})
_READ = 2_000  # characters of a text; whatever follows shows in the hash of a name that is cut


def field_name(text: str) -> str:
    """Give a name for a field or argument: ``price_cents`` becomes ``priceCents``, ``+1`` becomes ``plus1``."""
    words = _words(_spelled(text))
    first, *rest = words or ["unnamed"]
    first = _CAPITALS.sub(lambda found: found[0].lower(), first, count=1) if first[0].isupper() else first
    name = first + "".join(map(_capital, rest))
    return _bounded(_safe(f"_{name}" if text.startswith("_") and words else name), text)


def type_name(text: str) -> str:
    """Give a name for a type: ``order-line`` becomes ``OrderLine``, ``__schema`` becomes ``_schema``."""
    words = _words(text)
    name = "".join(map(_capital, words)) or "Type"
    if text.startswith("__"):
        name = f"_{words[0] if words else ''}{''.join(map(_capital, words[1:]))}"
    return _bounded(_safe(name), text)


def value_name(text: str) -> str:
    """Give a name for an enum's value: ``in-stock`` becomes ``IN_STOCK``, ``-price`` becomes ``MINUS_PRICE``."""
    name = _safe("_".join(_words(_HUMP.sub("_", _spelled(text)))).upper() or ("UNNAMED" if text else "EMPTY"))
    return _bounded(f"{name}_" if name in ("TRUE", "FALSE", "NULL") else name, text)


def told_apart(texts: Iterable[str], name: Callable[[str], str]) -> dict[str, str]:
    """Give a name for each text, no two of them the same; a text that is a name already keeps it."""
    found = {text: name(text) for text in texts}
    names = Names(text for text, wanted in found.items() if text == wanted)
    return {text: wanted if text == wanted else names.take(wanted) for text, wanted in found.items()}


class Names:
    """Names that are taken, and a free one for whatever comes next."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}  # thousands may want one name

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    @property
    def taken(self) -> frozenset[str]:
        """All names that are taken."""
        return frozenset(self._taken)

    def add(self, name: str) -> None:
        """Take a name, whether or not another has it."""
        self._taken.add(name)

    def take(self, name: str) -> str:
        """Give the name, or it with the first number that makes it another's no more."""
        free, number = name, self._next.get(name, 2)
        while free in self._taken:
            free, number = f"{name}{number}", number + 1
        self._next[name] = number
        self._taken.add(free)
        return free


def shortened(name: str, ending: str = "") -> str:
    """Give a name of at most `LONGEST` characters, the ending among them: its first and last words, and a hash."""
    return _cut(name, name, LONGEST - len(ending)) + ending


def _cut(name: str, whole: str, most: int) -> str:
    if len(name) <= most and len(whole) <= _READ:
        return name
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    parts = [part for part in re.split(r"(?<=[a-z0-9])(?=[A-Z])|(?<=_)", name) if part]
    first, last = "", ""
    while parts and len(first) + len(parts[0]) <= most // 2 - 4:
        first += parts.pop(0)
    while parts and len(last) + len(parts[-1]) <= most // 2 - 4:
        last = parts.pop() + last
    return f"{first or name[: most // 2 - 4]}{last}X{digest}"


def _bounded(name: str, text: str) -> str:
    return _cut(name, text, LONGEST)


def _words(text: str) -> list[str]:
    text = text[:_READ]
    if not text.isascii():
        marked = unicodedata.normalize("NFKD", text.translate(_LATIN))
        plain = "".join(char for char in marked if not unicodedata.combining(char))
        text = _FOREIGN.sub(lambda found: f" u{ord(found[0]):04x} " if found[0].isalnum() else " ", plain)
    return _WORD.findall(text)


def _spelled(text: str) -> str:
    """Write out the symbols that tell one name from another: a leading sign, what compares, symbols alone."""
    text = text[:_READ]
    if not any(char.isalnum() for char in text) and not any(symbol in text for symbol in "<>"):
        return " ".join(_SYMBOLS.get(char, "") for char in text if text.strip("_"))
    if text[0] in _SIGNS:
        text = _SIGNS[text[0]] + text[1:]
    if "<" in text or ">" in text or "!=" in text:
        for symbol, word in _COMPARED.items():
            text = text.replace(symbol, word)
    return text


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _safe(name: str) -> str:
    return f"_{name}" if name[0].isdigit() else name
