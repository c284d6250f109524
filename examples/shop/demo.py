"""``weft demo``: the five services and the gateway in front of them, with one command."""

from __future__ import annotations

import json
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
_SUBSCRIPTIONS = (
    (
        "The parcel of order 1 moves; the carrier calls the gateway",
        "subscription { shipmentUpdated(orderId: 1) { trackingNumber status events { place text } } }",
        False,
    ),
    (
        "The stock of a product changes; the ERP is asked every second, for all who want to know",
        'subscription { stockChanged(sku: "SKU-00001") { available levels { available warehouse { city } } } }',
        False,
    ),
    (
        "The shopper's orders proceed; the service streams events (needs the token)",
        "subscription { orderStatusChanged { id status totalCents } }",
        True,
    ),
)
_LIFE_S = 1.0


def run(listening: socket.socket) -> int:
    """Start everything, print where it is, and serve until Ctrl-C; give the exit status.

    Args:
        listening: the gateway's socket.
    """
    signal.signal(signal.SIGTERM, _stop)
    ports = {name: number if _is_free(number) else 0 for name, number in DEFAULT_PORTS.items()}
    print("weft: starting the shop...", file=sys.stderr, flush=True)
    try:
        with Backends(ports, life_s=_LIFE_S, log=_show) as backends:
            os.environ.update(backends.environment())
            from examples.shop.graph import graph  # it reads the environment that was just set

            gateway = f"http://127.0.0.1:{listening.getsockname()[1]}"
            backends.report_to(gateway)
            print(_welcome(backends, f"{gateway}/graphql"), flush=True)
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
    lines += _shown(_QUERIES, f"curl -s {url} -H 'content-type: application/json'", token)
    lines += ["Something happens every second. See it in GraphiQL, or with curl:", ""]
    events = f"curl -sN {url} -H 'accept: text/event-stream' -H 'content-type: application/json'"
    lines += _shown(_SUBSCRIPTIONS, events, token)
    lines.append("Requests that reach the backends are printed below. Ctrl-C stops everything.")
    return "\n".join(lines)


def _shown(operations: tuple[tuple[str, str, bool], ...], curl: str, token: str) -> list[str]:
    lines = []
    for number, (purpose, operation, needs_token) in enumerate(operations, 1):
        header = f" -H 'authorization: Bearer {token}'" if needs_token else ""
        body = json.dumps({"query": operation})
        lines += [f"{number}. {purpose}:", f"   {operation}", f"   {curl}{header} -d '{body}'", ""]
    return lines
