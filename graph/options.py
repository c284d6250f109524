"""The options of all commands that take targets, declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from graph.targets import Targets

_PANEL = "OpenAPI documents"
_Several = list[str] | None


def _option(name: str, metavar: str | None, told: str, **bounds: Any) -> Any:
    return typer.Option(envvar=f"WEFT_{name}", metavar=metavar, help=told, rich_help_panel=_PANEL, **bounds)


def _switch(name: str, told: str) -> Any:
    variable = f"WEFT_{name.replace('-', '_').upper()}"
    return typer.Option(f"--{name}", envvar=variable, help=told, rich_help_panel=_PANEL)


def _targets(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET",
            help="FILE.py or FILE.py:ATTRIBUTE (default: graph); or OpenAPI documents: PATH, URL, NAME=PATH.",
        ),
    ],
    include: Annotated[
        _Several,
        _option(
            "INCLUDE",
            "PATTERN",
            "Take only operations like this: their ids, tag:TAG, 'GET /path/*'; NAME:PATTERN for one document.",
        ),
    ] = None,
    exclude: Annotated[_Several, _option("EXCLUDE", "PATTERN", "Leave these operations out.")] = None,
    rename: Annotated[_Several, _option("RENAME", "OLD=NEW", "Name an operation or a type.")] = None,
    prefix: Annotated[
        _Several, _option("PREFIX", "[NAME=]PREFIX", "Put this in front of the names of fields and types.")
    ] = None,
    url: Annotated[
        _Several,
        _option("URL", "[NAME=]URL", "The backend's base address, where the document's own is not meant."),
    ] = None,
    reads: Annotated[
        _Several, _option("READS", "PATTERN", "Operations that change nothing though they are no GET.")
    ] = None,
    forward: Annotated[
        _Several, _option("FORWARD", "[NAME=]HEADER", "Pass this header of clients on to the backend.")
    ] = None,
    ttl: Annotated[float | None, _option("TTL", None, "Seconds an answer may be reused.", min=0)] = None,
    allow_remote_refs: Annotated[bool, _switch("allow-remote-refs", "Follow references to other addresses.")] = False,
    allow_private: Annotated[
        bool, _switch("allow-private", "Let documents from the network name private addresses.")
    ] = False,
    auto_link: Annotated[bool, _switch("auto-link", "Add obvious links between types.")] = False,
    results: Annotated[bool, _switch("results", "Give documented errors as results with types.")] = False,
) -> Targets:
    return Targets(
        targets=targets,
        include=include or [],
        exclude=exclude or [],
        rename=rename or [],
        prefix=prefix or [],
        reads=reads or [],
        url=url or [],
        forward=forward or [],
        ttl=ttl,
        allow_remote_refs=allow_remote_refs,
        allow_private=allow_private,
        auto_link=auto_link,
        results=results,
    )


def with_targets(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes TARGET... and the options of documents, where the function takes `Targets` first."""
    shared = inspect.signature(_targets).parameters
    own = list(inspect.signature(command).parameters.values())[1:]
    first, *options = shared.values()
    hints = {
        **get_type_hints(command, include_extras=True),
        **get_type_hints(_targets, include_extras=True),
        "return": None,
    }

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(_targets(**{name: given.pop(name) for name in shared}), **given)

    shown = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in (first, *own, *options)
    ]
    del run.__dict__["__wrapped__"]  # it would show its own parameters instead
    run.__dict__["__signature__"] = inspect.Signature(shown)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run
