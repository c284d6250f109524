"""What the clients ask, what they must be answered, and how much cheaper Weft has to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.posts_data import GREETING, posts, users

_POSTS_QUERY = "{ posts { id userId title user { id name email } } }"

FIRST_NUMBER = 100_000_000
"""Requests are numbered from here: every number has nine digits, so every body of a case has one length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of request.

    Args:
        share: Weft may spend ``1 / share`` of the hand-written server's CPU; None where only memory counts.
        template: the request's JSON body, with ``%d`` where its number goes, if anywhere.
        answer: the ``data`` that request ``number`` must be answered with.
    """

    name: str
    meaning: str
    share: int | None
    template: bytes
    answer: Callable[[int], dict[str, object]]

    @property
    def varies(self) -> bool:
        """Whether the answer depends on the request's number."""
        return self.answer(FIRST_NUMBER) != self.answer(FIRST_NUMBER + 1)

    def body(self, number: int) -> bytes:
        """Give the body of request ``number``."""
        return self.template % number if b"%d" in self.template else self.template

    def accepts(self, number: int, answer: bytes) -> bool:
        """Tell whether ``answer`` is request ``number``'s: equal as JSON, its fields in the query's order."""
        try:
            found = json.loads(answer)
        except ValueError:
            return False
        return json.dumps(found) == json.dumps({"data": self.answer(number)})


def _posts_with_users() -> dict[str, object]:
    by_id = {user["id"]: user for user in users()}
    rows: list[dict[str, object]] = []
    for post in posts():
        user = by_id[post["userId"]]
        row = {name: post[name] for name in ("id", "userId", "title")}
        rows.append({**row, "user": {name: user[name] for name in ("id", "name", "email")}})
    return {"posts": rows}


CASES = {
    case.name: case
    for case in (
        Case(
            name="Q1v",
            meaning="posts with their users; another variable in each request",
            share=60,
            template=b'{"query": "%s", "variables": {"n": %%d}}' % _POSTS_QUERY.encode(),
            answer=lambda _: _posts_with_users(),
        ),
        Case(
            name="Q1",
            meaning="posts with their users; identical requests",
            share=300,
            template=json.dumps({"query": _POSTS_QUERY}).encode(),
            answer=lambda _: _posts_with_users(),
        ),
        Case(
            name="greet",
            meaning="a constant: no backend call",
            share=8,
            template=json.dumps({"query": "{ greet }"}).encode(),
            answer=lambda _: {"greet": GREETING},
        ),
    )
}

DISTINCT = Case(
    name="distinct",
    meaning="posts with their users and an alias that no other request has: every text is new",
    share=None,
    template=b'{"query": "%s g%%d: greet }"}' % _POSTS_QUERY.removesuffix(" }").encode(),
    answer=lambda number: {**_posts_with_users(), f"g{number}": GREETING},
)
