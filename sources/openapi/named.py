"""Operations that a declaration names: ``@shop.get("getProduct")``, or ``@shop.get("GET /products/{id}")``."""

from __future__ import annotations

from collections.abc import Mapping

from sources.errors import DeclarationError
from sources.template import Template


class OperationName(Template):
    """An ``operationId``, or method and path, where a URL template may stand, until what it names is known.

    Raises:
        DeclarationError: it is empty.
    """

    def __init__(self, text: str) -> None:
        if not text.strip():
            raise DeclarationError("an operation is named by operationId or 'GET /path', a template begins with '/'")
        super().__init__("/")
        self.text = text

    def expand(self, values: Mapping[str, object]) -> str:
        """Refuse: it is no place.

        Raises:
            DeclarationError: always; a graph replaces it by the template of the operation.
        """
        raise DeclarationError(f"{self.text} is an operation of a document, which only a graph knows")


def is_template(text: str) -> bool:
    """Tell whether a text is a URL template and no name of an operation."""
    return text.startswith(("/", "{"))
