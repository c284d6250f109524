"""The options of commands: those of all that take targets, declared once, and those that are settings of a server.

A setting is what the environment can say as well, so an option says it there: to this process, and to its workers.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, get_type_hints

import typer

from graph.settings import PREFIX
from graph.targets import Targets

_PANEL = "OpenAPI documents"
_TRUST = "Trust"
_SWITCHES = {
    "production": "Switch off introspection, suggestions, GraphiQL and /docs, unless each is switched on.",
    "introspection": "Whether clients may ask for the schema.",
    "suggestions": "Whether errors name what resembles a wrong name.",
    "graphiql": "Whether browsers that open the path get GraphiQL.",
    "csrf": "Whether a GET must show that no page of another origin has sent it.",
    "anonymous": "Whether clients may ask who show no credentials.",
}
_COUNTS = {
    "max_batch": "Requests in one JSON array; 0 refuses arrays.",
    "max_requests": "Requests under way at once; more are answered with 503.",
    "max_connections": "Connections open at once; more are answered with 503.",
    "max_connections_per_address": "Connections of one address open at once.",
}
_RATES = "What each client may ask, as requests=100/60s; may be given repeatedly."
_TEXTS = {
    "proxies": ("LIST", "Addresses and networks of proxies that say for whom they call."),
    "proxy_header": ("NAME", "The header in which they do."),
    "keys": ("PLACE", "Clients show API keys: a file, redis://..., or env:NAME of a variable."),
    "jwt_jwks": ("URL", "Clients show tokens, signed with the keys at this address."),
    "jwt_issuer": ("TEXT", "Whose tokens they are; without an address, its configuration says where its keys are."),
    "jwt_audience": ("LIST", "For whom tokens must be; one of these."),
    "jwt_env": ("NAME", "The environment variable that holds the keys, instead of an address."),
    "jwt_file": ("FILE", "The file that holds the keys, instead of an address."),
    "jwt_algorithms": ("LIST", "What tokens may be signed with; all that fit the keys."),
    "jwt_scopes": ("LIST", "The claims that say what a client may do."),
    "jwt_headers": ("LIST", "Claims sent to backends as headers: X-User=sub."),
    "jwt_cookie": ("NAME", "A cookie that holds the token, where no header does."),
    "jwt_leeway": ("SECONDS", "By how much clocks may differ."),
}
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


def _setting(told: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=told, rich_help_panel=_TRUST, **more)


@contextlib.contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _said(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _each(value: object) -> list[str]:
    return value if isinstance(value, list) else []


def _spelled(name: str) -> str:
    return "--rate" if name == "rates" else f"--{name.replace('_', '-')}"


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that has settings as options, and runs in an environment that says the same."""
    first, *own = inspect.signature(command).parameters.values()
    options = {
        **{name: Annotated[bool | None, _setting(told)] for name, told in _SWITCHES.items()},
        **{name: Annotated[int | None, _setting(told, min=0)] for name, told in _COUNTS.items()},
        **{name: Annotated[str | None, _setting(told, metavar=held)] for name, (held, told) in _TEXTS.items()},
        "rates": Annotated[list[str] | None, _setting(_RATES, "--rate", metavar="RATE")],
    }
    hints = get_type_hints(command, include_extras=True)

    def run(targets: Targets, **given: Any) -> None:
        said = {name: value for name in options if (value := given.pop(name)) not in (None, [])}
        # As `--keys "$KEYS"` is without that variable: a defence that somebody wanted would be off.
        if empty := [_spelled(name) for name, value in said.items() if "" in (value, *_each(value))]:
            raise typer.BadParameter("nothing is said", param_hint=", ".join(empty))
        with _environment({PREFIX + name.upper(): _said(value) for name, value in said.items()}):
            command(targets, **given)

    shown = [first.replace(annotation=hints[first.name])]
    shown += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own]
    shown += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in options.items()
    ]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__dict__["__signature__"] = inspect.Signature(shown)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run
