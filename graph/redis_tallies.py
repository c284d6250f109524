"""The buckets of all clients in Redis, counted by all processes together.

Theory of operation. One connection carries everything: demands that come while a round trip is under way go together in
the next one. Each is one run of a script, which does in Redis what `graph.bucket.take` does, by the clock of Redis. A
client is one key, a hash of its name, which Redis forgets when the client's buckets are full.

Redis has 50 ms for a round trip. When it takes longer, or is away, each process counts for itself, at once and until
Redis is back, beginning with what it heard last: nobody is let in uncounted, and nobody waits for Redis twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from typing import Any, NamedTuple

from graph.bucket import SLACK_S, Demand, Shortage
from graph.meter import Allowance, Taken
from sources.redis import Redis, RedisTrouble, translated

log = logging.getLogger("weft")

TAKE = f"""
local fields, before, after, changed = {{}}, {{}}, {{}}, {{}}
for place = 1, #ARGV, 5 do fields[#fields + 1] = ARGV[place] end
local held = redis.call('HMGET', KEYS[1], unpack(fields))
local time = redis.call('TIME')
local now = time[1] - 1700000000 + time[2] / 1000000
local short, longest, full_in = 0, {SLACK_S:f}, 0
for place, field in ipairs(fields) do
  local from = place * 5 - 4
  local each, whole = tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2])
  local needed, taken = tonumber(ARGV[from + 3]), tonumber(ARGV[from + 4])
  local due = math.max(0, (tonumber(held[place] or 0) or 0) - now)
  local late = due + needed * each - whole
  if needed > 0 and late > longest then short, longest = place, late end
  before[place], after[place] = due, due + taken * each
  full_in = math.max(full_in, after[place])
  if taken > 0 then
    changed[#changed + 1] = field
    changed[#changed + 1] = string.format('%.9f', now + after[place])
  end
end
local left = after
if short > 0 then
  left = before
elseif #changed > 0 then
  redis.call('HSET', KEYS[1], unpack(changed))
  redis.call('PEXPIRE', KEYS[1], math.ceil(full_in * 1000) + 1000)
end
local reply = {{short, string.format('%.9f', longest)}}
for place = 1, #left do reply[#reply + 1] = string.format('%.9f', left[place]) end
return reply
"""
_MOST_WAITING = 10_000
_MOST_AT_ONCE = 200


class _Asked(NamedTuple):
    key: bytes
    arguments: list[bytes | float]
    waiting: asyncio.Future[Taken | None] | None


class RedisTallies:
    """Keeps buckets in Redis.

    Args:
        timeout_s: how long a round trip may take.
    """

    def __init__(self, redis: Redis, *, timeout_s: float = 0.05) -> None:
        self._redis = redis
        self.timeout_s = timeout_s
        self._asked: deque[_Asked] = deque()
        self._filled = asyncio.Event()
        self.is_away = False
        self._task: asyncio.Task[None] | None = None

    def take(self, key: bytes, allowance: Allowance, demand: Demand) -> Awaitable[Taken | None] | None:
        """Take from a client's buckets, or from none of them; None where Redis does not count now."""
        waiting: asyncio.Future[Taken | None] = asyncio.get_running_loop().create_future()
        return waiting if self._put(key, allowance, demand, waiting) else None

    def spend(self, key: bytes, allowance: Allowance, demand: Demand) -> None:
        """Take whatever there is, and more, without waiting for it."""
        self._put(key, allowance, demand, None)

    async def aclose(self) -> None:
        """Close the connection; who still waits is let go."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._give_up()

    def _put(
        self, key: bytes, allowance: Allowance, demand: Demand, waiting: asyncio.Future[Taken | None] | None
    ) -> bool:
        if self._task is None:
            self.is_away = False
            self._filled = asyncio.Event()  # it belongs to the event loop of the task
            self._task = asyncio.get_running_loop().create_task(self._run())
        if self.is_away or len(self._asked) >= _MOST_WAITING:
            return False
        arguments: list[bytes | float] = []
        for rate, bucket in zip(allowance.rates, allowance.buckets, strict=True):
            # Other numbers are another bucket.
            field = f"{rate.unit} {rate.count} {rate.per} {rate.burst} {rate.name}".encode()
            needed, taken = demand.needed[bucket.unit], demand.taken[bucket.unit]
            arguments += (field, bucket.each_s, bucket.whole_s, needed, taken)
        self._asked.append(_Asked(key, arguments, waiting))
        self._filled.set()
        return True

    async def _run(self) -> None:
        backoff = self._redis.backoff()
        loop = asyncio.get_running_loop()
        late = loop.call_later(self.timeout_s, self._give_up)  # connecting may take longer than anybody waits
        while True:
            try:
                with translated():
                    async with self._redis.client() as client:
                        async with self._redis.in_time():
                            script = await client.script_load(TAKE)
                        late.cancel()
                        self.is_away = False
                        while True:
                            await self._filled.wait()
                            await self._ask(client, script)
                            if backoff.attempts:
                                log.warning("%r: rates are counted there again", self._redis)
                            backoff.reset()
            except RedisTrouble as trouble:
                if backoff.attempts == 0:
                    log.warning("%r: rates are counted in this process: %s", self._redis, trouble)
            except Exception:
                log.exception("%r: a fault while counting", self._redis)
            finally:
                late.cancel()
            self._give_up()
            await asyncio.sleep(backoff.next_s())

    async def _ask(self, client: Any, script: str) -> None:
        asked = [self._asked[place] for place in range(min(len(self._asked), _MOST_AT_ONCE))]
        async with asyncio.timeout(self.timeout_s), client.pipeline(transaction=False) as pipe:
            for key, arguments, _ in asked:
                pipe.evalsha(script, 1, key, *arguments)
            replies = await pipe.execute()
        for _ in asked:
            self._asked.popleft()
        if not self._asked:
            self._filled.clear()
        for (_, _, waiting), (short, wait_s, *due_s) in zip(asked, replies, strict=True):
            if waiting is not None and not waiting.done():
                full_at = [float(seconds) for seconds in due_s]
                waiting.set_result(Shortage(short - 1, float(wait_s), full_at) if short else full_at)

    def _give_up(self) -> None:
        """Let this process count, also for those who wait."""
        self.is_away = True
        self._filled.clear()
        while self._asked:
            waiting = self._asked.popleft().waiting
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
