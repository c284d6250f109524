"""OpenAPI documents: found, read, made alike whatever their version, and asked as sources.

Like the package around it, it knows nothing of GraphQL. Read `document` (with `pointer`, `text`, `files`,
`swagger`), `loss`, `schema` (with `keywords`, `telling`, `schemas`), `operation`, `choosing`, `api`; then how requests
are made: `media`, `placed`, `serial`, `operation_template`, `carried`, `payload`, `security`, `request`; and `openapi`.
"""

from sources.openapi.api import Api
from sources.openapi.carried import why_not_carried
from sources.openapi.choosing import Choice, near
from sources.openapi.document import Document, DocumentError
from sources.openapi.files import is_url
from sources.openapi.loss import Effect, Loss, Losses
from sources.openapi.media import Kind, kind_of, reads_of
from sources.openapi.named import OperationName
from sources.openapi.openapi import OpenAPI
from sources.openapi.operation import Answer, Content, Link, Operation, Outline, Parameter, RequestBody
from sources.openapi.payload import payload_of
from sources.openapi.placed import Placed
from sources.openapi.pointer import below, visible
from sources.openapi.request import endpoint_for
from sources.openapi.schema import Schema
from sources.openapi.servers import origin_of, server_of

__all__ = [
    "Answer",
    "Api",
    "Choice",
    "Content",
    "Document",
    "DocumentError",
    "Effect",
    "Kind",
    "Link",
    "Loss",
    "Losses",
    "OpenAPI",
    "Operation",
    "OperationName",
    "Outline",
    "Parameter",
    "Placed",
    "RequestBody",
    "Schema",
    "below",
    "endpoint_for",
    "is_url",
    "kind_of",
    "near",
    "origin_of",
    "payload_of",
    "reads_of",
    "server_of",
    "visible",
    "why_not_carried",
]
