"""The backend is where the document's first usable server says, or else where the document came from."""

from __future__ import annotations

from typing import Any

import pytest

from sources.openapi.loss import Losses
from sources.openapi.servers import origin_of, server_of
from tests.sources.openapi.documents import api, losses_of

URL = "https://pets.example/docs/v1/openapi.json?x=1"


@pytest.mark.parametrize(
    ("servers", "address"),
    [
        ([{"url": "https://api.pets.example/v1/"}], "https://api.pets.example/v1"),
        ([{"url": "https://a.example"}, {"url": "https://b.example"}], "https://a.example"),
        ([{"url": "/api"}], "https://pets.example/api"),
        ([{"url": "../v2"}], "https://pets.example/docs/v2"),
        ([{"url": "."}], "https://pets.example/docs/v1"),
        ([{"url": "//cdn.example/x"}], "https://cdn.example/x"),
        ([{"url": "wss://a.example"}, {"url": "https://b.example"}], "https://b.example"),
        ([{"url": "https://{region}.example/{version}", "variables": {"region": {"default": "eu"},
                                                                        "version": {"enum": ["v1", "v2"]}}}], "https://eu.example/v1"),
        ([{"url": "https://{region}.example"}, {"url": "https://b.example"}], "https://b.example"),
        ([None, {}, {"url": 1}, {"url": "https://[::1"}, {"url": "https://b.example?x=1#y"}], "https://b.example"),
        ([{"url": "https://user:secret@a.example"}], None),
        ([], None),
        ({}, None),
        (None, None),
    ],
)  # fmt: skip
def test_servers_say_where_the_backend_is(servers: Any, address: str | None) -> None:
    losses = Losses()
    assert server_of({"servers": servers}, "#", URL, losses) == address
    assert "secret" not in str(list(losses))


def test_a_server_relative_to_a_document_on_disk_is_none() -> None:
    read = api(servers=[{"url": "/api"}])
    assert read.server == ""
    assert losses_of(read) == [("#/servers/0", "relative-server")]


def test_paths_and_operations_have_servers_of_their_own() -> None:
    paths = {
        "/a": {
            "servers": [{"url": "https://a.example"}],
            "get": {},
            "post": {"servers": [{"url": "https://b.example"}]},
        },
        "/c": {"get": {"servers": [{"url": "https://pets.example"}]}},
    }
    read = api(servers=[{"url": "https://pets.example"}], paths=paths)
    found = {str(operation): operation.server for operation in read.operations}
    assert found == {"GET /a": "https://a.example", "POST /a": "https://b.example", "GET /c": None}


def test_a_login_in_the_documents_address_is_none_of_the_backends() -> None:
    url = "https://user:secret@pets.example/openapi.json"
    assert server_of({"servers": [{"url": "/api"}]}, "#", url, Losses()) == "https://pets.example/api"
    assert origin_of(url) == "https://pets.example"
    assert origin_of(None) is None
