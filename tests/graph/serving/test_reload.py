"""`weft serve --reload` in a process of its own, whose files are edited while it serves."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from graph.reloading import Reloading
from graph.target import TargetError, folder_of, load, load_again, modules_of
from tests.graph.serving.backend import Gateway, until
from tests.graph.serving.command import is_ready, serving

TARGET = """
import asyncio
import strawberry
from graph import Graph
from weft_test_beside import WORD
from collections.abc import AsyncIterator
@strawberry.type
class Query:
    @strawberry.field
    def word(self) -> str:
        return WORD
    @strawberry.field
    def late(self) -> str:
        from weft_test_parts.late import WORD
        return WORD
@strawberry.type
class Subscription:
    @strawberry.subscription
    async def words(self) -> AsyncIterator[str]:
        while True:
            yield WORD
            await asyncio.sleep(0.02)
graph = Graph(query=Query, subscription=Subscription)
"""
FILES = {
    "weft_test_beside.py": "WORD = 'one'\n",
    "weft_test_parts/__init__.py": "",
    "weft_test_parts/late.py": "WORD = 'late'\n",
    "made.py": TARGET,
}
WORDS = {"query": "subscription { words }"}
EVENTS = {"accept": "text/event-stream"}
BEFORE = "weft: the graph before is still served"


class Stage(NamedTuple):
    folder: Path
    gateway: Gateway
    said: queue.Queue[str]
    process: subprocess.Popen[str]

    def edit(self, name: str, text: str) -> None:
        """Change a file at once, as editors do."""
        draft = self.folder / "draft"
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.folder / name)

    def hears(self, pattern: str) -> str:
        """Wait until the server has said a line of this form; what it said before is passed over."""
        while True:
            line = self.said.get(timeout=40)
            if re.fullmatch(pattern, line):
                return line

    def serves(self, query: str, **answer: str) -> None:
        """Wait until a query is answered like this."""
        until(lambda: self.gateway.ask(query) == {"data": answer}, 40)

    def restore(self) -> None:
        """Put all files back as they were, and wait until that is served."""
        for name, text in FILES.items():
            path = self.folder / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                self.edit(name, text)
        self.serves("{ word late }", word="one", late="late")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("reload")
    (folder / "weft_test_parts").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    with serving(f"{folder / 'made.py'}:graph", "--reload") as (gateway, process):
        said: queue.Queue[str] = queue.Queue()
        listening = threading.Thread(target=listen, args=(process, said))
        listening.start()
        until(lambda: is_ready(gateway), 40)
        yield Stage(folder, gateway, said, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        listening.join()
    assert "Traceback" not in "".join(said.queue)


def listen(process: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        said.put(line.rstrip("\n"))


@pytest.fixture
def stage(server: Stage) -> Iterator[Stage]:
    yield server
    server.restore()


def test_an_edit_is_served_and_said(stage: Stage) -> None:
    stage.edit("made.py", TARGET.replace("def word", "def another_word"))
    stage.hears(r"weft: reloaded in \d+ ms")
    stage.serves("{ anotherWord }", anotherWord="one")


def test_an_edit_of_a_module_beside_it_counts_even_of_the_same_length_and_second(stage: Stage) -> None:
    for word in ("two", "six", "ten"):
        stage.edit("weft_test_beside.py", f"WORD = '{word}'\n")
        stage.hears(r"weft: reloaded in \d+ ms")
        stage.serves("{ word }", word=word)


def test_an_edit_of_a_module_of_a_package_below_it_counts(stage: Stage) -> None:
    assert stage.gateway.ask("{ late }") == {"data": {"late": "late"}}
    stage.edit("weft_test_parts/late.py", "WORD = 'later'\n")
    stage.hears(r"weft: reloaded in \d+ ms")
    stage.serves("{ late }", late="later")


def test_a_mistake_is_told_by_its_line_and_the_graph_before_is_served_until_it_is_mended(stage: Stage) -> None:
    assert stage.gateway.ask("{ late }") == {"data": {"late": "late"}}
    stage.edit("made.py", TARGET + "x = (\n")
    stage.hears(r"weft: .*/made\.py:24: SyntaxError: '\(' was never closed .*")
    stage.hears(BEFORE)
    assert stage.gateway.ask("{ word late }") == {"data": {"word": "one", "late": "late"}}
    stage.edit("made.py", TARGET.replace("def word", "def mended"))
    stage.hears(r"weft: reloaded in \d+ ms")
    stage.serves("{ mended }", mended="one")


def test_a_mistake_beside_it_is_told_and_the_graph_before_is_served(stage: Stage) -> None:
    stage.edit("weft_test_beside.py", "WORD = nothing\n")
    stage.hears(r"weft: .*/made\.py:5: NameError: name 'nothing' is not defined")
    stage.hears(BEFORE)
    assert stage.gateway.ask("{ word late }") == {"data": {"word": "one", "late": "late"}}


def test_a_secret_that_is_not_set_is_told_and_the_graph_before_is_served(stage: Stage) -> None:
    source = (
        "from sources import Bearer, Rest\n"
        "one = Rest('one', 'http://one.example', auth=Bearer(env='WEFT_TEST_NEVER_SET'))\n"
    )
    stub = "class Query:\n    @one.get('/kept')\n    def kept(self) -> str: ...\n"
    stage.edit("made.py", source + TARGET.replace("class Query:\n", stub))
    stage.hears(r"weft: .*/made\.py:graph: the graph has 1 fault:")
    stage.hears(r"  source 'one': the environment variable WEFT_TEST_NEVER_SET is not set")
    stage.hears(BEFORE)
    assert stage.gateway.ask("{ word }") == {"data": {"word": "one"}}


def test_a_file_may_go_and_come_back(stage: Stage) -> None:
    (stage.folder / "made.py").unlink()
    stage.hears(r"weft: .*/made\.py: no such file")
    stage.hears(BEFORE)
    assert stage.gateway.ask("{ word }") == {"data": {"word": "one"}}
    stage.edit("made.py", TARGET.replace("def word", "def back"))
    stage.hears(r"weft: reloaded in \d+ ms")
    stage.serves("{ back }", back="one")


def test_connections_stay_open(stage: Stage) -> None:
    with stage.gateway.connect() as connection:
        connection.settimeout(20)
        assert greeted(connection, "{ word }") == b'{"data":{"word":"one"}}'
        stage.edit("weft_test_beside.py", "WORD = 'two'\n")
        stage.hears(r"weft: reloaded in \d+ ms")
        stage.serves("{ word }", word="two")
        assert greeted(connection, "{ word }") == b'{"data":{"word":"two"}}'


def test_a_stream_goes_on_over_the_other_graph_and_ends_with_an_error_when_that_does_not_know_it(stage: Stage) -> None:
    with stage.gateway.client.stream("GET", stage.gateway.url, params=WORDS, headers=EVENTS) as response:
        lines = response.iter_lines()
        heard = 'data: {"data":{"words":"%s"}}'
        assert heard % "one" in lines
        stage.edit("weft_test_beside.py", "WORD = 'two'\n")
        assert heard % "two" in lines
        stage.edit("made.py", TARGET.replace("async def words", "async def others"))
        stage.hears(r"weft: reloaded in \d+ ms")
        *_, said, _, event, _, _ = lines
    assert said.startswith('data: {"errors":[{"message":"the graph has changed, and the subscription does not fit it')
    assert event == "event: complete"


def greeted(connection: socket.socket, query: str) -> bytes:
    """Ask over a connection that stays open; give the answer's body."""
    body = b'{"query": "%b"}' % query.encode()
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    said = b""
    while not said.endswith(b"}}"):
        piece = connection.recv(65536)
        assert piece
        said += piece
    return said.partition(b"\r\n\r\n")[2]


def test_many_edits_do_not_make_it_grow(stage: Stage) -> None:
    def edit(number: int) -> None:
        stage.edit("weft_test_beside.py", f"WORD = 'number {number}'\n")
        stage.serves("{ word }", word=f"number {number}")

    for number in range(10):
        edit(number)
    open_before, bytes_before = opened(stage.process.pid), resident_bytes(stage.process.pid)
    for number in range(10, 40):
        edit(number)
    assert opened(stage.process.pid) < open_before + 10
    assert resident_bytes(stage.process.pid) < bytes_before + 5_000_000


def opened(pid: int) -> int:
    """Count the files and sockets that a process has open."""
    folder = Path(f"/proc/{pid}/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def resident_bytes(pid: int) -> int:
    """Give the memory that a process takes."""
    path = Path(f"/proc/{pid}/statm")
    return int(path.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if path.exists() else 0


# -- loading again ----------------------------------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "weft_test_parts").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = set(sys.modules)
    yield str(tmp_path / "made.py")
    for name in set(sys.modules) - before:
        del sys.modules[name]


def imported(*names: str) -> list[ModuleType]:
    return [sys.modules[name] for name in names]


def test_what_is_loaded_again_is_imported_again(target: str) -> None:
    load(target)
    names = ("weft_target_made", "weft_test_beside")
    before = imported(*names)
    load_again(target)
    assert all(new is not old for new, old in zip(imported(*names), before, strict=True))


def test_what_cannot_be_loaded_again_leaves_what_was_imported(target: str) -> None:
    load(target)
    names = ("weft_target_made", "weft_test_beside")
    before = imported(*names)
    (folder_of(target) / "made.py").write_text(TARGET + "import weft_test_parts\n1 / 0\n", encoding="utf-8")
    with pytest.raises(TargetError, match="ZeroDivisionError"):
        load_again(target)
    assert imported(*names) == before
    assert "weft_test_parts" not in sys.modules


def test_a_package_holds_the_module_that_was_put_back(target: str) -> None:
    load(target)
    import weft_test_parts.late  # type: ignore[import-not-found]  # made by the fixture

    before = weft_test_parts.late
    (folder_of(target) / "made.py").write_text("import weft_test_parts.late\n1 / 0\n", encoding="utf-8")
    with pytest.raises(TargetError):
        load_again(target)
    import weft_test_parts.late

    assert weft_test_parts.late is before


def test_wefts_own_modules_and_libraries_are_imported_once() -> None:
    # As where the folder of a graph is also that of Weft's sources, and of the virtual environment.
    found = modules_of(Path(__file__).resolve().parents[3])
    assert "tests.graph.serving.backend" in found
    packages = {name.partition(".")[0] for name in {**found, **modules_of(Path("/"))}}
    assert packages.isdisjoint({"graph", "resolvers", "sources", "strawberry", "asyncio", "watchfiles"})


async def test_a_folder_that_cannot_be_watched_is_told_and_serving_goes_on(tmp_path: Path) -> None:
    said: list[str] = []

    def nothing(*_: Any) -> Any:
        raise AssertionError("nothing has changed")

    await Reloading([tmp_path / "nowhere"], (".py",), nothing, nothing, said.append).run()
    [line] = said
    assert line.startswith(f"{tmp_path / 'nowhere'} cannot be watched, so changes are not noticed: ")
