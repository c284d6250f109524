"""What a document says to people, as descriptions of a schema."""

from __future__ import annotations

from typing import Any

import msgspec

Json = Any
_LONGEST_EXAMPLE = 200


def described(*texts: str | None, example: Json = None) -> str | None:
    """Give a description of several texts, each once, with an example as its last line where that is short."""
    parts = [text.strip() for text in dict.fromkeys(texts) if text is not None and text.strip()]
    if example is not None:
        try:
            shown = example if isinstance(example, str) else msgspec.json.encode(example).decode()
        except (TypeError, ValueError, RecursionError):
            shown = ""
        if shown and len(shown) <= _LONGEST_EXAMPLE and "`" not in shown and shown.isprintable():
            parts.append(f"Example: `{shown}`")
    return "\n\n".join(parts) or None


def outdated(is_deprecated: bool) -> str | None:
    """Give why something is deprecated: a document does not say it."""
    return "No longer supported" if is_deprecated else None
