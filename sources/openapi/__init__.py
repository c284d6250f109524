"""OpenAPI documents: found, read, made alike whatever their version, and asked as sources.

Like the package around it, it knows nothing of GraphQL. Read `document` (with `pointer`, `text`, `files`,
`swagger`), `loss`, `schema` (with `keywords`, `telling`, `schemas`), `operation`, `choosing`, `api`, `openapi`.
"""

from sources.openapi.api import Api
from sources.openapi.choosing import Choice
from sources.openapi.document import Document, DocumentError
from sources.openapi.loss import Effect, Loss, Losses
from sources.openapi.openapi import OpenAPI
from sources.openapi.operation import Answer, Content, Link, Operation, Parameter, RequestBody
from sources.openapi.schema import Schema
from sources.openapi.telling import Telling

__all__ = [
    "Answer",
    "Api",
    "Choice",
    "Content",
    "Document",
    "DocumentError",
    "Effect",
    "Link",
    "Loss",
    "Losses",
    "OpenAPI",
    "Operation",
    "Parameter",
    "RequestBody",
    "Schema",
    "Telling",
]
