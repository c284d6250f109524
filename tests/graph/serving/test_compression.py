"""Bodies in content codings over real HTTP: answers that get shorter, requests that may not get too long."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import brotli
import httpx
import pytest
import strawberry
import zstandard

from graph import App, Graph, RequestError
from graph.answer import Answer
from graph.compression import compress, decompress, negotiated
from sources import FakeTransport, Rest
from tests.graph.serving.backend import codes
from tests.serving import asking, running

CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": lambda body: zstandard.ZstdCompressor().compress(body),
}
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),  # one may not be shared by threads
}
TYPENAME = b'{"query": "{ __typename }"}'
backend = Rest(
    "backend",
    "http://backend.example",
    ttl=3600,
    client=FakeTransport(lambda method, target, body: target.rpartition("=")[2] + " woven" * 2_000),
)
private = Rest(
    "private",
    "http://private.example",
    forward=["Cookie"],
    client=FakeTransport(lambda method, target, body: "secret" * 2_000),
)


@strawberry.type
class Query:
    @strawberry.field
    def words(self, count: int) -> str:
        return "word " * count

    @backend.get("/kept{?name}")
    def kept(self, name: str) -> str: ...

    @private.get("/mine")
    def mine(self) -> str: ...


@strawberry.type
class Mutation:
    @strawberry.mutation
    def count(self) -> int:
        return 1


GRAPH = Graph(query=Query, mutation=Mutation)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with running(App(GRAPH)) as url, asking(url) as made:
        yield made


@pytest.fixture(scope="module")
def plain() -> Iterator[httpx.Client]:
    with (
        running(App(GRAPH, compression=False)) as url,
        asking(url) as made,
    ):
        yield made


def ask(client: httpx.Client, query: str, accept_encoding: str | None) -> tuple[httpx.Response, bytes]:
    """Send a query; give the response and its body as it came."""
    headers = {"accept-encoding": accept_encoding} if accept_encoding is not None else {}
    request = client.build_request("POST", "/graphql", json={"query": query}, headers=headers)
    if accept_encoding is None:
        del request.headers["accept-encoding"]
    response = client.send(request, stream=True)
    body = b"".join(response.iter_raw())
    response.close()
    return response, body


def send(client: httpx.Client, body: bytes, content_encoding: str) -> httpx.Response:
    headers = {"content-type": "application/json", "content-encoding": content_encoding}
    return client.post("/graphql", content=body, headers=headers)


# -- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", CODERS)
def test_a_long_answer_comes_in_the_coding_that_the_client_takes(client: httpx.Client, coding: str) -> None:
    for count in (1_000, 200_000):  # the longer one is compressed beside the event loop
        response, body = ask(client, f"{{ words(count: {count}) }}", coding)
        assert response.headers["content-encoding"] == coding
        assert int(response.headers["content-length"]) == len(body)
        assert len(body) < count
        assert json.loads(DECODERS[coding](body)) == {"data": {"words": "word " * count}}


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("deflate", None),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("gzip;q=1.0, br;q=0.5, *;q=0", "gzip"),
        ("br;q=0.9, zstd;q=0.8", "br"),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=nonsense", None),
        ("gzip" + ", x" * 9_000, "gzip"),
    ],
)
def test_the_coding_is_the_one_liked_best_and_then_the_fastest(
    client: httpx.Client, accept_encoding: str | None, expected: str | None
) -> None:
    response, body = ask(client, "{ words(count: 1000) }", accept_encoding)
    assert response.headers.get("content-encoding") == expected
    assert json.loads(DECODERS[expected](body) if expected else body) == {"data": {"words": "word " * 1_000}}


def test_a_short_answer_is_compressed_only_for_who_refuses_anything_else(client: httpx.Client) -> None:
    answered = b'{"data":{"words":"word "}}'
    assert ask(client, "{ words(count: 1) }", "gzip, br")[1] == answered
    for refusing in ("gzip, identity;q=0", "gzip, *;q=0"):
        response, body = ask(client, "{ words(count: 1) }", refusing)
        assert response.headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == answered


def test_who_refuses_everything_is_answered_all_the_same(client: httpx.Client) -> None:
    for refusing in ("*;q=0", "identity;q=0", "identity;q=0, deflate"):
        assert ask(client, "mutation { count }", refusing)[1] == b'{"data":{"count":1}}'


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_caches_learn_that_an_answer_to_a_get_depends_on_the_coding(client: httpx.Client, coding: str) -> None:
    for count in (1, 1_000):
        response = client.get(f"/graphql?query={{words(count: {count})}}", headers={"accept-encoding": coding})
        assert response.headers["vary"] == "accept, accept-encoding"


def test_one_etag_holds_for_all_codings(client: httpx.Client) -> None:
    target = "/graphql?query={words(count: 1000)}"
    plain = client.get(target, headers={"accept-encoding": "identity"}).headers["etag"]
    assert plain.startswith('"')
    for coding in ("gzip", "br"):
        assert client.get(target, headers={"accept-encoding": coding}).headers["etag"] == f"W/{plain}"
        for known in (plain, f"W/{plain}"):
            again = client.get(target, headers={"accept-encoding": coding, "if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == f"W/{plain}"
            assert again.headers["vary"] == "accept, accept-encoding"
            assert "content-encoding" not in again.headers


def test_head_has_the_headers_of_get(client: httpx.Client) -> None:
    target = "/graphql?query={words(count: 1000)}"
    got, headed = (client.request(method, target, headers={"accept-encoding": "gzip"}) for method in ("GET", "HEAD"))
    got.headers.pop("date")
    headed.headers.pop("date")
    assert got.headers == headed.headers
    assert got.headers["content-encoding"] == "gzip"


def test_a_kept_answer_keeps_what_compressing_it_gave(client: httpx.Client) -> None:
    body = json.dumps({"query": '{ kept(name: "same") }'}).encode()
    for coding in ("gzip", "br", "gzip"):
        response = client.post(
            "/graphql", content=body, headers={"content-type": "application/json", "accept-encoding": coding}
        )
        assert response.headers["cache-control"].startswith("public, max-age=")
        assert response.json()["data"]["kept"].startswith("same woven")
    kept = GRAPH.engine.kept(body)
    assert kept is not None
    assert kept.compressed == {coding: compress(coding, kept.body) for coding in ("gzip", "br")}


def test_what_is_kept_of_codings_is_never_longer_than_the_body() -> None:
    answer = Answer(b"x" * 100)
    answer.keep_compressed("zstd", b"z" * 60)
    answer.keep_compressed("br", b"b" * 41)
    answer.keep_compressed("gzip", b"g" * 40)
    assert answer.compressed == {"zstd": b"z" * 60, "gzip": b"g" * 40}


def test_a_long_answer_for_many_at_once_is_the_same_for_all(client: httpx.Client) -> None:
    query = "{ words(count: 500000) }"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: DECODERS["zstd"](ask(client, query, "zstd")[1]), range(16)))
    assert set(found) == {b'{"data":{"words":"' + b"word " * 500_000 + b'"}}'}


def test_a_get_with_cookies_is_not_compressed(client: httpx.Client) -> None:
    # Its length would tell a page that chose the query how much of it stands in the answer already.
    for headers, expected in (({"cookie": "session=1"}, None), ({}, "gzip")):
        response = client.get("/graphql?query={mine}", headers={"accept-encoding": "gzip", **headers})
        assert response.headers.get("content-encoding") == expected
        assert response.json() == {"data": {"mine": "secret" * 2_000}}


def test_compression_can_be_switched_off(plain: httpx.Client) -> None:
    response, _ = ask(plain, "{ words(count: 1000) }", "gzip, identity;q=0")
    assert "content-encoding" not in response.headers
    assert plain.get("/graphql?query={words(count: 1000)}").headers["vary"] == "accept"
    refused = send(plain, gzip.compress(TYPENAME), "gzip")
    assert (refused.status_code, refused.headers["accept-encoding"]) == (415, "identity")


# -- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", [*CODERS, "x-gzip", "GZIP"])
def test_a_compressed_request_is_read(client: httpx.Client, coding: str) -> None:
    body = CODERS[coding.lower().removeprefix("x-")](TYPENAME)
    assert send(client, body, coding).json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("coding", ["", "identity"])
def test_a_request_in_no_coding_may_say_so(client: httpx.Client, coding: str) -> None:
    assert send(client, TYPENAME, coding).json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "coding", ["deflate", "compress", "gzip, br", "gzip, gzip", "identity, gzip", "utf-8", "x" * 999]
)
def test_another_coding_or_several_are_415_with_those_that_are_read(client: httpx.Client, coding: str) -> None:
    response = send(client, TYPENAME, coding)
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "gzip, br, zstd"
    assert codes(response.json()) == ["BAD_REQUEST"]


def test_another_media_type_is_415_without_a_word_about_codings(client: httpx.Client) -> None:
    response = client.post("/graphql", content=TYPENAME, headers={"content-type": "text/plain"})
    assert response.status_code == 415
    assert "accept-encoding" not in response.headers


def broken(coding: str) -> list[bytes]:
    whole = CODERS[coding](TYPENAME)
    others = [CODERS[other](TYPENAME) for other in CODERS if other != coding]
    halves = [whole[:-1], whole[: len(whole) // 2], whole[:1], b""]
    return [*halves, whole + b"x", whole + whole, TYPENAME, b"\x00" * 50, b"\xff" * 5_000, *others]


@pytest.mark.parametrize("coding", CODERS)
def test_a_broken_or_unfinished_body_is_400(client: httpx.Client, coding: str) -> None:
    for body in broken(coding):
        response = send(client, body, coding)
        assert response.status_code == 400
        assert codes(response.json()) == ["BAD_REQUEST"]
    assert send(client, CODERS[coding](TYPENAME), coding).status_code == 200


@pytest.mark.parametrize("coding", CODERS)
def test_the_limit_holds_for_what_comes_out(client: httpx.Client, coding: str) -> None:
    longest = TYPENAME + b" " * (1_000_000 - len(TYPENAME))
    assert send(client, CODERS[coding](longest), coding).status_code == 200
    for body in (longest + b" ", b" " * 50_000_000):
        response = send(client, CODERS[coding](body), coding)
        assert response.status_code == 413
        assert codes(response.json()) == ["LIMIT_EXCEEDED"]


@pytest.mark.parametrize("coding", CODERS)
def test_a_bomb_takes_little_memory(coding: str) -> None:
    bomb = CODERS[coding](b" " * 200_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(RequestError) as caught:
            decompress(coding.encode(), bomb, 1_000_000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.status == 413
    assert most < 12_000_000


def zstd_frame(body: bytes, **parameters: Any) -> bytes:
    chosen = zstandard.ZstdCompressionParameters(**parameters)
    return zstandard.ZstdCompressor(compression_params=chosen).compress(body)


def test_a_zstd_frame_that_claims_a_huge_window_or_length_makes_no_room_for_it() -> None:
    for frame in (
        zstd_frame(b"x" * 3, window_log=27)[:4] + b"\x00\xa0" + b"\x01\x00\x00",  # a window of 1 GB
        b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8 + b"\x01\x00\x00",  # 2^64 - 1 bytes
    ):
        with pytest.raises(RequestError) as caught:
            decompress(b"zstd", frame, 1_000_000)
        assert caught.value.status == 400


def test_gzip_members_that_follow_each_other_are_refused_at_once() -> None:
    with pytest.raises(RequestError) as caught:
        decompress(b"gzip", gzip.compress(b"") * 40_000, 1_000_000)
    assert caught.value.status == 400


def test_raw_deflate_is_not_gzip() -> None:
    with pytest.raises(RequestError):
        decompress(b"gzip", zlib.compress(TYPENAME), 1_000_000)


def test_equal_requests_are_one_whatever_their_coding(client: httpx.Client) -> None:
    body = json.dumps({"query": '{ kept(name: "coded") }'}).encode()
    first = send(client, gzip.compress(body), "gzip")
    assert GRAPH.engine.kept(body) is not None
    assert send(client, brotli.compress(body), "br").content == first.content


def test_a_header_is_understood_once() -> None:
    negotiated.cache_clear()
    assert [negotiated(b"gzip;q=0.5, br") for _ in range(3)] == [("br", False)] * 3
    assert negotiated.cache_info().misses == 1
