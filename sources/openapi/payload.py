"""Request bodies as a document says: the media type decides how a filled skeleton is written.

Where none of its values is given there is no body, unless the document requires one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sources.body import ABSENT, Encoded, Encodes, Form, Json, Stream, fill, json_text, variables_in
from sources.file import File
from sources.manner import charset_of
from sources.openapi.media import JSON, Kind, is_media_type, kind_of
from sources.openapi.placed import Placed
from sources.openapi.serial import query_spell
from sources.template import RefusedValue, scalar_text

_FALLBACKS = {
    Kind.JSON: JSON,
    Kind.FORM: "application/x-www-form-urlencoded",
    Kind.PARTS: "multipart/form-data",
    Kind.TEXT: "text/plain",
    Kind.BYTES: "application/octet-stream",
}


def payload_of(
    media: str, skeleton: Json, *, required: bool = False, encoding: Mapping[str, Any] | None = None
) -> Encodes:
    """Give the body of a media type, as `Endpoint.body` takes it.

    It is JSON, under whatever ``+json`` name, a form of an object's properties, URL-encoded or multipart, a text, or
    bytes: a `File`, or Base64 in a text. A file takes the place of any of them, as it is.

    Args:
        skeleton: ``"{input}"`` for one value, or the names of properties on the wire, each with ``"{variable}"``.
        required: whether there is a body even where there is no value.
        encoding: how the properties of a form are written, as the document has it (Encoding Objects by name).
    """
    kind = kind_of(media)
    named = media.strip()
    is_exact = is_media_type(named) and "*" not in named
    sent = named if is_exact else _FALLBACKS[kind]
    found = {name: one for name, one in (encoding or {}).items() if isinstance(one, Mapping)}
    if kind is Kind.PARTS:
        return _Parts(sent, skeleton, required, found)
    if kind is Kind.FORM:
        return _UrlEncoded(sent, skeleton, required, found)
    if kind is Kind.TEXT:
        return _Text(sent, skeleton, required)
    if kind is Kind.BYTES:
        return _Bytes(sent, skeleton, required, keeps_type=not is_exact)
    return _Payload(sent, skeleton, required)


class _Payload:
    """A body of JSON, and what all bodies are: filled, then written as their kind says."""

    is_form = False

    def __init__(self, media: str, skeleton: Json, required: bool) -> None:
        self.media = media
        self.skeleton = skeleton
        self.variables = variables_in(skeleton)
        self._required = required

    def encode(self, values: Mapping[str, object]) -> bytes | Encoded | Stream | None:
        """Give the body for values; None where there is none.

        Raises:
            RefusedValue: a value may not stand in it.
        """
        found = fill(self.skeleton, values)
        if isinstance(found, File):
            return self.file(found)
        is_spread = isinstance(self.skeleton, Mapping)
        if not self._required and (found is ABSENT or found is None or (is_spread and not found)):
            return None
        return self.write(None if found is ABSENT else found)

    def file(self, file: File) -> Stream:
        """Give a file as the body."""
        return _Sent(file, self.media)

    def write(self, value: Json) -> bytes | Encoded | Stream:
        """Write a value."""
        text = json_text(value)
        return text if self.media == JSON else Encoded(text, self.media)


class _Text(_Payload):
    def write(self, value: Json) -> Encoded:
        """Write a text, in the encoding that the media type names."""
        if isinstance(value, Mapping | list | tuple):
            raise RefusedValue("the body is a text, and needs one")
        text = "" if value is None else scalar_text("the body", value)
        try:
            return Encoded(text.encode(charset_of(self.media) or "utf-8"), self.media)
        except (LookupError, ValueError) as exc:
            raise RefusedValue("the body holds a letter that its encoding has not") from exc


class _Bytes(_Payload):
    def __init__(self, media: str, skeleton: Json, required: bool, *, keeps_type: bool) -> None:
        super().__init__(media, skeleton, required)
        self._keeps_type = keeps_type

    def file(self, file: File) -> Stream:
        """Give a file as the body, under its own media type where the document leaves that open."""
        return file if self._keeps_type else super().file(file)

    def write(self, value: Json) -> Encoded:
        """Write the bytes that a text of Base64 says."""
        if not isinstance(value, str | None):
            raise RefusedValue("the body is bytes, and needs a file or a text of Base64")
        try:
            return Encoded(base64.b64decode(value or "", validate=True), self.media)
        except (binascii.Error, ValueError) as exc:
            raise RefusedValue("the body is bytes, and the text is not Base64") from exc


class _UrlEncoded(_Payload):
    """A form in the text of a query.

    Where the document does not say how a property is written, an array is ``a=1&a=2``, and what is nested
    ``a[b][0][c]=1``.
    """

    def __init__(self, media: str, skeleton: Json, required: bool, encoding: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(media, skeleton, required)
        self._encoding = encoding

    def write(self, value: Json) -> Encoded:
        """Write the properties of an object."""
        if not isinstance(value, Mapping | None):
            raise RefusedValue("the body is a form, and needs an object")
        found = [query_spell(self._placed(name, item))(item) for name, item in (value or {}).items()]
        return Encoded("&".join(text for text in found if text is not None).encode(), self.media)

    def _placed(self, name: str, value: Json) -> Placed:
        told = self._encoding.get(name, {})
        media, style, explode = told.get("contentType"), told.get("style"), told.get("explode")
        is_json = isinstance(media, str) and kind_of(media) is Kind.JSON and not style
        items = value if isinstance(value, list | tuple) else ()
        if not isinstance(style, str):
            is_nested = isinstance(value, Mapping) or any(isinstance(item, list | tuple | dict) for item in items)
            style = "deepObject" if is_nested and explode is not False else "form"
        return Placed(
            name=name,
            variable=name,
            place="query",
            style=style,
            explode=explode if isinstance(explode, bool) else None,
            allow_reserved=told.get("allowReserved") is True,
            media=JSON if is_json else None,
        )


class _Parts(_Payload):
    is_form = True

    def __init__(self, media: str, skeleton: Json, required: bool, encoding: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(media, skeleton, required)
        kinds = {name: _media_types(told.get("contentType")) for name, told in encoding.items()}
        self._form = Form("{form}", media=kinds)

    def write(self, value: Json) -> Stream:
        """Write the properties of an object, each as a part."""
        if not isinstance(value, Mapping | None):
            raise RefusedValue("the body is a form, and needs an object")
        return self._form.encode({"form": value or {}})


class _Sent:
    """A file under another media type than its own."""

    def __init__(self, file: File, content_type: str) -> None:
        self._file = file
        self.content_type = content_type

    async def open(self) -> AsyncIterator[bytes]:
        """Give the pieces; see `Stream.open`."""
        return await self._file.open()

    def close(self) -> None:
        """Say that nobody will read the rest."""
        self._file.close()


def _media_types(text: object) -> Sequence[str]:
    """Give the media types that a list of them names, as far as they may be sent."""
    found = [media.strip() for media in text.split(",")] if isinstance(text, str) else []
    return tuple(media for media in found if is_media_type(media))
