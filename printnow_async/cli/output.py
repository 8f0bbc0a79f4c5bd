"""What goes to standard output: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs
import click
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from printnow_async.models import Customer

__all__ = ["console", "customer_as_json", "customer_table", "printable", "show_customer", "write", "write_json"]

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
    if as_json:
        write_json(customer_as_json(customer))
    else:
        write(customer_table(customer))


def customer_as_json(customer: Customer) -> dict[str, Any]:
    """The customer's fields by name, times in ISO 8601, what the SDK does not know under "extra"."""
    return {name: _plain(value) for name, value in attrs.asdict(customer, recurse=False).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def customer_table(customer: Customer) -> Table:
    """One line for each field; of fields that the SDK does not know, the names."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("customer", style="dim", no_wrap=True)
    table.add_column(str(customer.id), overflow="fold")
    for name, value in attrs.asdict(customer, recurse=False).items():
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
