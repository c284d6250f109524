"""The commands ``weft keys``: API keys made, listed and revoked."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from graph.apikey import ApiKeyRecord, id_of, new_key
from graph.apikeys import KEY_PREFIX, key_store_of
from graph.errors import GraphError
from graph.keystore import KeyStore, KeyStoreFailed
from graph.terminal import say, show

T = TypeVar("T")

keys = typer.Typer(name="keys", help="Make, list and revoke API keys.", no_args_is_help=True)

_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_Store = Annotated[
    str,
    typer.Option(
        envvar="WEFT_KEYS", metavar="PLACE", help="Where keys are kept: a file, redis://…, or env:NAME of a variable."
    ),
]
_Prefix = Annotated[str, typer.Option(help="In Redis: what the names of keys begin with.")]
_Json = Annotated[bool, typer.Option("--json", help="Say it as JSON.")]


@keys.command()
def create(
    store: _Store,
    name: Annotated[str, typer.Option(help="Whose it is, or what for.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; may be given repeatedly.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="After 90d, 12h, 8w; or at 2027-01-01, 2027-01-01T12:00Z.")
    ] = None,
    rate: Annotated[
        list[str] | None, typer.Option(help="A rate of its own, such as requests=100/60s; may be given repeatedly.")
    ] = None,
    prefix: _Prefix = KEY_PREFIX,
    json: _Json = False,
) -> None:
    """Make a key and print it, this once."""
    now = datetime.now(UTC).replace(microsecond=0)
    place = _place(store, prefix)
    scopes = dict.fromkeys(found for given in scope or [] for found in given.split())
    try:
        until = None if expires is None else _instant(expires, now)
        text, record = new_key(created=now, name=name, scopes=scopes, expires=until, rates=rate or [])
    except ValueError as exc:
        raise _fail(str(exc)) from exc
    _done(place, place.add(record))
    sys.stdout.write((_as_json({"key": text, **_told(record, now)}) if json else text) + "\n")
    ends = "never expires" if until is None else f"expires {_written(until)}"
    say(f"made the key {record.id}, which {ends}; it is shown this once, keep it safe")


@keys.command("list")
def list_(store: _Store, prefix: _Prefix = KEY_PREFIX, json: _Json = False) -> None:
    """List the keys: what is known of each, but not the keys themselves."""
    now = datetime.now(UTC)
    place = _place(store, prefix)
    found = [_told(record, now) for record in _done(place, place.all())]
    if json:
        sys.stdout.write(_as_json(found) + "\n")
    elif found:
        show(_table(found))
    else:
        say("there are no keys yet; weft keys create makes one")


@keys.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="As weft keys list shows it.")],
    store: _Store,
    prefix: _Prefix = KEY_PREFIX,
) -> None:
    """Revoke a key; exit 1 where there is none of this id."""
    id = id_of(id) or id.removeprefix("key:")  # who has the key at hand may name it so, or as logs do
    place = _place(store, prefix)
    before = _done(place, place.revoke(id, datetime.now(UTC).replace(microsecond=0)))
    if before is None:
        say(f"there is no key {id}" if len(id) <= 20 else "there is no such key")
        raise typer.Exit(1)
    if before.revoked is not None:
        say(f"the key {id} was revoked before, {_written(before.revoked)}")
    else:
        say(f"revoked the key {id}; servers refuse it within seconds")


def _place(store: str, prefix: str) -> KeyStore:
    try:
        return key_store_of(store, prefix)
    except GraphError as exc:
        raise _fail("; ".join(exc.faults)) from exc


def _done(place: KeyStore, doing: Coroutine[Any, Any, T]) -> T:
    async def do() -> T:
        try:
            return await doing
        finally:
            await place.aclose()

    try:
        return asyncio.run(do())
    except KeyStoreFailed as exc:
        raise _fail(str(exc)) from exc


def _instant(text: str, now: datetime) -> datetime:
    """Give the instant that a text means; a date is its beginning in UTC.

    Raises:
        ValueError: it means none, or one that is over.
    """
    span = _SPAN.fullmatch(text)
    try:
        until = now + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"--expires {text!r}: expected 90d, 12h, 8w, 2027-01-01 or 2027-01-01T12:00Z") from None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    if until <= now:
        raise ValueError(f"--expires {text!r}: that is over")
    return until.astimezone(UTC)


def _told(record: ApiKeyRecord, now: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {"id": record.id, "name": record.name, "scopes": record.scopes}
    told |= {"created": record.created, "expires": record.expires, "rates": record.rates, "state": record.state(now)}
    return told


def _table(found: Sequence[dict[str, Any]]) -> list[str]:
    columns = ("id", "state", "created", "expires", "name", "scopes", "rates")
    rows = [columns, *(tuple(_cell(told[column]) for column in columns) for told in found)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(columns))]
    lined = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lined]


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return _written(value)
    if isinstance(value, tuple):
        value = " ".join(value)
    return value or "-"


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _as_json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _fail(message: str) -> typer.Exit:
    say(message)
    return typer.Exit(2)
