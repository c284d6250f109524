"""A ``multipart/form-data`` body taken apart as it arrives (RFC 7578); no I/O happens here."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from graph.errors import RequestError

FORM = "multipart/form-data"


class Begun(NamedTuple):
    """A part has begun; its bytes follow, then `Mark.PART_ENDED`."""

    name: str
    filename: str
    content_type: str


class Mark(Enum):
    """What ends."""

    PART_ENDED = "part"
    FORM_ENDED = "form"


Event = Begun | bytes | Mark


class FormParts:
    """The parts of one body.

    Args:
        content_type: the request's, with the boundary.

    Raises:
        RequestError: there is no boundary, or it is too long.
    """

    def __init__(self, content_type: str) -> None:
        _, parameters = parse_options_header(content_type.encode("latin-1"))
        self._found: list[Event] = []
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""
        try:
            self._parser = MultipartParser(
                parameters.get(b"boundary", b""),
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_name,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header,
                    "on_headers_finished": self._on_begun,
                    "on_part_data": self._on_bytes,
                    "on_part_end": lambda: self._found.append(Mark.PART_ENDED),
                    "on_end": lambda: self._found.append(Mark.FORM_ENDED),
                },
            )
        except FormParserError:
            raise RequestError.of("the boundary of the form is too long", "BAD_REQUEST") from None
        if not parameters.get(b"boundary"):
            raise RequestError.of(f"{FORM} needs a boundary", "BAD_REQUEST")

    def feed(self, body: bytes) -> list[Event]:
        """Give what the next bytes of the body hold.

        Raises:
            RequestError: they are no form.
        """
        try:
            self._parser.write(body)
        except FormParserError:
            raise RequestError.of(f"the body is not {FORM}", "BAD_REQUEST") from None
        found, self._found = self._found, []
        return found

    def _on_name(self, body: bytes, start: int, end: int) -> None:
        self._name += body[start:end]

    def _on_value(self, body: bytes, start: int, end: int) -> None:
        self._value += body[start:end]

    def _on_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _on_bytes(self, body: bytes, start: int, end: int) -> None:
        if end > start:
            self._found.append(body[start:end])

    def _on_begun(self) -> None:
        disposition, parameters = parse_options_header(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in parameters:
            raise RequestError.of("a part of the form has no name", "BAD_REQUEST")
        coding = self._headers.get(b"content-transfer-encoding", b"binary").strip().lower()
        if coding not in (b"binary", b"8bit", b"7bit"):
            raise RequestError.of("a part of the form is encoded, which RFC 7578 gave up", "BAD_REQUEST")
        self._found.append(
            Begun(
                parameters[b"name"].decode("utf-8", "replace"),
                parameters.get(b"filename", b"").decode("utf-8", "replace"),
                self._headers.get(b"content-type", b"application/octet-stream").decode("latin-1"),
            )
        )
