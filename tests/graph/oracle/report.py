"""A case as a script: the graph, the replies of its backends, the operation, and both answers. Ready to paste."""

from __future__ import annotations

from tests.graph.oracle.compare import Case
from tests.graph.oracle.stage import Stage

SCRIPT = """\
{source}
QUERY = {query!r}
VARIABLES = {variables!r}

print(json.dumps(asyncio.run(graph.execute(QUERY, VARIABLES)), indent=1))

# {message}
"""
BACKENDS = """\
REPLIES = {replies}


def answer(method, target, body):
    return REPLIES.get((method, target, body), (404, b""))


clock = time.monotonic
transport ="""


def report(stage: Stage, case: Case, message: str) -> str:
    """Write a program that executes the case's operation once more, over the replies that it got."""
    listed = "".join(f"\n    {asked!r}: {reply!r}," for asked, reply in stage.replies.items())
    backends = BACKENDS.format(replies=f"{{{listed}\n}}" if listed else "{}")
    source = stage.source.replace("transport =", backends, 1)
    source = source.replace("import enum\n", "import asyncio\nimport enum\nimport json\nimport time\n", 1)
    return SCRIPT.format(
        source=source,
        query=case.operation.text,
        variables=case.operation.variables,
        message=message.replace("\n", "\n# "),
    )
