"""Load a connection: one page after the other until it has what was asked for, given as one reply.

Theory of operation. A walk begins at the list's beginning or at a client's cursor, and takes pages (`sources.paging`
says which) until it has the wanted items and knows whether anything follows. Each page is a question of its own: it is
looked up in the operation's ledger and in the store, shared while it is under way, and counted against the operation's
bound. From the items' JSON, as the backend wrote it, one reply is put together that looks as if a backend had answered
a connection; so whatever reads replies needs to know nothing of pages.

Cost: items are copied, never decoded; an operation that selects no cursors makes none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from resolvers.envelope import Told
from resolvers.ledger import Part
from resolvers.opaque import opened, sealed
from sources import (
    AstrayLink,
    Call,
    Endpoint,
    Header,
    InvalidInput,
    Numbered,
    Page,
    Place,
    SourceError,
    TooManyPages,
    UpstreamInvalid,
    split_path,
)

SHOWN = "*shown"  # among a call's values: what is selected of the connection; no argument has such a name
ALL_SHOWN = frozenset({"edges", "cursor", "nodes", "pageInfo", "totalCount"})
_OWN = frozenset({"first", "after", "last", "before", SHOWN})  # a variable of such a name takes only the paging's value
_COUNT = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(pattern="^[0-9]{1,15}$")]
_encode = msgspec.json.encode

Ask = Callable[[Mapping[str, object]], Awaitable[Part]]
Values = tuple[str | int | None, ...]


class Read(NamedTuple):
    """One page: its items as the backend wrote them, and what the reply says about it."""

    items: list[msgspec.Raw]
    page: Page


class Walk:
    """What is asked for, the items taken so far, and what is known about the list.

    Args:
        values: the arguments, and what is selected.
        ask: loads one page.

    Its `values` are those that every page is asked for with.
    """

    def __init__(self, values: Mapping[str, object], ask: Ask) -> None:
        shown = values.get(SHOWN)
        self.values = {name: value for name, value in values.items() if name not in _OWN}
        self.ask = ask
        self.shown: frozenset[str] = frozenset(shown) if isinstance(shown, list | tuple) else ALL_SHOWN
        self.counts_only = self.shown == {"totalCount"}
        self.wanted = 0
        self.came_from = False
        self.taken: list[tuple[Read, Place, int]] = []
        self.goes_on: bool | None = False
        self.total: int | None = None
        self.asked_at = float("inf")


class Pages:
    """The pages of one paged call.

    Args:
        call: a call that declares its paging.
        endpoint: its single endpoint.

    """

    def __init__(self, call: Call, endpoint: Endpoint) -> None:
        paging = call.paging
        if paging is None:
            raise TypeError("the call has no pages")
        self.paging = paging
        self._source = call.source
        self._endpoint = endpoint
        self._owner = call.name
        self._tells = paging.is_led or paging.more is not None or call.total is not None
        self._total_header = call.total.name if isinstance(call.total, Header) else None
        self._headers = tuple(name for name in (paging.next_header, self._total_header) if name is not None)
        self._items: Told[list[msgspec.Raw]] = Told(list[msgspec.Raw], endpoint.items)
        self._total: Told[int | str] | None = Told(_COUNT, call.total) if isinstance(call.total, tuple) else None
        self._more: Told[bool] | None = _told(bool, paging.more)
        self._next: Told[str | int] | None = _told(str | int, paging.next_path)
        self._key: Told[str | int] | None = _told(str | int, paging.item_path)

    async def load(self, values: Mapping[str, object], ask: Ask) -> Part:
        """Give a connection as one reply. Failures are in the part, never raised.

        Args:
            values: the arguments, with `first` and `after` among them, and what is selected under `SHOWN`.
            ask: loads one page.
        """
        try:
            first, last = self._count(values, "first"), self._count(values, "last")
            after, before = self._place(values, "after"), self._place(values, "before")
            walk = Walk(values, ask)
            if last is None and before is None:
                exists = await self._forward(walk, first, after)
            else:
                exists = await self._between(walk, first, last, after, before)
        except SourceError as exc:
            return Part((), failure=exc)
        body = self._connection(walk) if exists else None
        return Part((), body, enveloped=False, asked_at=walk.asked_at)

    def heard(self, part: Part) -> dict[str, str]:
        """Give the headers of a page's reply that it is read for."""
        return {name: value for name in self._headers if (value := part.header(name)) is not None}

    def too_many(self) -> TooManyPages:
        """Give the failure of a page that the operation may not ask for any more."""
        name = self._source.name
        return TooManyPages(f"{name}: the operation asks for more pages than it may", source=name)

    # -- what a client asks for -----------------------------------------------------------------------------------

    def _count(self, values: Mapping[str, object], name: str) -> int | None:
        found = values.get(name)
        if isinstance(found, int) and found < 0:
            raise InvalidInput(f"'{name}' must not be negative", source=self._source.name)
        return found if isinstance(found, int) else None

    def _place(self, values: Mapping[str, object], name: str) -> Place | None:
        found = values.get(name)
        if found is None:
            return None
        place = opened(found, Place, self._owner)
        if place is None or not self.paging.accepts(place):
            raise InvalidInput(f"'{name}' is not a cursor of this list", source=self._source.name)
        return place

    # -- walking --------------------------------------------------------------------------------------------------

    async def _forward(self, walk: Walk, first: int | None, after: Place | None) -> bool:
        """Take the first items behind a place; give whether there is such a list at all."""
        walk.wanted = self.paging.usual_size if first is None else first
        walk.came_from = after is not None
        if after is None:
            begin = self.paging.begin(walk.wanted, told=self._tells)
            return await self._walk(walk, begin, begin)
        return await self._walk(walk, after, self.paging.resume(after, walk.wanted, told=self._tells))

    async def _between(
        self, walk: Walk, first: int | None, last: int | None, after: Place | None, before: Place | None
    ) -> bool:
        """Take a window of the list by the numbers of its items, as Relay's algorithm says; see `_forward`."""
        paging = self.paging
        if not isinstance(paging, Numbered):
            raise TypeError("last and before are for pages that can be asked for by number")
        low = 0 if after is None else after.offset
        if before is None:
            walk.wanted = 0 if last is None else last
            if await self._read(walk, paging.at(0, walk.wanted, told=True)) is None:
                return False
            if walk.total is None:
                raise self._invalid("did not say how many items there are, so there is no last one")
            high = walk.total
        else:
            high = before.offset - 1
        high = high if first is None else min(high, low + first)
        low = low if last is None else max(low, high - last)
        walk.wanted, walk.came_from = max(0, high - low), low > 0
        exists = True
        if walk.wanted or walk.total is None:
            place = paging.at(low, walk.wanted, told=True)
            exists = await self._walk(walk, place, place, exact=True)
        walk.goes_on = before is not None or walk.total is None or high < walk.total
        return exists

    async def _walk(self, walk: Walk, own: Place, place: Place, *, exact: bool = False) -> bool:
        """Take items from a place on.

        Args:
            own: the same place as the walk so far counts it.
            exact: whether pages must have the size that was asked for.
        """
        paging = self.paging
        seen = {self._progress(own)}
        while True:
            read = await self._read(walk, place)
            if read is None:  # a page behind the last one, which some backends do not have
                walk.goes_on = False
                return walk.came_from or bool(walk.taken)
            page = read.page
            if paging.is_off(place, page):
                if exact:
                    raise self._invalid("answered a page of another size than it was asked for")
                if place != own:  # sizes are not kept to, so the place must be asked for as it was found
                    place = own
                    continue
            for index in range(place.skip, page.count):
                if len(walk.taken) == walk.wanted:
                    walk.goes_on = True
                    return True
                walk.taken.append((read, place, index))
            walk.goes_on = told = paging.goes_on(place, page)
            if told is False or (told and len(walk.taken) == walk.wanted) or walk.counts_only:
                return True
            following = paging.following(place, page)
            if following is None or self._progress(following) in seen:
                raise self._invalid("answered a page that leads back to one before it")
            seen.add(self._progress(following))
            own = following
            place = paging.resume(own, walk.wanted - len(walk.taken), told=self._tells)

    def _progress(self, place: Place) -> object:
        return place.values if self.paging.is_led else place.offset

    async def _read(self, walk: Walk, place: Place) -> Read | None:
        """Ask for a place's page; None where there is no list, or no such page."""
        values = {**walk.values, **self.paging.values(place)}
        part = await walk.ask(values)
        if part.failure is not None:
            raise part.failure
        walk.asked_at = min(walk.asked_at, part.asked_at)
        if part.body is None:
            return None
        try:
            items = self._items.read(part.body)
            if items is None:
                return None
            total = self._told_total(part)
            is_false = total is not None and bool(items) and total < place.start + len(items)
            page = Page(
                count=len(items),
                total=None if is_false else total,  # no total at all is better than one that the page belies
                more=None if self._more is None else self._more.read(part.body),
                next=self._next_values(part, values),
                key=None if self._key is None else self._keys(items, self._key),
            )
        except msgspec.DecodeError as exc:
            raise self._invalid("answered something other than a page of a list") from exc
        except AstrayLink as exc:
            raise self._invalid(f"answered {exc}") from exc
        walk.total = page.total if walk.total is None or is_false else walk.total
        return Read(items, page)

    def _told_total(self, part: Part) -> int | None:
        text = part.header(self._total_header) if self._total_header is not None else None
        if self._total is not None:
            told = self._total.read(part.body)
            if not isinstance(told, str):
                return told
            text = told
        return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None

    def _next_values(self, part: Part, values: Mapping[str, object]) -> Values | None:
        paging, source = self.paging, self._source
        header = paging.next_header
        told = self._next.read(part.body) if self._next is not None else None
        if header is not None:
            told = part.header(header)
        if told is None:
            return None
        return paging.next_of(told, source.url.rstrip("/"), source.target(self._endpoint, values))

    def _keys(self, items: list[msgspec.Raw], key: Told[str | int]) -> Callable[[int], str | int]:
        def read(index: int) -> str | int:
            try:
                found = key.read(items[index])
            except msgspec.DecodeError:
                found = None
            if found is None:
                raise self._invalid("answered an item without the property that is its cursor")
            return found

        return read

    def _invalid(self, what: str) -> UpstreamInvalid:
        return UpstreamInvalid(f"{self._source.name} {what}", source=self._source.name)

    # -- the reply ------------------------------------------------------------------------------------------------

    def _connection(self, walk: Walk) -> bytes:
        """Give the JSON of what is selected of the connection."""
        shown, taken = walk.shown, walk.taken
        parts: list[bytes] = []
        if "edges" in shown:
            heads = [b'{"cursor":"%b","node":' % self._cursor(item) for item in taken] if "cursor" in shown else None
            nodes = (bytes(read.items[index]) for read, _, index in taken)
            edges = (head + node + b"}" for head, node in zip(heads or [b'{"node":'] * len(taken), nodes, strict=True))
            parts.append(b'"edges":[%b]' % b",".join(edges))
        if "nodes" in shown:
            parts.append(b'"nodes":[%b]' % b",".join(bytes(read.items[index]) for read, _, index in taken))
        if "pageInfo" in shown:
            facts = {
                "hasNextPage": bool(walk.goes_on),
                "hasPreviousPage": walk.came_from,
                "startCursor": self._cursor(taken[0]).decode() if taken else None,
                "endCursor": self._cursor(taken[-1]).decode() if taken else None,
            }
            parts.append(b'"pageInfo":' + _encode(facts))
        if "totalCount" in shown:
            parts.append(b'"totalCount":' + _encode(walk.total))
        return b"{%b}" % b",".join(parts)

    def _cursor(self, item: tuple[Read, Place, int]) -> bytes:
        read, place, index = item
        return sealed(self.paging.past(place, read.page, index), self._owner).encode()


def _told(kind: Any, path: str | None) -> Any:
    return None if path is None else Told(kind, split_path(path))
