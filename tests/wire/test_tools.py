"""What explorers, mobile clients and tools send, header by header, against the running shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.wire.shop import Shop, run, types_of

JSON = "application/json; charset=utf-8"
GRAPHQL = "application/graphql-response+json; charset=utf-8"
QUERY = "query Tool { product(id: 7) { name } }"
DATA = {"data": {"product": {"name": "Oak Kettle 7"}}}
LEGACY = (
    "*/*",
    "application/json",
    "application/json, text/plain, */*",
    "application/json, multipart/mixed",
    "application/graphql+json, application/json",
    "multipart/mixed;deferSpec=20220824,application/json",
    "multipart/mixed; deferSpec=20220824, application/json",
)
MODERN = (
    "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json",
    "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json",
    'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/graphql-response+json,application/json',
    "application/graphql-response+json, application/json;q=0.9",
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
    "application/graphql-response+json;charset=utf-8, application/json;charset=utf-8",
)


def post(url: str, body: Any, **headers: str) -> httpx.Response:
    given = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(url, content=json.dumps(body), headers=given, trust_env=False)


@pytest.mark.parametrize(
    ("accept", "answered"), [*((accept, JSON) for accept in LEGACY), *((accept, GRAPHQL) for accept in MODERN)]
)
def test_whatever_media_types_a_client_lists_it_gets_one_json_response(shop: Shop, accept: str, answered: str) -> None:
    response = post(shop.url, {"query": QUERY}, accept=accept)
    assert (response.status_code, response.headers["content-type"], response.json()) == (200, answered, DATA)


@pytest.mark.parametrize(
    "further",
    [
        {"operationName": None},
        {"operationName": "Tool"},
        {"variables": None},
        {"variables": {}},
        {"variables": {"unused": 1}},
        {"extensions": {}},
        {"extensions": None},
        {"operationName": None, "variables": None, "extensions": {}},
        {"extensions": {"clientLibrary": {"name": "@apollo/client", "version": "4"}}},
        {"id": "1", "key": 7},
    ],
    ids=json.dumps,
)
def test_what_a_client_adds_to_a_request_without_need_changes_nothing(shop: Shop, further: dict[str, Any]) -> None:
    response = post(shop.url, {"query": QUERY, **further})
    assert (response.status_code, response.json()) == (200, DATA)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/json;charset=UTF-8"])
def test_the_body_may_name_its_charset(shop: Shop, content_type: str) -> None:
    response = post(shop.url, {"query": QUERY}, content_type=content_type)
    assert (response.status_code, response.json()) == (200, DATA)


@pytest.mark.timeout(300)  # the packages may have to be installed
def test_tools_built_on_graphql_js_see_the_schema_that_is_served(scripts: Path, shop: Shop) -> None:
    found = run("introspection.mjs", scripts, shop)["schema"]
    assert types_of(found["sdl"]) == types_of(shop.sdl)
    assert found["encoding"] == "gzip"  # what node asks for
    assert found["sent"] == ["POST operationName,query: 200 application/json"]
