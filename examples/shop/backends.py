"""Start the shop's five services, each in a process of its own, and stop them again."""

from __future__ import annotations

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
from types import TracebackType

from examples.shop.services import catalog, customers, inventory, orders, shipping

SERVICES = ("catalog", "inventory", "customers", "orders", "shipping")
DEFAULT_PORTS = {name: 9001 + index for index, name in enumerate(SERVICES)}
_ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+" (?P<status>\d+)')
_ROOT = Path(__file__).resolve().parents[2]


class BackendError(Exception):
    """A service that did not start; the message names it and its port."""


class Backends:
    """The five services, running between ``with`` and its end.

    Args:
        ports: port of each service; 0, and what is not named, is any free port.
        directory: where the databases are; None makes a temporary folder that is removed at the end.
        log: called with each request that a service has answered: ``catalog  GET /products?limit=20 200``.
    """

    def __init__(
        self,
        ports: dict[str, int] | None = None,
        directory: Path | None = None,
        *,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._ports = {name: (ports or {}).get(name, 0) for name in SERVICES}
        self._log = log
        self._own = tempfile.TemporaryDirectory(prefix="weft-shop-") if directory is None else None
        self._directory = directory or Path(self._own.name if self._own else ".")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: list[threading.Thread] = []
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Backends:
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            for name in SERVICES:
                self._start(name)
            self._wait()
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
        }

    def token(self, customer: str = "c-0001") -> str:
        """Give a shopper's token."""
        return orders.shopper_token(customer, orders.DEFAULT_SECRET)

    def stop(self) -> None:
        """Stop every service, and remove the databases if they were temporary."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self._processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for reader in self._readers:
            reader.join()
        for process in self._processes.values():
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        self._processes.clear()
        if self._own is not None:
            self._own.cleanup()

    def _start(self, name: str) -> None:
        port = self._ports[name]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as exc:
                raise BackendError(f"{name}: port {port} is taken") from exc
            port = probe.getsockname()[1]
        self.urls[name] = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "examples.shop.backends", name, str(self._directory / f"{name}.db"), str(port)]
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self._log else subprocess.DEVNULL,
            start_new_session=True,
        )
        self._processes[name] = process
        if self._log:
            reader = threading.Thread(target=self._read, args=(name, process, self._log), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _read(self, name: str, process: subprocess.Popen[bytes], log: Callable[[str], None]) -> None:
        for line in process.stdout or ():
            found = _ACCESS.search(line.decode(errors="replace"))
            if found is not None and found["target"] != "/health":
                log(f"{name:<9}  {found['method']} {found['target']} {found['status']}")

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        for name in SERVICES:
            while not _is_healthy(self.urls[name]):
                if self._processes[name].poll() is not None or time.monotonic() > deadline:
                    raise BackendError(f"{name}: did not start at {self.urls[name]}")
                time.sleep(0.05)


def _is_healthy(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _serve(name: str, database: Path, port: int) -> None:
    """Run one service until it is told to stop, or until the process that started it is gone."""
    import uvicorn

    service = {"catalog": catalog, "inventory": inventory, "customers": customers, "orders": orders}.get(name, shipping)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(service.create_app(database), host="127.0.0.1", port=port))
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # only the requests are of interest
    server.run()


def _stop_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
