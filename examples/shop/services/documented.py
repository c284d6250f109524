"""What the documents of several services say alike."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
UnixSeconds = Annotated[int, Field(json_schema_extra={"format": "unix-time"})]


class Refusal(BaseModel):
    """Why something was refused."""

    detail: str


def with_commas(**kinds: str) -> dict[str, Any]:
    """Give what a document says of query parameters that are arrays with commas between the items.

    Args:
        kinds: the parameter's name to what its items are, such as ``integer``.
    """
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "style": "form",
                "explode": False,
                "schema": {"type": "array", "items": {"type": kind}},
            }
            for name, kind in kinds.items()
        ]
    }
