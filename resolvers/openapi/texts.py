"""What a document says to people, as descriptions of a schema."""

from __future__ import annotations

import json
from typing import Any

Json = Any
_LONGEST_SHOWN = 100  # characters of an example


def described(*texts: str | None, example: Json = None, default: Json = None) -> str | None:
    """Give a description of several texts, each once, with an example and a default as last lines if they are short.

    Args:
        default: what the backend takes for a value that is left out, where the schema cannot say it.
    """
    parts = [text.strip() for text in dict.fromkeys(texts) if text is not None and text.strip()]
    shown = (("Example", _shown(example)), ("Default", _shown(default)))
    return "\n\n".join([*parts, *(f"{word}: `{text}`" for word, text in shown if text)]) or None


def outdated(is_deprecated: bool) -> str | None:
    """Give why something is deprecated: a document does not say it."""
    return "No longer supported" if is_deprecated else None


def _shown(value: Json) -> str:
    if value is None or value == "":
        return ""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # what YAML has and JSON does not
        return ""
    return text if len(text) <= _LONGEST_SHOWN and "`" not in text and text.isprintable() else ""
