"""REST backends: what can be asked of them, and asking it. The lowest storey.

It knows HTTP, URLs and JSON, and nothing of GraphQL: it imports neither `graph` nor `resolvers`. Read `errors`,
`template`, `convention`, `links`, `paging`, `led`, `endpoint`, `rest` (what an author declares), then
`transport`, `httpx_transport`, `fake`, `address`, `auth`, `exchange` (what happens on the wire).
"""

from sources.auth import ApiKey, Auth, Basic, Bearer, OAuth2
from sources.convention import Naming, Timestamps, format_instant, parse_instant, snake_case
from sources.endpoint import (
    Body,
    Call,
    Endpoint,
    Entity,
    Get,
    Post,
    call_of,
    entity_of,
    split_path,
    variable_of,
)
from sources.errors import (
    DeclarationError,
    InvalidInput,
    SourceError,
    TooManyPages,
    UpstreamError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from sources.fake import FakeTransport
from sources.httpx_transport import HttpxTransport
from sources.led import Cursor, LinkHeader, NextUrl
from sources.links import AstrayLink
from sources.paging import Header, Numbered, Offset, Page, PageNumber, Paging, Place
from sources.rest import Rest, WriteOptions
from sources.template import RefusedValue, Template
from sources.transport import PyreqwestTransport, Reply, Transport

__all__ = [
    "ApiKey",
    "AstrayLink",
    "Auth",
    "Basic",
    "Bearer",
    "Body",
    "Call",
    "Cursor",
    "DeclarationError",
    "Endpoint",
    "Entity",
    "FakeTransport",
    "Get",
    "Header",
    "HttpxTransport",
    "InvalidInput",
    "LinkHeader",
    "Naming",
    "NextUrl",
    "Numbered",
    "OAuth2",
    "Offset",
    "Page",
    "PageNumber",
    "Paging",
    "Place",
    "Post",
    "PyreqwestTransport",
    "RefusedValue",
    "Reply",
    "Rest",
    "SourceError",
    "Template",
    "Timestamps",
    "TooManyPages",
    "Transport",
    "UpstreamError",
    "UpstreamInvalid",
    "UpstreamTimeout",
    "UpstreamUnavailable",
    "WriteOptions",
    "call_of",
    "entity_of",
    "format_instant",
    "parse_instant",
    "snake_case",
    "split_path",
    "variable_of",
]
