"""The table of settings is what the code has: each setting with its option, its variable and its default."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import typer

from graph import App, Graph, Limits, Trust
from graph.main import app, serve
from graph.offer import Offer
from graph.settings import settings_of
from graph.trust import JWT_VARIABLES, KEYS_VARIABLE
from sources import Rest
from sources.openapi import OpenAPI

TABLE = (Path(__file__).resolve().parent.parent / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(Trust|Limits|App)\((\w+)\)` \|(.*?)\|(.*?)\| (.*?) \| .+ \|$", re.MULTILINE)
OTHER = re.compile(r"^\| `(App|graph|Graph|Rest|OpenAPI)[.(](\w+).*?` \|(.*?)\|(.*?)\| (.*?) \| .+ \|$", re.MULTILINE)
SAID = ("`Policy()`", "this machine's")  # instead of None
IN_PRODUCTION = ("introspection", "suggestions")  # the other limits are in the README


def rows() -> dict[tuple[str, str], tuple[str, str, str]]:
    found = {}
    for place, name, option, variable, default in ROW.findall(TABLE):
        found[place, name] = (option.strip(), variable.strip(), default.strip())
    return found


def written(value: Any) -> str:
    """Write a default as the table has it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value == ():
        return "none"
    return value if isinstance(value, str) else f"{value:,.10g}"


def defaults() -> dict[tuple[str, str], str]:
    trust = {("Trust", field.name): field.default for field in dataclasses.fields(Trust)}
    limits = {("Limits", name): getattr(Limits(), name) for name in IN_PRODUCTION}
    parameters = inspect.signature(App).parameters
    app = {("App", field.name): parameters[field.name].default for field in dataclasses.fields(Offer)}
    return {place: written(value) for place, value in {**trust, **limits, **app}.items()}


def test_each_setting_is_in_the_table_with_its_default() -> None:
    assert {place: default for place, (_, _, default) in rows().items()} == defaults()


def test_each_variable_is_in_the_table() -> None:
    own = {"rates": "WEFT_RATES", "proxies": "WEFT_PROXIES", "proxy_header": "WEFT_PROXY_HEADER"}
    variables = {**settings_of(Trust), **settings_of(Offer), **own}
    variables |= {name: settings_of(Limits)[name] for name in IN_PRODUCTION}
    told = {name: variable.strip("`") for (_, name), (_, variable, _) in rows().items() if variable}
    assert told == variables


def test_each_option_is_in_the_table() -> None:
    told = set(re.findall(r"`--([a-z-]+)`", TABLE.partition("## Settings")[2].partition("What else stands between")[0]))
    named = {**{name: name.replace("_", "-") for name in inspect.signature(serve).parameters}, "rates": "rate"}
    jwt = {name.removeprefix("WEFT_").lower().replace("_", "-") for name in JWT_VARIABLES.values()}
    settings = {name for _, name in rows()}
    options = {option for name, option in named.items() if name in settings}
    switches = {f"no-{name}" for (_, name) in rows() if f"no-{name}" in told}
    assert told - jwt == options | switches | {KEYS_VARIABLE.removeprefix("WEFT_").lower()}
    assert jwt <= {name.replace("_", "-") for name in inspect.signature(serve).parameters}


def test_each_other_setting_is_what_the_code_has() -> None:
    others = OTHER.findall(TABLE.partition("What else stands between")[2].partition("**Production.**")[0])
    assert len(others) == 9
    command = typer.main.get_command(app).get_command(None, "serve")  # type: ignore[attr-defined]  # it is a group
    options = {option.opts[0]: option.envvar for option in command.params}
    kinds: dict[str, Any] = {"Graph": Graph, "Rest": Rest, "OpenAPI": OpenAPI}
    for place, name, option, variable, default in others:
        if option.strip():
            assert options[option.strip(" `")] == variable.strip(" `")
        if place in kinds and default not in SAID:
            assert default == written(inspect.signature(kinds[place]).parameters[name].default)
