"""A graph with a secret wherever one may stand, over a backend whose failures say what it was sent.

The secrets are the environment variables whose names begin with ``CANARY_``.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import httpx
import strawberry

from graph import ApiKeys, Graph, Jwt, Trust
from sources import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    GitHub,
    Hmac,
    OAuth2,
    Redis,
    RedisBus,
    Rest,
    SharedSecret,
    Shopify,
    Signature,
    Stripe,
    Tls,
)

URL = os.environ.get("BACKEND_URL", "http://127.0.0.1:9")

if "LOGS_EVERYTHING" in os.environ:  # in a process of its own
    logging.basicConfig(level=logging.DEBUG)


def _secret(name: str) -> str:
    return os.environ[f"CANARY_{name}"]


AUTHS: dict[str, Auth | None] = {
    "by_header": ApiKey("X-Key", env="CANARY_HEADER"),
    "by_given_header": ApiKey("X-Key", value=_secret("GIVEN_HEADER")),
    "by_query": ApiKey(query="key", env="CANARY_QUERY"),
    "by_cookie": ApiKey(cookie="session", env="CANARY_COOKIE"),
    "by_password": Basic("user", env="CANARY_PASSWORD"),
    "by_given_password": Basic("user", _secret("GIVEN_PASSWORD")),
    "by_token": Bearer(env="CANARY_TOKEN"),
    "by_given_token": Bearer(_secret("GIVEN_TOKEN")),
    "by_grant": OAuth2(f"{URL}/token", client_id="weft", env="CANARY_CLIENT"),
    "by_refused_grant": OAuth2(f"{URL}/fail", client_id="weft", client_secret=_secret("GIVEN_CLIENT")),
    "by_nothing": None,
}


@strawberry.type
class Thing:
    """What the backend has."""

    id: strawberry.ID
    name: str


def _stub(name: str) -> Any:
    def stub(how: str) -> Thing | None: ...

    stub.__name__ = name
    return stub


_HTTPX = httpx.AsyncClient(timeout=0.3)
_fields: dict[str, Any] = {}
_feeds: dict[str, Any] = {}
SOURCES: list[Rest] = []
for _name, _auth in AUTHS.items():
    for _suffix, _client in (("", None), ("_httpx", _HTTPX)):
        _source = Rest(
            _name + _suffix,
            URL,
            auth=_auth,
            timeout=0.3,
            headers={"X-Fixed": _secret("FIXED")},
            forward=() if "authorization" in (() if _auth is None else _auth.names) else ("Authorization",),
            client=_client,
        )
        SOURCES.append(_source)
        _fields[_source.name] = _source.get("/{how}")(_stub(_source.name))
        _feeds[_source.name] = _source.sse("/{how}")(_stub(_source.name))
        _feeds[f"{_source.name}_live"] = _source.websocket("/{how}")(_stub(f"{_source.name}_live"))
        _feeds[f"{_source.name}_polled"] = _source.poll("/{how}", every=0.1)(_stub(f"{_source.name}_polled"))

_tls = Rest(
    "by_certificate",
    "https://127.0.0.1:9",
    auth=ApiKey("X-Key", file=os.environ["SECRET_FILE"]),
    tls=Tls(cert=os.environ["CERTIFICATE"], key=os.environ["CERTIFICATE_KEY"], password_env="CANARY_CERTIFICATE"),
)
SOURCES.append(_tls)
_fields["by_certificate"] = _tls.get("/{how}")(_stub("by_certificate"))

_hooks = Rest("hooks", URL)
_SIGNATURES: dict[str, Signature] = {
    "hmac": Hmac(header="X-Signature", env="CANARY_HMAC"),
    "github": GitHub(env="CANARY_GITHUB"),
    "shopify": Shopify(env="CANARY_SHOPIFY"),
    "stripe": Stripe(env="CANARY_STRIPE"),
    "shared": SharedSecret("X-Token", env="CANARY_SHARED"),
}
for _name, _signature in _SIGNATURES.items():

    def _told() -> Thing: ...

    _told.__name__ = _name
    _feeds[_name] = _hooks.webhook(_name, signature=_signature)(_told)


def _heard() -> Thing: ...


_feeds["heard"] = _hooks.channel("things", Redis(env="CANARY_REDIS"))(_heard)
_given_redis = Redis(_secret("GIVEN_REDIS"))

Query = strawberry.type(type("Query", (), _fields))
Subscription = strawberry.type(type("Subscription", (), _feeds))
graph = Graph(
    query=Query,
    subscription=Subscription,
    timeout=2,
    bus=RedisBus(_given_redis),
    trust=Trust(clients=[Jwt(env="CANARY_JWT", header="X-Client"), ApiKeys(os.environ["KEYS_FILE"])]),
)
