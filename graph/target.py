"""Load the graph that a command names: ``path/to/file.py`` or ``file.py:attribute``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from graph.errors import GraphError
from graph.graph import Graph


class TargetError(Exception):
    """A target that gives no graph; the message is one line for the person at the terminal."""


def load(target: str) -> Graph:
    """Import the file and give its graph.

    Raises:
        TargetError: no such file or attribute, the file fails, or the graph has faults.
    """
    path_text, attribute = _split(target)
    path = Path(path_text)
    if not path.is_file():
        raise TargetError(f"{path_text}: no such file")
    if path.suffix != ".py":
        raise TargetError(f"{path_text}: not a Python file")
    name = f"weft_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path_text}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except GraphError as exc:
        raise TargetError(f"{path_text}: {exc}") from exc
    except (Exception, SystemExit) as exc:
        raise TargetError(f"{path_text}{_line(exc, path)}: {type(exc).__name__}: {exc}") from exc
    finally:
        sys.path.remove(str(path.resolve().parent))
    found = getattr(module, attribute, None)
    if not isinstance(found, Graph):
        problem = "has no attribute" if found is None else "is not a Graph:"
        raise TargetError(f"{path_text} {problem} {attribute!r}; a target is FILE.py or FILE.py:ATTRIBUTE")
    return found


def _split(target: str) -> tuple[str, str]:
    path, colon, attribute = target.rpartition(":")
    if colon and attribute.isidentifier() and path:
        return path, attribute
    return target, "graph"


def _line(exc: BaseException, path: Path) -> str:
    """Give ``:line`` of the deepest place inside the file where it failed."""
    if isinstance(exc, SyntaxError) and exc.lineno:
        return f":{exc.lineno}"
    line = 0
    trace = exc.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""
