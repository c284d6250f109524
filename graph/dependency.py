"""Clients made out by a FastAPI dependency, the same that guards an author's own routes.

Theory of operation. FastAPI solves dependencies for a route. So there is a tiny application with one route, which has
the dependency and no more: it is called with the connection as ASGI has it, as a GET without a body, and what the
dependency gives is passed out beside the response. Sub-dependencies, `Header`, `Cookie`, `Security` and threads for
plain functions are FastAPI's own therefore. What comes after a ``yield`` runs before the operation does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fastapi
import fastapi.params
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from graph.asgi import Message
from graph.client import Client
from graph.credentials import Credentials, Unauthenticated, Unavailable

_OUTCOME = "weft.outcome"
_KEPT = ("asgi", "http_version", "path", "raw_path", "query_string", "root_path", "client", "server", "state")
_SCHEMES = {"ws": "http", "wss": "https"}


class Dependency:
    """Clients made out by a FastAPI dependency, which gives a `Client`, or None where nothing is shown to it.

    What it raises: an `HTTPException` of 401 and 403 is that; of 503, that it may be tried again later. A header that
    it must have and that is not there is 401. Anything else is a fault in the server.

    Args:
        dependency: a function, coroutine function, generator or class, or what `fastapi.Depends` or `fastapi.Security`
            makes of one.
        reads: headers that it looks at in ways that FastAPI does not know of; of sockets, `connection_init` may say
            them.
        writes: headers that its clients have, and that nobody else may say.

    Raises:
        ValueError: FastAPI cannot make a route of it, or it wants a body.
    """

    is_asked_each_time = True

    def __init__(
        self,
        dependency: Callable[..., Any] | fastapi.params.Depends,
        *,
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
    ) -> None:
        wanted = dependency if isinstance(dependency, fastapi.params.Depends) else fastapi.Depends(dependency)
        self._name = getattr(wanted.dependency, "__name__", type(wanted.dependency).__name__)
        try:
            self._app = _application(wanted)
            described = self._app.openapi()
        except Exception as exc:  # FastAPI, Pydantic and Python each have their own for what cannot be
            said = str(exc).partition("\n")[0]
            raise ValueError(f"the dependency {self._name!r} cannot be: {said}") from exc
        operation = described["paths"]["/{path}"]["get"]
        if "requestBody" in operation:
            raise ValueError(
                f"the dependency {self._name!r} wants a body, and who asks is made out before there is one"
            )
        found = {"authorization", *(name.lower() for name in reads), *_headers_in(operation, described)}
        self.reads: tuple[str, ...] = tuple(sorted(found))
        self.writes = tuple(name.lower() for name in writes)

    def missing(self) -> list[str]:
        """Give what must be set: nothing that is known."""
        return []

    def known(self, credentials: Credentials) -> Client | None:
        """Give None: a dependency is asked each time."""
        return None

    async def find(self, credentials: Credentials) -> Client | None:
        """Ask the dependency.

        Raises:
            Unauthenticated: it raised 401, or lacks what it needs.
            PermissionError: it raised 403.
            Unavailable: it raised 503.
            Exception: whatever else it raised.
        """
        outcome: list[Any] = []
        await self._app(_scope(credentials, outcome), _nothing_more(), _into_nowhere)
        found = outcome[0] if outcome else None
        if isinstance(found, HTTPException):
            raise _refusal(found) from found
        if isinstance(found, RequestValidationError):
            raise Unauthenticated("credentials are needed") from found
        if found is not None and not isinstance(found, Client):
            raise TypeError(
                f"the dependency {self._name!r} gives a {type(found).__name__}: a Client is wanted, or None"
            )
        return found

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


def _application(dependency: Any) -> fastapi.FastAPI:
    async def found(request: fastapi.Request, client: Any = dependency) -> Response:
        request.scope[_OUTCOME].append(client)
        return Response()

    async def refused(request: fastapi.Request, exc: Exception) -> Response:
        request.scope[_OUTCOME][:] = [exc]
        return Response()

    handlers: dict[Any, Any] = {HTTPException: refused, RequestValidationError: refused}
    app = fastapi.FastAPI(openapi_url=None, docs_url=None, redoc_url=None, exception_handlers=handlers)
    app.add_api_route("/{path:path}", found, methods=["GET"], response_model=None)
    return app


def _headers_in(operation: Mapping[str, Any], described: Mapping[str, Any]) -> set[str]:
    """Give the headers that FastAPI knows of, out of its description of the route."""
    places = [(one["in"], one["name"]) for one in operation.get("parameters", ())]
    schemes = described.get("components", {}).get("securitySchemes", {})
    places += [(one["in"], one["name"]) for one in schemes.values() if one["type"] == "apiKey"]
    return {"cookie" if place == "cookie" else name.lower() for place, name in places if place in ("header", "cookie")}


def _scope(credentials: Credentials, outcome: list[Any]) -> dict[str, Any]:
    connection = credentials.connection.scope
    scheme = connection.get("scheme", "http")
    kept = {name: connection[name] for name in _KEPT if name in connection}
    own = {"type": "http", "method": "GET", "scheme": _SCHEMES.get(scheme, scheme), _OUTCOME: outcome}
    lines = [line for line in connection["headers"] if line[0] not in (b"content-length", b"transfer-encoding")]
    return {"path": "/", "query_string": b"", **kept, **own, "headers": lines}


def _nothing_more() -> Callable[[], Any]:
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()  # as a client does that stays
        return messages.pop()

    return receive


async def _into_nowhere(message: Message) -> None:
    pass


def _refusal(exc: HTTPException) -> Exception:
    detail: Any = exc.detail  # FastAPI's may be any JSON
    said = detail if isinstance(detail, str) else "credentials are needed"
    headers = {name.lower(): value for name, value in (exc.headers or {}).items()}
    if exc.status_code == 401:
        return Unauthenticated(said, headers.get("www-authenticate", "Bearer"))
    if exc.status_code == 403:
        return PermissionError(said)
    if exc.status_code == 503:
        later = headers.get("retry-after", "")
        return Unavailable("it cannot be found out now who asks", int(later) if later.isdecimal() else 5)
    return exc
