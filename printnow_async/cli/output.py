"""What goes to standard output: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs
import click
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from printnow_async.models import Customer, Storefront, Webhook

__all__ = [
    "Model",
    "console",
    "model_as_json",
    "printable",
    "show_customer",
    "show_many",
    "show_one",
    "write",
    "write_json",
]

Model: TypeAlias = Customer | Storefront | Webhook
"""What the API describes."""

_UNFOLDED: Final = 10_000
"""Columns of a pipe: no line is folded there."""


def console() -> Console:
    """Standard output as it is now: colours and its own width on a terminal; in a pipe neither."""
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = _UNFOLDED
    return found


def printable(value: str) -> str:
    """`value` with its control characters shown and not carried out: it may come from anybody."""
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode("ascii") for ch in value)


def write(what: RenderableType) -> None:
    """Write something of rich's to standard output; in a pipe without blanks at the ends of lines."""
    out = console()
    if out.is_terminal:
        out.print(what)
        return
    with out.capture() as captured:
        out.print(what)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def write_json(value: Mapping[str, Any]) -> None:
    """Write one JSON object on one line, in ASCII, so that no encoding can break it."""
    click.echo(json.dumps(value))


def show_customer(customer: Customer, *, as_json: bool) -> None:
    """Write a customer, the one way or the other."""
    show_one(customer, as_json=as_json)


def show_one(model: Model, *, as_json: bool) -> None:
    """Write one of them, the one way or the other."""
    if as_json:
        write_json(model_as_json(model))
    else:
        write(_table_of_one(model))


def show_many(models: Iterable[Model], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Write a table of these fields of each; for programs one JSON object with every field on a line of its own."""
    if as_json:
        for model in models:
            write_json(model_as_json(model))
        return
    table = _table()
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for model in models:
        table.add_row(*(_shown(getattr(model, name)) for name in columns))
    write(table)


def model_as_json(model: Model) -> dict[str, Any]:
    """The fields by name, times in ISO 8601, what the SDK does not know under "extra"."""
    return {name: _plain(value) for name, value in attrs.asdict(model, recurse=False).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _table_of_one(model: Model) -> Table:
    """One line for each field; of fields that the SDK does not know, the names."""
    table = _table()
    table.add_column(type(model).__name__.lower(), style="dim", no_wrap=True)
    table.add_column(str(model.id), overflow="fold")
    for name, value in attrs.asdict(model, recurse=False).items():
        if name != "id" and not (name == "extra" and not value):
            table.add_row(name.replace("_", " "), _shown(value))
    return table


def _shown(value: Any) -> Text:
    match value:
        case None | () | "":
            return Text("-", "dim")
        case bool():
            return Text("yes" if value else "no")
        case datetime():
            return Text(f"{value:%Y-%m-%d %H:%M:%S} UTC")
        case tuple() | Mapping():
            return Text(printable(", ".join(sorted(value) if isinstance(value, Mapping) else value)))
        case _:
            return Text(printable(str(value)))
