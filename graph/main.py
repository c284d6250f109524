"""The command ``weft``."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvicorn
import uvicorn.supervisors

from graph.cors import Cors
from graph.errors import GraphError, RequestError
from graph.explain import explain as explained
from graph.graph import Graph
from graph.server import SERVER_OPTIONS, App, listen
from graph.server import serve as run_server
from graph.target import TargetError, load

app = typer.Typer(
    name="weft",
    help="Weave REST backends into one typed GraphQL graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Target = Annotated[str, typer.Argument(metavar="TARGET", help="FILE.py or FILE.py:ATTRIBUTE (default: graph).")]
_SERVED = "WEFT_SERVED"


class _Served(msgspec.Struct, frozen=True):
    """What is served and how: for this process, or for the workers that it starts."""

    target: str
    cors_origins: list[str]
    max_batch: int
    trusted_documents: str | None

    def app(self, graph: Graph) -> App:
        """Make the application, or raise a GraphError with all that is wrong."""
        faults: list[str] = []
        cors = None
        with _noting(faults):
            cors = Cors(origins=self.cors_origins) if self.cors_origins else None
        with _noting(faults):
            if self.trusted_documents is not None:
                graph.trust(self.trusted_documents)
        with _noting(faults):
            graph.check_environment()
        if faults:
            raise GraphError(faults)
        return App(graph, cors=cors, max_batch=self.max_batch)


@contextlib.contextmanager
def _noting(faults: list[str]) -> Iterator[None]:
    try:
        yield
    except GraphError as exc:
        faults += exc.faults


def _fail(message: str) -> typer.Exit:
    typer.echo(f"weft: {message}", err=True)
    return typer.Exit(2)


def _load(target: str) -> Graph:
    try:
        return load(target)
    except TargetError as exc:
        raise _fail(str(exc)) from exc


@app.command()
def serve(
    target: Target,
    host: Annotated[str, typer.Option(envvar="WEFT_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="WEFT_PORT", min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(envvar="WEFT_WORKERS", min=1, help="Processes that share the port.")] = 1,
    reload: Annotated[bool, typer.Option(envvar="WEFT_RELOAD", help="Start again when a file changes.")] = False,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(envvar="WEFT_CORS_ORIGIN", help="Another origin whose pages may call; may be given repeatedly."),
    ] = None,
    max_batch: Annotated[
        int, typer.Option(envvar="WEFT_MAX_BATCH", min=0, help="Requests in one JSON array; 0 refuses arrays.")
    ] = 0,
    trusted_documents: Annotated[
        str | None,
        typer.Option(envvar="WEFT_TRUSTED_DOCUMENTS", help="A list of documents: no others run.", metavar="FILE"),
    ] = None,
    introspection: Annotated[bool | None, typer.Option(help="Whether clients may ask for the schema.")] = None,
) -> None:
    """Serve a graph over HTTP."""
    if introspection is not None:
        os.environ["WEFT_INTROSPECTION"] = str(introspection).lower()  # for this process and its workers
    options = _Served(target, cors_origin or [], max_batch, trusted_documents)
    try:
        app = options.app(_load(target))
    except GraphError as exc:
        raise _fail(f"{target}: {exc}") from exc
    with _listen(host, port) as listening:
        port = listening.getsockname()[1]
        shared = f", {workers} workers" if workers > 1 and not reload else ""
        typer.echo(f"weft: GraphQL at http://{host}:{port}/graphql{shared}", err=True)
        if workers == 1 and not reload:
            run_server(app, socket=listening)
            return
        os.environ[_SERVED] = msgspec.json.encode(options).decode()
        count = None if reload else workers
        config = uvicorn.Config(
            "graph.main:served",
            factory=True,
            workers=count,
            reload=reload,
            ws_max_size=app.max_body_bytes,
            **SERVER_OPTIONS,
        )
        if reload:
            uvicorn.supervisors.ChangeReload(config, target=uvicorn.Server(config).run, sockets=[listening]).run()
        else:
            uvicorn.supervisors.Multiprocess(config, sockets=[listening]).run()


def _listen(host: str, port: int) -> socket.socket:
    """Give a socket that listens; whoever cannot have it learns so before anything is started."""
    try:
        listening = listen(host, port)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise _fail(f"{host}:{port} is taken; choose another with --port") from exc
        raise _fail(f"{host}:{port}: {exc.strerror or exc}") from exc
    except UnicodeError as exc:
        raise _fail(f"{host}:{port}: not the name of a host") from exc
    return listening


def served() -> App:
    """Make the application of a worker process."""
    options = msgspec.json.decode(os.environ[_SERVED], type=_Served)
    return options.app(load(options.target))


@app.command()
def schema(
    target: Target,
    check: Annotated[
        Path | None,
        typer.Option(help="Compare with this file; exit 1 and print the difference if it differs."),
    ] = None,
) -> None:
    """Print the schema in the schema definition language."""
    printed = _load(target).sdl()
    if check is None:
        sys.stdout.write(printed)
        return
    try:
        known = check.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise _fail(f"{check}: {getattr(exc, 'strerror', None) or exc}") from exc
    if known == printed:
        return
    difference = difflib.unified_diff(known.splitlines(), printed.splitlines(), str(check), target, lineterm="")
    sys.stdout.writelines(f"{line}\n" for line in difference)
    raise typer.Exit(1)


@app.command()
def explain(
    target: Target,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A GraphQL document, or @FILE.")],
    operation: Annotated[str | None, typer.Option(help="Which of several operations.")] = None,
) -> None:
    """Print the plan of a query: upstream calls, batches, freshness."""
    graph = _load(target)
    if query.startswith("@"):
        try:
            query = Path(query[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise _fail(f"{query[1:]}: {getattr(exc, 'strerror', None) or exc}") from exc
    try:
        typer.echo(explained(graph, query, operation))
    except RequestError as exc:
        raise _fail("; ".join(error.message for error in exc.errors)) from exc


@app.command()
def demo(
    port: Annotated[int, typer.Option(envvar="WEFT_PORT", min=0, max=65535, help="Port of the gateway.")] = 8000,
) -> None:
    """Start the example shop: five REST backends and the gateway, until Ctrl-C."""
    from examples.shop.demo import run  # the shop is loaded only for its demo

    with _listen("127.0.0.1", port) as listening:
        raise typer.Exit(run(listening))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
