"""Automatic persisted queries: a client sends the SHA-256 of its document, and the document itself only once.

The protocol of Apollo's clients: ``extensions.persistedQuery`` holds ``version`` 1 and ``sha256Hash``. A hash without a
known document is answered with PERSISTED_QUERY_NOT_FOUND, upon which the client sends both. So a GET of a query is
short, and a CDN can keep its answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import cachetools

from graph.errors import RequestError


class PersistedQueries:
    """The documents that clients have registered, by hash; the least recently used go first.

    Args:
        max_bytes: sum of the documents' lengths.
    """

    def __init__(self, max_bytes: int = 4_000_000) -> None:
        self._known: cachetools.LRUCache[str, str] = cachetools.LRUCache(max_bytes, getsizeof=len)
        self._max_bytes = max_bytes

    def text(self, query: str | None, extensions: Mapping[str, Any] | None, document_id: str | None = None) -> str:
        """Give the document of a request, and register it where the request says so.

        Raises:
            RequestError: there is no document; the hash is not known, is not that of the document, or the protocol is
                another one.
        """
        digest = persisted_hash(extensions) if extensions else None
        if digest is None:
            if query:
                return query
            named = " and this server has no list of documents" if document_id else ""
            raise RequestError.of(f"the request has no query{named}", "BAD_REQUEST")
        if not query:
            known = self._known.get(digest.lower())
            if known is None:
                raise RequestError.of("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", 200)
            return known
        if hashlib.sha256(query.encode(errors="surrogatepass")).hexdigest() != digest.lower():
            raise RequestError.of("the sha256Hash is not that of the query", "BAD_REQUEST")
        if len(query) <= self._max_bytes:
            self._known[digest.lower()] = query
        return query


def persisted_hash(extensions: Mapping[str, Any] | None) -> str | None:
    """Give the hash by which a request names its document, or None where it does not.

    Raises:
        RequestError: it names it by another protocol.
    """
    if not extensions or "persistedQuery" not in extensions:
        return None
    given = extensions["persistedQuery"]
    digest = given.get("sha256Hash") if isinstance(given, dict) and given.get("version") == 1 else None
    if not isinstance(digest, str):
        raise RequestError.of("persistedQuery needs version 1 and a sha256Hash", "BAD_REQUEST")
    return digest
