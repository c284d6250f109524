"""An event stream taken apart as it arrives, whatever its pieces (HTML Standard, 9.2.6).

Lines end with LF, CR or both; a CR at the end of a piece ends its line at once, and an LF that follows is skipped.
What is held is bounded: one event, or the beginning of one. An event that is cut by the stream's end is not given, and
its id does not count. Data stays bytes: it is JSON, whose reader checks its encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sources.event import Event

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_RETRY = 9


class TooLarge(Exception):
    """An event, or a line, takes more bytes than may be held."""


class EventStream:
    """The events of a stream, over any number of connections.

    Args:
        most_bytes: of one event, names and ids included.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.last_id = ""
        self.retry_s = 0.0
        self.begin()

    def begin(self) -> None:
        """Forget what is there of an event: a new connection begins."""
        self._rest = bytearray()
        self._is_first = True
        self._after_return = False
        self._clear()

    def _clear(self) -> None:
        self._data: list[bytes] = []
        self._name = ""
        self._id: str | None = None
        self._held = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Give the events that a piece completes; those without data are not given.

        Raises:
            TooLarge: more would have to be held than may be.
        """
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        self._after_return = self._after_return or chunk.endswith(b"\r")
        first, *others = _LINE_END.split(chunk)
        self._rest += first
        self._check()
        if others:
            line = bytes(self._rest)
            self._rest.clear()
            for following in others:
                if (event := self._take(line)) is not None:
                    yield event
                line = following
            self._rest += line
            self._check()

    def _take(self, line: bytes) -> Event | None:
        if self._is_first:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            self._is_first = False
        if not line:
            return self._complete()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode(errors="replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit() and len(value) <= _LONGEST_RETRY:
            self.retry_s = int(value) / 1000
            return None
        else:
            return None  # a comment, or nothing that the standard knows
        self._held += len(line)
        self._check()
        return None

    def _complete(self) -> Event | None:
        if self._id is not None:
            self.last_id = self._id
        body = b"\n".join(self._data)
        event = Event(body, self._name or None, self._id or None) if body else None
        self._clear()
        return event

    def _check(self) -> None:
        if self._held + len(self._rest) > self._most_bytes:
            raise TooLarge
