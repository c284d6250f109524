"""The meters of many clients, bounded in number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from graph.meter import Allowance, Meter, Shared

_KEPT_S = 60.0  # what an operation that is under way has called is noted when it is over


class Meters:
    """Keeps the meters of clients, by their names.

    A meter whose buckets have long been full needs no place. Where all places are taken, the meter that was not asked
    for longest is forgotten. One takes about 350 bytes.

    Args:
        key: gives what names a client where buckets are shared.
        most: how many there may be.
    """

    def __init__(
        self,
        key: Callable[[str], bytes],
        clock: Callable[[], float],
        shared: Shared | None = None,
        *,
        most: int = 100_000,
    ) -> None:
        self._key = key
        self._clock = clock
        self._shared = shared
        self._most = most
        self._meters: OrderedDict[str, Meter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._meters)

    def meter(self, name: str, allowance: Allowance) -> Meter:
        """Give the meter of a client, to be used now: who goes on for long asks again."""
        meter = self._meters.get(name)
        if meter is None:
            self._make_room()
            key = b"" if self._shared is None else self._key(name)
            meter = self._meters[name] = Meter(allowance, key, self._clock, self._shared)
            return meter
        self._meters.move_to_end(name)
        if meter.allowance is not allowance:
            meter.change(allowance)
        return meter

    def _make_room(self) -> None:
        meters, now = self._meters, self._clock()
        for _ in range(2):  # more than come, so that what a flood has left goes away
            if not meters or not next(iter(meters.values())).is_full(now - _KEPT_S):
                break
            meters.popitem(last=False)
        while len(meters) >= self._most:
            meters.popitem(last=False)
