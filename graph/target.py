"""Load the graph of a Python file: ``path/to/file.py`` or ``file.py:attribute``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

from graph.errors import GraphError
from graph.graph import Graph

_ABSENT = object()


class TargetError(Exception):
    """A target that gives no graph; the message is one line for the person at the terminal."""


def load(target: str) -> Graph:
    """Import the file and give its graph.

    Raises:
        TargetError: no such file or attribute, the file fails, or the graph has faults.
    """
    path_text, attribute = _split(target)
    path = Path(path_text)
    if not is_file(path):
        raise TargetError(f"{path_text}: no such file")
    if path.suffix != ".py":
        raise TargetError(f"{path_text}: not a Python file")
    whole = path.resolve()
    name = f"weft_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, whole)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path_text}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # Modules beside the file can be imported, also later, by a resolver; last, so that a file called graph.py does
    # not stand before the package of that name.
    before = list(sys.path)
    if str(whole.parent) not in sys.path:
        sys.path.append(str(whole.parent))
    try:
        spec.loader.exec_module(module)
    except GraphError as exc:
        sys.path[:] = before
        raise TargetError(f"{path_text}: {exc}") from exc
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        sys.path[:] = before
        said = " ".join(str(exc).split())
        if isinstance(exc, AttributeError) and said.startswith("'function' object has no attribute"):
            said += " (a field named like a source hides the source in the rest of its class: rename one of them)"
        raise TargetError(f"{path_text}{_line(exc, whole)}: {type(exc).__name__}: {said}") from exc
    found = getattr(module, attribute, _ABSENT)
    if not isinstance(found, Graph):
        problem = "has no attribute" if found is _ABSENT else "is not a Graph:"
        raise TargetError(f"{path_text} {problem} {attribute!r}; a target is FILE.py or FILE.py:ATTRIBUTE")
    return found


def folder_of(target: str) -> Path:
    """Give the folder of a target's file."""
    return Path(_split(target)[0]).resolve().parent


def load_again(target: str) -> Graph:
    """Give the graph as its file, and the modules in and below its folder, are now.

    Raises:
        TargetError: as `load`; what was imported before is in its place again.
    """
    before = modules_of(folder_of(target))
    _forget(before)
    importlib.invalidate_caches()
    try:
        return load(target)
    except TargetError:
        _forget(modules_of(folder_of(target)))
        sys.modules.update(before)
        for name, module in before.items():
            package, _, last = name.rpartition(".")
            if package in sys.modules:
                setattr(sys.modules[package], last, module)
        raise


def _forget(modules: dict[str, ModuleType]) -> None:
    for name in modules:
        del sys.modules[name]


def modules_of(folder: Path) -> dict[str, ModuleType]:
    """Give the modules in Python whose files are in or below a folder, but those of Weft and of libraries."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    weft = Path(__file__).resolve().parents[1]
    roots = [*map(sysconfig.get_path, kinds), *(str(weft / name) for name in ("graph", "resolvers", "sources"))]
    apart = tuple(os.path.join(os.path.realpath(root), "") for root in roots)
    found = {}
    for name, module in tuple(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and isinstance(file, str) and file.endswith(".py"):
            path = os.path.realpath(file)
            if path.startswith(os.path.join(folder, "")) and not path.startswith(apart):
                found[name] = module
    return found


def is_python(target: str) -> bool:
    """Tell whether a target names a Python file, whether it is there or not."""
    return Path(_split(target)[0]).suffix == ".py"


def is_file(path: Path) -> bool:
    """Tell whether there is such a file; a name that cannot be one is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that the file system does not take
        return False


def _split(target: str) -> tuple[str, str]:
    path, colon, attribute = target.rpartition(":")
    if colon and attribute.isidentifier() and path:
        return path, attribute
    return target, "graph"


def _line(exc: BaseException, path: Path) -> str:
    """Give ``:line`` of the deepest place inside the file where it failed."""
    if isinstance(exc, SyntaxError) and exc.lineno and exc.filename == str(path):
        return f":{exc.lineno}"
    line = 0
    trace = exc.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""
