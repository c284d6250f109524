"""Requests that bring files: the GraphQL multipart request specification, streamed.

    operations ─► map ─► the operation begins ─► file ─► file ─► ...
                              └── fields read files while they arrive (graph/arrival.py)

The parts must come in this order, which the specification asks for so that servers can stream. The operation runs
while the files arrive, so what is wrong with the rest of the body shows only then: the operation is cancelled, and the
answer is what is wrong. An operation that ends before its files are whole is answered at once.

A page of any origin may send a form without asking the browser first. So a form is taken only with a header that
makes browsers ask (a preflight): one of `PREFLIGHT`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any

import graphql
import msgspec

from graph.answer import Answer
from graph.arrival import Arrival, Arrivals
from graph.asgi import Message, Receive, Send
from graph.body import Disconnected
from graph.client import Caller
from graph.cors import PREFLIGHT
from graph.engine import Context, Engine, Request
from graph.errors import RequestError
from graph.form import FORM, Begun, Event, FormParts, Mark
from graph.room import Room
from graph.shedding import Held, busy
from resolvers import Upload, is_upload, takes_uploads
from sources import Number

_SLOWEST_BYTES_PER_S = 5_000
_FED_BYTES = 32 * 1024
_request_of = msgspec.json.Decoder(Request, float_hook=Number).decode
_map_of = msgspec.json.Decoder(dict[str, list[str]]).decode


class Uploads:
    """Takes the requests of one graph that bring files.

    Args:
        held: what requests hold of bodies, all together.
        room: the places for such requests: they last as long as their files take to arrive.
        max_body_bytes: what `operations` and `map` may hold.
        max_upload_bytes: what the files of a request may hold together.
        max_uploads: how many files a request may bring.
        patience_s: seconds that a client may pause; beyond that it must send 5,000 bytes a second on average.
        linger_s: seconds for which the rest of a body is read after the answer.
    """

    def __init__(
        self,
        engine: Engine,
        held: Held,
        room: Room,
        *,
        max_body_bytes: int,
        max_upload_bytes: int,
        max_uploads: int,
        patience_s: float = 30.0,
        linger_s: float = 10.0,
    ) -> None:
        self.engine = engine
        self.held = held
        self.room = room
        self.max_body_bytes = max_body_bytes
        self.max_upload_bytes = max_upload_bytes
        self.max_uploads = max_uploads
        self.patience_s = patience_s
        self.linger_s = linger_s
        self._is_on = takes_uploads(engine.schema)

    def begin(self, headers: Mapping[str, str], receive: Receive) -> Uploading | None:
        """Give the request that a form is; None for any other, and where the graph takes no files."""
        if not self._is_on:
            return None
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        return Uploading(self, headers, receive) if media_type == FORM else None


class Uploading:
    """One request that brings files."""

    def __init__(self, uploads: Uploads, headers: Mapping[str, str], receive: Receive) -> None:
        self._uploads = uploads
        self._headers = headers
        self._receive = receive
        self._max_bytes = uploads.max_body_bytes + uploads.max_upload_bytes
        self._received_bytes = 0
        self._waited_s = 0.0
        self._is_whole = False
        self._clock = _Clock(uploads.engine.timeout_s)
        self._arrivals = Arrivals()
        self._place = uploads.held.place()
        self._files: dict[str, _Arriving] = {}
        self._paths: dict[str, str] = {}

    async def answer(self, headers: Mapping[str, str], context: Context, caller: Caller) -> Answer:
        """Execute the request while its files arrive.

        Args:
            headers: those by which the client is known.

        Raises:
            RequestError: it is no such request, too large or too slow, or there is no room for it.
            Disconnected: the client went away before it was whole.
        """
        if not self._uploads.room.take():
            raise busy()
        try:
            return await self._answer(headers, context, caller)
        finally:
            self._uploads.room.give_back()
            self._place.give_up()

    async def _answer(self, headers: Mapping[str, str], context: Context, caller: Caller) -> Answer:
        self._check_headers()
        events = self._events(FormParts(self._headers["content-type"]))
        request = await self._request(events)
        arriving = asyncio.ensure_future(self._arrive(events))
        tasks: list[asyncio.Future[Any]] = [arriving]
        try:
            await asyncio.sleep(0)  # what is here already is looked at before anything is done
            if arriving.done():
                arriving.result()
            engine = self._uploads.engine
            answer = engine.answer(request, headers, context, key=object(), caller=caller, timed=False)
            work = asyncio.ensure_future(answer)
            tasks.append(work)
            await self._clock.limit(asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))
            if arriving.done():
                arriving.result()  # raises what is wrong with the body, or that the client has gone
            return await work
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for file in self._files.values():
                # A write that has begun is finished, also without its client, if its file is there.
                if not (file.is_taken and file.arrival.has_ended):
                    file.close()

    def lingering(self, send: Send) -> Send:
        """Give a `send` whose answers reach a client that is still sending.

        To close a connection with unread bytes in it would take the answer back from the client. So after the answer
        the rest of the body is read, within bounds, and dropped; then the connection is closed.
        """
        lingers = False

        async def answer(message: Message) -> None:
            nonlocal lingers
            if message["type"] == "http.response.start":
                lingers = not self._is_whole
                if lingers:
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            elif lingers and not message.get("more_body"):
                await send({**message, "more_body": True})
                await self._linger()
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        return answer

    async def _linger(self) -> None:
        left = self._max_bytes
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._uploads.linger_s):
                while not self._is_whole and left >= 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self._is_whole = not message.get("more_body")

    # -- before the operation -------------------------------------------------------------------------------------

    def _check_headers(self) -> None:
        if not any(self._headers.get(name) for name in PREFLIGHT):
            message = f"{FORM} needs a header that no page may send unasked: Apollo-Require-Preflight: true"
            raise RequestError.of(message, "BAD_REQUEST")
        if self._headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise RequestError.of(f"{FORM} is not taken compressed", "BAD_REQUEST", 415)
        declared = self._headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > self._max_bytes):
            raise self._too_long()

    async def _request(self, events: AsyncIterator[Event]) -> Request:
        """Give the request with its files in place."""
        text = await self._field(events, "operations")
        if text.lstrip()[:1] == b"[":
            raise RequestError.of("operations is a list: one request brings files at a time", "BAD_REQUEST")
        try:
            request = _request_of(text)
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise RequestError.of("operations is not a GraphQL request in JSON", "BAD_REQUEST") from None
        try:
            places = _map_of(await self._field(events, "map", len(text)))
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise RequestError.of("map is not a JSON object of lists of paths", "BAD_REQUEST") from None
        if len(places) > self._uploads.max_uploads:
            message = f"the request brings more than {self._uploads.max_uploads} files"
            raise RequestError.of(message, "LIMIT_EXCEEDED", 413)
        for name, paths in places.items():
            if len(paths) != 1:
                raise RequestError.of(
                    "the map names no place for a file, or several: send it once for each", "BAD_REQUEST"
                )
            if not paths[0].startswith("variables."):
                raise RequestError.of("the map names a place that is not in variables", "BAD_REQUEST")
            self._paths[name] = paths[0]
        await self._check_kinds(request)
        for name, path in self._paths.items():
            self._files[name] = _Arriving(self._arrivals)
            _put(request.variables, path, self._files[name])
        return request

    async def _field(self, events: AsyncIterator[Event], name: str, held_bytes: int = 0) -> bytes:
        begun = await anext(events, None)
        if not isinstance(begun, Begun) or begun.name != name:
            raise RequestError.of("the parts of the form must be operations, then map, then the files", "BAD_REQUEST")
        pieces: list[bytes] = []
        async for event in events:
            if not isinstance(event, bytes):
                break
            pieces.append(event)
            held_bytes += len(event)
            self._place.take(len(event))
            if held_bytes > self._uploads.max_body_bytes:
                message = f"operations and map are longer than {self._uploads.max_body_bytes} bytes"
                raise RequestError.of(message, "LIMIT_EXCEEDED", 413)
        return b"".join(pieces)

    async def _check_kinds(self, request: Request) -> None:
        """Check that every place of a file is one where the operation takes a file."""
        engine = self._uploads.engine
        try:
            operation = await engine.operation(request)
        except RequestError:
            return  # which the engine finds as well, and says in the form that the client asks for
        kinds = {
            definition.variable.name.value: graphql.type_from_ast(engine.schema, definition.type)
            for definition in operation.node.variable_definitions or ()
        }
        for path in self._paths.values():
            _, name, *steps = path.split(".")
            if not is_upload(_kind_at(kinds.get(name), steps)):
                raise RequestError.of("the map puts a file where the operation takes none", "BAD_REQUEST")

    # -- while the operation runs ---------------------------------------------------------------------------------

    async def _arrive(self, events: AsyncIterator[Event]) -> None:
        """Take the files from the socket, at the speed of their readers."""
        waiting = dict(self._files)
        left = self._uploads.max_upload_bytes
        file: _Arriving | None = None
        async for event in events:
            if isinstance(event, Begun):
                file = waiting.pop(event.name, None)
                if file is None:
                    raise RequestError.of("a part of the form is not in the map, or comes twice", "BAD_REQUEST")
                file.describe(event.filename, event.content_type)
                file.arrival.begin()
            elif file is not None and isinstance(event, bytes):
                left -= len(event)
                if left < 0:
                    raise self._too_long()
                await file.arrival.put(event)
            elif file is not None and event is Mark.PART_ENDED:
                file.arrival.end()
        if waiting:
            raise RequestError.of("the map names a file that does not come", "BAD_REQUEST")
        await self._receive()  # all that can come until the answer is there is the client's departure
        raise Disconnected

    async def _events(self, parts: FormParts) -> AsyncIterator[Event]:
        has_ended = False
        while not self._is_whole:
            body = await self._next()
            for start in range(0, len(body), _FED_BYTES):
                if start:
                    await asyncio.sleep(0)  # a hostile body takes a microsecond for each byte
                for event in parts.feed(body[start : start + _FED_BYTES]):
                    has_ended = has_ended or event is Mark.FORM_ENDED
                    yield event
        if not has_ended:
            raise RequestError.of("the form ends half way", "BAD_REQUEST")

    async def _next(self) -> bytes:
        """Give the next bytes of the body."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        patience_s = self._uploads.patience_s + self._received_bytes / _SLOWEST_BYTES_PER_S - self._waited_s
        self._clock.stop()
        try:
            async with asyncio.timeout(patience_s):
                message = await self._receive()
        except TimeoutError:
            raise RequestError.of("the files come too slowly", "BAD_REQUEST", 408) from None
        self._clock.begin()
        self._waited_s += loop.time() - asked_at
        if message["type"] != "http.request":
            raise Disconnected
        body: bytes = message.get("body", b"")
        self._received_bytes += len(body)
        self._is_whole = not message.get("more_body")
        if self._received_bytes > self._max_bytes:
            raise self._too_long()
        return body

    def _too_long(self) -> RequestError:
        message = f"the files are longer than {self._uploads.max_upload_bytes} bytes"
        return RequestError.of(message, "LIMIT_EXCEEDED", 413)


class _Clock:
    """How long an operation may take from when the last bytes came: while more are to come, the client has the time.

    Args:
        timeout_s: None for as long as it likes.
    """

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._timeout = asyncio.timeout(None)
        self._runs = True

    async def limit(self, work: Awaitable[Any]) -> None:
        """Wait for work.

        Raises:
            RequestError: it takes too long.
        """
        try:
            async with self._timeout:
                self._set()
                await work
        except TimeoutError:
            message = "the operation was not done before its time was up"
            raise RequestError.of(message, "DEADLINE_EXCEEDED", 504) from None

    def stop(self) -> None:
        """Say that the client is to send more."""
        self._runs = False
        self._set()

    def begin(self) -> None:
        """Say that it has."""
        self._runs = True
        self._set()

    def _set(self) -> None:
        at = None
        if self._runs and self._timeout_s is not None:
            at = asyncio.get_running_loop().time() + self._timeout_s
        with contextlib.suppress(RuntimeError):  # nobody waits yet, or any more
            self._timeout.reschedule(at)


class _Arriving(Upload):
    """A file of which the name is known when its part begins."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrival = Arrival(arrivals)
        super().__init__(self.arrival)

    async def arrive(self) -> None:
        """Wait until its name and media type are known."""
        await self.arrival.started()

    def close(self) -> None:
        """Say that nobody will read the rest."""
        super().close()
        self.arrival.drop()


def _kind_at(kind: Any, steps: list[str]) -> Any:
    """Give the type of what stands at a path in a variable of a type; None where nothing can."""
    for step in steps:
        kind = graphql.get_nullable_type(kind)
        if isinstance(kind, graphql.GraphQLList) and step.isdigit():
            kind = kind.of_type
            continue
        while isinstance(kind, graphql.GraphQLList):  # a lone value stands for a list of it
            kind = graphql.get_nullable_type(kind.of_type)
        if not isinstance(kind, graphql.GraphQLInputObjectType) or step not in kind.fields:
            return None
        kind = kind.fields[step].type
    return kind


def _put(variables: Any, path: str, file: Upload) -> None:
    """Put a file where the map says, in place of the null that stands for it."""
    _, *steps, last = path.split(".")
    node = variables
    for step in steps:
        node = _at(node, step)
    if _at(node, last) is not None:
        raise RequestError.of("the map names a place that does not hold null", "BAD_REQUEST")
    node[int(last) if isinstance(node, list) else last] = file


def _at(node: Any, step: str) -> Any:
    if isinstance(node, dict) and step in node:
        return node[step]
    if isinstance(node, list) and step.isascii() and step.isdigit() and len(step) < 6 and int(step) < len(node):
        return node[int(step)]
    raise RequestError.of("the map names a place that the operation's variables do not have", "BAD_REQUEST")
