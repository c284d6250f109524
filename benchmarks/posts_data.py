"""The rows behind the benchmark: 100 posts by 10 users, shaped like the well-known JSONPlaceholder service.

Everything comes from one seed, so two machines serve the same bytes.
"""

from __future__ import annotations

import functools
import random

Row = dict[str, object]

GREETING = "Hello World!"

_SEED = 1_729
_WORDS = (
    "amber anchor autumn basket beacon birch border bridge canvas carbon cedar circle copper corner cotton "
    "delta ember engine fabric falcon garden granite harbor hollow island ivory jungle kernel ladder lantern "
    "linen loom marble meadow mirror needle novel ocean orbit paper pattern pebble quarry ribbon river "
    "saddle shuttle silver spindle summit temple thread timber tunnel valley velvet violet warp weave "
    "willow winter yarn zenith"
).split()
_FIRST = "Ada Bruno Carmen Dmitri Elena Farid Greta Hugo Ines Jonas".split()
_LAST = "Abbott Bianchi Castro Dvorak Eriksen Fischer Gallo Horvat Ivanov Jansen".split()


@functools.cache
def users() -> tuple[Row, ...]:
    """Give the 10 users, about 5 kB as indented JSON."""
    rng = random.Random(_SEED)
    return tuple(_user(rng, number) for number in range(1, len(_FIRST) + 1))


@functools.cache
def posts() -> tuple[Row, ...]:
    """Give the 100 posts, ten for each user, about 27 kB as indented JSON."""
    rng = random.Random(_SEED + 1)
    return tuple(
        {
            "userId": (number - 1) // 10 + 1,
            "id": number,
            "title": _words(rng, rng.randint(3, 8)),
            "body": "\n".join(_words(rng, rng.randint(5, 7)) for _ in range(4)),
        }
        for number in range(1, 101)
    )


def _user(rng: random.Random, number: int) -> Row:
    first, last = _FIRST[number - 1], _LAST[number - 1]
    site = f"{rng.choice(_WORDS)}.example"
    return {
        "id": number,
        "name": f"{first} {last}",
        "username": f"{first}.{last}",
        "email": f"{first.lower()}@{site}",
        "address": {
            "street": f"{rng.choice(_WORDS).title()} Street",
            "suite": f"Apt. {rng.randint(100, 999)}",
            "city": f"{rng.choice(_WORDS).title()}ville",
            "zipcode": f"{rng.randint(10_000, 99_999)}-{rng.randint(1_000, 9_999)}",
            "geo": {"lat": f"{rng.uniform(-90, 90):.4f}", "lng": f"{rng.uniform(-180, 180):.4f}"},
        },
        "phone": f"1-555-{rng.randint(100, 999)}-{rng.randint(1_000, 9_999)}",
        "website": site,
        "company": {"name": f"{last} and Sons", "catchPhrase": _words(rng, 4), "bs": _words(rng, 3)},
    }


def _words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(count))
