"""Lists whose pages lead on: each reply, or each item, says how the next page is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sources.errors import DeclarationError
from sources.links import next_link, parameters_of
from sources.paging import Page, Paging, Place, Scalar, Values


@dataclass(frozen=True, slots=True)
class Cursor(Paging):
    """Pages that begin after a cursor: ``Cursor("after", size="limit", next="meta.next_cursor")``.

    The cursor of the next page is in the reply (`next`), or each item's own property is one (`item`):
    ``Cursor("after_id", size="limit", item="id")``. A next cursor promises that something follows; null, an empty text
    or none at all says that nothing does.

    Args:
        after: template variable for the cursor.
        next: dotted path to the next page's cursor.
        item: dotted path, in an item, to the property that is its cursor.
    """

    after: str
    next: str | None = field(default=None, kw_only=True)
    item: str | None = field(default=None, kw_only=True)

    @property
    def positions(self) -> tuple[str, ...]:
        """The template variables that choose a page."""
        return (self.after,)

    @property
    def is_led(self) -> bool:
        """Whether each reply leads to the next page; else a page is asked for by what is known already."""
        return self.next is not None

    @property
    def next_path(self) -> str | None:
        """Dotted path to what leads to the next page."""
        return self.next

    @property
    def item_path(self) -> str | None:
        """Dotted path, in an item, to the property that is its cursor."""
        return self.item

    def check(self) -> None:
        """Check what was declared; see `Paging.check`."""
        Paging.check(self)
        if (self.next is None) == (self.item is None):
            raise DeclarationError("Cursor: give either next=, the path to the next cursor, or item=, that in an item")

    def next_of(self, told: Scalar | None, base: str, asked: str) -> Values | None:
        """Give the values that ask for the next page; see `Paging.next_of`."""
        return None if told is None or told == "" else (told,)

    def resume(self, place: Place, wanted: int, *, told: bool) -> Place:
        """Give the same place, asked for with the size that suits; see `Paging.begin`.

        Inside a page the size stays: the index counts in a page of that size.
        """
        return place if place.skip else place._replace(size=self._size(wanted, told))

    def following(self, place: Place, page: Page) -> Place | None:
        """Give the beginning of the next page; None where the reply leads nowhere."""
        if page.key is None:
            return Paging.following(self, place, page)
        return self.past(place, page, page.count - 1) if page.count else None

    def past(self, place: Place, page: Page, index: int) -> Place:
        """Give the place right after an item of a page."""
        if page.key is None:
            return Paging.past(self, place, page, index)
        return Place((page.key(index),), place.size, 0, place.start + index + 1)


@dataclass(frozen=True, slots=True)
class _Linked(Paging):
    @property
    def is_led(self) -> bool:
        """Whether each reply leads to the next page; else a page is asked for by what is known already."""
        return True

    def _values(self, link: str | None, base: str, asked: str) -> Values | None:
        return parameters_of(link, base, asked, self.positions) if link else None


@dataclass(frozen=True, slots=True)
class NextUrl(_Linked):
    """Pages that a URL in the body leads to: ``NextUrl("links.next", "page", size="per_page")``.

    The URL may be relative. A walk keeps the size that it began with, since the URL may count in pages of that size.

    Args:
        url: dotted path to the URL.
        parameters: the URL's query parameters that lead on, which are template variables too.
    """

    url: str
    parameters: str | Sequence[str]

    @property
    def positions(self) -> tuple[str, ...]:
        """The template variables that choose a page."""
        return (self.parameters,) if isinstance(self.parameters, str) else tuple(self.parameters)

    @property
    def next_path(self) -> str | None:
        """Dotted path to what leads to the next page."""
        return self.url

    def next_of(self, told: Scalar | None, base: str, asked: str) -> Values | None:
        """Give the values that ask for the next page; see `Paging.next_of`."""
        return self._values(None if told is None else str(told), base, asked)


@dataclass(frozen=True, slots=True)
class LinkHeader(_Linked):
    """Pages that a ``Link`` header with ``rel="next"`` leads to (RFC 8288): ``LinkHeader("page", size="per_page")``.

    A walk keeps the size that it began with, since the link may count in pages of that size.

    Args:
        parameters: the link's query parameters that lead on, which are template variables too.
    """

    parameters: str | Sequence[str]

    @property
    def positions(self) -> tuple[str, ...]:
        """The template variables that choose a page."""
        return (self.parameters,) if isinstance(self.parameters, str) else tuple(self.parameters)

    @property
    def next_header(self) -> str | None:
        """The header that leads to the next page."""
        return "link"

    def next_of(self, told: Scalar | None, base: str, asked: str) -> Values | None:
        """Give the values that ask for the next page; see `Paging.next_of`."""
        return self._values(next_link(str(told)) if told else None, base, asked)
