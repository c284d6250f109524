"""How a backend cuts a list into pages, and what a page says about the one after it.

Theory of operation. A `Place` is a spot between two items of a list: which page to ask for, and how many of its items
to pass over. It is all that somebody needs who goes on later, so it is what a cursor holds. A `Page` is what one reply
says. Each kind of paging is data and four questions without I/O: where a walk begins (`begin`), how a place is best
asked for when so many items are wanted (`resume`), which page comes after one (`following`), and whether anything
comes after it at all (`goes_on`).

Nobody is asked in vain. Where the reply tells whether something follows (a total, a flag, the next cursor or link),
exactly the wanted items are asked for. Where it does not, one more is, as long as the page may be that long: whether
it comes is the answer. Nobody is believed in vain either. A page that is shorter than asked is the last one only if
the author said `max_size`, which means that the backend keeps to the size asked for up to there; else a further page
is asked for, and an empty one is the end.

No place holds a URL. A next link is checked to stay below the source's address and then read for the values of the
parameters that the author named; the next request is the template's, as every other one. So nothing that a client
sends back in a cursor can choose a path or add a parameter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sources.errors import DeclarationError

Scalar = str | int
Values = tuple[Scalar | None, ...]
_USUAL_SIZE = 100
_FAR = 2**53
_MOST_SIZES = 500  # that are tried out for one page


class Place(NamedTuple):
    """A spot in a list.

    Args:
        values: of the paging's variables; None leaves one out, as for the first page of a cursor.
        size: how many items the page is asked to hold; None asks nothing.
        skip: items of that page to pass over.
        offset: items of the whole list before it.
        is_even: whether every page up to here had the size that was asked for, as far as one can tell.
    """

    values: Values
    size: int | None
    skip: int
    offset: int
    is_even: bool = True

    @property
    def start(self) -> int:
        """The items of the whole list before its page."""
        return self.offset - self.skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one reply says about its page.

    Args:
        count: items on it.
        total: items in the whole list; None where the reply does not say, like the others.
        more: whether something follows.
        next: values that ask for the next page.
        key: gives the property of an item that is its cursor, by its index.
    """

    count: int
    total: int | None = None
    more: bool | None = None
    next: Values | None = None
    key: Callable[[int], Scalar] | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A header of the reply that holds the total: ``total=Header("X-Total-Count")``."""

    name: str


@dataclass(frozen=True, slots=True)
class Paging(ABC):
    """What all kinds of paging share.

    Args:
        size: template variable for the number of items on a page; None where the backend takes none.
        max_size: the longest page that the backend gives. It says as well that the backend keeps to the size asked for
            up to there (without `size`: that every page but the last has this many items), so a shorter page is the
            last one. Without it at most 100 are asked for, and nothing is taken for granted.
        more: dotted path to the flag that says whether something follows.
    """

    size: str | None = field(default=None, kw_only=True)
    max_size: int | None = field(default=None, kw_only=True)
    more: str | None = field(default=None, kw_only=True)

    @property
    @abstractmethod
    def positions(self) -> tuple[str, ...]:
        """The template variables that choose a page."""

    @property
    def variables(self) -> tuple[str, ...]:
        """All template variables that it sets."""
        return self.positions if self.size is None else (*self.positions, self.size)

    @property
    def goes_back(self) -> bool:
        """Whether any window of the list can be asked for, given the total."""
        return False

    @property
    def usual_size(self) -> int:
        """Items that are asked for at once at most."""
        return self.max_size or _USUAL_SIZE

    @property
    def is_led(self) -> bool:
        """Whether each reply leads to the next page; else a page is asked for by what is known already."""
        return False

    @property
    def next_path(self) -> str | None:
        """Dotted path to what leads to the next page."""
        return None

    @property
    def next_header(self) -> str | None:
        """The header that leads to the next page."""
        return None

    @property
    def item_path(self) -> str | None:
        """Dotted path, in an item, to the property that is its cursor."""
        return None

    def accepts(self, place: Place) -> bool:
        """Tell whether a place that a client hands back can be one of this paging's."""
        is_sized = (
            place.size is None if self.size is None else place.size is not None and 0 < place.size <= self.usual_size
        )
        return is_sized and len(place.values) == len(self.positions) and 0 <= place.skip <= place.offset < _FAR

    def next_of(self, told: Scalar | None, base: str, asked: str) -> Values | None:
        """Give the values that ask for the next page, from what a reply says at `next_path` or in `next_header`.

        Args:
            base: the source's address.
            asked: the path that was asked for.

        Raises:
            AstrayLink: it leads away from the source, or has none of the values.
        """
        return None

    def check(self) -> None:
        """Check what was declared.

        Raises:
            DeclarationError: a name is empty or given twice, or `max_size` is no size.
        """
        if not all(name and isinstance(name, str) for name in self.variables) or not self.positions:
            raise DeclarationError(f"{type(self).__name__}: it needs the names of template variables")
        if len(set(self.variables)) < len(self.variables):
            raise DeclarationError(f"{type(self).__name__}: one template variable has two meanings")
        if self.max_size is not None and self.max_size < 1:
            raise DeclarationError(f"{type(self).__name__}: max_size is less than 1 item")

    def values(self, place: Place) -> Mapping[str, Scalar]:
        """Give the values of the template variables that ask for a place's page."""
        pairs = zip(self.variables, (*place.values, place.size), strict=False)
        return {name: value for name, value in pairs if value is not None}

    def begin(self, wanted: int, *, told: bool) -> Place:
        """Give the beginning of the list.

        Args:
            wanted: items that are wanted.
            told: whether the reply will tell if something follows.
        """
        return Place((None,) * len(self.positions), self._size(wanted, told), 0, 0)

    def resume(self, place: Place, wanted: int, *, told: bool) -> Place:
        """Give the same place as it is best asked for when ``wanted`` items are; see `begin`."""
        return place

    def following(self, place: Place, page: Page) -> Place | None:
        """Give the beginning of the next page; None where the reply leads nowhere."""
        return None if page.next is None else Place(page.next, place.size, 0, place.start + page.count)

    def past(self, place: Place, page: Page, index: int) -> Place:
        """Give the place right after an item of a page."""
        following = self.following(place, page) if index + 1 == page.count else None
        return following or Place(place.values, place.size, index + 1, place.start + index + 1)

    def goes_on(self, place: Place, page: Page) -> bool | None:
        """Tell whether anything comes after a page; None where the reply does not tell."""
        if self.is_led:
            return page.next is not None and page.more is not False
        if page.more is not None:
            return page.more
        if not page.count:
            return False
        if page.total is not None:
            return place.start + page.count < page.total
        is_short = self.max_size is not None and page.count < (place.size or self.max_size)
        return False if is_short else None

    def is_off(self, place: Place, page: Page) -> bool:
        """Tell whether the page cannot be the one that was meant, since the backend chose another size."""
        return False

    def _size(self, wanted: int, told: bool) -> int | None:
        if self.size is None:
            return None
        return max(1, min(wanted if told else wanted + 1, self.usual_size))


@dataclass(frozen=True, slots=True)
class Numbered(Paging):
    """Paging in which a page is asked for by a number that can be worked out."""

    @property
    @abstractmethod
    def goes_back(self) -> bool:
        """Whether any window of the list can be asked for, given the total."""

    @abstractmethod
    def at(self, offset: int, wanted: int, *, told: bool) -> Place:
        """Give the place before the item number ``offset``; see `Paging.begin`."""


@dataclass(frozen=True, slots=True)
class PageNumber(Numbered):
    """Pages by their number: ``PageNumber("page", size="per_page", max_size=100)``.

    Without `max_size` a walk keeps the size that it began with, and its place is a page and an index: so it is right
    even where the backend chooses the size itself. With it, any window of the list can be asked for by its number.

    Args:
        page: template variable for the page's number.
        first_page: number of the first page.
    """

    page: str
    first_page: int = field(default=1, kw_only=True)

    @property
    def positions(self) -> tuple[str, ...]:
        """The template variables that choose a page."""
        return (self.page,)

    @property
    def goes_back(self) -> bool:
        """Whether any window of the list can be asked for, given the total."""
        return self.max_size is not None

    def accepts(self, place: Place) -> bool:
        """Tell whether a place that a client hands back can be one of this paging's."""
        [number] = place.values if len(place.values) == 1 else [None]
        return Paging.accepts(self, place) and isinstance(number, int) and self.first_page <= number < _FAR

    def begin(self, wanted: int, *, told: bool) -> Place:
        """Give the beginning of the list; see `Paging.begin`."""
        return Place((self.first_page,), self._size(wanted, told), 0, 0)

    def resume(self, place: Place, wanted: int, *, told: bool) -> Place:
        """Give the page that holds all of the wanted items, where one page can; see `Paging.begin`."""
        if self.max_size is None or not place.is_even:
            return place  # sizes are not kept to, so numbers say nothing
        return self.at(place.offset, wanted, told=told)

    def at(self, offset: int, wanted: int, *, told: bool) -> Place:
        """Give the place before the item number ``offset``, where pages have the size that is asked for.

        The smallest page that holds all wanted items is taken, up to twice as long: reading past some items costs less
        than a second call.
        """
        if self.size is None:
            size = self.max_size or 1
        else:
            least = self._size(wanted, told) or 1
            needed = max(1, wanted if told else wanted + 1)
            longest = min(2 * needed, self.max_size or least, least + _MOST_SIZES)
            size = next((size for size in range(least, longest + 1) if offset % size + needed <= size), least)
        asked = None if self.size is None else size
        return Place((self.first_page + offset // size,), asked, offset % size, offset)

    def following(self, place: Place, page: Page) -> Place | None:
        """Give the beginning of the next page."""
        [number] = place.values
        if not isinstance(number, int):
            return None
        is_even = place.is_even and not self.is_off(place, page)
        return Place((number + 1,), place.size, 0, place.start + page.count, is_even)

    def past(self, place: Place, page: Page, index: int) -> Place:
        """Give the place right after an item of a page."""
        found = Numbered.past(self, place, page, index)
        return found._replace(is_even=False) if self.is_off(place, page) else found

    def is_off(self, place: Place, page: Page) -> bool:
        """Tell whether the page cannot be the one that was meant; see `Paging.is_off`."""
        size = place.size or self.max_size
        if size is None or page.count == size:
            return False
        return page.count > size or (page.total is not None and place.start + page.count < page.total)


@dataclass(frozen=True, slots=True)
class Offset(Numbered):
    """Items from a number on: ``Offset("offset", size="limit", max_size=100)``.

    Args:
        offset: template variable for the number of items to pass over.
    """

    offset: str

    @property
    def positions(self) -> tuple[str, ...]:
        """The template variables that choose a page."""
        return (self.offset,)

    @property
    def goes_back(self) -> bool:
        """Whether any window of the list can be asked for, given the total."""
        return True

    def accepts(self, place: Place) -> bool:
        """Tell whether a place that a client hands back can be one of this paging's."""
        return Paging.accepts(self, place) and place.values == (place.offset,) and place.skip == 0

    def begin(self, wanted: int, *, told: bool) -> Place:
        """Give the beginning of the list; see `Paging.begin`."""
        return self.at(0, wanted, told=told)

    def resume(self, place: Place, wanted: int, *, told: bool) -> Place:
        """Give the same place, asked for with the size that suits; see `Paging.begin`."""
        return self.at(place.offset, wanted, told=told)

    def at(self, offset: int, wanted: int, *, told: bool) -> Place:
        """Give the place before the item number ``offset``."""
        return Place((offset,), self._size(wanted, told), 0, offset)

    def following(self, place: Place, page: Page) -> Place | None:
        """Give the beginning of the next page."""
        return Place((place.start + page.count,), place.size, 0, place.start + page.count)

    def past(self, place: Place, page: Page, index: int) -> Place:
        """Give the place right after an item of a page."""
        offset = place.start + index + 1
        return Place((offset,), place.size, 0, offset)
