"""Decorators attach data only, and every fault of a declaration is kept, with its place, until all can be told."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sources import Body, Call, DeclarationError, FakeTransport, Get, InvalidInput, Post, Rest, call_of, entity_of


def rest(**options: Any) -> Rest:
    return Rest(**{"name": "shop", "url": "http://shop.example", **options})


def declared(source: Rest, decorator: Any) -> Call:
    def stub() -> None: ...

    assert decorator(stub) is stub
    call = call_of(stub)
    assert call is not None
    assert call.source is source
    return call


def declared_cleanly(source: Rest, decorator: Any) -> Call:
    call = declared(source, decorator)
    assert source.faults == []
    return call


# -- what is attached -------------------------------------------------------------------------------------------------


def test_a_decorated_function_keeps_its_name_and_still_runs() -> None:
    source = rest()

    @source.get("/a")
    def seven() -> int:
        """Seven."""
        return 7

    assert (seven(), seven.__name__, seven.__doc__) == (7, "seven", "Seven.")


def test_declaring_sends_nothing_and_needs_no_environment() -> None:
    fake = FakeTransport({})
    source = rest(client=fake)
    declared_cleanly(source, source.get("/a/{id}", batch="/all{?ids*}", key="id"))
    declared_cleanly(source, source.post("/a"))
    assert fake.calls == []


def test_a_read_has_its_endpoints_keys_and_bounds() -> None:
    source = rest(max_batch=50)
    call = declared_cleanly(
        source,
        source.get(
            "/a/{id}",
            batch="/all{?ids*}",
            key=["tenant", "id"],
            items="data.rows",
            ttl=5,
            headers={"X-Lang": "{lang}"},
            inputs={"id": "a_id"},
        ),
    )
    assert call.single is not None
    assert call.batch is not None
    assert (str(call.single), str(call.batch)) == ("GET /a/{id}", "GET /all{?ids*}")
    assert call.single.items == call.batch.items == ("data", "rows")
    assert call.single.headers == call.batch.headers == (("x-lang", "{lang}"),)
    assert call.single.variables == {"id", "lang"}
    assert (call.key, call.many, call.ttl, call.max_batch) == (("tenant", "id"), False, 5, 50)
    assert (call.inputs, call.reads, call.default_body) == ({"id": "a_id"}, True, False)


def test_group_by_is_a_key_with_many_items() -> None:
    source = rest()
    call = declared_cleanly(source, source.get("/a{?id}", batch="/a{?ids*}", group_by="id", max_batch=7))
    assert (call.key, call.many, call.max_batch) == (("id",), True, 7)


@pytest.mark.parametrize(
    ("form", "batch", "expected"),
    [
        ("/a", None, ("GET", ("data",), False)),
        (Get("/a"), None, ("GET", ("data",), False)),
        (Get("/a", items="other"), None, ("GET", ("other",), False)),
        (Post("/a", body={"q": "{q}"}), None, ("POST", ("data",), True)),
        (Post("/a", body={}, items="a.b"), "/all{?ids}", ("POST", ("a", "b"), True)),
    ],
)
def test_every_form_is_an_endpoint_with_its_envelope(form: Any, batch: Any, expected: Any) -> None:
    source = rest()
    call = declared_cleanly(source, source.get(form, batch=batch, key="id", items="data"))
    assert call.single is not None
    assert (call.single.method, call.single.items, call.single.body is not None) == expected
    assert call.reads


@pytest.mark.parametrize("batch", [Get("/all{?ids*}", items="rows"), Post("/all", {"ids": "{ids}"}, items="rows")])
def test_a_batch_may_have_another_envelope_than_the_single_call(batch: Get | Post) -> None:
    source = rest()
    call = declared_cleanly(source, source.get("/a/{id}", batch=batch, key="id", items="data"))
    assert call.single is not None
    assert call.batch is not None
    assert (call.single.items, call.batch.items, call.batch.variables) == (("data",), ("rows",), frozenset({"ids"}))


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_write_is_never_reused_and_has_no_batch(method: str) -> None:
    source = rest(ttl=60)
    call = declared_cleanly(source, getattr(source, method)("/a/{id}", items="data", inputs={"id": "a_id"}))
    assert call.single is not None
    assert (str(call.single), call.single.items) == (f"{method.upper()} /a/{{id}}", ("data",))
    assert (call.reads, call.ttl, call.batch, call.inputs) == (False, 0, None, {"id": "a_id"})
    assert call.default_body == (method != "delete")


def test_a_write_with_a_body_of_its_own_has_no_default_body() -> None:
    source = rest()
    bodies: list[Any] = [{"x": "{x}"}, "{x}", [], "", 0, False]
    for body in bodies:
        call = declared_cleanly(source, source.delete("/a", body=body))
        assert call.single is not None
        assert isinstance(call.single.body, Body)
        assert call.single.body.skeleton == body
        assert not call.default_body


class Product:
    id: int


@pytest.mark.parametrize(
    ("invalidates", "expected"),
    [
        ((), {}),
        (["Product", Product], {"Product": None}),
        ([Product, "Review"], {"Product": None, "Review": None}),
        ({Product: "id", "Review": None}, {"Product": "id", "Review": None}),
    ],
)
def test_stale_types_are_named_by_class_or_text(invalidates: Any, expected: dict[str, str | None]) -> None:
    source = rest()
    assert declared_cleanly(source, source.post("/a", invalidates=invalidates)).invalidates == expected


def test_an_entity_is_declared_for_its_class_alone() -> None:
    source = rest(ttl=9)

    class Thing:
        id: int

    class Special(Thing):
        pass

    assert (
        source.entity(get="/a/{id}", batch="/all{?ids*}", key=("tenant", "id"), items="data", max_batch=3)(Thing)
        is Thing
    )
    entity = entity_of(Thing)
    assert entity is not None
    assert entity.python_type is Thing
    assert entity.call.single is not None
    assert entity.call.batch is not None
    assert (str(entity.call.single), str(entity.call.batch)) == ("GET /a/{id}", "GET /all{?ids*}")
    assert (entity.call.key, entity.call.ttl, entity.call.max_batch) == (("tenant", "id"), None, 3)
    assert entity_of(Special) is None
    assert source.faults == []


def test_one_stub_may_serve_two_sources_without_sharing_calls() -> None:
    one, two = rest(name="one"), rest(name="two")
    assert declared_cleanly(one, one.get("/a")) is not declared_cleanly(two, two.get("/a"))


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda source: source.get("no-slash"), "template 'no-slash'"),
        (lambda source: source.get("/{"), "brace is not closed"),
        (lambda source: source.get("/a", batch="/b{?ids}"), "batch='/b{?ids}' without key or group_by"),
        (lambda source: source.get("/a", batch=Post("/b", {})), "batch='/b' without key or group_by"),
        (lambda source: source.get("/a", batch="b", key="id"), "template 'b'"),
        (lambda source: source.get("/a", key="id", group_by="id"), "key and group_by exclude each other"),
        (lambda source: source.get("/a", items="a..b"), "'a..b' is not a path"),
        (lambda source: source.get(Get("/a", items="")), "'' is not a path"),
        (lambda source: source.get("/a", ttl=-1), "ttl is less than 0 seconds"),
        (lambda source: source.get("/a", max_batch=0), "max_batch is less than 1 key"),
        (lambda source: source.get("/a", headers={"bad name": "x"}), "'bad name' is not a header"),
        (lambda source: source.get("/a", headers={"": "x"}), "'' is not a header"),
        (lambda source: source.get("/a", headers={"Content-Length": "1"}), "'Content-Length' is not a header"),
        (lambda source: source.post("x"), "template 'x'"),
        (lambda source: source.put("/a", items=".a"), "'.a' is not a path"),
        (lambda source: source.patch("/a", headers={"Host": "x"}), "'Host' is not a header"),
        (lambda source: source.delete("/{a"), "brace is not closed"),
    ],
)
def test_a_fault_of_a_call_is_kept_with_source_and_function(declare: Any, said: str) -> None:
    source = rest()
    call = declared(source, declare(source))
    (fault,) = source.faults
    assert fault.startswith("source 'shop': declared.<locals>.stub: ")
    assert said in fault
    assert (call.single, call.is_faulty) == (None, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"get": "no-slash"}, "template 'no-slash'"),
        ({"get": "/a", "batch": "//b"}, "template '//b'"),
        ({"get": "/a", "items": "a."}, "'a.' is not a path"),
        ({"get": "/a", "ttl": -0.5}, "ttl is less than 0"),
        ({"batch": Post("/a", {}, items=".."), "max_batch": 5}, "'..' is not a path"),
        ({"get": "/a", "max_batch": -1}, "max_batch is less than 1"),
    ],
)
def test_a_fault_of_an_entity_is_kept_with_source_and_class(options: dict[str, Any], said: str) -> None:
    source = rest()

    class Thing:
        id: int

    source.entity(**options)(Thing)
    (fault,) = source.faults
    assert fault.startswith("source 'shop': ")
    assert ".Thing: " in fault
    assert said in fault
    entity = entity_of(Thing)
    assert entity is not None
    assert entity.call.is_faulty


def test_every_fault_is_kept_in_the_order_of_declaration() -> None:
    source = rest(ttl=-1, limit=0, max_batch=0, retries=-1, timeout=0)

    @source.get("a")
    def first() -> None: ...

    @source.post("b")
    def second() -> None: ...

    assert [fault.partition(": ")[2].partition(":")[0].rpartition(".")[2] for fault in source.faults] == [
        "ttl is too small",
        "max_batch is too small",
        "limit is too small",
        "retries is too small",
        "timeout must be more than 0 seconds",
        "first",
        "second",
    ]


@pytest.mark.parametrize("name", ["", None, 7, b"shop"])
def test_a_source_needs_a_name(name: Any) -> None:
    assert any("a source needs a name" in fault for fault in rest(name=name).faults)


def test_unknown_timestamps_and_durations_are_faults() -> None:
    assert rest(timestamps="stardate").faults == [
        "source 'shop': timestamps='stardate': expected 'iso', 'unix' or 'unix_ms'"
    ]
    assert rest(connect_timeout=0).faults == ["source 'shop': connect_timeout must be more than 0 seconds"]


async def test_a_source_without_an_address_says_why_when_it_is_used_all_the_same() -> None:
    with pytest.raises(DeclarationError, match="source 'shop': 'nowhere' is not an http or https address"):
        await rest(url="nowhere").send("GET", "/a")


async def test_a_faulty_source_can_be_closed() -> None:
    await rest(url="nowhere").aclose()


# -- speaking ---------------------------------------------------------------------------------------------------------


def test_a_target_is_the_expanded_template() -> None:
    endpoint = Get("/a/{id}{?page}").endpoint()
    assert rest().target(endpoint, {"id": "x y", "page": 2}) == "/a/x%20y?page=2"


@pytest.mark.parametrize("value", ["../admin", "a/b", "", None, "\ud800", object()])
def test_a_refused_value_is_the_clients_fault_and_is_not_repeated(value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        rest().target(Get("/a/{id}").endpoint(), {"id": value})
    assert (refused.value.code, refused.value.source, refused.value.retryable) == ("BAD_USER_INPUT", "shop", False)
    assert str(refused.value).startswith("id: ")
    assert "admin" not in str(refused.value)


@pytest.mark.parametrize("reason", [None, "."])
async def test_without_a_reason_clients_learn_the_status_only(reason: str | None) -> None:
    source = rest(reason=reason, client=FakeTransport({"GET /a": (409, {"message": "secret"})}))
    assert str(source.failure(await source.send("GET", "/a"))) == "shop answered with status 409"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((409, {"error": {"text": "Sold  out\r\n today"}}), "shop: Sold out today"),
        ((409, {"error": {"text": "x" * 9999}}), "shop: " + "x" * 500),
        ((409, {"error": {"text": ""}}), "shop answered with status 409"),
        ((409, {"error": {"text": 7}}), "shop answered with status 409"),
        ((409, {"error": []}), "shop answered with status 409"),
        ((409, None), "shop answered with status 409"),
        ((409, b"<html>"), "shop answered with status 409"),
        ((409, b'{"error":{"text":"\xff"}}'), "shop answered with status 409"),
        ((409, b""), "shop answered with status 409"),
        ((409, b"[" * 100_000), "shop answered with status 409"),
        ((500, {"error": {"text": "stack trace"}}), "shop answered with status 500"),
        ((302, {"error": {"text": "elsewhere"}}), "shop answered with a redirect"),
    ],
)
async def test_a_reason_is_told_for_client_errors_only(answer: Any, said: str) -> None:
    source = rest(reason="error.text", client=FakeTransport({"GET /a": answer}))
    assert str(source.failure(await source.send("GET", "/a"))) == said


async def test_a_client_of_httpx_is_a_transport() -> None:
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda request: httpx.Response(418, json={"p": request.url.path}))
    )
    source = rest(client=client)
    reply = await source.send("GET", "/tea")
    assert (reply.status, bytes(reply.body)) == (418, b'{"p":"/tea"}')
    await source.aclose()
    assert client.is_closed


def test_names_of_forwarded_headers_are_kept_in_lower_case() -> None:
    assert rest(forward=["X-Tenant", "authorization"]).forward == ("x-tenant", "authorization")


# -- known faults -----------------------------------------------------------------------------------------------------


def test_forward_given_as_one_text_is_a_fault_or_one_header() -> None:
    source = rest(forward="authorization")
    assert source.faults or source.forward == ("authorization",)


def test_invalidates_given_as_one_text_is_a_fault_or_one_type() -> None:
    source = rest()
    call = declared(source, source.post("/a", invalidates="Product"))
    assert source.faults or call.invalidates == {"Product": None}


@pytest.mark.parametrize("key", ["", [], ("id", "")])
def test_an_empty_key_is_a_fault(key: Any) -> None:
    source = rest()
    declared(source, source.get("/a/{id}", batch="/all{?ids*}", key=key))
    assert len(source.faults) == 1


@pytest.mark.parametrize("value", ["a\r\nx-b: 1", "a\0", 7])
def test_an_impossible_header_value_is_a_fault(value: Any) -> None:
    source = rest(headers={"x-a": value})
    other = rest()
    declared(other, other.get("/a", headers={"x-a": value}))
    assert [len(source.faults), len(other.faults)] == [1, 1]


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"ttl": float("nan")},
        {"read_timeout": -1.0},
        {"read_timeout": 0.0},
    ],
)
def test_a_duration_that_cannot_be_waited_for_is_a_fault(options: dict[str, float]) -> None:
    assert len(rest(**options).faults) == 1


def test_decorating_a_property_is_a_fault() -> None:
    source = rest()
    stub: Any = property(lambda self: None)
    source.get("/a")(stub)
    assert len(source.faults) == 1
