"""What is over a limit is refused, before any backend is called and with bounded work."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from typing import Any

import graphql
import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from graph import App, Graph, GraphError, Limits, RequestError
from graph.measure import measure
from graph.scan import scan
from graph.settings import overridden
from resolvers import link
from sources import FakeTransport, Rest
from tests.serving import asking, running

ROW = {"id": 1, "name": "one", "next_id": 2}
backend = FakeTransport({"GET /things/1": ROW, "GET /things/2": ROW, "GET /things": [ROW]})
source = Rest("things", "http://things.example", client=backend)


@source.entity(get="/things/{id}")
class Thing:
    id: int
    name: str
    next: Thing | None = link("next_id")


@strawberry.input
class Wish:
    word: str = ""
    more: Wish | None = None


@strawberry.type
class Query:
    @source.get("/things/{id}")
    def thing(self, id: int) -> Thing | None: ...
    @source.get("/things")
    def things(self) -> list[Thing]: ...
    @strawberry.field
    def one(self, wish: Wish | None = None) -> int:
        return 1


def graph(**limits: Any) -> Graph:
    backend.calls.clear()
    return Graph(query=Query, limits=Limits(**limits))


async def refusal(graph: Graph, query: str, variables: dict[str, Any] | None = None) -> tuple[str, str]:
    """Give the code and message of a refused operation."""
    answer = await graph.execute(query, variables)
    assert "data" not in answer
    assert backend.calls == []
    [error] = answer["errors"]
    return error["extensions"]["code"], error["message"]


def repeated(count: int, text: str) -> str:
    return " ".join(text.replace("#", str(number)) for number in range(count))


# -- declaring --------------------------------------------------------------------------------------------------------


def test_a_limit_that_is_no_limit_is_refused_with_all_others() -> None:
    with pytest.raises(ValueError, match="max_depth=-1") as caught:
        Limits(max_depth=-1, max_tokens="many", introspection=0, assumed_list_size=None, max_aliases=True)  # type: ignore[arg-type]
    assert str(caught.value).split("; ") == [
        "max_tokens='many': expected a whole number of 0 or more, or none",
        "max_depth=-1: expected a whole number of 0 or more, or none",
        "max_aliases=True: expected a whole number of 0 or more, or none",
        "assumed_list_size=None: expected a whole number of 0 or more",
        "introspection=0: expected true or false",
    ]


def test_a_cost_may_be_a_fraction_but_no_nonsense() -> None:
    assert Limits(max_cost=1.5).max_cost == 1.5
    with pytest.raises(ValueError, match="max_cost=nan: expected a number of 0 or more, or none"):
        Limits(max_cost=float("nan"))


def test_the_environment_goes_before_what_the_author_wrote() -> None:
    environment = {
        "WEFT_MAX_DEPTH": "12",
        "WEFT_MAX_COST": " None ",
        "WEFT_INTROSPECTION": "no",
        "WEFT_PORT": "x",
    }
    limits = overridden(Limits(max_depth=3, max_aliases=7), environment)
    assert limits == Limits(max_depth=12, max_aliases=7, max_cost=None, introspection=False)
    assert overridden(limits, {}) is limits


def test_faults_of_the_environment_are_reported_with_those_of_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_MAX_DEPTH", "deep")
    monkeypatch.setenv("WEFT_SUGGESTIONS", "maybe")
    monkeypatch.setenv("WEFT_ASSUMED_LIST_SIZE", "none")

    @strawberry.type
    class Query:
        @source.get("/things/{nobody}")
        def thing(self) -> Thing | None: ...

    with pytest.raises(GraphError) as caught:
        Graph(query=Query)
    [of_the_graph, *of_the_environment] = caught.value.faults
    assert "nobody supplies {nobody}" in of_the_graph
    assert of_the_environment == [
        "WEFT_MAX_DEPTH='deep': expected a whole number of 0 or more, or none",
        "WEFT_ASSUMED_LIST_SIZE='none': expected a whole number of 0 or more",
        "WEFT_SUGGESTIONS='maybe': expected true or false",
    ]


# -- before parsing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "allowed", "refused", "message"),
    [
        ({"max_length": 7}, "{ one }", "{  one }", "the document has more than 7 characters"),
        ({"max_tokens": 4}, "{ one one }", "{ one one one }", "the document has more than 4 tokens"),
        ({"max_tokens": 4}, "{ one } # x", "{ one } # x\n# y", "the document has more than 4 tokens"),
        ({"max_aliases": 1}, "{ a: one }", "{ a: one b: one }", "the document has more than 1 aliases"),
        ({"max_directives": 0}, "{ one }", "{ one @skip(if: false) }", "the document has more than 0 directives"),
        ({"max_operations": 1}, "{ one }", "{ one } query B { one }", "the document has more than 1 operations"),
        ({"max_depth": 1}, "{ one }", "{ things { id } }", "the operation is more than 1 levels deep"),
        ({"max_root_fields": 1}, "{ one one }", "{ one a: one }", "the operation has more than 1 root fields"),
        (
            {"max_fields": 2},
            "{ a: one b: one }",
            "{ a: one b: one c: one }",
            "the operation selects more than 2 fields",
        ),
    ],
)
async def test_a_limit_is_the_last_that_is_allowed(
    limit: dict[str, int], allowed: str, refused: str, message: str
) -> None:
    assert "errors" not in await graph(**limit).execute(allowed)
    assert await refusal(graph(**limit), refused) == ("LIMIT_EXCEEDED", message)
    off = await graph(**dict.fromkeys(limit)).execute(refused)
    assert "LIMIT_EXCEEDED" not in str(off)


def test_the_scan_counts_what_the_lexer_counts() -> None:
    variables = "query Q($a: [Int!] = [1, -2.5e3]) @x "
    fields = '{ e: one(s: "a b # \\" c", t: """x "" { \\""" y""") ...F, ... on T { z } }'
    lexer, tokens = graphql.Lexer(graphql.Source(variables + fields)), 0
    while lexer.advance().kind is not graphql.TokenKind.EOF:
        tokens += 1
    assert scan(variables + fields, Limits()) == tokens
    assert scan("", Limits()) == 0


@given(st.text('"\\\n{}()[]:@#.a1 é,\ufeff$!-', max_size=60))
def test_no_text_stops_the_scan(text: str) -> None:
    lexer, tokens = graphql.Lexer(graphql.Source(text)), 0
    try:
        while lexer.advance().kind is not graphql.TokenKind.EOF:
            tokens += 1
    except graphql.GraphQLError:
        pass
    assert scan(text, Limits(max_aliases=None)) >= tokens


def test_names_of_arguments_are_no_aliases() -> None:
    scan(
        'query($a: Int) { thing(id: $a) { x: id } one(wish: {word: "b: c", more: {word: ""}}) }', Limits(max_aliases=1)
    )
    with pytest.raises(RequestError):
        scan("{ things { x: id ... on Thing { y: id } } }", Limits(max_aliases=1))


@pytest.mark.parametrize("pair", ["{}", "[]", "()"])
async def test_brackets_that_nest_too_deeply_are_refused(pair: str) -> None:
    text = "{ one " + pair[0] * 5_000 + pair[1] * 5_000
    without = graph(max_tokens=None, max_depth=None)
    assert await refusal(without, text) == ("LIMIT_EXCEEDED", "the document has more than 150 levels of brackets")


async def test_without_a_limit_of_depth_nothing_runs_out_of_stack() -> None:
    unlimited = graph(max_depth=None)
    answer = await unlimited.execute("{ thing(id: 1) " + "{ next " * 146 + "{ id }" + " }" * 147)
    assert "errors" not in answer


async def test_fragments_do_not_nest_deeper_than_brackets_may() -> None:
    chain = " ".join(f"fragment F{n} on Thing {{ next {{ ...F{n + 1} }} }}" for n in range(300))
    text = "{ thing(id: 1) { ...F0 } } " + chain + " fragment F300 on Thing { id }"
    unlimited = graph(max_depth=None)
    assert await refusal(unlimited, text) == ("LIMIT_EXCEEDED", "the operation is more than 150 levels deep")


# -- fragments --------------------------------------------------------------------------------------------------------


def branching(levels: int) -> str:
    made = [f"fragment F{n} on Thing {{ a: next {{ ...F{n + 1} }} b: next {{ ...F{n + 1} }} }}" for n in range(levels)]
    return "{ things { ...F0 } } " + " ".join(made) + f" fragment F{levels} on Thing {{ id }}"


async def test_fragments_that_branch_are_multiplied_and_not_expanded() -> None:
    unlimited = Limits(max_depth=None, max_fields=None)
    assert measure(graphql.parse(branching(3)), unlimited) == 1 + 2 + 4 + 8 + 8
    assert measure(graphql.parse(branching(140)), unlimited) == 1 + 2**141 - 2 + 2**140
    assert await refusal(graph(max_depth=None, max_aliases=None), branching(25)) == (
        "LIMIT_EXCEEDED",
        "the operation selects more than 5000 fields",
    )


async def test_the_depth_of_fragments_counts_where_they_are_spread() -> None:
    chain = "{ things { ...A } } fragment A on Thing { next { ... on Thing { ...B } } } fragment B on Thing { id }"
    assert "errors" not in await graph(max_depth=3).execute(chain)
    assert await refusal(graph(max_depth=2), chain) == ("LIMIT_EXCEEDED", "the operation is more than 2 levels deep")


@pytest.mark.parametrize(
    "cycle",
    [
        "{ things { ...A } } fragment A on Thing { ...A }",
        "{ things { ...A } } fragment A on Thing { next { ...B } } fragment B on Thing { next { ...A id } }",
    ],
)
async def test_fragments_in_a_circle_are_left_to_validation(cycle: str) -> None:
    code, message = await refusal(graph(), cycle)
    assert code == "GRAPHQL_VALIDATION_FAILED"
    assert message.startswith("Cannot spread fragment 'A' within itself")


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Give a document whose fragments spread only later ones."""
    count = draw(st.integers(1, 5))

    def body(number: int, levels: int) -> str:
        parts = draw(st.lists(st.sampled_from(["leaf", "field", "inline", "spread"]), min_size=1, max_size=4))
        written = []
        for place, part in enumerate(parts):
            if part == "spread" and number < count:
                written.append(f"...F{draw(st.integers(number + 1, count))}")
            elif part == "field" and levels:
                written.append(f"a{place}: next {{ {body(number, levels - 1)} }}")
            elif part == "inline" and levels:
                written.append(f"... on Thing {{ {body(number, levels - 1)} }}")
            else:
                written.append(f"a{place}: id")
        return " ".join(written)

    fragments = [f"fragment F{number} on Thing {{ {body(number, 2)} }}" for number in range(1, count + 1)]
    return " ".join([f"{{ thing {{ {body(0, 3)} }} }}", *fragments])


@given(documents())
def test_the_measure_is_that_of_the_expanded_document(text: str) -> None:
    document = graphql.parse(text)
    fragments = {
        found.name.value: found for found in document.definitions if isinstance(found, graphql.FragmentDefinitionNode)
    }

    def expanded(selection_set: graphql.SelectionSetNode, above: int) -> tuple[int, int]:
        fields, depth, seen = 0, 0, set[str]()
        for selection in selection_set.selections:
            below = (0, 0)
            if isinstance(selection, graphql.FieldNode):
                fields, depth = fields + 1, max(depth, above + 1)
                if selection.selection_set is not None:
                    below = expanded(selection.selection_set, above + 1)
            elif isinstance(selection, graphql.InlineFragmentNode):
                below = expanded(selection.selection_set, above)
            elif isinstance(selection, graphql.FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                below = expanded(fragments[selection.name.value].selection_set, above)
            fields, depth = fields + below[0], max(depth, below[1])
        return fields, depth

    [operation] = [found for found in document.definitions if isinstance(found, graphql.OperationDefinitionNode)]
    fields, depth = expanded(operation.selection_set, 0)
    assert measure(document, Limits(max_fields=None, max_depth=depth)) == fields
    with pytest.raises(RequestError):
        measure(document, Limits(max_fields=None, max_depth=depth - 1))


# -- work that grows with the square ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "{ things { " + "id " * 300 + "} }",
        "{ things { " + "next { id } " * 300 + "} }",
        "{ things { " + repeated(300, "...F#") + " } } " + repeated(300, "fragment F# on Thing { id }"),
    ],
)
async def test_what_stands_too_often_side_by_side_is_refused_before_it_is_compared(query: str) -> None:
    message = "the document repeats fields, or spreads fragments, too often side by side"
    assert await refusal(graph(), query) == ("LIMIT_EXCEEDED", message)


async def test_comparing_fields_has_a_budget_of_its_own() -> None:
    inner = "{ " + ("next { " + ("next { " + "id " * 9 + "} ") * 9 + "} ") * 9 + "}"
    code, message = await refusal(graph(), "{ things " + inner + " }")
    assert code == "LIMIT_EXCEEDED"
    assert message.endswith("too often to be checked")


async def test_a_page_that_repeats_a_little_is_answered() -> None:
    query = (
        "{ things { "
        + "id name " * 50
        + repeated(50, "...F#")
        + " } } "
        + repeated(50, "fragment F# on Thing { id name }")
    )
    assert await graph().execute(query) == {"data": {"things": [{"id": 1, "name": "one"}]}}


# -- variables --------------------------------------------------------------------------------------------------------


async def test_variables_in_variables_are_refused_before_they_exhaust_the_stack() -> None:
    wish: dict[str, Any] = {}
    for _ in range(300):
        wish = {"more": wish}
    query = "query($wish: Wish) { one(wish: $wish) }"
    code, message = await refusal(graph(), query, {"wish": wish})
    assert (code, "nested too deeply" in message) == ("BAD_USER_INPUT", True)
    assert await refusal(graph(max_values=2), query, {"wish": {"more": {"word": "a"}}}) == (
        "LIMIT_EXCEEDED",
        "the variables hold more than 2 values",
    )
    assert "errors" not in await graph(max_values=None).execute(query, {"wish": {"more": {"word": "a"}}})


# -- introspection ----------------------------------------------------------------------------------------------------

INTROSPECTION = graphql.get_introspection_query(
    specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
)


async def test_tools_may_ask_for_the_whole_schema_by_default() -> None:
    answer = await graph().execute(INTROSPECTION)
    assert "errors" not in answer
    assert graphql.build_client_schema(answer["data"]).query_type is not None


async def test_the_schema_may_not_be_asked_for_again_and_again() -> None:
    def asked(times: int) -> str:
        head, _, fragments = INTROSPECTION.partition("fragment FullType")
        schema = head.strip().removesuffix("}").partition("__schema")[2]
        return "query { " + repeated(times, f"a#: __schema {schema}") + " } fragment FullType" + fragments

    assert "errors" not in await graph().execute(asked(2))
    assert await refusal(graph(), asked(4)) == (
        "LIMIT_EXCEEDED",
        "the operation asks for more than 3 times the whole schema",
    )


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name } } }",
        '{ one t: __type(name: "Thing") { name } }',
        "{ ...A } fragment A on Query { ... { __schema { types { name } } } }",
    ],
)
async def test_a_server_may_keep_its_schema_to_itself(query: str) -> None:
    assert await refusal(graph(introspection=False), query) == (
        "INTROSPECTION_DISABLED",
        "this server does not show its schema",
    )
    answer = await graph(introspection=False).execute("{ __typename one }")
    assert answer == {"data": {"__typename": "Query", "one": 1}}


async def test_a_server_may_keep_names_that_resemble_to_itself() -> None:
    wrong_field = "{ things { nam } }"
    wrong_input = "query($wish: Wish) { one(wish: $wish) }"
    for shown in (True, False):
        said = [
            (await refusal(graph(suggestions=shown), wrong_field))[1],
            (await refusal(graph(suggestions=shown), wrong_input, {"wish": {"wrd": ""}}))[1],
        ]
        assert ["Did you mean" in message for message in said] == [shown, shown]


# -- every way in -----------------------------------------------------------------------------------------------------

LONG = "{ things { next { next { next { id } } } } }"


def test_a_limit_holds_however_an_operation_comes() -> None:
    digest = hashlib.sha256(LONG.encode()).hexdigest()
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    with running(App(graph(max_depth=3))) as root, asking(root) as client:
        answers = [
            client.post("/graphql", json={"query": LONG}),
            client.get("/graphql", params={"query": LONG}),
            client.post("/graphql", json={"query": LONG, "extensions": persisted}),
            client.post("/graphql", json={"extensions": persisted}),
        ]
        strict = client.post("/graphql", json={"query": LONG}, headers={"accept": "application/graphql-response+json"})
    for answer in (*answers, strict):
        [error] = answer.json()["errors"]
        assert error == {
            "message": "the operation is more than 3 levels deep",
            "extensions": {"code": "LIMIT_EXCEEDED"},
        }
    assert strict.status_code == 400
    assert backend.calls == []


# -- aside ------------------------------------------------------------------------------------------------------------


def preparing() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("weft-prepare")}


@pytest.mark.parametrize(
    ("query", "is_large"),
    [
        ("{ things { id } }", False),
        ("{ things { " + repeated(190, "a#: id ") + "} }", True),
        ("{ things { id } } " + "#" * 20_000, True),
    ],
)
async def test_a_large_document_is_prepared_in_a_thread(query: str, is_large: bool) -> None:
    served, before = graph(), preparing()
    assert "errors" not in await served.execute(query)
    assert bool(preparing() - before) == is_large


async def test_few_words_that_become_many_fields_are_planned_in_a_thread() -> None:
    served, before = graph(max_upstream_calls=None), preparing()
    fragment = "fragment F on Thing { " + repeated(80, "b#: id ") + "}"
    spread = "{ things { " + repeated(8, "a#: next { ...F } ") + "} } " + fragment
    assert scan(spread, Limits()) < 500
    assert (await served.execute(spread))["data"]["things"][0]["a7"]["b79"] == 1
    assert len(preparing() - before) == 1


LARGE = "{ things { " + repeated(190, "a#: id ") + "} }"


async def test_a_large_document_that_many_send_at_once_is_prepared_once() -> None:
    operations = graph().engine.operations
    first, *others = await asyncio.gather(*(operations.prepare(LARGE, None) for _ in range(5)))
    assert all(other is first for other in others)
    assert operations.known(LARGE, None) is first


async def test_a_large_document_that_is_refused_is_refused_for_all_who_sent_it() -> None:
    served = graph()
    answers = await asyncio.gather(*(served.execute(LARGE.replace("id", "wrong")) for _ in range(3)))
    codes = [answer["errors"][0]["extensions"]["code"] for answer in answers]
    assert codes == ["GRAPHQL_VALIDATION_FAILED"] * 3
