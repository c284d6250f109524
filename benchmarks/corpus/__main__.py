"""Import real OpenAPI documents, check each schema, and print how much of them became a graph.

    python -m benchmarks.corpus [--limit N] [--seed S] [--only NAME]... [--all] [--json FILE] [--peer PEER]

The documents are npm packages, installed once below CORPUS (default: weft-corpus in the user's cache). Ends with
status 1 when a goal is missed: every schema valid, 98 % of the operations fields, no document over 60 seconds.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from benchmarks.corpus import documents, peers, report, weft
from benchmarks.corpus.documents import Document
from benchmarks.corpus.outcome import Measures, Outcome
from benchmarks.npm import NpmError, installed

_Importer = Callable[[Path], tuple[Measures | None, float, str | None, str]]


def main() -> int:
    """Run the command; give its exit status."""
    options = _parser().parse_args()
    cache = documents.cache()
    try:
        modules = installed(documents.PACKAGES, cache, timeout_s=900)
        importer = _importer(options.peer, cache, options.time_limit)
    except NpmError as exc:
        print(f"the corpus is not there: {exc}", file=sys.stderr)
        return 2
    chosen = _chosen(documents.found(modules), options)
    if not chosen:
        print(f"no document is named {' or '.join(options.only)}", file=sys.stderr)
        return 2
    started = time.monotonic()
    outcomes = list(_tried(chosen, importer, options.workers))
    print(report.text(outcomes, elapsed_s=time.monotonic() - started))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)))
    missed = report.missed(outcomes)
    for goal in missed:
        print(f"\nmissed: {goal}")
    return 1 if missed and options.peer is None else 0


def _importer(peer: str | None, cache: Path, limit_s: float) -> _Importer:
    if peer is not None:
        modules = installed(peers.PACKAGES, cache, timeout_s=900)
        return lambda path: peers.measured(peer, path, modules, limit_s=limit_s)
    processes = weft.context()
    return lambda path: weft.measured(path, processes, limit_s=limit_s)


def _chosen(found: list[Document], options: argparse.Namespace) -> list[Document]:
    if options.only:
        return [one for one in found if any(fnmatch.fnmatchcase(one.name, pattern) for pattern in options.only)]
    if options.all:
        return found
    return documents.chosen(found, limit=options.limit, seed=options.seed)


def _tried(chosen: Sequence[Document], importer: _Importer, workers: int) -> Iterator[Outcome]:
    """Yield the outcomes as the documents are named; a line tells how far it is."""
    with ThreadPoolExecutor(workers) as pool:
        for number, outcome in enumerate(pool.map(lambda document: _outcome(document, importer), chosen), 1):
            if sys.stderr.isatty():
                print(f"\r{number:,} of {len(chosen):,}  {outcome.document[:60]:60}", end="", file=sys.stderr)
            yield outcome
    if sys.stderr.isatty():
        print("\r" + " " * 90 + "\r", end="", file=sys.stderr)


def _outcome(document: Document, importer: _Importer) -> Outcome:
    try:
        operations = document.operations()
    except ValueError as exc:
        return Outcome(document=document.name, size=document.size, operations=0, failure="not parsed", message=str(exc))
    measures, check_s, failure, message = importer(document.path)
    return Outcome(
        document=document.name,
        size=document.size,
        operations=operations,
        measures=measures,
        check_s=check_s,
        failure=failure,
        message=message,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=300, help="documents beside the famous and largest (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="which ones these are (default 1)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="these, such as 'directory/git*'")
    parser.add_argument("--all", action="store_true", help="every document there is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write each document's figures there")
    parser.add_argument("--peer", choices=peers.PEERS, help="measure another importer instead of Weft")
    parser.add_argument("--time-limit", type=float, default=report.SLOWEST_S, help="seconds per import (default 60)")
    parser.add_argument("--workers", type=int, default=2, help="documents at a time (default 2)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
