"""Request bodies with holes, as an author declares them, and what becomes of them: JSON, a file as it is, a form.

A body of JSON is bytes, one of another media type `Encoded`. One that holds a file is a `Stream`: it is opened once,
when it is sent.
"""

from __future__ import annotations

import decimal
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sources.errors import DeclarationError
from sources.file import File
from sources.number import encode_json
from sources.template import RefusedValue, scalar_text

Json = Any
ABSENT: Any = object()


class Stream(Protocol):
    """A request body whose bytes come in pieces, once."""

    @property
    def content_type(self) -> str:
        """The media type to send it as, known once it is open."""
        ...

    async def open(self) -> AsyncIterator[bytes]:
        """Give the pieces.

        Raises:
            RefusedValue: it was opened before.
        """
        ...

    def close(self) -> None:
        """Say that nobody will read the rest."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request body that is whole, and the media type to send it as."""

    content: bytes
    content_type: str


class Encodes(Protocol):
    """What a request body is made of: JSON with holes, and how it is written once they are filled.

    `skeleton` says what stands where, `variables` which values it takes, `is_form` whether its properties are parts of
    a form, each of which may be a file.
    """

    @property
    def is_form(self) -> bool:
        """Whether it is a form of parts."""
        ...

    @property
    def skeleton(self) -> Json:
        """The JSON with its holes."""
        ...

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the values that fill them."""
        ...

    def encode(self, values: Mapping[str, object]) -> bytes | Encoded | Stream | None:
        """Give the body for values; None where there is none.

        Raises:
            RefusedValue: a value may not stand in it.
        """
        ...


def variable_of(text: object) -> str | None:
    """Give ``name`` for a text that is exactly ``{name}``, else None."""
    if isinstance(text, str) and len(text) > 2 and text[0] == "{" and text[-1] == "}" and text[1:-1].isidentifier():
        return text[1:-1]
    return None


class Body:
    """A JSON request body with holes: ``Body({"ids": "{ids}", "limit": 50})``.

    A string that is exactly ``{name}`` is replaced by that value, whatever its JSON type. A property whose value was
    not given is left out; a value of None is sent as null. A body that is nothing but a `File` is that file.
    """

    is_form = False

    def __init__(self, skeleton: Json) -> None:
        self.skeleton = skeleton
        self.variables = variables_in(skeleton)

    def encode(self, values: Mapping[str, object]) -> bytes | Stream:
        """Give the JSON text with every hole filled from ``values``.

        Raises:
            RefusedValue: a text in it is no text.
        """
        filled = fill(self.skeleton, values)
        if isinstance(filled, File):
            return filled
        return json_text(None if filled is ABSENT else filled)


class Form:
    """A ``multipart/form-data`` request body with holes: ``Form({"title": "{title}", "file": "{file}"})``.

    Each property is a field of the form (RFC 7578). A file is a field with its name and media type, text and numbers
    are fields as they are, a list is one field per item, an object is a field of JSON. What was not given or is None
    is left out. ``Form("{input}")`` makes the properties of an object the fields.

    Args:
        media: the media types that a field may have, by its name: for a file also ranges (``image/*``). It keeps its
            own where it may, anything else is sent as the first; where that is JSON, it is written as JSON.
    """

    is_form = True

    def __init__(self, skeleton: Mapping[str, Json] | str, *, media: Mapping[str, Sequence[str]] | None = None) -> None:
        self.skeleton = skeleton
        self.variables = variables_in(skeleton)
        self._media = media or {}

    def check(self) -> None:
        """Check that it says which fields there are.

        Raises:
            DeclarationError: it is neither a mapping nor one variable.
        """
        if variable_of(self.skeleton) is None and not isinstance(self.skeleton, Mapping):
            raise DeclarationError(f"Form({self.skeleton!r}): expected a mapping of fields, or '{{argument}}'")

    def encode(self, values: Mapping[str, object]) -> Stream:
        """Give the form with every hole filled from ``values``.

        Raises:
            RefusedValue: a value may not stand in a form.
        """
        filled = fill(self.skeleton, values)
        return FilledForm(tuple(_fields(filled, self._media)) if isinstance(filled, Mapping) else ())


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: a file, text, or JSON."""

    name: str
    value: File | str | bytes
    media: tuple[str, ...] = ()

    def head(self) -> bytes:
        """Give the lines between the boundary and the value."""
        disposition = f'content-disposition: form-data; name="{_quoted(self.name)}"'
        if isinstance(self.value, File):
            disposition += f'; filename="{_quoted(self.value.filename or "blob")}"'
            disposition += f"\r\ncontent-type: {_file_type(self.value.content_type, self.media)}"
        elif self.media:
            disposition += f"\r\ncontent-type: {self.media[0]}"
        elif isinstance(self.value, bytes):
            disposition += "\r\ncontent-type: application/json"
        return f"{disposition}\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A form ready to be sent; forms of the same fields are equal."""

    fields: tuple[Field, ...]
    boundary: str = field(default_factory=lambda: secrets.token_hex(16), compare=False)

    @property
    def content_type(self) -> str:
        """The media type to send it as."""
        return f"multipart/form-data; boundary={self.boundary}"

    async def open(self) -> AsyncIterator[bytes]:
        """Give the pieces of its text.

        Raises:
            RefusedValue: one of its files was read already, or stands in it twice.
        """
        for found in self.fields:
            if isinstance(found.value, File):
                found.value.take()
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        for found in self.fields:
            value = found.value
            if isinstance(value, File):
                await value.arrive()
            yield f"--{self.boundary}\r\n".encode() + found.head()
            if isinstance(value, File):
                async for piece in value:
                    yield piece
            else:
                yield _text(value)
            yield b"\r\n"
        yield f"--{self.boundary}--\r\n".encode()

    def close(self) -> None:
        """Say that nobody will read the rest of its files."""
        for found in self.fields:
            if isinstance(found.value, File):
                found.value.close()


def _fields(filled: Mapping[str, Json], media: Mapping[str, Sequence[str]]) -> Iterator[Field]:
    for name, value in filled.items():
        _text(name)
        kinds = tuple(media.get(name, ()))
        exact = tuple(kind for kind in kinds if "*" not in kind)
        for item in value if isinstance(value, list | tuple) else [value]:
            if item is None:
                continue
            if isinstance(item, File):
                yield Field(name, item, kinds)
            elif isinstance(item, str | bool | int | float | decimal.Decimal) and not (exact and "json" in exact[0]):
                text = scalar_text(name, item)
                _text(text)
                yield Field(name, text, exact)
            else:
                yield Field(name, json_text(item), exact)


def _text(value: str | bytes) -> bytes:
    try:
        return value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError as exc:
        raise RefusedValue("half a character may not stand in a body") from exc


def _quoted(text: str) -> str:
    """Write a name inside quotes so that it cannot end them, as browsers do (HTML, multipart/form-data encoding)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _file_type(own: str, media: Sequence[str]) -> str:
    """Give the media type to send a file as: its own where it may have that, else the first that it may have."""
    name = own.partition(";")[0].strip().lower()
    if not media or any(name == found or (found[-2:] == "/*" and name.startswith(found[:-1])) for found in media):
        return own
    return next((found for found in media if "*" not in found), own)


def json_text(value: Json) -> bytes:
    """Write a value as JSON.

    Raises:
        RefusedValue: a text in it is no text, it holds a file, or it is nested too deeply.
    """
    try:
        return encode_json(value)
    except UnicodeEncodeError as exc:
        raise RefusedValue("half a character may not stand in a body") from exc
    except RecursionError as exc:
        raise RefusedValue("a value is nested too deeply") from exc


def variables_in(skeleton: Json) -> tuple[str, ...]:
    """Give the names of the holes in a skeleton."""
    names: dict[str, None] = {}
    _gather(skeleton, names)
    return tuple(names)


def _gather(node: Json, names: dict[str, None]) -> None:
    name = variable_of(node)
    if name is not None:
        names[name] = None
    elif isinstance(node, Mapping):
        for item in node.values():
            _gather(item, names)
    elif isinstance(node, list | tuple):
        for item in node:
            _gather(item, names)


def fill(node: Json, values: Mapping[str, object]) -> Json:
    """Give a skeleton with its holes filled; `ABSENT` where it is nothing but one that has no value."""
    name = variable_of(node)
    if name is not None:
        return values.get(name, ABSENT)
    if isinstance(node, Mapping):
        filled = {key: fill(item, values) for key, item in node.items()}
        return {key: item for key, item in filled.items() if item is not ABSENT}
    if isinstance(node, list | tuple):
        return [item for item in (fill(child, values) for child in node) if item is not ABSENT]
    return node
