"""What may be declared as an address, a header or a cookie; checked once, at start-up."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from sources.errors import DeclarationError

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
# What is for one connection only (RFC 9110, 7.6.1), what frames a message on it, and what the transport writes itself.
_HOP_BY_HOP = frozenset(
    "connection expect http2-settings keep-alive proxy-authenticate proxy-authentication-info proxy-authorization"
    " proxy-connection te trailer transfer-encoding upgrade".split()
)
_OWN_HEADERS = _HOP_BY_HOP | {"host", "content-length", "content-type"}
_ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")


def check_header_name(name: str) -> None:
    """Check that a graph may set or forward a header.

    Raises:
        DeclarationError: it is no header name, or one that belongs to the transport.
    """
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
        raise DeclarationError(f"{name!r} is not a header that a graph may set or forward")


def check_header_value(name: str, value: object) -> None:
    """Check that a fixed text may be a header's value.

    Raises:
        DeclarationError: it is no text, or holds what a header may not.
    """
    if not isinstance(value, str) or not is_header_value(value):
        raise DeclarationError(f"the header {name!r} needs a text of visible ASCII characters")


def is_header_value(value: str) -> bool:
    """Tell whether a text may be a header's value: visible ASCII, spaces and tabs."""
    return _HEADER_VALUE.fullmatch(value) is not None


def check_cookie_name(name: str) -> None:
    """Check that a graph may send a cookie of this name.

    Raises:
        DeclarationError: it is no cookie's name (RFC 6265, 4.1.1).
    """
    if not _HEADER_NAME.fullmatch(name):
        raise DeclarationError(f"{name!r} is not a cookie's name")


def is_cookie_value(value: str) -> bool:
    """Tell whether a text may be a cookie's value as it is: no space, quote, comma, semicolon or backslash."""
    return _COOKIE_VALUE.fullmatch(value) is not None


def check_address(url: str) -> SplitResult:
    """Give the parts of an http or https address.

    Raises:
        DeclarationError: it is none; the message does not quote credentials.
    """
    if not isinstance(url, str):
        raise DeclarationError(f"{url!r} is not an http or https address")
    shown = repr(_without_credentials(url))
    if not _ADDRESS.fullmatch(url):
        raise DeclarationError(f"{shown}: a character that no address holds")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise DeclarationError(f"{shown} is not an address") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise DeclarationError(f"{shown} is not an http or https address")
    return parts


def base_of(url: str) -> str:
    """Give a base address without a slash at its end.

    Raises:
        DeclarationError: it is no address, or holds more than a host and a path.
    """
    parts = check_address(url)
    if parts.query or parts.fragment or parts.username or parts.password is not None:
        shown = repr(_without_credentials(url))
        raise DeclarationError(f"{shown}: a base address holds no query, fragment or credentials")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _without_credentials(url: str) -> str:
    return re.sub(r"//[^/?#]*@", "//...@", url)


def shown_address(url: str) -> str:
    """Give an address as it may be shown: without credentials."""
    return _without_credentials(url)
