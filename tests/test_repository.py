"""Promises the repository makes about itself: its documents, its layout, its imports."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("graph", "resolvers", "sources")
PYTHON_FOLDERS = (*PACKAGES, "examples", "benchmarks", "tests")
LONGEST_FILE = 450

# A bracketed letter keeps each pattern from matching this file.
INDEX_ADDRESS = re.compile(
    r"p[y]pi\.org|python[h]osted\.org|registry\.n[p]mjs|registry\.y[a]rnpkg"
    r"|--(?:extra-)?index[-]url|--find[-]links|(?:PIP|UV)_[A-Z_]*INDEX[_]URL|PIP_FIND[_]LINKS"
    r"|https?://[^\s\"'<>]*/simp[l]e\b|\"resolved\": *\"[h]ttp",
    re.IGNORECASE,
)
REFERENCE = re.compile(r"(?<![\w./-])([\w./-]+\.py):([A-Za-z_][\w.]*)")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Yield the module of each import statement in a file; for ``from a import b`` that is ``a``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imports_names_from(path: Path, module: str) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.ImportFrom) and node.module == module for node in ast.walk(tree))


def defined_names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Yield what a module or class body defines: ``Graph``, ``Graph.execute``, ``graph``."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield prefix + node.name
            yield from defined_names(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            yield from (prefix + target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield prefix + node.target.id


def committed_files() -> list[Path]:
    """Give the files that git tracks or would add; without git, all files outside hidden folders."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        inside = (path for path in ROOT.rglob("*") if path.is_file())
        return [path for path in inside if not any(part.startswith(".") for part in path.parts[len(ROOT.parts) :])]
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_architecture_names_only_functions_that_exist() -> None:
    references = set(REFERENCE.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    missing = []
    for name, attribute in sorted(references):
        path = ROOT / name
        if not path.is_file() or attribute not in defined_names(ast.parse(path.read_text(encoding="utf-8")).body):
            missing.append(f"{name}:{attribute}")
    assert references
    assert missing == []


def test_every_test_folder_is_a_package() -> None:
    # tests/graph without an __init__ would shadow the package graph.
    folders = {path.parent for path in python_files("tests")}
    folders |= {parent for folder in folders for parent in folder.parents if ROOT / "tests" in parent.parents}
    assert [relative(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_committed_file_holds_an_index_address() -> None:
    found = []
    for path in committed_files():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{relative(path)}: {hit[0]}" for hit in INDEX_ADDRESS.finditer(text)]
    assert found == []


def test_graphql_core_is_imported_as_a_module() -> None:
    # `graph` is ours and `graphql` is not; `graphql.parse` tells the reader which one is meant.
    files = python_files(*PYTHON_FOLDERS)
    assert [relative(path) for path in files if imports_names_from(path, "graphql")] == []


def test_examples_import_only_what_the_packages_export() -> None:
    inner = tuple(f"{package}." for package in PACKAGES)
    found = [
        f"{relative(path)}: {module}"
        for path in python_files("examples")
        for module in imports(path)
        if module.startswith(inner)
    ]
    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_files_stay_short(package: str) -> None:
    lengths = {relative(path): len(path.read_bytes().splitlines()) for path in python_files(package)}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_changelog_covers_the_current_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {project["version"], "Unreleased"} & set(headings)


def test_architecture_lists_every_file_after_those_that_it_imports() -> None:
    listed = re.findall(
        r"^(?:  (\w+\.py) |([\w/]+)/ )", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    places: dict[str, int] = {}
    package = ""
    for name, folder in listed:
        package = folder or package
        if name and package.partition("/")[0] in PACKAGES:
            places[f"{package.replace('/', '.')}.{name.removesuffix('.py')}"] = len(places)
    files = [path for path in python_files(*PACKAGES) if path.name != "__init__.py"]
    names = {relative(path).removesuffix(".py").replace("/", "."): path for path in files}
    assert places.keys() == names.keys()
    early = [
        f"{name} before {module}"
        for name, path in names.items()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and (module := str(node.module)) in places
        if places[module] > places[name]
    ]
    assert early == []


def test_what_only_some_graphs_need_is_loaded_for_them_alone() -> None:
    some = {"redis", "yaml", "sources.openapi", "resolvers.openapi"}
    code = f"import sys, graph; print(*sorted({some} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "\n"


def test_what_is_loaded_later_is_found_where_it_is_looked_for() -> None:
    code = "from sources import OpenAPI, Redis; print(OpenAPI.__name__, Redis.__name__)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "OpenAPI Redis\n"
