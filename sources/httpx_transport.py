"""Send with an `httpx.AsyncClient`: custom transports, auth flows, ASGI apps in this process, mocks."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import httpx

from sources.transport import Content, Headers, Reply, TransportInvalid, TransportTimeout, TransportUnavailable


class HttpxTransport:
    """A `Transport` over a client that the caller configured; its timeouts hold, redirects are not followed.

    Cookies are neither kept nor sent: one client's session would go out with the next client's request.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._client = client

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        """Give the backend's reply; see `Transport.send`."""
        try:
            response = await self._client.request(
                method, url, headers=list(headers), content=body, follow_redirects=False
            )
        except httpx.TimeoutException as exc:
            raise TransportTimeout from exc
        except (
            httpx.InvalidURL,
            httpx.UnsupportedProtocol,
            httpx.LocalProtocolError,
            httpx.DecodingError,
            UnicodeError,
        ) as exc:
            raise TransportInvalid from exc
        except RuntimeError as exc:  # a connection of an event loop that is gone
            raise TransportUnavailable from exc
        except httpx.RemoteProtocolError as exc:
            is_cut = "disconnected" in str(exc) or "closed" in str(exc)
            raise (TransportUnavailable if is_cut else TransportInvalid) from exc
        except httpx.HTTPError as exc:
            raise TransportUnavailable from exc
        return Reply(response.status_code, response.content, response.headers.get)

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()
