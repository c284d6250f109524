"""The files of a document: the one that was named, and those that it names in turn. Nothing else is ever read.

A file is called by its key: nothing for the document itself, the path below the document's folder, or a URL. A
document on disk may name files in and below its folder. Whatever comes from the network besides the document itself
has to be allowed, also where a document that came from there names files beside it; and what came from there leads
nobody into a private network, except to the host that the document itself came from.
"""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from sources.address import shown_address
from sources.openapi.pointer import DocumentError
from sources.openapi.remote import fetch
from sources.openapi.text import read_text
from sources.private import Guard
from sources.tls import Tls

Json = Any
MOST_BYTES = 50_000_000
_MOST_FILES = 2_000
_VARIABLE = "WEFT_MAX_OPENAPI_BYTES"


class Files:
    """A document's files, each read once.

    Args:
        location: the path or URL of the document itself.
        allow_remote_refs: whether what it refers to may come from the network.
        allow_private: whether what came from the network may name addresses that are not public.
        max_bytes: of all files together; None takes the environment's ``WEFT_MAX_OPENAPI_BYTES``, else 50,000,000.
        tls: certificates for fetching.

    `guard` says where URLs may lead that come from the network; None where the author answers for all of them.
    """

    def __init__(
        self,
        location: str,
        *,
        allow_remote_refs: bool = False,
        allow_private: bool = False,
        max_bytes: int | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.location = location
        self.url: str | None = urldefrag(location)[0] if is_url(location) else None
        self._allow_remote_refs = allow_remote_refs
        self._max_bytes = max_bytes_of(os.environ.get(_VARIABLE)) if max_bytes is None else max_bytes
        self._tls = tls
        self._allow_private = allow_private
        self.guard: Guard | None = None if self.url is None or allow_private else Guard()
        if self.guard is not None:
            self.guard.trust(location)
        self._named = Guard()  # of files whose addresses a document on disk names: these are the author's
        self._bytes = 0
        self._read: dict[str, Json | DocumentError] = {}
        self._folder = "" if self.url is not None else os.path.realpath(os.path.dirname(location) or ".")

    def root(self, key: str) -> Json:
        """Give what a file says.

        Raises:
            DocumentError: it cannot be found or read.
        """
        if key not in self._read:
            try:
                if len(self._read) >= _MOST_FILES:
                    raise DocumentError(f"the document names more than {_MOST_FILES} files", key)
                self._read[key] = read_text(self._bytes_of(key), shown_address(key or self.location))
            except DocumentError as exc:
                self._read[key] = exc
        read = self._read[key]
        if isinstance(read, DocumentError):
            raise DocumentError(read.problem, read.place)
        return read

    def key_of(self, reference: str, base: str) -> str:
        """Give the key of the file that a reference names, without what follows its ``#``.

        Args:
            base: the key of the file that holds the reference.

        Raises:
            DocumentError: that file may not be read.
        """
        if not reference:
            return base
        try:
            scheme = urlsplit(reference).scheme
            from_url = base if is_url(base) else self.url if not base else None
            if from_url is not None or scheme in ("http", "https"):
                url = self._remote_key(urljoin(from_url or "", reference))
                if from_url is None:
                    self._named.trust(url)
                return url
        except ValueError as exc:
            raise DocumentError("not an address", shown_address(reference)) from exc
        if scheme and reference[:1].isalpha():
            raise DocumentError(f"not read: {scheme}: is neither a file's path nor http(s)", shown_address(reference))
        return self._local_key(unquote(urlsplit(reference).path), base)

    def _remote_key(self, url: str) -> str:
        if url == self.url:
            return ""
        if not is_url(url):
            raise DocumentError("not fetched: only http and https are", shown_address(url))
        if not self._allow_remote_refs:
            raise DocumentError(
                "not fetched: references to the network have to be allowed (--allow-remote-refs, or "
                "allow_remote_refs=True)",
                shown_address(url),
            )
        return url

    def _local_key(self, path: str, base: str) -> str:
        if "\0" in path:
            raise DocumentError("no such file", path)
        whole = os.path.realpath(os.path.join(self._folder, posixpath.dirname(base), path))
        if whole == os.path.realpath(self.location):
            return ""
        if os.path.commonpath([whole, self._folder]) != self._folder:
            raise DocumentError(
                "not read: it is outside of the document's folder, and files may be named in and below it only", path
            )
        return Path(os.path.relpath(whole, self._folder)).as_posix()

    def _bytes_of(self, key: str) -> bytes:
        url = key if is_url(key) else self.url if not key else None
        left = self._max_bytes - self._bytes
        if url is not None:
            guard = None if not key or self._allow_private else self.guard or self._named
            fetched = fetch(url, left, guard=guard, tls=self._tls)
            if not key:
                self.url = fetched.url
            raw = fetched.body
        else:
            raw = _file(os.path.join(self._folder, key) if key else self.location, key or self.location, left)
        if len(raw) > left:
            raise DocumentError(
                f"more than {self._max_bytes:,} bytes with all files together; {_VARIABLE} sets the limit",
                shown_address(key or self.location),
            )
        self._bytes += len(raw)
        return raw


def is_url(location: str) -> bool:
    """Tell whether a location is on the network; else it is a path."""
    return location.lower().startswith(("http://", "https://"))


def max_bytes_of(said: str | None) -> int:
    """Give the limit that the environment sets, else the default.

    Raises:
        DocumentError: it is no number of bytes.
    """
    if not said:
        return MOST_BYTES
    if not (said.isascii() and said.isdecimal() and len(said) < 19):
        raise DocumentError(f"{_VARIABLE}={said!r}: expected a whole number of 0 or more")
    return int(said)


def _file(path: str, shown: str, most: int) -> bytes:
    """Give a file's bytes, or one more than may be."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise DocumentError("a folder, not a file" if stat.S_ISDIR(mode) else "not a file", shown)
            return file.read(most + 1)
    except FileNotFoundError as exc:
        raise DocumentError("no such file", shown) from exc
    except IsADirectoryError as exc:
        raise DocumentError("a folder, not a file", shown) from exc
    except (OSError, ValueError) as exc:
        raise DocumentError(f"cannot be read: {getattr(exc, 'strerror', None) or 'not a path'}", shown) from exc


def _without_waiting(path: str, flags: int) -> int:
    # A pipe that nobody writes to would hold whoever opens it.
    return os.open(path, flags | os.O_NONBLOCK)
