"""What the command writes about an import: the result of the check, the outcomes of the rows, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click
from rich import box
from rich.table import Table
from rich.text import Text

from printnow_async.cli.failures import CommandFailed, Halted, Interrupted
from printnow_async.cli.output import printable, write, write_json
from printnow_async.cli.progress import duration

if TYPE_CHECKING:
    from printnow_async.spreadsheets import Checked, ImportReport

__all__ = ["failure_of", "ignored", "rows_found", "show_check_as_json", "show_problems", "show_report"]

_LISTED: Final = 20
"""Rows with problems that are listed before the sending; the report has all of them."""


# ---------------------------------------------------------------- the check


def rows_found(name: str, checked: Checked) -> str:
    """How many rows there are, and how many of the rows are in order."""
    return f"{printable(name)}: {_rows(checked.total)}, {checked.valid:,} valid, {checked.invalid:,} invalid"


def ignored(headings: Iterable[str]) -> str:
    """A note on the columns that are no field of an account; empty if there is no such column."""
    named = ", ".join(f'"{printable(heading)}"' for heading in headings)
    return f"note: ignored, being no field of an account: {named}" if named else ""


def show_problems(checked: Checked, *, at_most: int | None = _LISTED) -> None:
    """Write the rows with problems, at most so many, and the number of further rows with problems."""
    shown = checked.invalid if at_most is None else min(at_most, checked.invalid)
    # reading the file ends with the last row that is shown
    for number, problems in islice(_problems(checked), shown):
        click.echo(f"  row {number}: {'; '.join(problems)}")
    if shown < checked.invalid:
        click.echo(f"  and {checked.invalid - shown:,} more, in failed.csv")


def show_check_as_json(name: str, checked: Checked) -> None:
    """Write one object, and its problems one by one: a million rows may have problems."""
    summary = {
        "source": name,
        "total": checked.total,
        "valid": checked.valid,
        "invalid": checked.invalid,
        "ignored_columns": checked.columns.unknown,
    }
    click.echo(f'{json.dumps(summary).removesuffix("}")}, "problems": [', nl=False)
    for at, (number, problems) in enumerate(islice(_problems(checked), checked.invalid)):
        click.echo(f"{', ' if at else ''}{json.dumps({'row': number, 'problems': problems})}", nl=False)
    click.echo("]}")


def _problems(checked: Checked) -> Iterator[tuple[int, tuple[str, ...]]]:
    return ((row.number, tuple(map(printable, row.problems))) for row in checked.problems())


# ---------------------------------------------------------------- the end

_MEANING: Final = (
    ("created", "created", ""),
    ("exists", "exists", "username or e-mail is taken"),
    ("rejected", "rejected", "refused for another reason"),
    ("unknown", "unknown", "may have been created"),
    ("invalid", "invalid", "breaks a rule, was not sent"),
    ("not settled", "unsettled", "has no outcome yet"),
)
"""The name, the field and the meaning of each outcome."""
_EDITED: Final = "changed since, was not sent again"


def show_report(report: ImportReport, *, as_json: bool) -> None:
    """Write the whole report, as JSON or as a table."""
    if as_json:
        write_json(_as_json(report))
        return
    click.echo()
    write(_table(report))
    click.echo()
    took = f"{report.elapsed:.1f} s" if report.elapsed < 10 else duration(report.elapsed)
    click.echo(f"{_rows(report.sent)} sent in {took}")
    write(_places(report))


def _as_json(report: ImportReport) -> dict[str, Any]:
    values = attrs.asdict(report, recurse=False)
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
    return plain | {"elapsed": round(report.elapsed, 3), "complete": report.complete, "all_created": report.all_created}


def _table(report: ImportReport) -> Table:
    """A line for each outcome, with its meaning where a row has this outcome."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("outcome")
    table.add_column("rows", justify="right")
    table.add_column("", style="dim")
    for at, (name, field, meaning) in enumerate(_MEANING, 1):
        _add(table, name, getattr(report, field), meaning, last=at == len(_MEANING))
    table.add_row("rows in all", f"{report.total:,}", "", style="bold")
    if report.edited:
        _add(table, "edited", report.edited, _EDITED)
    return table


def _add(table: Table, name: str, count: int, meaning: str, *, last: bool = False) -> None:
    number = Text(f"{count:,}", "green" if name == "created" else "red") if count else Text("0", "dim")
    table.add_row(name, number, meaning if count else "", end_section=last)


def _places(report: ImportReport) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("journal", printable(report.journal))
    grid.add_row("created", printable(str(report.created_csv)))
    grid.add_row("all others", printable(str(report.failed_csv)))
    return grid


def failure_of(report: ImportReport) -> CommandFailed | None:
    """What failed and what to do next, as an error with its exit code; None if every row was created."""
    failed = report.exists or report.rejected or report.unknown
    if report.halted is not None:
        stop = "." if report.halted[-1:].isalnum() else ""
        again = " Rows that failed are sent again with --retry-failed." if failed else ""
        return Halted(
            f"halted: {printable(report.halted)}{stop} When that is mended, run the same command again: it goes on "
            f"where this one ended.{again}"
        )
    if report.interrupted:
        return Interrupted(
            f"interrupted: {_rows(report.unsettled)} without an outcome. To go on, run the same command again."
        )
    if report.all_created:
        return None
    said: list[str] = []
    if missing := report.total - report.created:
        steps: list[str] = []
        if report.exists or report.rejected or report.invalid:
            steps.append(f"correct in the spreadsheet what {report.failed_csv.name} names")
        if report.unknown:
            steps.append("look the unknown ones up in the admin")
        steps.append(f"{'then ' if steps else ''}run it again{' with --retry-failed' if failed else ''}")
        said.append(f"{missing:,} of {_rows(report.total)} not created: {', '.join(steps)}.")
    if report.edited:
        said.append(
            f"{_rows(report.edited)} edited since and not sent again: --retry-failed sends those that failed; "
            "customers that are there are edited in the admin."
        )
    return CommandFailed(" ".join(said))


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
