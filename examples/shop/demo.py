"""``weft demo``: the five services and the gateway in front of them, with one command."""

from __future__ import annotations

import os
import signal
import socket
import sys

from examples.shop.backends import DEFAULT_PORTS, BackendError, Backends
from graph import serve

_QUERIES = (
    (
        "A page of products, with stock from the ERP and reviews from the catalog: three calls, however long the page",
        "{ products(first: 20) { edges { node { name stock { available } reviews { stars } } } } }",
        False,
    ),
    (
        "An order across all five backends (needs the shopper's token)",
        "{ order(id: 1) { status totalCents customer { fullName tier }"
        " items { quantity product { name stock { available } } } shipment { status trackingNumber } } }",
        True,
    ),
    (
        "Buy something",
        "mutation { placeOrder(order: { items: [{ productId: 7, quantity: 2 }] }) { id status totalCents } }",
        True,
    ),
)


def run(listening: socket.socket) -> int:
    """Start everything, print where it is, and serve until Ctrl-C; give the exit status.

    Args:
        listening: the gateway's socket.
    """
    signal.signal(signal.SIGTERM, _stop)
    ports = {name: number if _is_free(number) else 0 for name, number in DEFAULT_PORTS.items()}
    print("weft: starting the shop...", file=sys.stderr, flush=True)
    try:
        with Backends(ports, log=_show) as backends:
            os.environ.update(backends.environment())
            from examples.shop.graph import graph  # it reads the environment that was just set

            port = listening.getsockname()[1]
            print(_welcome(backends, f"http://127.0.0.1:{port}/graphql"), flush=True)
            serve(graph, socket=listening)
    except BackendError as exc:
        print(f"weft: {exc}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _show(line: str) -> None:
    sys.stdout.write(f"    {line}\n")  # one write, so that lines of two services do not mix
    sys.stdout.flush()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _welcome(backends: Backends, url: str) -> str:
    token = backends.token()
    lines = ["", f"GraphQL and GraphiQL   {url}", ""]
    lines += [f"  {name:<10} {address}/docs" for name, address in backends.urls.items()]
    lines += ["", "A shopper's token (in GraphiQL: the Headers tab):", f'  {{"authorization": "Bearer {token}"}}', ""]
    for number, (purpose, query, needs_token) in enumerate(_QUERIES, 1):
        header = f" -H 'authorization: Bearer {token}'" if needs_token else ""
        lines += [
            f"{number}. {purpose}:",
            f"   {query}",
            f"   curl -s {url} -H 'content-type: application/json'{header} -d '{_body(query)}'",
            "",
        ]
    lines.append("Requests that reach the backends are printed below. Ctrl-C stops everything.")
    return "\n".join(lines)


def _body(query: str) -> str:
    return f'{{"query": "{query}"}}'
