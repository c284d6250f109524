"""Media types: what a body of one is made of, and which of them to ask for."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

from sources.manner import Reads

JSON = "application/json"
_NAME = re.compile(r"[\w!#$&^.+*-]+/[\w!#$&^.+*-]+", re.ASCII)
_PARAMETER = r"\s*;\s*[\w-]+=([\w!#$&^.+*:/-]+|\"[\w !#$&^.+*:/;=-]*\")"
_SENDABLE = re.compile(rf"{_NAME.pattern}({_PARAMETER})*", re.ASCII)
_TEXTS = frozenset(
    "csv ecmascript graphql javascript jose json-seq jsonl jsonlines jwt ndjson rtf sql toml x-javascript x-jsonlines "
    "x-ndjson x-pem-file x-yaml xml xml-dtd yaml".split()
)


class Kind(enum.Enum):
    """What a body is made of."""

    JSON = "json"
    FORM = "urlencoded"
    PARTS = "multipart"
    TEXT = "text"
    BYTES = "bytes"


_READ_AS = {Kind.JSON: Reads.JSON, Kind.TEXT: Reads.TEXT, Kind.FORM: Reads.TEXT}


def kind_of(media: str) -> Kind:
    """Give what a body of a media type is made of; what may be anything, or is no media type at all, is JSON.

    ``application/vnd.x+json; charset=utf-8`` and ``*/*`` are JSON, ``application/xml`` is text, ``image/*`` bytes.
    """
    name = media.partition(";")[0].strip().lower()
    first, _, second = name.partition("/")
    if not _NAME.fullmatch(name):
        return Kind.JSON
    if first == "multipart" or second == "form-data":
        return Kind.PARTS
    if second == "x-www-form-urlencoded":
        return Kind.FORM
    if second in _TEXTS or second.endswith(("+xml", "+yaml")):
        return Kind.TEXT
    if second.endswith("json") or (second == "*" and first in ("*", "application")):
        return Kind.JSON
    return Kind.TEXT if first == "text" else Kind.BYTES


def reads_of(medias: Sequence[str]) -> Reads:
    """Give how a reply of one of these media types is read: as JSON where any is JSON, else as text, else as bytes.

    Without any there is nothing to read.
    """
    found = {_READ_AS.get(kind_of(media), Reads.BYTES) for media in medias}
    return next((reads for reads in (Reads.JSON, Reads.TEXT, Reads.BYTES) if reads in found), Reads.NOTHING)


def accept_of(medias: Sequence[str]) -> str:
    """Give the header ``Accept`` for replies of these media types: those that are read as `reads_of` says.

    ``["application/xml", "application/json"]`` gives ``application/json``: XML, which would also be an answer, is not
    asked for where it could not be read. A wildcard comes last, after what it is taken for.
    """
    reads = reads_of(medias)
    named = [media.strip() for media in medias if is_media_type(media.strip())]
    wanted = list(dict.fromkeys(media for media in named if _READ_AS.get(kind_of(media), Reads.BYTES) is reads))
    plain = [media for media in wanted if "*" not in media]
    if reads is Reads.JSON and not plain:
        plain.append(JSON)
    return ", ".join([*plain, *(f"{media};q=0.5" for media in wanted if "*" in media)]) or "*/*"


def is_media_type(text: str) -> bool:
    """Tell whether a text may be sent as a media type."""
    return len(text) < 256 and _SENDABLE.fullmatch(text) is not None
