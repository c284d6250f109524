"""A case as a script: the graph, the replies of its backends, the operation, and both answers. Ready to paste."""

from __future__ import annotations

from tests.graph.oracle.compare import Case
from tests.graph.oracle.stage import Stage

SCRIPT = """\
{source}
QUERY = {query!r}
VARIABLES = {variables!r}

{run}

# {message}
"""
BACKENDS = """\
REPLIES = {replies}


def answer(method, target, body):
    return REPLIES.get((method, target, body), (404, b""))


clock = time.monotonic
{feed}transport ="""
FEED = """\
EVENTS = {events}


class Pushed:
    variables = frozenset()

    async def listen(self, to):
        for body in EVENTS:
            yield Event(body)


pushed = Pushed()
"""
EXECUTE = "print(json.dumps(asyncio.run(graph.execute(QUERY, VARIABLES)), indent=1))"
SUBSCRIBE = """\
async def main():
    async for response in graph.subscribe(QUERY, VARIABLES):
        print(json.dumps(response, indent=1))


asyncio.run(main())"""


def report(stage: Stage, case: Case, message: str) -> str:
    """Write a program that executes the case's operation once more, over the replies that it got."""
    listed = "".join(f"\n    {asked!r}: {reply!r}," for asked, reply in stage.replies.items())
    is_subscription = case.operation.text.startswith("subscription")
    feed = FEED.format(events=stage.events) if is_subscription else ""
    backends = BACKENDS.format(replies=f"{{{listed}\n}}" if listed else "{}", feed=feed)
    source = stage.source.replace("transport =", backends, 1)
    source = source.replace("import enum\n", "import asyncio\nimport enum\nimport json\nimport time\n", 1)
    return SCRIPT.format(
        source=source,
        query=case.operation.text,
        variables=case.operation.variables,
        run=SUBSCRIBE if is_subscription else EXECUTE,
        message=message.replace("\n", "\n# "),
    )
