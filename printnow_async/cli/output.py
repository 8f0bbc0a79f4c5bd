"""Writing to standard output: tables for people, JSON objects for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs
import click
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from printnow_async.models import Customer, Storefront, Webhook
from printnow_async.tracking import LifecycleRecord

__all__ = ["Shown", "as_plain", "console", "printable", "show_many", "show_one", "write", "write_json", "write_table"]

Shown: TypeAlias = Customer | Storefront | Webhook | LifecycleRecord
"""What the commands show: the objects of the API, and the record of a guest."""

_HIDDEN: Final = frozenset({"salt", "username_digest", "email_digest", "lease_holder"})
"""Fields of a guest's record that nobody can use, or that concern the processes of a shop alone."""

_PIPE_WIDTH: Final = 10_000
"""Columns of a table in a pipe: enough that no line is ever folded."""


def console() -> Console:
    """Give rich's console for standard output: with colours on a terminal, without colours and folding in a pipe."""
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = _PIPE_WIDTH
    return found


def printable(value: str) -> str:
    """Give `value` with its control characters as escapes, because the value may come from anybody."""
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode("ascii") for ch in value)


def write(what: RenderableType) -> None:
    """Write a table or text of rich's to standard output; in a pipe without blanks at the ends of lines."""
    out = console()
    if out.is_terminal:
        out.print(what)
        return
    with out.capture() as captured:
        out.print(what)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def write_json(value: Mapping[str, Any]) -> None:
    """Write one JSON object on one line, in ASCII, which every terminal's encoding can write."""
    click.echo(json.dumps(value))


def show_one(shown: Shown, *, as_json: bool) -> None:
    """Write one object: a table with a line for each field, or JSON.

    The table has no line for the version of a guest's record, and none for unknown fields where there are none.
    """
    if as_json:
        write_json(as_plain(shown))
        return
    is_guest = isinstance(shown, LifecycleRecord)
    kind, key = ("guest", "reference") if is_guest else (type(shown).__name__.lower(), "id")
    table = _new_table()
    table.add_column(kind, style="dim", no_wrap=True)
    table.add_column(printable(str(getattr(shown, key))), overflow="fold")
    for name, value in _fields(shown).items():
        if name not in {key, "version"} and not (name == "extra" and not value):
            table.add_row(name.replace("_", " "), _cell(value))
    write(table)


def show_many(shown: Iterable[Shown], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Write a table of these fields of each object, or for each object a line of JSON with every field."""
    if as_json:
        for one in shown:
            write_json(as_plain(one))
        return
    rows = [[getattr(one, name) for name in columns] for one in shown]
    write_table([name.replace("_", " ") for name in columns], rows, wrapped=None)


def write_table(headings: Iterable[str], rows: Iterable[Iterable[Any]], *, wrapped: Collection[str] | None) -> None:
    """Write a table. On a narrow terminal the columns with the headings in `wrapped` are folded; None for all."""
    table = _new_table()
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=wrapped is not None and heading not in wrapped)
    for row in rows:
        table.add_row(*map(_cell, row))
    write(table)


def as_plain(shown: Shown) -> dict[str, Any]:
    """Give the fields by name for JSON: times in ISO 8601, fields that the SDK does not know under "extra"."""
    return {name: _plain(value) for name, value in _fields(shown).items()}


def _fields(shown: Shown) -> dict[str, Any]:
    return {name: value for name, value in attrs.asdict(shown, recurse=False).items() if name not in _HIDDEN}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _new_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _cell(value: Any) -> Text:
    match value:
        case None | () | "":
            return Text("-", "dim")
        case bool():
            return Text("yes" if value else "no")
        case datetime():
            return Text(f"{value:%Y-%m-%d %H:%M:%S} UTC")
        case tuple() | Mapping():
            # of fields that the SDK does not know only the names are shown
            return Text(printable(", ".join(sorted(value) if isinstance(value, Mapping) else value)))
        case _:
            return Text(printable(str(value)))
