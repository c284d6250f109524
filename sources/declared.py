"""What the declarations of calls say, in the one form in which it is read, with its faults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

from sources.body import Body, Form, Json
from sources.endpoint import Read
from sources.errors import DeclarationError


class WriteOptions(TypedDict, total=False):
    """What a call that changes a backend can be told.

    Args:
        body: a JSON skeleton with ``{argument}`` holes; ``"{argument}"`` alone sends that argument itself, a file
            under its own media type; `Form` is a form. When left out, the arguments that neither template nor
            headers use become the properties of an object.
        items: dotted path to the payload inside the reply.
        headers: header name to a fixed text or ``{variable}``.
        inputs: template variable to the argument that supplies it, where the names differ.
        deprecation_reason: why clients should no longer use the field.
        invalidates: types whose stored answers this write makes stale, besides what it answers; as a mapping, each
            type with the argument that holds the key of the one object concerned.
    """

    body: Json
    items: str | None
    headers: Mapping[str, str] | None
    inputs: Mapping[str, str] | None
    invalidates: Sequence[str | type] | Mapping[str | type, str | None]
    deprecation_reason: str | None


def body_of(declared: Json) -> Body | Form | None:
    """Give the request body that a declaration says, None where it says none.

    Raises:
        DeclarationError: it cannot be.
    """
    if isinstance(declared, Form):
        declared.check()
        return declared
    return None if declared is None else Body(declared)


def names_of(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Give one name, several or none as several."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def text_of(read: Read) -> str:
    """Give the template of a read, however it is written."""
    return read if isinstance(read, str) else read.template


def check_bounds(ttl: float | None, max_batch: int | None) -> None:
    """Look at two numbers of a call.

    Raises:
        DeclarationError: one of them is impossible.
    """
    if ttl is not None and not (math.isfinite(ttl) and ttl >= 0):
        raise DeclarationError("ttl is less than 0 seconds" if ttl < 0 else "ttl is not a number of seconds")
    if max_batch is not None and max_batch < 1:
        raise DeclarationError("max_batch is less than 1 key")
