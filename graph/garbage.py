"""Garbage collections while a server runs, or a document becomes a schema: fewer, and of less.

A collection walks whatever may be part of a cycle. Left alone, Python begins one for every 700 objects that are made
and not released at once; an event for ten thousand sockets makes tens of thousands, which live for milliseconds. With
what a process imports walked each time besides, collections took a third to a half of the CPU time of ten thousand
sockets, and most of a second at once.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_THRESHOLDS = (5_000, 10, 10)


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Collect seldom while the block runs, and never what was there before: it is taken to stay."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextlib.contextmanager
def no_collections() -> Iterator[None]:
    """Collect nothing while the block runs: what a large document becomes is there to stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
