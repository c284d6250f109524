"""Types that another module declares: names that are defined here are not defined where they are used."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import link
from sources import FakeTransport, Rest

if TYPE_CHECKING:
    from tests.resolvers.test_declare import Distant, Remote

source = Rest("elsewhere", "http://elsewhere.example", client=FakeTransport({}))


@strawberry.interface
class Dated:
    made_at: dt.datetime


@strawberry.type
class Stamped:
    stamped_at: dt.datetime


@source.entity(get="/parcels/{id}")
class Parcel:
    id: strawberry.ID
    distant_id: str
    distant: Annotated[Distant, strawberry.lazy("tests.resolvers.test_declare")] = link("distant_id")


@strawberry.type
class Depot:
    name: str

    @source.get("/parcels{?depot}", inputs={"depot": "name"})
    def latest(self) -> Annotated[Remote, strawberry.lazy("tests.resolvers.test_declare")]: ...
