"""A backend that fails costs the fields that needed it, by path, code, source and status; the rest answers."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Graph
from resolvers import link
from sources import Rest
from tests.graph.serving.backend import Backend, Gateway, speaking
from tests.serving import running

SECRET = "hunter2"
Headers = dict[bytes, bytes]


def sound_answer(target: str, headers: Headers) -> Any:
    posts = [{"id": 1, "user_id": "u1"}, {"id": 2, "user_id": "u2"}, {"id": 3, "user_id": "u1"}]
    return {"/posts": posts}.get(target, {"id": 9, "user_id": "u9"})


def users_answer(target: str, headers: Headers) -> Any:
    """Answer as the backend of users does on a good day."""
    path, _, query = target.partition("?")
    if query:
        return [{"id": key, "name": f"name of {key}"} for key in httpx.QueryParams(query).get_list("id")]
    key = path.rsplit("/", 1)[1]
    return {"id": key, "name": f"name of {key}"}


def make_graph(sound_url: str, users_url: str, **options: Any) -> Graph:
    blog = Rest("blog", sound_url)
    crm = Rest("users", users_url, **options)

    @crm.entity(get="/users/{id}", batch="/users{?id*}")
    class User:
        id: strawberry.ID
        name: str
        age: int | None
        tags: list[str] | None

    @strawberry.type
    class Post:
        id: int
        user_id: str
        user: User | None = link("user_id")

        @crm.get("/authors/{user_id}")
        def author(self) -> User | None: ...

    @strawberry.type
    class Strict:
        id: int
        user: User = link("user_id")

    @strawberry.type
    class Query:
        @blog.get("/posts")
        def posts(self) -> list[Post]: ...

        @blog.get("/post")
        def strict(self) -> Strict | None: ...

        @crm.get("/users/{id}")
        def user(self, id: strawberry.ID) -> User | None: ...

        @crm.get("/me")
        def me(self) -> User: ...

        @crm.get("/all")
        def all(self) -> list[User] | None: ...

        @strawberry.field
        def greeting(self) -> str:
            return "hello"

    @strawberry.type
    class Mutation:
        @crm.post("/users")
        def add(self, name: str) -> User | None: ...

    return Graph(query=Query, mutation=Mutation)


class Failing(Gateway):
    """A gateway over a sound backend and one that fails as it is told; `backend` is the one that fails."""

    sound: Backend
    graph: Graph

    def fails(self, answer: Callable[[str, Headers], Any] | tuple[int, bytes, dict[str, str]]) -> None:
        """Make the backend of users answer this."""
        self.backend.answer = answer if callable(answer) else lambda target, headers: answer

    def safely(self, query: str) -> Any:
        """Ask, and check that nothing of the backend's words or whereabouts is in the answer."""
        response = self.post({"query": query}, accept="application/graphql-response+json")
        assert response.status_code == 200
        for inside in (SECRET, "/users", "/authors", "http://", "localhost", "reqwest", "Errno"):
            assert inside not in response.text
        return response.json()


@pytest.fixture(scope="module")
def running_gateway() -> Iterator[Failing]:
    sound, users = Backend(sound_answer), Backend(users_answer)
    with running(sound) as sound_url, running(users) as users_url:
        graph = make_graph(sound_url, users_url, ttl=30)
        with running(App(graph)) as root:
            made = Failing(root, users)
            made.sound, made.graph = sound, graph
            with made.client:
                yield made


@pytest.fixture
def gateway(running_gateway: Failing) -> Failing:
    running_gateway.backend.answer = users_answer
    running_gateway.graph.engine.store.touch("User")  # what earlier tests were answered is stale
    running_gateway.backend.forget()
    running_gateway.sound.forget()
    return running_gateway


def placed(answer: Any) -> dict[str, Any]:
    """Give the extensions of each error by its path, and check that each is told once."""
    found = {".".join(map(str, error["path"])): error["extensions"] for error in answer["errors"]}
    assert len(found) == len(answer["errors"])
    assert all(error["locations"] and error["message"] for error in answer["errors"])
    return found


PAGE = f"<html><body>{SECRET} at line 7</body></html>".encode()
UNCERTAIN = {"code": "UPSTREAM_INVALID", "source": "users"}


def status(number: int, *, retryable: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"code": "UPSTREAM_ERROR", "source": "users", "status": number}
    return {**found, "retryable": True} if retryable else found


ANSWERS = [
    pytest.param((200, PAGE, {"content-type": "text/html"}), UNCERTAIN, id="html"),
    pytest.param((200, b'[{"id": "u1", "name": "hunter2"', {}), UNCERTAIN, id="half a JSON"),
    pytest.param((200, b'"hunter2"', {}), UNCERTAIN, id="a string"),
    pytest.param((200, b"7", {}), UNCERTAIN, id="a number"),
    pytest.param((200, b"true", {}), UNCERTAIN, id="a boolean"),
    pytest.param((200, b'[["hunter2"]]', {}), UNCERTAIN, id="a list of lists"),
    pytest.param((200, b"\xff\xfe{\x00}\x00", {}), UNCERTAIN, id="UTF-16"),
    pytest.param((200, b"[NaN]", {}), UNCERTAIN, id="NaN"),
    pytest.param((200, b"[" * 100_000, {}), UNCERTAIN, id="deep"),
    pytest.param((200, b" ", {}), UNCERTAIN, id="a blank"),
    pytest.param((500, PAGE, {"content-type": "text/html"}), status(500), id="500"),
    pytest.param((501, b"", {}), status(501), id="501"),
    pytest.param((502, PAGE, {}), status(502, retryable=True), id="502"),
    pytest.param((503, b'{"error": "hunter2"}', {"retry-after": "9"}), status(503, retryable=True), id="503"),
    pytest.param((504, b"", {}), status(504, retryable=True), id="504"),
    pytest.param((429, b"", {}), status(429, retryable=True), id="429"),
    pytest.param((400, b'{"detail": "hunter2"}', {}), status(400), id="400"),
    pytest.param((401, b"", {}), status(401), id="401 without a body"),
    pytest.param((401, b"hunter2", {"www-authenticate": "Basic hunter2"}), status(401), id="401"),
    pytest.param((403, PAGE, {}), status(403), id="403"),
    pytest.param((410, b"", {}), status(410), id="410"),
    pytest.param((422, b'[{"msg": "hunter2"}]', {}), status(422), id="422"),
    pytest.param((301, b"", {"location": "/hunter2"}), status(301), id="301"),
    pytest.param((302, b"", {"location": "http://127.0.0.1:1/hunter2"}), status(302), id="302"),
    pytest.param((307, b"", {"location": "//hunter2"}), status(307), id="307"),
    pytest.param((304, b"", {}), status(304), id="304"),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_a_failing_backend_costs_its_own_fields_only(
    gateway: Failing, answer: tuple[int, bytes, dict[str, str]], expected: dict[str, Any]
) -> None:
    gateway.fails(answer)
    answered = gateway.safely('{ posts { id user { name } } user(id: "u7") { name } greeting }')
    assert answered["data"] == {
        "posts": [{"id": 1, "user": None}, {"id": 2, "user": None}, {"id": 3, "user": None}],
        "user": None,
        "greeting": "hello",
    }
    places = ("posts.0.user", "posts.1.user", "posts.2.user", "user")
    assert placed(answered) == dict.fromkeys(places, expected)
    assert sorted(gateway.backend.asked) == ["GET /users/u7", "GET /users?id=u1&id=u2"]
    assert gateway.sound.asked == ["GET /posts"]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_each_of_many_single_calls_fails_at_its_own_place(
    gateway: Failing, answer: tuple[int, bytes, dict[str, str]], expected: dict[str, Any]
) -> None:
    def second_fails(target: str, headers: Headers) -> Any:
        return answer if target == "/authors/u2" else users_answer(target, headers)

    gateway.fails(second_fails)
    answered = gateway.safely("{ posts { id writer: author { name } } }")
    assert answered["data"]["posts"] == [
        {"id": 1, "writer": {"name": "name of u1"}},
        {"id": 2, "writer": None},
        {"id": 3, "writer": {"name": "name of u1"}},
    ]
    assert placed(answered) == {"posts.1.writer": expected}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((404, PAGE, {}), id="404"),
        pytest.param((204, b"", {}), id="204"),
        pytest.param((200, b"", {}), id="200 without a body"),
        pytest.param((200, b"null", {}), id="null"),
    ],
)
def test_nothing_there_is_null_without_an_error(gateway: Failing, answer: tuple[int, bytes, dict[str, str]]) -> None:
    gateway.fails(answer)
    answered = gateway.safely('{ user(id: "u1") { name } posts { author { name } } all { name } }')
    assert answered == {"data": {"user": None, "posts": [{"author": None}] * 3, "all": None}}


@pytest.mark.parametrize("answer", [(404, b"", {}), (204, b"", {}), (200, b"null", {})])
def test_nothing_there_for_a_non_null_field_is_an_error_of_its_source(
    gateway: Failing, answer: tuple[int, bytes, dict[str, str]]
) -> None:
    gateway.fails(answer)
    answered = gateway.safely("{ me { name } greeting }")
    assert answered["data"] is None
    [(path, extensions)] = placed(answered).items()
    assert path == "me"
    assert extensions["source"] == "users"
    assert extensions["code"] in ("UPSTREAM_INVALID", "UPSTREAM_ERROR")


def test_a_batch_endpoint_that_is_not_found_is_an_error(gateway: Failing) -> None:
    gateway.fails((404, PAGE, {}))
    answered = gateway.safely("{ posts { user { name } } }")
    assert answered["data"] == {"posts": [{"user": None}] * 3}
    assert placed(answered) == {f"posts.{n}.user": status(404) for n in range(3)}


def test_a_null_below_a_non_null_link_goes_to_the_nearest_nullable(gateway: Failing) -> None:
    gateway.fails((500, b"", {}))
    answered = gateway.safely("{ strict { id user { name } } greeting }")
    assert answered["data"] == {"strict": None, "greeting": "hello"}
    assert placed(answered) == {"strict.user": status(500)}


def users(*items: Any) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps(items).encode(), {}


def test_a_batch_that_leaves_one_out_answers_the_others(gateway: Failing) -> None:
    gateway.fails(users({"id": "u2", "name": "b"}))
    assert gateway.safely("{ posts { user { name } } }") == {
        "data": {"posts": [{"user": None}, {"user": {"name": "b"}}, {"user": None}]}
    }


def test_a_batch_is_matched_by_key_and_never_by_position(gateway: Failing) -> None:
    gateway.fails(users({"id": "u9", "name": "z"}, {"id": "u2", "name": "b"}, {"id": "u1", "name": "a"}))
    answered = gateway.safely("{ posts { user { id name } } }")
    found = [post["user"] for post in answered["data"]["posts"]]
    assert found == [{"id": "u1", "name": "a"}, {"id": "u2", "name": "b"}, {"id": "u1", "name": "a"}]


@pytest.mark.parametrize("stray", [{"name": "hunter2"}, {"id": ["u1"], "name": "hunter2"}, "u1", 7, [], True])
def test_an_item_without_its_key_costs_only_the_keys_it_may_belong_to(gateway: Failing, stray: Any) -> None:
    gateway.fails(users({"id": "u2", "name": "b"}, stray))
    answered = gateway.safely("{ posts { user { name } } }")
    assert answered["data"]["posts"] == [{"user": None}, {"user": {"name": "b"}}, {"user": None}]
    assert placed(answered) == {"posts.0.user": UNCERTAIN, "posts.2.user": UNCERTAIN}


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"id": "u1"}, "posts.0.user.name"),
        ({"id": "u1", "name": None}, "posts.0.user.name"),
        ({"id": "u1", "name": ["hunter2"]}, "posts.0.user.name"),
        ({"id": "u1", "name": {"hunter2": 1}}, "posts.0.user.name"),
    ],
)
def test_a_bad_non_null_property_costs_its_object(gateway: Failing, item: Any, path: str) -> None:
    gateway.fails(users(item, {"id": "u2", "name": "b"}))
    answered = gateway.safely("{ posts { user { name } } }")
    assert answered["data"]["posts"] == [{"user": None}, {"user": {"name": "b"}}, {"user": None}]
    assert placed(answered) == {path: UNCERTAIN, path.replace("0", "2"): UNCERTAIN}


@pytest.mark.parametrize("age", ["hunter2", [1], {"a": 1}, 1.5, 2**31, -(2**31) - 1, 2**70, True])
def test_a_bad_nullable_property_costs_only_itself(gateway: Failing, age: Any) -> None:
    gateway.fails(users({"id": "a", "name": "a", "age": 7}, {"id": "b", "name": "b", "age": age}))
    answered = gateway.safely("{ all { name age } }")
    assert answered["data"]["all"][0] == {"name": "a", "age": 7}
    if age is True:  # a boolean is an integer to graphql-core's Int; what counts is that both ways say the same
        assert answered["data"]["all"][1]["age"] in (None, 1)
        return
    assert answered["data"]["all"][1] == {"name": "b", "age": None}
    assert placed(answered) == {"all.1.age": UNCERTAIN}


def test_a_bad_item_is_placed_by_its_index(gateway: Failing) -> None:
    gateway.fails(users({"id": "a", "name": "a", "tags": ["x", None, "y"]}, {"id": "b", "name": "b", "tags": "x"}))
    answered = gateway.safely("{ all { name tags } }")
    assert answered["data"]["all"] == [{"name": "a", "tags": None}, {"name": "b", "tags": None}]
    assert placed(answered) == {"all.0.tags.1": UNCERTAIN, "all.1.tags": UNCERTAIN}


def test_a_bad_object_of_a_non_null_list_costs_the_list(gateway: Failing) -> None:
    gateway.fails(users({"id": "a", "name": "a"}, None))
    answered = gateway.safely("{ all { name } greeting }")
    assert answered["data"] == {"all": None, "greeting": "hello"}
    assert placed(answered) == {"all.1": UNCERTAIN}


def test_a_compressed_body_is_read_and_a_broken_one_is_a_failure(gateway: Failing) -> None:
    body = json.dumps({"id": "u1", "name": "a"}).encode()
    gateway.fails((200, gzip.compress(body), {"content-encoding": "gzip"}))
    assert gateway.safely('{ user(id: "z1") { name } }') == {"data": {"user": {"name": "a"}}}
    gateway.fails((200, body, {"content-encoding": "gzip"}))
    answered = gateway.safely('{ user(id: "z2") { name } greeting }')
    assert answered["data"] == {"user": None, "greeting": "hello"}
    assert placed(answered)["user"]["source"] == "users"


def test_a_failure_is_not_stored_and_a_later_answer_is(gateway: Failing) -> None:
    query = '{ user(id: "later") { name } }'
    gateway.fails((500, b"", {}))
    for _ in range(2):
        assert placed(gateway.safely(query)) == {"user": status(500)}
    gateway.fails(users_answer)
    for _ in range(2):
        assert gateway.safely(query) == {"data": {"user": {"name": "name of later"}}}
    assert gateway.backend.asked == ["GET /users/later"] * 3


def test_a_redirect_is_never_followed(gateway: Failing) -> None:
    for number in (301, 302, 303, 307, 308):
        gateway.fails((number, b"", {"location": "/elsewhere"}))
        assert placed(gateway.safely(f'{{ user(id: "r{number}") {{ name }} }}')) == {"user": status(number)}
    assert gateway.backend.asked == [f"GET /users/r{number}" for number in (301, 302, 303, 307, 308)]


@pytest.mark.parametrize("number", [500, 503, 429])
def test_a_write_that_fails_is_not_sent_again(gateway: Failing, number: int) -> None:
    gateway.fails((number, PAGE, {}))
    answered = gateway.safely('mutation { add(name: "a") { id } }')
    assert answered["data"] == {"add": None}
    assert placed(answered) == {"add": status(number, retryable=number != 500)}
    assert gateway.backend.asked == ["POST /users"]


def test_mutations_after_a_failed_one_are_executed(gateway: Failing) -> None:
    answers: list[tuple[int, bytes, dict[str, str]]] = [(500, b"", {}), (201, b'{"id": "n", "name": "n"}', {})]
    gateway.fails(lambda target, headers: answers.pop(0))
    answered = gateway.safely('mutation { a: add(name: "a") { id } b: add(name: "b") { id } }')
    assert answered["data"] == {"a": None, "b": {"id": "n"}}
    assert placed(answered) == {"a": status(500)}


def test_a_status_of_a_backend_never_becomes_the_gateways(gateway: Failing) -> None:
    gateway.fails((401, b"", {"www-authenticate": "Basic", "set-cookie": "a=b", "x-secret": SECRET}))
    response = gateway.post({"query": "{ me { name } }"})
    assert response.status_code == 200
    assert not {"www-authenticate", "set-cookie", "x-secret"} & response.headers.keys()


# -- backends that break the connection -------------------------------------------------------------------------------

UNAVAILABLE = {"code": "UPSTREAM_UNAVAILABLE", "source": "users", "retryable": True}
TIMEOUT = {"code": "UPSTREAM_TIMEOUT", "source": "users", "retryable": True}
QUERY = '{ posts { id user { name } } user(id: "u7") { name } greeting }'


def costs(users_url: str, **options: Any) -> Any:
    """Check that only what the users' backend gives is lost; give what the errors say, all of them the same."""
    with (
        running(Backend(sound_answer)) as sound_url,
        running(App(make_graph(sound_url, users_url, **options))) as root,
    ):
        gateway = Failing(root, Backend(users_answer))
        with gateway.client:
            answered = gateway.safely(QUERY)
    nobody = [{"id": n, "user": None} for n in (1, 2, 3)]
    assert answered["data"] == {"posts": nobody, "user": None, "greeting": "hello"}
    found = list(placed(answered).values())
    assert len(found) == 4
    assert all(extensions == found[0] for extensions in found)
    return found[0]


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((HEAD + b"content-length: 50\r\n\r\n", b'{"id": "u7", "na'), id="half a body"),
        pytest.param((HEAD + b"transfer-encoding: chunked\r\n\r\n", b'5\r\n{"id"\r\n'), id="half a chunked body"),
        pytest.param((HEAD,), id="half a head"),
        pytest.param((), id="nothing"),
    ],
)
def test_a_connection_that_breaks_is_unavailable(pieces: tuple[bytes, ...]) -> None:
    with speaking(*pieces) as url:
        assert costs(url) == UNAVAILABLE


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((HEAD + b"transfer-encoding: chunked\r\n\r\n", b"zz\r\nhunter2\r\n"), id="a chunk of nonsense"),
        pytest.param((b"220 hunter2 ESMTP\r\n",), id="another protocol"),
        pytest.param((b"\x15\x03\x01\x00\x02\x02\x50",), id="TLS"),
        pytest.param((b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",), id="a negative length"),
    ],
)
def test_bytes_that_are_not_http_are_invalid(pieces: tuple[bytes, ...]) -> None:
    with speaking(*pieces) as url:
        assert costs(url) == UNCERTAIN


def test_a_backend_that_is_down_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    assert costs(url) == UNAVAILABLE


def test_a_backend_that_nobody_knows_is_unavailable() -> None:
    assert costs("http://nobody.invalid") == UNAVAILABLE


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((), id="silent"),
        pytest.param((HEAD,), id="silent after half a head"),
        pytest.param((HEAD + b"content-length: 50\r\n\r\n{",), id="silent after a byte"),
    ],
)
def test_a_backend_that_falls_silent_is_timed_out(pieces: tuple[bytes, ...]) -> None:
    with speaking(*pieces, hang=True) as url:
        assert costs(url, timeout=0.15) == TIMEOUT


def test_a_backend_that_drips_is_timed_out_as_a_whole() -> None:
    with speaking(HEAD + b"content-length: 50\r\n\r\n", *[b" "] * 49, pause_s=0.02) as url:
        assert costs(url, timeout=0.2) == TIMEOUT


def test_a_silence_between_two_pieces_is_timed_out_by_the_read_timeout() -> None:
    with speaking(HEAD + b"content-length: 50\r\n\r\n", b"{", hang=True) as url:
        assert costs(url, timeout=5.0, read_timeout=0.1) == TIMEOUT


def test_what_a_backend_says_is_not_waited_for_by_other_requests() -> None:
    with (
        speaking(hang=True) as url,
        running(Backend(sound_answer)) as sound_url,
        running(App(make_graph(sound_url, url, timeout=0.3))) as root,
        httpx.Client(trust_env=False, timeout=0.05) as impatient,
    ):
        gateway = Failing(root, Backend(users_answer))
        with pytest.raises(httpx.ReadTimeout):
            impatient.post(gateway.url, json={"query": "{ me { name } }"})
        with gateway.client:
            assert gateway.safely("{ posts { id } }")["data"]["posts"][0] == {"id": 1}
