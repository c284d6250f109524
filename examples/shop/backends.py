"""Start the shop's five services, each in a process of its own, and stop them again.

A launcher imports what the services share and then forks one process for each: starting five interpreters would take
three times as long. The launcher ends its services when its stdin is closed, so nothing outlives who started it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType

import uvicorn
from fastapi import FastAPI

from examples.shop.services import catalog, customers, inventory, orders, shipping
from examples.shop.services.journal import Journal

SERVICES = ("catalog", "inventory", "customers", "orders", "shipping")
DEFAULT_PORTS = {name: 9001 + index for index, name in enumerate(SERVICES)}
_ACCESS = re.compile(r'^(?P<name>\w+) .*"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+" (?P<status>\d+)')
_ROOT = Path(__file__).resolve().parents[2]


class BackendError(Exception):
    """A service that did not start; the message names it and its port."""


class Backends:
    """The five services, running between ``with`` and its end.

    Args:
        ports: port of each service; 0, and what is not named, is any free port.
        directory: where the databases are; None makes a temporary folder that is removed at the end.
        life_s: how many seconds are between the things that happen by themselves; 0 for none: nothing does.
        log: called with each request that a service has answered: ``catalog  GET /products?limit=20 200``.
    """

    def __init__(
        self,
        ports: dict[str, int] | None = None,
        directory: Path | None = None,
        *,
        life_s: float = 0,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._ports = {name: (ports or {}).get(name, 0) for name in SERVICES}
        self._life_s = life_s
        self._log = log
        self._own = tempfile.TemporaryDirectory(prefix="weft-shop-") if directory is None else None
        self._directory = directory or Path(self._own.name if self._own else ".")
        self._launcher: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Backends:
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """Give what the gateway's environment must hold: addresses and secrets."""
        return {
            "CATALOG_URL": self.urls["catalog"],
            "CATALOG_KEY": catalog.DEFAULT_KEY,
            "INVENTORY_URL": self.urls["inventory"],
            "INVENTORY_PASSWORD": inventory.DEFAULT_PASSWORD,
            "CRM_URL": self.urls["customers"],
            "CRM_SECRET": customers.DEFAULT_SECRET,
            "ORDERS_URL": self.urls["orders"],
            "SHIPPING_URL": self.urls["shipping"],
            "SHIPPING_KEY": shipping.DEFAULT_KEY,
            "SHIPPING_WEBHOOK_SECRET": shipping.DEFAULT_WEBHOOK_SECRET,
        }

    def token(self, customer: str = "c-0001", *, lasts_s: float | None = None) -> str:
        """Give a shopper's token, which lasts for ever unless it is said how many seconds."""
        return orders.shopper_token(customer, orders.DEFAULT_SECRET, lasts_s=lasts_s)

    def report_to(self, gateway: str) -> None:
        """Have the carrier post its webhooks to a gateway, which need not be there yet.

        Args:
            gateway: its address, without a path.
        """
        request = urllib.request.Request(
            f"{self.urls['shipping']}/webhooks?api_key={shipping.DEFAULT_KEY}",
            json.dumps({"url": f"{gateway}/webhooks/shipping/tracking"}).encode(),
            {"content-type": "application/json"},
            method="PUT",
        )
        with _directly().open(request, timeout=5):
            pass

    def stop(self) -> None:
        """Stop every service, and remove the databases if they were temporary."""
        launcher, self._launcher = self._launcher, None
        if launcher is not None:
            if launcher.stdin is not None:
                launcher.stdin.close()
            try:
                launcher.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(launcher.pid, signal.SIGKILL)
                launcher.wait()
            if self._reader is not None:
                self._reader.join()
            if launcher.stdout is not None:
                launcher.stdout.close()
        if self._own is not None:
            self._own.cleanup()

    def _start(self) -> None:
        ports = {name: _free_port(name, port) for name, port in self._ports.items()}
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        named = [f"{name}={port}" for name, port in ports.items()]
        self._launcher = launcher = subprocess.Popen(
            [sys.executable, "-m", "examples.shop.backends", str(self._directory), *named],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self._log else subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "SHOP_LIFE": str(self._life_s)},
        )
        if self._log:
            self._reader = threading.Thread(target=_read, args=(launcher, self._log), daemon=True)
            self._reader.start()
        deadline = time.monotonic() + 30
        for name, url in self.urls.items():
            while not _is_healthy(url):
                if launcher.poll() is not None or time.monotonic() > deadline:
                    raise BackendError(f"{name}: did not start at {url}")
                time.sleep(0.02)


def _free_port(name: str, port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as exc:
            raise BackendError(f"{name}: port {port} is taken") from exc
        found: int = probe.getsockname()[1]
        return found


def _read(launcher: subprocess.Popen[bytes], log: Callable[[str], None]) -> None:
    for line in launcher.stdout or ():
        found = _ACCESS.search(line.decode(errors="replace"))
        if found is not None and found["target"] != "/health":
            log(f"{found['name']:<9}  {found['method']} {found['target']} {found['status']}")


def _directly() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the environment names


def _is_healthy(url: str) -> bool:
    try:
        with _directly().open(f"{url}/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


# -- the launcher's side ----------------------------------------------------------------------------------------------


def _launch(directory: Path, ports: dict[str, int]) -> None:
    """Fork the services and wait; when one of them ends, or stdin does, end them all."""
    children = [_fork(name, directory / f"{name}.db", port) for name, port in ports.items()]
    threading.Thread(target=_end_with_stdin, args=(children,), daemon=True).start()
    os.wait()
    _end(children)
    for _ in children[1:]:
        os.wait()


def _fork(name: str, database: Path, port: int) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        _serve(name, database, port)
        status = 0
    finally:
        os._exit(status)


def _serve(name: str, database: Path, port: int) -> None:
    service = {"catalog": catalog, "inventory": inventory, "customers": customers, "orders": orders}.get(name, shipping)
    server = _Server(service.create_app(database), port)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # only the requests are of interest
    for handler in logging.getLogger("uvicorn.access").handlers:
        handler.setFormatter(logging.Formatter(f"{name} %(message)s"))
    server.run()


class _Server(uvicorn.Server):
    """Ends a service's streams when it is to stop: it would wait for them for ever."""

    def __init__(self, app: FastAPI, port: int) -> None:
        super().__init__(uvicorn.Config(app, host="127.0.0.1", port=port))
        self._journal: Journal | None = getattr(app.state, "journal", None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._journal is not None:
            self._journal.close()


def _end_with_stdin(children: list[int]) -> None:
    sys.stdin.buffer.read()
    _end(children)


def _end(children: list[int]) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)


if __name__ == "__main__":
    _launch(Path(sys.argv[1]), {name: int(port) for name, _, port in (text.partition("=") for text in sys.argv[2:])})
