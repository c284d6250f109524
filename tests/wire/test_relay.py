"""Relay's runtime with documents that Relay's compiler has compiled against the shop's schema."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph import App
from graph.target import load
from tests.serving import running
from tests.wire.shop import GRAPH, Outcomes, Shop, run

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed

SENT = "POST query,variables: 200 application/graphql-response+json"


@pytest.fixture(scope="module")
def relay(scripts: Path, shop: Shop) -> Iterator[Outcomes]:
    folder = scripts / "relay"
    (folder / "schema.graphql").write_text(shop.sdl, encoding="utf-8")
    (folder / "persisted.json").write_text("{}", encoding="utf-8")  # the compiler adds to it, and needs it to exist
    (folder / "persisted").mkdir()
    compile_documents(folder, "relay.config.json")
    compile_documents(folder, "persisted.config.json")
    graph = load(str(GRAPH))
    graph.trust(folder / "persisted.json")
    with running(App(graph)) as trusted:
        yield run("relay.mjs", scripts, shop, trusted=f"{trusted}/graphql")


def compile_documents(folder: Path, config: str) -> None:
    compiler = ["node", "../node_modules/relay-compiler/cli.js", config]
    compiled = subprocess.run(compiler, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert compiled.returncode == 0, compiled.stderr


def test_a_query_with_variables_aliases_and_a_masked_fragment_is_answered(relay: Outcomes) -> None:
    assert relay["query"] == {
        "masked": True,
        "card": {"id": "7", "name": "Oak Kettle 7", "priceCents": 6032},
        "latest": [{"stars": 3}],
        "reviews": [
            {"stars": 3, "createdAt": "2026-06-01T15:26:03+00:00"},
            {"stars": 3, "createdAt": "2026-05-02T02:55:40+00:00"},
        ],
        "sent": [SENT],
    }


def test_what_the_store_holds_needs_no_request(relay: Outcomes) -> None:
    assert relay["store"] == {"stars": 3, "sent": [SENT]}


def test_a_mutation_updates_the_store_and_what_the_next_query_sees(relay: Outcomes) -> None:
    assert relay["mutation"] == {
        "placed": {"status": "PLACED", "totalCents": 24128},
        "kept": [True, 3],
        "served": True,
        "note": "By Relay",
    }


def test_the_pages_of_a_connection_are_joined_in_the_store(relay: Outcomes) -> None:
    assert relay["pagination"] == {
        "names": ["Steel Clock 1", "Linen Tray 2", "Oak Clock 3", "Oak Tray 4", "Steel Mirror 5"],
        "more": True,
        "sent": [SENT, SENT],
    }


def test_an_error_of_a_field_leaves_null(relay: Outcomes) -> None:
    assert relay["fieldErrors"] == {"orders": None}


def test_a_backend_that_is_down_leaves_partial_data_and_an_error_that_the_fragment_catches(relay: Outcomes) -> None:
    facts = {"code": "UPSTREAM_UNAVAILABLE", "source": "inventory", "retryable": True}
    assert relay["partial"] == {
        "product": {"name": "Oak Kettle 7", "stock": {"ok": False, "errors": [{"extensions": facts}]}}
    }


def test_a_query_that_throws_on_field_errors_finds_them(relay: Outcomes) -> None:
    assert relay["throws"].startswith("Relay: Unexpected response payload")


def test_a_query_that_does_not_fit_the_schema_is_400_and_rejects_with_its_code(relay: Outcomes) -> None:
    refused = relay["invalid"]
    assert "Cannot query field 'weight' on type 'Order'." in refused.pop("message")
    assert refused == {
        "name": "RelayNetwork",
        "codes": ["GRAPHQL_VALIDATION_FAILED"],
        "sent": ["POST query,variables: 400 application/graphql-response+json"],
    }


def test_documents_of_the_compilers_manifest_run_by_their_ids(relay: Outcomes) -> None:
    assert relay["trusted"] == {
        "card": {"id": "7", "name": "Oak Kettle 7", "priceCents": 6032},
        "sent": ["POST doc_id,variables: 200 application/graphql-response+json"],
    }


def test_a_text_is_refused_where_documents_are_trusted(relay: Outcomes) -> None:
    assert relay["untrusted"] == {
        "codes": ["DOCUMENT_NOT_TRUSTED"],
        "sent": ["POST query,variables: 400 application/graphql-response+json"],
    }


def test_a_query_is_aborted_and_the_next_one_answered(relay: Outcomes) -> None:
    assert relay["abort"] == {"answered": False, "afterwards": "Oak Kettle 7"}
