"""The command ``weft``."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import errno
import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from graph.cors import Cors
from graph.errors import GraphError, RequestError
from graph.explain import explain as explained
from graph.graph import Graph
from graph.importing import as_json, greeting, imported, lines
from graph.keys_command import keys
from graph.lint import lint
from graph.options import with_settings, with_targets
from graph.reloading import Reloading
from graph.server import App, configured, listen
from graph.server import serve as run_server
from graph.stopping import Server, run_workers
from graph.target import TargetError
from graph.targets import Targets
from graph.terminal import say, show
from graph.writer import START, written
from sources import MemoryBus, away

app = typer.Typer(
    name="weft",
    help="Weave REST backends into one typed GraphQL graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(keys)

_SERVED = "WEFT_SERVED"


class _Served(msgspec.Struct, frozen=True):
    """What is served and how: for this process, or for the workers that it starts."""

    targets: Targets
    cors_origins: list[str]
    trusted_documents: str | None

    def app(self) -> App:
        """Make the application.

        Raises:
            TargetError: the target gives no graph, or something else is wrong; it tells all that is.
        """
        graph, faults = self.targets.load(), list[str]()
        cors = None
        with _noting(faults):
            cors = Cors(origins=self.cors_origins) if self.cors_origins else None
        with _noting(faults):
            app = App(graph, cors=cors)
        self._prepare(graph, faults)
        return app

    def graph_again(self) -> Graph:
        """Load the graph again; for what it raises, see `app`."""
        graph = self.targets.load_again()
        self._prepare(graph, [])
        return graph

    def _prepare(self, graph: Graph, faults: list[str]) -> None:
        with _noting(faults):
            if self.trusted_documents is not None:
                graph.trust(self.trusted_documents)
        with _noting(faults):
            graph.check_environment()
        if faults:
            raise TargetError(f"{self.targets}: {GraphError(faults)}")


@contextlib.contextmanager
def _noting(faults: list[str]) -> Iterator[None]:
    try:
        yield
    except GraphError as exc:
        faults += exc.faults


def _fail(message: str) -> typer.Exit:
    say(message)
    return typer.Exit(2)


def _load(targets: Targets) -> Graph:
    try:
        return targets.load(calls=False)
    except TargetError as exc:
        raise _fail(str(exc)) from exc


@app.command()
@with_targets
@with_settings
def serve(
    targets: Targets,
    host: Annotated[str, typer.Option(envvar="WEFT_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="WEFT_PORT", min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(envvar="WEFT_WORKERS", min=1, help="Processes that share the port.")] = 1,
    reload: Annotated[
        bool, typer.Option(envvar="WEFT_RELOAD", help="Load the graph again when a file changes.")
    ] = False,
    drain_seconds: Annotated[
        int, typer.Option(envvar="WEFT_DRAIN_SECONDS", min=0, help="Time for what is under way when told to stop.")
    ] = 10,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(envvar="WEFT_CORS_ORIGIN", help="Another origin whose pages may call; may be given repeatedly."),
    ] = None,
    trusted_documents: Annotated[
        str | None,
        typer.Option(envvar="WEFT_TRUSTED_DOCUMENTS", help="A list of documents: no others run.", metavar="FILE"),
    ] = None,
) -> None:
    """Serve a graph over HTTP."""
    options = _Served(targets, cors_origin or [], trusted_documents)
    # What Python keeps of a compiled module tells an edit by its second and its length, which is too coarse here.
    sys.dont_write_bytecode |= reload
    try:
        app = options.app()
    except TargetError as exc:
        raise _fail(str(exc)) from exc
    if reload and app.trusting.production:
        raise _fail("--reload is for who writes a graph, and not for --production")
    for line in greeting(app.graph):
        say(line)
    if not targets.is_python and app.trusting.clients and app.trusting.anonymous:  # no field needs any
        say("who shows no credentials may ask everything; --no-anonymous refuses them")
    with _listen(host, port) as listening:
        port = listening.getsockname()[1]
        shared = f", {workers} workers" if workers > 1 and not reload else ""
        say(f"GraphQL at http://{host}:{port}/graphql{shared}")
        if not app.trusting.production and not _is_loopback(listening):
            say("not in production: whoever comes is shown the schema; --production switches that off")
        threading.Thread(target=_tell_who_is_away, args=(app.graph,), daemon=True).start()  # nobody waits for it
        folders = targets.folders()
        if reload and not folders:
            say("nothing is watched: documents that come by URL are read once")
        if reload and folders:
            reloading = Reloading(folders, targets.suffixes, options.graph_again, app.replace, say)
            Server(configured(app, drain_seconds), beside=[reloading.run]).run([listening])
        elif workers > 1:
            if app.graph.receiving.webhooks and isinstance(app.graph.engine.subscriptions.bus, MemoryBus):
                say(
                    "a webhook reaches only the worker that takes it; Graph(bus=RedisBus(...)) lets all of them hear it"
                )
            if app.graph.metering.is_on and not app.graph.metering.is_for_all:
                say(
                    "each worker counts rates for itself; Trust(rates_store=Redis(...)) lets all of them count together"
                )
            os.environ[_SERVED] = msgspec.json.encode(options).decode()
            run_workers(configured(app, drain_seconds, "graph.main:served", workers=workers), listening)
        else:
            run_server(app, socket=listening, drain_seconds=drain_seconds)


def _tell_who_is_away(graph: Graph) -> None:
    with contextlib.suppress(OSError):  # nobody listens to what is said
        for name, address in asyncio.run(away(graph.sources)):
            say(f"{name} does not answer at {address}: its fields fail until it does")


def _is_loopback(listening: socket.socket) -> bool:
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


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
    return msgspec.json.decode(os.environ[_SERVED], type=_Served).app()


@app.command()
@with_targets
def schema(
    targets: Targets,
    check: Annotated[
        Path | None,
        typer.Option(help="Compare with this file; exit 1 and print the difference if it differs."),
    ] = None,
) -> None:
    """Print the schema in the schema definition language."""
    printed = _load(targets).sdl()
    if check is None:
        sys.stdout.write(printed)
        return
    try:
        known = check.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise _fail(f"{check}: {getattr(exc, 'strerror', None) or exc}") from exc
    if known == printed:
        return
    difference = difflib.unified_diff(known.splitlines(), printed.splitlines(), str(check), str(targets), lineterm="")
    sys.stdout.writelines(f"{line}\n" for line in difference)
    raise typer.Exit(1)


@app.command()
@with_targets
def explain(
    targets: Targets,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A GraphQL document, or @FILE.")],
    operation: Annotated[str | None, typer.Option(help="Which of several operations.")] = None,
    scopes: Annotated[str | None, typer.Option(help="For a client with these scopes, such as 'a b'.")] = None,
) -> None:
    """Print the plan of a query: upstream calls, batches, freshness."""
    graph = _load(targets)
    if query.startswith("@"):
        try:
            query = Path(query[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise _fail(f"{query[1:]}: {getattr(exc, 'strerror', None) or exc}") from exc
    try:
        show(explained(graph, query, operation, None if scopes is None else scopes.split()).split("\n"))
    except RequestError as exc:
        raise _fail("; ".join(error.message for error in exc.errors)) from exc


@app.command("import")
@with_targets
def import_(
    targets: Targets,
    report: Annotated[bool, typer.Option("--report", help="Tell each loss, with its place and why.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Say all of it as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where anything is lost.")] = False,
) -> None:
    """Import OpenAPI documents, and tell what became of them and what was lost."""
    graph = _load(targets)
    documents = imported(graph)
    if not documents:
        raise _fail(f"{targets}: there is no OpenAPI document in this graph")
    if json:
        sys.stdout.write(as_json(graph).decode())
    else:
        show(lines(graph, report=report))
    if strict and any(document.losses for document in documents):
        raise typer.Exit(1)


@app.command("lint")
@with_targets
def lint_(
    targets: Targets,
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where anything is found.")] = False,
) -> None:
    """Tell what could be better about a graph; exit 1 where something will fail."""
    found = lint(_load(targets))
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        show(f"{finding.severity}: {finding.place}: {finding.message} [{finding.rule}]" for finding in found)
    if any(strict or finding.severity == "error" for finding in found):
        raise typer.Exit(1)


@app.command()
def init(
    document: Annotated[
        str | None, typer.Argument(metavar="[DOC]", help="An OpenAPI document: PATH, URL, NAME=PATH.")
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FILE", help="Where to write; - prints it.")] = Path("graph.py"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Take only operations like this.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Leave such operations out.")] = None,
    rename: Annotated[list[str] | None, typer.Option(metavar="OLD=NEW", help="Name an operation or a type.")] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Put this in front of the names of fields and types.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The backend's base address, where the document's is not meant.")
    ] = None,
    auto_link: Annotated[bool, typer.Option("--auto-link", help="Add obvious links between types.")] = False,
    allow_remote_refs: Annotated[
        bool, typer.Option("--allow-remote-refs", help="Follow references to other addresses.")
    ] = False,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let a document from the network name private addresses.")
    ] = False,
) -> None:
    """Write a graph file to start from: the types and calls of a document, or a small example."""
    text = START
    if document is not None:
        graph = _load(
            Targets(
                targets=[document],
                include=include or [],
                exclude=exclude or [],
                url=[url] if url is not None else [],
                prefix=[prefix] if prefix is not None else [],
                rename=rename or [],
                allow_remote_refs=allow_remote_refs,
                allow_private=allow_private,
                auto_link=auto_link,
            )
        )
        source = imported(graph)[0].source
        names = dict(source.api.choice.rename) if source.api is not None else {}
        allowed = {"allow_remote_refs": allow_remote_refs, "allow_private": allow_private}
        given = {"url": url, "prefix": prefix, "rename": names, **allowed}
        told = {name: value for name, value in given.items() if value}
        text = written(graph, source, output, told)
    if str(output) == "-":
        sys.stdout.write(text)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise _fail(f"{output}: is there already; --force writes over it") from exc
    except OSError as exc:
        raise _fail(f"{output}: {exc.strerror or exc}") from exc
    say(f"wrote {output}; weft serve {output} serves it")


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
