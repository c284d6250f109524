"""What a command prints: nothing in it moves a cursor, sets a title or turns text around, whoever wrote it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import typer

from sources.openapi import visible


def say(message: str) -> None:
    """Tell whoever sits at the terminal something about the command itself."""
    typer.echo(f"weft: {_safe(message)}", err=True)


def show(lines: Iterable[str]) -> None:
    """Print lines, each on one."""
    sys.stdout.writelines(f"{visible(line)}\n" for line in lines)


def _safe(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))
