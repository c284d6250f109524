"""Load the graph that a command names: ``path/to/file.py`` or ``file.py:attribute``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

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
    if not _is_file(path):
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


def _is_file(path: Path) -> bool:
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
