"""Permissions and field extensions of Strawberry on fields that a backend gives.

Strawberry runs a field's extensions as a chain around its resolver. A stub or a link has none, so `Fetched` stands at
the inner end of the chain: whoever gets that far asks the execution under way for the backend's value, through the
`FetchInfo` that it put into the chain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import graphql
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import PermissionExtension
from strawberry.types.field import StrawberryField


class FetchInfo(graphql.GraphQLResolveInfo[Any]):
    """What a resolver is told, and how the field's own value is fetched, with the arguments by their Python names."""

    fetch: Callable[[Mapping[str, Any]], Awaitable[Any]]


class Fetched(FieldExtension):
    """The inner end of a chain: the value that the backend gives."""

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Give the backend's value; the resolver behind it is a stub, and is not called.

        Raises:
            TypeError: the schema is executed by something else than Weft.
        """
        raw_info = info._raw_info
        if not isinstance(raw_info, FetchInfo):
            raise TypeError(f"{raw_info.field_name} has a value only where Weft executes the operation")
        return await raw_info.fetch(kwargs)


def guard(field: StrawberryField) -> None:
    """Let a field's extensions run around the value of its backend."""
    if field.extensions and not any(isinstance(extension, Fetched) for extension in field.extensions):
        field.extensions.insert(0, Fetched())


def name_denials(field: StrawberryField) -> None:
    """Give the errors of permissions a code, where the author gave them none."""
    for extension in field.extensions:
        if isinstance(extension, PermissionExtension):
            for permission in extension.permissions:
                permission.error_extensions = {"code": "FORBIDDEN", **(permission.error_extensions or {})}


def is_guarded(element: graphql.GraphQLField) -> bool:
    """Tell whether anything runs before the backend is asked."""
    return any(isinstance(extension, Fetched) for extension in _extensions(element))


def is_shown(element: graphql.GraphQLField) -> bool:
    """Tell whether an extension may look at the backend's value, and at the arguments; permissions do not."""
    return any(type(extension) not in (Fetched, PermissionExtension) for extension in _extensions(element))


def _extensions(element: graphql.GraphQLField) -> list[FieldExtension]:
    definition = element.extensions.get("strawberry-definition")
    return definition.extensions if isinstance(definition, StrawberryField) else []
