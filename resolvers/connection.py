"""Lists in pages as Relay has them: the types that an author names, `Connection[Product]`.

What a connection holds is made by `resolvers.pages`, so its properties have fixed names, whatever the source's naming.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

from resolvers.marks import field

T = TypeVar("T")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool = field("hasNextPage", description="Whether anything follows.")
    has_previous_page: bool = field("hasPreviousPage", description="Whether anything comes before.")
    start_cursor: str | None = field("startCursor", description="The first edge's cursor.")
    end_cursor: str | None = field("endCursor", description="The last edge's cursor.")


@strawberry.type(description="An item of a list, and its place there.")
class Edge(Generic[T]):
    """An item of a list, and its place there."""

    cursor: str = field("cursor", description="Give it as `after` to go on behind this item.")
    node: T = field("node")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """A page of a list: what a field gives whose call is declared with ``paging``."""

    edges: list[Edge[T]] = field("edges")
    nodes: list[T] = field("nodes", description="The items alone.")
    page_info: PageInfo = field("pageInfo")
    total_count: int | None = field("totalCount", description="Items in the whole list, where the backend tells.")
