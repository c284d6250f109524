"""The options of all commands that take targets, declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from graph.targets import Targets

_PANEL = "OpenAPI documents"


def _targets(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET",
            help="FILE.py or FILE.py:ATTRIBUTE (default: graph); or OpenAPI documents: PATH, URL, NAME=PATH.",
        ),
    ],
    include: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WEFT_INCLUDE",
            metavar="PATTERN",
            help="Take only operations like this: their ids, tag:TAG, 'GET /path/*'; NAME:PATTERN for one document.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WEFT_EXCLUDE", metavar="PATTERN", help="Leave these operations out.", rich_help_panel=_PANEL
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WEFT_RENAME", metavar="OLD=NEW", help="Name an operation or a type.", rich_help_panel=_PANEL
        ),
    ] = None,
    prefix: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WEFT_PREFIX",
            metavar="[NAME=]PREFIX",
            help="Put this in front of the names of fields and types.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WEFT_URL",
            metavar="[NAME=]URL",
            help="The backend's base address, where the document's own is not meant.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    reads: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WEFT_READS",
            metavar="PATTERN",
            help="Operations that change nothing though they are no GET.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    forward: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WEFT_FORWARD",
            metavar="[NAME=]HEADER",
            help="Pass this header of clients on to the backend.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    ttl: Annotated[
        float | None,
        typer.Option(envvar="WEFT_TTL", min=0, help="Seconds an answer may be reused.", rich_help_panel=_PANEL),
    ] = None,
    allow_remote_refs: Annotated[
        bool,
        typer.Option(
            "--allow-remote-refs",
            envvar="WEFT_ALLOW_REMOTE_REFS",
            help="Follow references to other addresses.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    auto_link: Annotated[
        bool,
        typer.Option(
            "--auto-link",
            envvar="WEFT_AUTO_LINK",
            help="Add obvious links between types.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    results: Annotated[
        bool,
        typer.Option(
            "--results",
            envvar="WEFT_RESULTS",
            help="Give documented errors as results with types.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
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
