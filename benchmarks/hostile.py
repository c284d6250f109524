"""Milliseconds that hostile documents cost: of CPU, and for which the event loop stands still.

    python -m benchmarks.hostile [--repeat N]

Each document is executed as a request would be. A task that wants to run every millisecond watches the loop: the
longest that it had to wait is what every other client would have waited.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time

import msgspec
import strawberry

from graph import Graph, RequestError
from graph.request import JSON, parse_body
from resolvers import link
from sources import FakeTransport, Rest

ROWS = [{"id": 1, "name": "one", "next_id": 1}]
BACKEND = FakeTransport({"GET /things": ROWS, "GET /things/1": ROWS[0]})
SOURCE = Rest("things", "http://127.0.0.1:9", client=BACKEND)
ALLOWED_MS = 50


@SOURCE.entity(get="/things/{id}")
class Thing:
    """A thing that points to another."""

    id: int
    name: str
    next: Thing | None = link("next_id")


@strawberry.input
class Wish:
    """An input that may hold another."""

    words: list[str]
    more: Wish | None = None


@strawberry.type
class Query:
    """The root."""

    @SOURCE.get("/things")
    def things(self) -> list[Thing]:  # type: ignore[empty-body]  # its body is the call
        """Every thing."""

    @strawberry.field
    def count(self, numbers: list[int], wish: Wish | None = None) -> int:
        """How many numbers were given."""
        return len(numbers)


def nested(levels: int) -> str:
    """Give a document of so many levels."""
    return "{ things " + "{ next " * levels + "{ id }" + " }" * (levels + 1)


def fragments(count: int, body: str, rest: str = "") -> str:
    """Give a document of a chain of fragments; ``@`` in the body stands for the next one's spread."""
    made = [f"fragment F{n} on Thing {{ {body.replace('@', f'...F{n + 1}')} }}" for n in range(count)]
    return "{ things { ...F0 } } " + " ".join(made) + f" fragment F{count} on Thing {{ id }} {rest}"


def named(count: int, text: str) -> str:
    """Repeat a text, with the number in place of ``#``."""
    return " ".join(text.replace("#", str(n)) for n in range(count))


SCHEMA = "__schema { types { fields { args { type { ofType { name } } } type { ofType { ofType { name } } } } } }"
DOCUMENTS: dict[str, str] = {
    "10,000 aliases": "{ " + named(10_000, "a#: __typename") + " }",
    "1,600 aliases": "{ " + named(1_600, "a#: __typename") + " }",
    "199 aliases of a link": "{ things { " + named(199, "a#: next { id }") + " } }",
    "60 root fields": "{ " + named(60, "a#: things { id }") + " }",
    "5,000 levels": nested(5_000),
    "149 levels": nested(147),
    "149 levels, of fragments": fragments(147, "next { @ }"),
    "5,000 brackets": "{ count(numbers: " + "[" * 5_000 + "]" * 5_000 + ") }",
    "149 brackets": "{ count(numbers: " + "[" * 147 + "]" * 147 + ") }",
    "25 fragments that double": fragments(25, "@ @"),
    "25 fragments that branch": fragments(25, "a: next { @ } b: next { @ }"),
    "300 fragments that branch": fragments(300, "a: next { @ } b: next { @ }"),
    "a chain of 550 fragments": fragments(550, "@"),
    "a cycle of 500 fragments": fragments(500, "@", "fragment F501 on Thing { ...F0 }").replace("{ id }", "{ ...F0 }"),
    "500 fragments side by side": "{ things { "
    + named(500, "...F#")
    + " } } "
    + named(500, "fragment F# on Thing { id }"),
    "700 fragments unused": "{ __typename } " + named(700, "fragment F# on Thing { id }"),
    "9,000 repeats of a field": "{ things { " + "id " * 9_000 + "} }",
    "4,900 repeats of a field": "{ things { " + "id " * 4_900 + "} }",
    "300 repeats of a field": "{ things { " + "id " * 300 + "} }",
    "700 repeats with an argument": "{ " + "count(numbers: 1) " * 700 + "}",
    "1,200 repeats of a link": "{ things { " + "next { id } " * 1_200 + "} }",
    "4,900 fields that are not": "{ things { " + named(4_900, "nam#") + "} }",
    "500 aliases of __schema": "{ " + named(500, "a#: " + SCHEMA) + " }",
    "40 aliases of __schema": "{ " + named(40, "a#: " + SCHEMA) + " }",
    "the schema, within its depth": "{ __schema { types { fields { type { fields { name args { name } } } } } } }",
    "10,000 directives": "{ __typename " + "@skip(if: false) " * 10_000 + "}",
    "200 directives": "{ " + named(200, "__typename @skip(if: false)") + "}",
    "5,000 variables": "query(" + named(5_000, "$v#: Int") + ") { __typename }",
    "1,200 variables": "query(" + named(1_200, "$v#: Int") + ") { __typename }",
    "1,200 operations": named(1_200, "query Q# { __typename }"),
    "50 operations with 400 fragments": named(49, "query Q# { things { ...F0 } }") + fragments(400, "@"),
    "100,000 numbers": "{ count(numbers: [" + "1 " * 100_000 + "]) }",
    "4,900 numbers": "{ count(numbers: [" + "1 " * 4_900 + "]) }",
    "4,900 texts for numbers": "{ count(numbers: [" + '"" ' * 4_900 + "]) }",
    "a text of 900,000": '{ count(numbers: "' + "x" * 900_000 + '") }',
    "a text of 99,000": '{ count(numbers: "' + "x" * 99_000 + '") }',
    "a block text of 99,000": '{ count(numbers: """' + 'x"\\n' * 24_500 + '""") }',
    "a number of 99,000 digits": "{ count(numbers: " + "9" * 99_000 + ") }",
    "a name of 99,000": "{ " + "x" * 99_000 + " }",
    "90,000 commas": "{ __typename " + "," * 90_000 + " }",
    "400,000 comments": "{ __typename } " + "#\n" * 400_000,
    "40,000 comments": "{ __typename } " + "#\n" * 40_000,
    "4,900 tokens that are no GraphQL": "{ " * 60 + "! " * 4_800,
}
NUMBERS = "query($n: [Int!]!) { count(numbers: $n) }"
VARIABLES: dict[str, tuple[str, str]] = {
    "variables: 500,000 numbers": (NUMBERS, '{"n": [' + "1," * 499_999 + "1]}"),
    "variables: 9,999 numbers": (NUMBERS, '{"n": [' + "1," * 9_997 + "1]}"),
    "variables: 9,999 texts for numbers": (
        "query($n: [Int!]!) { count(numbers: $n) }",
        f'{{"n": [{"0.5," * 9_997}1]}}',
    ),
    "variables: 100,000 brackets": (
        "query($n: [Int!]!) { count(numbers: $n) }",
        '{"n": ' + "[" * 50_000 + "]" * 50_000 + "}",
    ),
    "variables: 900 brackets": (NUMBERS, '{"n": ' + "[" * 900 + "]" * 900 + "}"),
    "variables: 300 wishes in wishes": (
        "query($w: Wish) { count(numbers: [], wish: $w) }",
        '{"w": ' + '{"words": [], "more": ' * 300 + "null" + "}" * 300 + "}",
    ),
}


def bodies() -> dict[str, bytes]:
    """Give each hostile request as its body."""
    quoted = {name: _json(text) for name, text in DOCUMENTS.items()}
    found = {name: f'{{"query": {text}}}' for name, text in quoted.items()}
    for name, (text, variables) in VARIABLES.items():
        found[name] = f'{{"query": {_json(text)}, "variables": {variables}}}'
    return {name: text.encode() for name, text in found.items()}


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


async def measured(body: bytes) -> tuple[str, float, float]:
    """Send a request to a new graph: give what came of it, CPU milliseconds, and how long the loop stood still."""
    graph = Graph(query=Query)
    held_ms, ended = 0.0, False

    async def watch() -> None:
        nonlocal held_ms
        while not ended:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            held_ms = max(held_ms, (time.perf_counter() - before) * 1000 - 1)

    async def send() -> str:
        try:
            answer = await graph.engine.answer(parse_body(body, JSON), {}, lambda: None, key=body)
        except RequestError as exc:
            return exc.code
        response = msgspec.json.decode(answer.body)
        return str(response["errors"][0]["extensions"]["code"]) if "errors" in response else "answered"

    await graph.execute("{ __typename }")
    gc.collect()
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.005)
    before = time.process_time()
    outcome = await send()
    cpu_ms = (time.process_time() - before) * 1000
    ended = True
    await watching
    return outcome, cpu_ms, held_ms


def main() -> None:
    """Print the table: the median of some runs of each request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each request (default: 5)")
    runs = parser.parse_args().repeat
    print(f"{'request':34} {'bytes':>9} {'CPU ms':>8} {'loop held':>10}  outcome")
    for name, body in bodies().items():
        found = [asyncio.run(measured(body)) for _ in range(runs)]
        cpu_ms, held_ms = statistics.median(run[1] for run in found), statistics.median(run[2] for run in found)
        mark = "" if held_ms < ALLOWED_MS else f"  over {ALLOWED_MS} ms"
        print(f"{name:34} {len(body):9,} {cpu_ms:8.1f} {held_ms:10.1f}  {found[0][0]}{mark}")


if __name__ == "__main__":
    main()
