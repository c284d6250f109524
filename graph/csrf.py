"""Requests that a page of another origin may have had a browser send, with the user's cookies, unasked (CSRF).

A browser sends "simple" requests for any page (CORS, in the Fetch standard): GET, HEAD, and POST of a form or a text.
Of all others it asks the server first, which names the origins that may (graph/cors.py). So what executes must not be
simple: a POST has a media type that no form has, a form of files one of `PREFLIGHT` besides, and a GET something that
no page can set unasked.
"""

from __future__ import annotations

import re

from graph.cors import PREFLIGHT
from graph.errors import RequestError
from graph.request import Headers

_ASKED_FOR = tuple(name.encode() for name in PREFLIGHT)
_SIMPLE = (b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(rb"[ \t]*(" + _TOKEN + rb"/" + _TOKEN + rb")[ \t]*(?:;[^,]*)?")


def check_was_asked_for(headers: Headers) -> None:
    """Check that no page of another origin can have had a GET or HEAD sent, unless it was allowed to.

    Raises:
        RequestError: 403, it may have been.
    """
    raw = headers.raw
    if raw.get(b"authorization", b"")[:7].lower() == b"bearer " or raw.get(b"sec-fetch-site") == b"same-origin":
        return  # browsers add other schemes by themselves, this one never
    if any(raw.get(name) for name in _ASKED_FOR):
        return
    media_type = _MEDIA_TYPE.fullmatch(raw.get(b"content-type", b""))
    if media_type is None or media_type[1].lower() in _SIMPLE:
        message = "a page of any origin may have sent this: add a header that none may, such as GraphQL-Preflight: 1"
        raise RequestError.of(message, "PREFLIGHT_REQUIRED", 403)
