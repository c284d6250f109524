"""What can go wrong with a backend, and with a declaration.

    Exception
    ├── DeclarationError        the graph's author declared something impossible
    └── SourceError             one exchange failed; costs only the fields that needed it
        ├── UpstreamTimeout     no answer in time
        ├── UpstreamUnavailable cannot connect, or the connection was lost
        │   └── NotAsked        it was not even tried: too many calls failed, or wait already
        ├── UpstreamError       an error status, or a redirect
        ├── UpstreamInvalid     the body is not what was promised
        ├── InvalidInput        the client's value may not enter a URL or header
        └── TooManyPages        a list would take more pages than one operation may ask for

Messages are for clients: they never hold a backend's body, a credential, an address or a library's own text.
"""

from __future__ import annotations

from typing import ClassVar


class DeclarationError(Exception):
    """A fault in what a graph's author declared; the message says where, what was expected and what was found."""


class SourceError(Exception):
    """An exchange with a backend that gave no usable answer.

    Args:
        source: the backend's name.
        status: the HTTP status that it answered, if it did.
    """

    code: ClassVar[str] = "UPSTREAM_ERROR"
    always_retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, source: str, status: int | None = None) -> None:
        super().__init__(message)
        self.source = source
        self.status = status

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.always_retryable


class UpstreamTimeout(SourceError):
    """The backend did not answer in time."""

    code = "UPSTREAM_TIMEOUT"
    always_retryable = True


class UpstreamUnavailable(SourceError):
    """The backend cannot be reached, or hung up."""

    code = "UPSTREAM_UNAVAILABLE"
    always_retryable = True


class NotAsked(UpstreamUnavailable):
    """The backend was left alone: it fails too often, or too many calls wait for it already."""


class UpstreamError(SourceError):
    """The backend answered with a status that is no success."""

    code = "UPSTREAM_ERROR"

    @property
    def retryable(self) -> bool:
        """True for the statuses that say "later": 429, 502, 503, 504."""
        return self.status in (429, 502, 503, 504)


class UpstreamInvalid(SourceError):
    """The backend's body is not JSON, or not of the form that the schema promises."""

    code = "UPSTREAM_INVALID"


class InvalidInput(SourceError):
    """A value of the client may not enter a URL or a header; no call was made."""

    code = "BAD_USER_INPUT"


class TooManyPages(SourceError):
    """A list would take more pages than one operation may ask for; what was fetched of it is not given."""

    code = "LIMIT_EXCEEDED"
