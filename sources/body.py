"""Request bodies with holes, as an author declares them, and what becomes of them: JSON, a file as it is, a form.

A body without files is bytes. One that holds a file is a `Stream`: it is opened once, when it is sent.
"""

from __future__ import annotations

import decimal
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sources.errors import DeclarationError
from sources.file import File
from sources.number import encode_json
from sources.template import RefusedValue, scalar_text

Json = Any
_ABSENT: Any = object()


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

    def __init__(self, skeleton: Json) -> None:
        self.skeleton = skeleton
        names: dict[str, None] = {}
        _gather(skeleton, names)
        self.variables = tuple(names)

    def encode(self, values: Mapping[str, object]) -> bytes | Stream:
        """Give the JSON text with every hole filled from ``values``.

        Raises:
            RefusedValue: a text in it is no text.
        """
        filled = _fill(self.skeleton, values)
        if isinstance(filled, File):
            return filled
        return _json(None if filled is _ABSENT else filled)


class Form:
    """A ``multipart/form-data`` request body with holes: ``Form({"title": "{title}", "file": "{file}"})``.

    Each property is a field of the form (RFC 7578). A file is a field with its name and media type, text and numbers
    are fields as they are, a list is one field per item, an object is a field of JSON. What was not given or is None
    is left out. ``Form("{input}")`` makes the properties of an object the fields.
    """

    def __init__(self, skeleton: Mapping[str, Json] | str) -> None:
        self.skeleton = skeleton
        names: dict[str, None] = {}
        _gather(skeleton, names)
        self.variables = tuple(names)

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
        filled = _fill(self.skeleton, values)
        return FilledForm(tuple(_fields(filled))) if isinstance(filled, Mapping) else FilledForm(())


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: a file, text, or JSON."""

    name: str
    value: File | str | bytes

    def head(self) -> bytes:
        """Give the lines between the boundary and the value."""
        disposition = f'content-disposition: form-data; name="{_quoted(self.name)}"'
        if isinstance(self.value, File):
            disposition += f'; filename="{_quoted(self.value.filename or "blob")}"'
            disposition += f"\r\ncontent-type: {self.value.content_type}"
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


def _fields(filled: Mapping[str, Json]) -> Iterator[Field]:
    for name, value in filled.items():
        _text(name)
        for item in value if isinstance(value, list | tuple) else [value]:
            if item is None:
                continue
            if isinstance(item, File):
                yield Field(name, item)
            elif isinstance(item, str | bool | int | float | decimal.Decimal):
                text = scalar_text(name, item)
                _text(text)
                yield Field(name, text)
            else:
                yield Field(name, _json(item))


def _text(value: str | bytes) -> bytes:
    try:
        return value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError as exc:
        raise RefusedValue("half a character may not stand in a body") from exc


def _quoted(text: str) -> str:
    """Write a name inside quotes so that it cannot end them, as browsers do (HTML, multipart/form-data encoding)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _json(value: Json) -> bytes:
    try:
        return encode_json(value)
    except UnicodeEncodeError as exc:
        raise RefusedValue("half a character may not stand in a body") from exc


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


def _fill(node: Json, values: Mapping[str, object]) -> Json:
    name = variable_of(node)
    if name is not None:
        return values.get(name, _ABSENT)
    if isinstance(node, Mapping):
        filled = {key: _fill(item, values) for key, item in node.items()}
        return {key: item for key, item in filled.items() if item is not _ABSENT}
    if isinstance(node, list | tuple):
        return [item for item in (_fill(child, values) for child in node) if item is not _ABSENT]
    return node
