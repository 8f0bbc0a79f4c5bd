"""The end of the demo: what was asked and what the sandbox holds, side by side."""

from __future__ import annotations

import textwrap
from typing import Any, Final

import attrs
import click
from rich import box
from rich.table import Table
from rich.text import Text

from printnow_async.cli.demo.ledger import Audit
from printnow_async.cli.output import console, write

__all__ = ["as_json", "show", "verdict"]

_COLUMNS: Final = (
    ("asked", "asked"),
    ("reported created", "created"),
    ("reported unknown", "unknown"),
    ("refused", "refused"),
    ("deleted", "deleted"),
    ("held by sandbox", "held"),
    ("duplicates", "duplicates"),
    ("lost", "lost"),
    ("requests sent", "requests"),
    ("repeats", "repeats"),
)
"""Heading and field of `Count`."""

_NARROWEST: Final = 100
"""Columns that the table needs with a row for each step; on less it has a column for each step."""

_IN_TWO_LINES: Final = {"duplicates": "dupli-\ncates", "held by sandbox": "held by\nsandbox"}

_BAD: Final = ("duplicates", "lost")


def verdict(audit: Audit) -> str:
    """The last line."""
    return f"{audit.duplicates} duplicates, {audit.lost} lost"


def as_json(audit: Audit, **more: Any) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        **more,
        "steps": [attrs.asdict(count) for count in audit.counts],
        "duplicates": audit.duplicates,
        "lost": audit.lost,
        "differences": audit.differences,
        "ok": audit.holds,
    }


def show(audit: Audit, *, elapsed: float) -> None:
    """Everything, for people; the verdict is the last line."""
    click.echo()
    width = console().width
    write(_steps_down(audit) if width >= _NARROWEST else _steps_across(audit))
    click.echo()
    about_unknown = textwrap.wrap(_about_unknown(audit), min(width, _NARROWEST) - 1)
    for line in (*about_unknown, *audit.differences, f"{elapsed:.1f} s"):
        write(Text(line))
    write(Text(verdict(audit), "bold green" if audit.holds else "bold red"))


def _steps_down(audit: Audit) -> Table:
    """A row for each step."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, header_style="bold")
    table.add_column("step", vertical="bottom")
    for heading, _ in _COLUMNS:
        table.add_column(_IN_TWO_LINES.get(heading) or "\n".join(heading.split()), justify="right", vertical="bottom")
    for number, count in enumerate(audit.counts, 1):
        row = [_cell(field, getattr(count, field)) for _, field in _COLUMNS]
        table.add_row(f"{number}  {count.title}", *row, end_section=number == len(audit.counts))
    table.add_row("all", *(_cell(field, _total(audit, field)) for _, field in _COLUMNS))
    return table


def _steps_across(audit: Audit) -> Table:
    """A column for each step, by its number."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("step")
    for number in range(1, len(audit.counts) + 1):
        table.add_column(str(number), justify="right")
    table.add_column("all", justify="right")
    for heading, field in _COLUMNS:
        row = [_cell(field, getattr(count, field)) for count in audit.counts]
        table.add_row(heading, *row, _cell(field, _total(audit, field)))
    return table


def _total(audit: Audit, field: str) -> int:
    return sum(getattr(count, field) for count in audit.counts)


def _cell(field: str, number: int) -> Text:
    return Text(str(number), "bold red" if number and field in _BAD else "dim" if not number else "")


def _about_unknown(audit: Audit) -> str:
    """What an unknown outcome is, and what became of each."""
    unknown, held = _total(audit, "unknown"), _total(audit, "unknown_held")
    if not unknown:
        return ""
    # where something is wrong, the differences speak of the others
    never = f"; {unknown - held} never applied" if held < unknown and audit.holds else ""
    return (
        f"{unknown} unknown: the answer got lost, and no other request can tell whether the account that now has the "
        f"name is ours, so the SDK says that it does not know. The sandbox can tell: it holds {held} of the {unknown}, "
        f"each once{never}."
    )
