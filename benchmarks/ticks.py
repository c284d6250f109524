"""The topic of the subscription benchmark: a number, the instant at which it was due, and a line of text.

Every server gives this one topic with an event clock of its own, so that nothing but the server is compared.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator

QUERY = "subscription { tick { n at text } }"
TEXT = "the quick brown fox jumps over the lazy dog"
RATE_VARIABLE = "TICKS_PER_S"


async def ticks() -> AsyncGenerator[tuple[int, float]]:
    """Give 1, 2, 3 … and the Unix time at which each was due, ``TICKS_PER_S`` times a second.

    A server that is too busy to publish in time does so late, and the lag that its clients see grows: the instant
    is when the event was due, not when the server came to it.
    """
    period_s = 1 / float(os.environ.get(RATE_VARIABLE, "10"))
    loop = asyncio.get_running_loop()
    number, due_at = 0, loop.time()
    while True:
        number, due_at = number + 1, due_at + period_s
        await asyncio.sleep(max(0.0, due_at - loop.time()))
        yield number, time.time() - (loop.time() - due_at)
