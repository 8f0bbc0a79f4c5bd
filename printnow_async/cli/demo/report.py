"""The end of the demo: the comparison as a table for people, or as JSON."""

from __future__ import annotations

import textwrap
from typing import Any, Final

import click
from rich import box
from rich.table import Table
from rich.text import Text

from printnow_async.cli.demo.ledger import Audit
from printnow_async.cli.output import console, write

__all__ = ["as_json", "show", "verdict"]

_NUMBERS: Final = (
    ("asked", "asked"),
    ("reported\ncreated", "created"),
    ("reported\nunknown", "unknown"),
    ("refused", "refused"),
    ("deleted", "deleted"),
    ("held by\nsandbox", "held"),
    ("dupli-\ncates", "duplicates"),
    ("lost", "lost"),
    ("requests\nsent", "requests"),
    ("repeats", "repeats"),
)
"""The heading and the name of each number."""

_WIDE: Final = 100
"""Terminal columns from which the table has a row for each step. A narrower table has a column for each step."""


def verdict(audit: Audit) -> str:
    """Give the last line."""
    return f"{audit.total('duplicates')} duplicates, {audit.total('lost')} lost"


def as_json(audit: Audit, **more: Any) -> dict[str, Any]:
    """Give the comparison for JSON, with more keys in front."""
    names = [*(name for _, name in _NUMBERS), "unknown_held"]
    return {
        **more,
        "steps": [
            {"title": count.title, **{name: count.numbers[name] for name in names}, "differences": count.differences}
            for count in audit.counts
        ],
        "duplicates": audit.total("duplicates"),
        "lost": audit.total("lost"),
        "differences": audit.differences,
        "ok": audit.holds,
    }


def show(audit: Audit, *, elapsed: float) -> None:
    """Write the comparison for people. The verdict is the last line."""
    width = console().width
    click.echo()
    write(_table(audit, wide=width >= _WIDE))
    click.echo()
    about_unknown = textwrap.wrap(_about_unknown(audit), min(width, _WIDE) - 1)
    for line in (*about_unknown, *audit.differences, f"{elapsed:.1f} s"):
        write(Text(line))
    write(Text(verdict(audit), "bold green" if audit.holds else "bold red"))


def _table(audit: Audit, *, wide: bool) -> Table:
    """Make the table: steps from top to bottom if there is room, else steps from left to right by their number."""
    padding = 0 if wide else (0, 1, 0, 0)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=padding, header_style="bold")
    numbered = enumerate((count.title for count in audit.counts), 1)
    titles = ["step", *(f"{number}  {title}" if wide else str(number) for number, title in numbered), "all"]
    columns: list[list[str | Text]] = [[*titles]]
    for heading, name in _NUMBERS:
        cells = [_cell(name, number) for number in (*(c.numbers[name] for c in audit.counts), audit.total(name))]
        columns.append([heading if wide else heading.replace("-\n", "").replace("\n", " "), *cells])
    headings, *rows = zip(*columns, strict=True) if wide else columns
    for head in headings:
        table.add_column(head, justify="right" if table.columns else "left", vertical="bottom")
    for row in rows:
        table.add_row(*row, end_section=wide and row is rows[-2])
    return table


def _cell(name: str, number: int) -> Text:
    return Text(str(number), "bold red" if number and name in {"duplicates", "lost"} else "" if number else "dim")


def _about_unknown(audit: Audit) -> str:
    """Explain what an unknown outcome is, and what became of the unknown outcomes."""
    unknown, held = audit.total("unknown"), audit.total("unknown_held")
    if not unknown:
        return ""
    # where the comparison fails, the differences explain the other unknown outcomes
    never = f"; {unknown - held} never applied" if held < unknown and audit.holds else ""
    return (
        f"{unknown} unknown: the answer got lost, and no other request can tell whether the account that now has the "
        f"name is ours, so the SDK says that it does not know. The sandbox can tell: it holds {held} of the {unknown}, "
        f"each once{never}."
    )
