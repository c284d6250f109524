"""The targets of a command: one file in Python, or OpenAPI documents, which make one graph together.

A Python file says itself which documents belong to its graph, so it stands alone: documents beside it would be parts of
a graph that is finished.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from graph.errors import GraphError
from graph.graph import Graph
from graph.target import TargetError, folder_of, is_file, is_python, load, load_again
from sources.openapi import Document, DocumentError, Losses, OpenAPI, is_url, origin_of, server_of

_NAMED = re.compile(r"([A-Za-z_]\w*)=(.+)", re.ASCII | re.DOTALL)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_VERSION = re.compile(r"v?\d+", re.IGNORECASE)
# Words that titles and file names of documents have in common, and that therefore tell nothing.
_EMPTY_WORDS = frozenset(
    "a an and api apis definition description doc docs document documentation for http index json of openapi our public"
    " reference rest restful schema server service services spec specification swagger the to v version web with yaml"
    " yml your".split()
)
# What stands between the name of a document and what an option says of it.
_MARKS = {"include": ":", "exclude": ":", "reads": ":", "rename": ":", "prefix": "=", "url": "=", "forward": "="}
_LONGEST_NAME = 24
_NOWHERE = "http://127.0.0.1"  # stands for the address of a backend that is not going to be called


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What a command is told about its graph.

    Args:
        targets: ``FILE.py``, ``FILE.py:attribute``, or documents: ``LOCATION`` or ``name=LOCATION``.
        include: patterns of the operations that are taken, exclude: of those that are not, reads: of those that change
            nothing though they are no ``GET``. Where there are several documents, the name of one is in front of it:
            ``pets:list*``.
        rename: ``old=new`` names of operations and types, likewise ``pets:old=new``.
        prefix: words in front of the names of fields and types, likewise ``pets=zoo``.
        url: base address instead of the document's own, likewise ``pets=https://...``.
        forward: client headers passed on to the backend, likewise ``pets=authorization``.
        ttl: seconds an answer may be reused.
    """

    targets: list[str]
    include: list[str] = []
    exclude: list[str] = []
    rename: list[str] = []
    prefix: list[str] = []
    reads: list[str] = []
    url: list[str] = []
    forward: list[str] = []
    ttl: float | None = None
    allow_remote_refs: bool = False
    allow_private: bool = False
    auto_link: bool = False
    results: bool = False

    def __str__(self) -> str:
        return " ".join(self.targets)

    @property
    def is_python(self) -> bool:
        """Whether the graph is that of a Python file."""
        return any(is_python(target) for target in self.targets)

    def load(self, *, calls: bool = True) -> Graph:
        """Give the graph.

        Args:
            calls: whether backends will be called: their addresses must be known then.

        Raises:
            TargetError: no such file or attribute, a file fails, a document cannot be read, or the graph has faults.
        """
        if not self.is_python:
            return self._of_documents(calls=calls)
        self._check_is_alone()
        return load(self.targets[0])

    def load_again(self) -> Graph:
        """Give the graph as its files are now; documents by URL are asked for again.

        Raises:
            TargetError: as `load`.
        """
        return load_again(self.targets[0]) if self.is_python else self._of_documents(calls=True)

    def folders(self) -> list[Path]:
        """Give the folders in and below which the graph's files are; those that come by URL are in none."""
        if self.is_python:
            return [folder_of(self.targets[0])]
        paths = (Path(location) for _, location in map(_split, self.targets) if not is_url(location))
        return sorted({path.resolve().parent for path in paths})

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the names of the graph's files end."""
        return (".py",) if self.is_python else (".json", ".yaml", ".yml")

    def _check_is_alone(self) -> None:
        if len(self.targets) > 1:
            raise TargetError(
                f"{self}: a Python file is a whole graph; name its documents in it: Graph(documents=[OpenAPI(...)])"
            )
        for name in self.__struct_fields__[1:]:
            if getattr(self, name):
                option = name.replace("_", "-")
                raise TargetError(f"--{option} is for OpenAPI documents; say it in {self}: OpenAPI(..., {name}=...)")

    def _of_documents(self, *, calls: bool) -> Graph:
        documents = self._documents()
        faults: list[str] = []
        options = self._options(documents, faults)
        if faults:
            raise TargetError(_told(faults, str(self)))
        sources = []
        for name, document in documents.items():
            given = options[name]
            if "url" not in given and not _has_address(document):
                if calls:
                    faults.append(f"{document.location}: it names no server; say where it is: --url {name}=https://...")
                given["url"] = _NOWHERE
            sources.append(OpenAPI(name, document, **given))
        if faults:
            raise TargetError(_told(faults, str(self)))
        try:
            return Graph(documents=sources)
        except GraphError as exc:
            raise TargetError(_told(exc.faults, str(self))) from exc

    def _documents(self) -> dict[str, Document]:
        """Read the documents, and name each of them."""
        read: list[tuple[str, Document]] = []
        faults: list[str] = []
        for name, location in map(_split, self.targets):
            try:
                _check_is_there(location)
                document = Document.load(
                    location, allow_remote_refs=self.allow_remote_refs, allow_private=self.allow_private
                )
                read.append((name, document))
            except (DocumentError, TargetError) as exc:
                faults.append(str(exc))
        taken = [name for name, _ in read if name]
        faults += [f"two documents are named {name!r}" for name in sorted(set(taken)) if taken.count(name) > 1]
        if faults:
            raise TargetError(_told(faults, str(self)))
        documents: dict[str, Document] = {}
        for given, document in read:
            name = given or source_name(document, {*taken, *documents})
            documents[name] = document
        return documents

    def _options(self, documents: Collection[str], faults: list[str]) -> dict[str, dict[str, Any]]:
        """Give what each document's source is told, by its name."""
        shared = {name: value for name in ("ttl", "auto_link", "results") if (value := getattr(self, name))}
        found: dict[str, dict[str, Any]] = {name: dict(shared) for name in documents}
        for option, mark in _MARKS.items():
            for text in getattr(self, option):
                name, value = _of_document(text, mark, documents)
                old, _, new = value.rpartition("=")
                if name is None:
                    faults.append(
                        f"--{option} {text}: expected NAME{mark}..., where NAME is one of {', '.join(documents)}"
                    )
                elif option == "rename" and not (old and new):
                    faults.append(f"--rename {text}: expected OLD=NEW")
                elif option == "rename":
                    found[name].setdefault(option, {})[old] = new
                elif option in ("prefix", "url"):
                    found[name][option] = value
                else:
                    found[name].setdefault(option, []).append(value)
        return found


def _of_document(text: str, mark: str, documents: Collection[str]) -> tuple[str | None, str]:
    """Give the document that an option is about, and what it says of it; None where it does not say of which."""
    name, found, value = text.partition(mark)
    if found and name in documents:
        return name, value
    return (next(iter(documents)) if len(documents) == 1 else None), text


def source_name(document: Document, taken: Iterable[str] = ()) -> str:
    """Give a short name for a document's source, by its title, else by its location: ``petstore``.

    It is the same in every run, and is part of the names of environment variables.
    """
    info = document.root.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    texts = [title] if isinstance(title, str) else []
    if is_url(document.location):
        address = urlsplit(document.location)
        texts += [PurePosixPath(unquote(address.path)).stem, (address.hostname or "").removeprefix("www.")]
    else:
        path = Path(document.location).resolve()
        texts += [path.stem, path.parent.name]
    name = next(filter(None, map(_short, texts)), "api")
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _short(text: str) -> str:
    """Give the first telling words of a text, as one name; empty where none of them tells anything."""
    plain = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode()
    words = [word.lower() for word in _WORD.findall(plain)]
    telling = [word for word in words if word not in _EMPTY_WORDS and not _VERSION.fullmatch(word)]
    name = ""
    for word in telling[:3]:
        longer = f"{name}_{word}" if name else word[:_LONGEST_NAME]
        if len(longer) > _LONGEST_NAME:
            break
        name = longer
    return name


def _split(target: str) -> tuple[str, str]:
    """Give the name that a target gives its document, if any, and the document's location."""
    named = _NAMED.fullmatch(target)
    if named is None or is_url(target) or is_file(Path(target)):
        return "", target
    return named[1], named[2]


def _check_is_there(location: str) -> None:
    if is_url(location) or is_file(Path(location)):
        return
    try:
        is_folder = Path(location).is_dir()
    except (OSError, ValueError):
        is_folder = False
    expected = "; a target is FILE.py, FILE.py:ATTRIBUTE, or the path or URL of an OpenAPI document"
    raise TargetError(f"{location}: is a folder{expected}" if location and is_folder else f"{location}: no such file")


def _has_address(document: Document) -> bool:
    found = server_of(document.root, "#", document.url, Losses())
    return bool(found or origin_of(document.url))


def _told(faults: list[str], targets: str) -> str:
    return faults[0] if len(faults) == 1 else f"{targets}: {GraphError(faults)}"
