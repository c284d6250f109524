"""REST backends: what can be asked of them, and asking it. The lowest storey.

It knows HTTP, URLs and JSON, and nothing of GraphQL: it imports neither `graph` nor `resolvers`. Read `errors`,
`number`, `template`, `convention`, `links`, `paging`, `led`, `file`, `body`, `endpoint`, `rest` (what an author
declares), then `transport`, `httpx_transport`, `pyreqwest_transport`, `fake`, `address`, `auth`, `exchange` (what
happens on the wire), `policy`, `breaker`, `retrying`, `shield` (what happens when that goes wrong). What backends say
by themselves comes in by `event` and `bus`; `outage`, `eventstream`, `sse` and `websocket` hold streams open; of
webhooks tell `delivery`, `signature`, `webhook`; of Redis `redis` and the files whose names begin with it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from sources.address import is_header_value
from sources.auth import ApiKey, Auth, Basic, Bearer, OAuth2
from sources.backoff import Backoff
from sources.body import Body, Encoded, Encodes, Form, Stream, variable_of
from sources.breaker import Breaker, State
from sources.bus import MemoryBus
from sources.convention import (
    Decimals,
    Naming,
    Timestamps,
    Values,
    format_date,
    format_instant,
    naming_function,
    parse_date,
    parse_instant,
    snake_case,
    spelling_of,
    values_faults,
)
from sources.credentials import Credentials
from sources.declared import WriteOptions
from sources.delivery import Delivery, Refused, Signature
from sources.endpoint import (
    Call,
    Endpoint,
    Entity,
    Expands,
    Get,
    Overflow,
    Post,
    Pushed,
    call_of,
    entity_of,
    headers_of,
    split_path,
)
from sources.errors import (
    DeclarationError,
    InvalidInput,
    NotAsked,
    SourceError,
    TooManyPages,
    UpstreamError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from sources.event import Bus, Event, Feed, Gap, Happening, Listening
from sources.fake import FakeTransport
from sources.file import File
from sources.httpx_transport import HttpxTransport
from sources.led import Cursor, LinkHeader, NextUrl
from sources.links import AstrayLink
from sources.manner import BODY, STATUS, Manner, Reads
from sources.number import Number, digits_of, encode_json, encode_sorted_json
from sources.paging import Header, Numbered, Offset, Page, PageNumber, Paging, Place
from sources.policy import Policy
from sources.probe import Away, away
from sources.pyreqwest_transport import PyreqwestTransport
from sources.rest import Rest
from sources.secret import Secret, lacking
from sources.shield import Health, Left
from sources.signature import GitHub, Hmac, SharedSecret, Shopify, Stripe, Unsigned
from sources.sse import ServerSent
from sources.template import RefusedValue, Template
from sources.tls import Tls
from sources.transport import Reply, Streamed, Transport
from sources.webhook import Webhook, publish_event, webhook_addresses
from sources.websocket import WebSocketStream

if TYPE_CHECKING:
    from sources.openapi import OpenAPI
    from sources.redis import Redis
    from sources.redis_bus import RedisBus
    from sources.redis_feed import RedisChannel, RedisStream

__all__ = [
    "BODY",
    "STATUS",
    "ApiKey",
    "AstrayLink",
    "Auth",
    "Away",
    "Backoff",
    "Basic",
    "Bearer",
    "Body",
    "Breaker",
    "Bus",
    "Call",
    "Credentials",
    "Cursor",
    "Decimals",
    "DeclarationError",
    "Delivery",
    "Encoded",
    "Encodes",
    "Endpoint",
    "Entity",
    "Event",
    "Expands",
    "FakeTransport",
    "Feed",
    "File",
    "Form",
    "Gap",
    "Get",
    "GitHub",
    "Happening",
    "Header",
    "Health",
    "Hmac",
    "HttpxTransport",
    "InvalidInput",
    "Left",
    "LinkHeader",
    "Listening",
    "Manner",
    "MemoryBus",
    "Naming",
    "NextUrl",
    "NotAsked",
    "Number",
    "Numbered",
    "OAuth2",
    "Offset",
    "OpenAPI",
    "Overflow",
    "Page",
    "PageNumber",
    "Paging",
    "Place",
    "Policy",
    "Post",
    "Pushed",
    "PyreqwestTransport",
    "Reads",
    "Redis",
    "RedisBus",
    "RedisChannel",
    "RedisStream",
    "Refused",
    "RefusedValue",
    "Reply",
    "Rest",
    "Secret",
    "ServerSent",
    "SharedSecret",
    "Shopify",
    "Signature",
    "SourceError",
    "State",
    "Stream",
    "Streamed",
    "Stripe",
    "Template",
    "Timestamps",
    "Tls",
    "TooManyPages",
    "Transport",
    "Unsigned",
    "UpstreamError",
    "UpstreamInvalid",
    "UpstreamTimeout",
    "UpstreamUnavailable",
    "Values",
    "WebSocketStream",
    "Webhook",
    "WriteOptions",
    "away",
    "call_of",
    "digits_of",
    "encode_json",
    "encode_sorted_json",
    "entity_of",
    "format_date",
    "format_instant",
    "headers_of",
    "is_header_value",
    "lacking",
    "naming_function",
    "parse_date",
    "parse_instant",
    "publish_event",
    "snake_case",
    "spelling_of",
    "split_path",
    "values_faults",
    "variable_of",
    "webhook_addresses",
]

# redis-py takes 0.1 s and 6 MB to load, what reads documents half of it: only those who use them wait for them.
_LATER = {
    "OpenAPI": "sources.openapi",
    "Redis": "sources.redis",
    "RedisBus": "sources.redis_bus",
    "RedisChannel": "sources.redis_feed",
    "RedisStream": "sources.redis_feed",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
