"""The figures of many documents, as text, and whether the goals are reached."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.corpus.outcome import Outcome

LEAST_COVERED = 0.98
SLOWEST_S = 60.0
_SHOWN = 10


def parsed(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Give those whose document is JSON or YAML at all."""
    return [outcome for outcome in outcomes if outcome.failure != "not parsed"]


def valid(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Give those with a valid schema."""
    return [outcome for outcome in outcomes if outcome.failure is None]


def covered(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Count the operations that are fields of a valid schema, and all."""
    fields = (min(one.operations, one.measures.operation_fields) for one in valid(outcomes) if one.measures)
    return sum(fields), sum(outcome.operations for outcome in outcomes)


def missed(outcomes: Sequence[Outcome]) -> list[str]:
    """Give each goal that is not reached, as a sentence."""
    tried = parsed(outcomes)
    fields, operations = covered(tried)
    goals = []
    if len(valid(tried)) < len(tried):
        goals.append(f"{len(tried) - len(valid(tried))} documents have no valid schema; the goal is none")
    if fields < LEAST_COVERED * operations:
        goals.append(f"{_share(fields, operations)} of the operations are fields; the goal is {LEAST_COVERED:.0%}")
    slow = [one for one in tried if one.failure == "timeout" or (one.measures and one.measures.import_s > SLOWEST_S)]
    if slow:
        goals.append(f"{len(slow)} documents took over {SLOWEST_S:g} s; the goal is none")
    unsaid = sum(outcome.unsaid for outcome in tried)
    if unsaid:
        goals.append(f"{unsaid} operations are neither fields nor reported as left out; the goal is none")
    return goals


def text(outcomes: Sequence[Outcome], *, elapsed_s: float) -> str:
    """Write everything that is worth reading."""
    return "\n".join(_lines(outcomes, elapsed_s))


def _lines(outcomes: Sequence[Outcome], elapsed_s: float) -> Iterator[str]:
    tried = parsed(outcomes)
    fields, operations = covered(tried)
    good = [outcome.measures for outcome in valid(tried) if outcome.measures]
    yield f"documents        {len(tried):9,}  ({len(outcomes) - len(tried)} more are neither JSON nor YAML)"
    yield f"valid schemas    {len(good):9,}  {_share(len(good), len(tried))}"
    yield f"operations       {operations:9,}"
    yield f"  as fields      {fields:9,}  {_share(fields, operations)}"
    yield f"  left out       {sum(found.left_out for found in good):9,}"
    yield f"  unsaid         {sum(outcome.unsaid for outcome in tried):9,}"
    yield f"types            {sum(found.types for found in good):9,}"
    json_fields = sum(found.json_fields for found in good)
    yield f"fields           {sum(found.fields for found in good):9,}"
    yield f"  of JSON        {json_fields:9,}  {_share(json_fields, sum(found.fields for found in good))}"
    if good:
        seconds, peaks = [found.import_s for found in good], [found.peak_bytes / 2**20 for found in good]
        yield f"seconds          {sum(seconds):9,.1f}  median {statistics.median(seconds):.2f}, most {max(seconds):.1f}"
        yield f"peak MB          {max(peaks):9,.0f}  median {statistics.median(peaks):.0f}"
    yield f"altogether       {elapsed_s:9,.0f}  seconds, with the checks"
    losses: Counter[str] = Counter()
    for found in good:
        losses.update(found.losses)
    yield from _table("losses by reason", losses)
    yield from _table("failures", Counter(outcome.failure for outcome in tried if outcome.failure))
    yield from _failures(tried)
    yield from _slowest(tried)
    yield from _barest(tried)


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    if counts:
        yield f"\n{title}"
        yield from (f"  {name:40} {count:9,}" for name, count in counts.most_common())


def _failures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    failed = [outcome for outcome in outcomes if outcome.failure]
    if failed:
        yield "\ndocuments without a valid schema"
    for outcome in failed[:50]:
        yield f"  {outcome.document}: {outcome.failure}: {' '.join(outcome.message.split())[:200]}"
    if len(failed) > 50:
        yield f"  and {len(failed) - 50} more"


def _slowest(outcomes: Sequence[Outcome]) -> Iterator[str]:
    found = [(outcome, outcome.measures) for outcome in outcomes if outcome.measures]
    yield f"\n{'slowest':48} {'seconds':>8} {'peak MB':>8} {'check s':>8} {'bytes':>11} {'operations':>10} {'types':>7}"
    for outcome, measures in sorted(found, key=lambda pair: -pair[1].import_s)[:_SHOWN]:
        yield (
            f"  {outcome.document:46} {measures.import_s:8.2f} {measures.peak_bytes / 2**20:8.0f} "
            f"{outcome.check_s:8.1f} {outcome.size:11,} {outcome.operations:10,} {measures.types:7,}"
        )


def _barest(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Tell where most operations are missing."""
    short = [(one.operations - one.measures.operation_fields, one) for one in outcomes if one.measures]
    short = sorted((pair for pair in short if pair[0] > 0), key=lambda pair: -pair[0])
    if short:
        yield "\nmost operations missing"
    for missing, outcome in short[:_SHOWN]:
        yield f"  {outcome.document:46} {missing:8,} of {outcome.operations:,}, {outcome.unsaid} of them unsaid"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "n/a"
