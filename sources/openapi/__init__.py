"""OpenAPI documents: found, read, made alike whatever their version, and asked as sources.

Like the package around it, it knows nothing of GraphQL. Read `document`, `loss`, `schema`, `operation`, `api`; then how
requests are made: `media`, `placed`, `serial`, `operation_template`, `carried`, `payload`, `security`, `request`; and
`openapi`.
"""

from sources.openapi.api import Api
from sources.openapi.carried import carried, why_not_carried
from sources.openapi.document import Document, DocumentError
from sources.openapi.loss import Effect, Loss, Losses
from sources.openapi.media import Kind, accept_of, kind_of, reads_of
from sources.openapi.openapi import OpenAPI
from sources.openapi.operation import Answer, Content, Link, Operation, Parameter, RequestBody
from sources.openapi.operation_template import OperationTemplate, places
from sources.openapi.payload import payload_of
from sources.openapi.placed import Placed
from sources.openapi.request import endpoint_for
from sources.openapi.schema import Schema, Telling

__all__ = [
    "Answer",
    "Api",
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
    "OperationTemplate",
    "Parameter",
    "Placed",
    "RequestBody",
    "Schema",
    "Telling",
    "accept_of",
    "carried",
    "endpoint_for",
    "kind_of",
    "payload_of",
    "places",
    "reads_of",
    "why_not_carried",
]
