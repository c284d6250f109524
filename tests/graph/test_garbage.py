from __future__ import annotations

import gc
import weakref

from graph.garbage import no_collections, rare_collections


class Knot:
    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_before_is_passed_over_until_the_end() -> None:
    frozen = gc.get_freeze_count()
    with rare_collections():
        assert gc.get_freeze_count() > frozen + 10_000
    assert gc.get_freeze_count() == 0


def test_collections_are_rarer_only_meanwhile() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold()[0] > before[0]
    assert gc.get_threshold() == before


def test_garbage_made_meanwhile_is_still_collected_without_being_asked_for() -> None:
    with rare_collections():
        knot = weakref.ref(Knot())
        for _ in range(100_000):
            if knot() is None:
                break
            Knot()
        assert knot() is None


def test_nothing_is_collected_meanwhile_and_again_afterwards() -> None:
    with no_collections():
        assert not gc.isenabled()
        with no_collections():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
