"""One document imported by Weft, in a process of its own that has a time limit and a memory limit.

The process is forked from one that has imported Weft already (a fork server), so that neither its start nor what an
earlier document left behind is measured. Time is CPU time: what it takes alone on a machine, however busy this one is.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import graphql

from benchmarks.corpus.outcome import Measures
from graph import Graph
from resolvers.marks import MARK
from sources.openapi import OpenAPI

MEMORY_BYTES = 4 << 30
CHECK_S = 180.0
BUSY = 10  # a second of CPU takes no longer than so many
_ADDRESS = "http://127.0.0.1:9"
_OPERATION = re.compile(r"#/paths/[^/]+/(?:get|put|post|delete|options|head|patch|trace)")


def context() -> ForkServerContext:
    """Give the fork server, with this module loaded."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([__name__])
    return made


def measured(
    path: Path, processes: ForkServerContext, *, limit_s: float
) -> tuple[Measures | None, float, str | None, str]:
    """Import a document and check its schema; give the measures, the seconds of the check, and what went wrong."""
    here, there = processes.Pipe(duplex=False)
    process = processes.Process(target=_work, args=(str(path), limit_s, there), daemon=True)
    process.start()
    there.close()
    try:
        measures, failure, message = _told(here, limit_s, "imported")
        if not isinstance(measures, Measures):
            return None, 0.0, failure, message
        check_s, failure, message = _told(here, CHECK_S, "checked")
        return measures, check_s or 0.0, failure, message
    finally:
        process.kill()
        process.join()
        here.close()


def _told(connection: Connection, limit_s: float, done: str) -> Any:
    """Give what the process says next, or what its silence means."""
    if not connection.poll(limit_s * BUSY):
        return None, "timeout", f"not {done} within {limit_s * BUSY:g} s"
    try:
        return connection.recv()
    except EOFError:
        return None, "crash", "the process died"


def _work(path: str, limit_s: float, connection: Connection) -> None:
    def late(*_: object) -> None:
        connection.send((None, "timeout", f"not imported within {limit_s:g} s of CPU"))
        os._exit(1)

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        started = time.process_time()
        source = OpenAPI("api", path, url=_ADDRESS)
        graph = Graph(documents=[source])
        measures = _measures(graph, source, time.process_time() - started)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send((measures, None, ""))
        sys.setrecursionlimit(200_000)  # graphql-core follows types as they refer to each other
        started = time.process_time()
        faults = _faults(graph.schema)
        failure = "invalid schema" if faults else None
        connection.send((time.process_time() - started, failure, "; ".join(faults[:3])))
    except BaseException as exc:  # whatever it is, it is what came of this document
        connection.send((None, type(exc).__name__, str(exc)[:2_000]))


def _measures(graph: Graph, source: OpenAPI, import_s: float) -> Measures:
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    schema = graph.schema
    roots = [root for root in (schema.query_type, schema.mutation_type) if root is not None]
    fields, losses = list(_fields(schema)), source.losses
    return Measures(
        import_s=import_s,
        peak_bytes=peak_bytes,
        operation_fields=sum(MARK in field.extensions for root in roots for field in root.fields.values()),
        left_out=sum(_OPERATION.fullmatch(loss.pointer) is not None for loss in losses if loss.effect == "left-out"),
        types=sum(not graphql.is_introspection_type(found) for found in schema.type_map.values()),
        fields=len(fields),
        json_fields=sum(graphql.get_named_type(field.type).name == "JSON" for field in fields),
        losses=dict(Counter(loss.reason for loss in losses)),
    )


def _fields(schema: graphql.GraphQLSchema) -> Iterator[graphql.GraphQLField]:
    for found in schema.type_map.values():
        if isinstance(found, graphql.GraphQLObjectType) and not graphql.is_introspection_type(found):
            yield from found.fields.values()


def _faults(schema: graphql.GraphQLSchema) -> list[str]:
    """Check the schema as graphql does, also after it was printed and read again."""
    faults = [str(fault) for fault in graphql.validate_schema(schema)]
    if not faults:
        again = graphql.build_schema(graphql.print_schema(schema))
        faults = [str(fault) for fault in graphql.validate_schema(again)]
    return faults
