"""The gateway under fire: whatever backends do, every operation is answered, in time, with nothing wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.load import Figures
from tests.faults.stage import PHASES, Stage, staged


def sound(name: str, figures: Figures) -> None:
    """Check what holds under every fault."""
    assert (figures.wrong, figures.lost) == (0, 0), f"{name}: {figures.told}"


async def test_tmp(tmp_path: Path) -> None:
    import time
    async with staged(tmp_path) as stage:
        print(await stage.settled())
        for phase in ("none", *PHASES):
            if phase in ("gzip bomb", "huge body"):
                continue
            t = time.monotonic()
            f = await stage.phase(phase, 100)
            t2 = time.monotonic()
            try:
                r = await stage.recovered()
            except AssertionError as e:
                r = 99; print(e)
            print(f"{phase:34} {f.sent} whole {f.whole} part {f.partial} wrong {f.wrong} lost {f.lost} inj {f.injected} {f.highest_s:.2f} {f.highest_untouched_s:.2f} took {t2-t:.1f} rec {r:.2f} {stage._resident_bytes()//1000000} MB {stage._descriptors()}", f.told[:3])
        print(await stage.settled())
        print([(k, v) for k, v in stage.backends.written.items() if v > 1])
        print(stage.logged()[-3000:])
