"""Targets: a file gives its graph, or one line says why it does not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from graph import Graph
from graph.target import TargetError, load

GRAPH = (
    "import strawberry\n"
    "from graph import Graph\n"
    "@strawberry.type\n"
    "class Query:\n"
    "    @strawberry.field\n"
    "    def name(self) -> str:\n"
    "        return 'loom'\n"
)
REST = (
    "import strawberry\n"
    "from graph import Graph\n"
    "from sources import ApiKey, Rest\n"
    "a = Rest('a', 'http://a.example', auth=ApiKey('X-Key', env='WEFT_TEST_KEY_THAT_NOBODY_SETS'))\n"
    "@strawberry.type\n"
    "class Query:\n"
)


def write(folder: Path, text: str, name: str = "made.py") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(target: str) -> str:
    with pytest.raises(TargetError) as caught:
        load(target)
    return str(caught.value)


# -- what loads -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribute", "suffix"), [("graph", ""), ("graph", ":graph"), ("other", ":other"), ("_g", ":_g")]
)
def test_a_target_is_a_file_and_perhaps_an_attribute(tmp_path: Path, attribute: str, suffix: str) -> None:
    path = write(tmp_path, f"{GRAPH}{attribute} = Graph(query=Query)\n")
    found = load(path + suffix)
    assert isinstance(found, Graph)
    assert found.sdl() == "type Query {\n  name: String!\n}\n"


def test_a_path_may_hold_colons_dots_and_spaces(tmp_path: Path) -> None:
    folder = tmp_path / "a:b c.d"
    folder.mkdir()
    path = write(folder, f"{GRAPH}graph = Graph(query=Query)\n", "my graph.v2.py")
    assert load(path).sdl() == load(f"{path}:graph").sdl()


def test_a_relative_path_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, f"{GRAPH}graph = Graph(query=Query)\n")
    monkeypatch.chdir(tmp_path)
    assert load("made.py").sdl() == load("./made.py:graph").sdl()


def test_a_file_finds_the_modules_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "NAME = 'shuttle'\n", "weft_test_beside.py")
    text = GRAPH.replace("'loom'", "weft_test_beside.NAME")
    path = write(tmp_path, f"import weft_test_beside\n{text}graph = Graph(query=Query)\n")
    assert isinstance(load(path), Graph)


async def test_a_resolver_may_import_a_module_beside_its_file(tmp_path: Path) -> None:
    write(tmp_path, "NAME = 'treadle'\n", "weft_test_later.py")
    text = GRAPH.replace("        return 'loom'", "        import weft_test_later\n        return weft_test_later.NAME")
    found = load(write(tmp_path, f"{text}graph = Graph(query=Query)\n"))
    assert await found.execute("{ name }") == {"data": {"name": "treadle"}}


def test_two_files_of_one_name_are_two_graphs(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        text = GRAPH.replace("def name", f"def {name}")
        found.append(load(write(folder, f"{text}graph = Graph(query=Query)\n")).sdl())
    assert found == ["type Query {\n  one: String!\n}\n", "type Query {\n  two: String!\n}\n"]


def test_a_file_that_is_loaded_again_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, f"{GRAPH}graph = Graph(query=Query)\n")
    load(path)
    write(tmp_path, f"{GRAPH.replace('def name', 'def another_name')}graph = Graph(query=Query)\n")
    assert "anotherName" in load(path).sdl()


def test_annotations_may_be_texts(tmp_path: Path) -> None:
    text = f"from __future__ import annotations\n{GRAPH}graph = Graph(query=Query)\n"
    assert isinstance(load(write(tmp_path, text)), Graph)


def test_a_missing_secret_is_no_fault_of_loading(tmp_path: Path) -> None:
    path = write(tmp_path, f"{REST}    @a.get('/b')\n    def b(self) -> str: ...\ngraph = Graph(query=Query)\n")
    assert "b: String!" in load(path).sdl()


# -- what does not ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ":graph", ":", ":a.b", ":1", "::graph"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, suffix: str) -> None:
    said = refusal(f"{tmp_path}/nothing.py{suffix}")
    assert "nothing.py" in said
    assert said.endswith(": no such file")


@pytest.mark.parametrize("target", ["", ":", ":graph", ".", "/", "graph"])
def test_what_names_no_file_is_refused(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(target).endswith("no such file")


def test_a_folder_is_no_file_even_with_the_right_ending(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    assert refusal(str(tmp_path / "folder.py")).endswith(": no such file")


@pytest.mark.parametrize("name", ["data.json", "made.pyc", "made.PY", "made", "made.py.txt", ".py"])
def test_a_file_that_is_not_python_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(write(tmp_path, "graph = 1\n", name)).endswith(": not a Python file")


@pytest.mark.parametrize("target", ["x" * 300 + ".py", "query { a }" * 500])
def test_a_name_that_is_too_long_is_no_file(target: str) -> None:
    assert refusal(target).endswith(": no such file")


def test_a_name_with_a_nul_is_no_file() -> None:
    assert refusal("a\0b.py").endswith(": no such file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = (\n", ":2: SyntaxError"),
        ("x = 1\n\n\nraise RuntimeError('no')\n", ":4: RuntimeError: no"),
        ("def f():\n    return 1 / 0\n\nf()\n", ":2: ZeroDivisionError: division by zero"),
        ("import weft_no_such_module\n", ":1: ModuleNotFoundError: No module named 'weft_no_such_module'"),
        ("import os\nos.environ['WEFT_TEST_NOTHING']\n", ":2: KeyError: 'WEFT_TEST_NOTHING'"),
        ("import sys\nsys.exit(3)\n", ":2: SystemExit: 3"),
        ("x = '\n", ":1: SyntaxError"),
        ("  x = 1\n", ":1: IndentationError"),
        ("def f(): f()\nf()\n", "RecursionError"),
        ("\0", "null bytes"),
    ],
)
def test_a_file_that_fails_is_told_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    message = refusal(path)
    assert message.startswith(path)
    assert said in message
    assert "\n" not in message


def test_a_relative_path_is_told_by_its_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "x = 1\nraise RuntimeError('no')\n")
    monkeypatch.chdir(tmp_path)
    assert refusal("made.py") == "made.py:2: RuntimeError: no"


def test_a_syntax_error_in_another_file_is_not_placed_in_the_target(tmp_path: Path) -> None:
    write(tmp_path, "\n\n\nx = (\n", "weft_test_broken.py")
    path = write(tmp_path, "import weft_test_broken\n")
    assert refusal(path).startswith(f"{path}:1: SyntaxError: ")


def test_a_message_of_several_lines_becomes_one(tmp_path: Path) -> None:
    assert "\n" not in refusal(write(tmp_path, "raise RuntimeError('first\\nsecond')\n"))


def test_a_file_in_another_encoding_fails(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    path.write_bytes(b"name = 'caf\xe9'\n")
    assert "SyntaxError" in refusal(str(path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_fails(tmp_path: Path) -> None:
    path = write(tmp_path, GRAPH)
    Path(path).chmod(0)
    assert "PermissionError" in refusal(path)


@pytest.mark.parametrize(
    ("text", "suffix", "said"),
    [
        ("", "", "has no attribute 'graph'"),
        ("", ":other", "has no attribute 'other'"),
        ("graph = 7\n", "", "is not a Graph: 'graph'"),
        ("graph = 'Graph'\n", "", "is not a Graph: 'graph'"),
        ("from graph import Graph\ngraph = Graph\n", "", "is not a Graph: 'graph'"),
        ("import graph\n", "", "is not a Graph: 'graph'"),
        (f"{GRAPH}def graph():\n    return Graph(query=Query)\n", "", "is not a Graph: 'graph'"),
        pytest.param("graph = None\n", "", "is not a Graph: 'graph'"),
    ],
)
def test_an_attribute_that_is_no_graph_is_named(tmp_path: Path, text: str, suffix: str, said: str) -> None:
    path = write(tmp_path, text)
    assert refusal(path + suffix) == f"{path} {said}; a target is FILE.py or FILE.py:ATTRIBUTE"


def test_every_fault_of_a_graph_is_told(tmp_path: Path) -> None:
    stubs = "    @a.get('/one/{x}')\n    def one(self) -> str: ...\n    @a.get('two')\n    def two(self) -> str: ...\n"
    path = write(tmp_path, f"{REST}{stubs}graph = Graph(query=Query)\n")
    said = refusal(path)
    assert said.startswith(f"{path}: the graph has 3 faults:\n")
    assert "Query.one: nobody supplies {x}" in said
    assert "Query.two: template 'two'" in said
    assert "WEFT_TEST_KEY_THAT_NOBODY_SETS" in said


def test_the_import_path_is_as_it_was_after_a_failure(tmp_path: Path) -> None:
    before = list(sys.path)
    refusal(write(tmp_path, "raise ValueError\n"))
    assert sys.path == before


def test_a_file_may_change_the_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    text = (
        f"import sys\n{GRAPH}sys.path = [p for p in sys.path if p != {str(tmp_path)!r}]\ngraph = Graph(query=Query)\n"
    )
    assert isinstance(load(write(tmp_path, text)), Graph)


def test_a_field_that_hides_its_source_is_explained(tmp_path: Path) -> None:
    text = (
        "import strawberry\nfrom graph import Graph\nfrom sources import Rest\n"
        "posts = Rest('posts', 'http://posts.example')\n"
        "@strawberry.type\nclass Query:\n"
        "    @posts.get('/posts')\n    def posts(self) -> list[str]: ...\n"
        "    @posts.get('/users')\n    def users(self) -> list[str]: ...\n"
    )
    assert refusal(write(tmp_path, text)).endswith("hides the source in the rest of its class: rename one of them)")
