"""`printnow import`: imports a spreadsheet of customers into a storefront, and goes on after an interruption."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from printnow_async.cli.commands import DEBUG, Command, json_option
from printnow_async.cli.connection import Connection, env_file_option
from printnow_async.cli.failures import BadUsage, CommandFailed, Interrupted
from printnow_async.cli.imported import (
    failure_of,
    ignored,
    rows_found,
    show_check_as_json,
    show_problems,
    show_report,
)
from printnow_async.cli.interruption import Interruption
from printnow_async.cli.progress import Teller, progress_told
from printnow_async.cli.shared_options import ID
from printnow_async.cli.trackers import database_url, sql_needed
from printnow_async.options import Limits, Timeout

if TYPE_CHECKING:
    from printnow_async.spreadsheets import Checked, ImportReport

__all__ = ["importing"]

_JOURNAL: Final = "PRINTNOW_JOURNAL"
_STOPPING: Final = "finishing rows in flight; Ctrl-C again cancels"
_CUT_OFF: Final = (
    "interrupted: rows that were in flight may have been created. To go on, run the same command again: it sends them "
    "again, and reports them as unknown if their name is taken."
)


def _columns(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        field, equals, heading = (part.strip() for part in value.partition("="))
        if not (field and equals and heading):
            raise click.BadParameter("must be FIELD=HEADING, as in username=Login", ctx, param)
        if field in found:
            raise click.BadParameter(f"{field} has two headings", ctx, param)
        found[field] = heading
    return found


@click.command(
    "import",
    cls=Command,
    examples=(
        "printnow import customers.xlsx --storefront 1",
        "printnow import customers.csv --check",
        "printnow import customers.csv --storefront 1 --column username=Login --max-rate 50",
        "printnow import customers.csv --storefront 1 --retry-failed",
    ),
)
@click.argument("source", metavar="FILE")
@click.option("--storefront", "storefront_id", type=ID, metavar="ID", help="The storefront's ID.")
@click.option("--check", "only_check", is_flag=True, help="Only check the rows: nothing is sent or written.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=HEADING",
    callback=_columns,
    help="The heading of a field, where it is not the vendor's heading, as in username=Login.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=16, metavar="N", help="Rows in flight (default: 16)."
)
@click.option("--max-rate", type=click.FloatRange(0, min_open=True), metavar="N", help="Requests per second, at most.")
@click.option("--max-failures", type=click.IntRange(1), metavar="N", help="End after so many failed rows.")
@click.option("--retry-failed", is_flag=True, help="Send rows again that exist, were rejected or are unknown.")
@click.option(
    "--journal",
    metavar="FILE",
    help=f"Where the outcome of each row is kept for the next run: a file or an SQLAlchemy URL; default: {_JOURNAL}, "
    "or a file beside FILE.",
)
@env_file_option
@json_option
def importing(
    source: str,
    storefront_id: int | None,
    only_check: bool,  # noqa: FBT001
    columns: Mapping[str, str],
    as_json: bool,  # noqa: FBT001
    **options: Any,
) -> None:
    """Create a customer for each row of a spreadsheet.

    FILE is an .xlsx or a .csv (UTF-8), or - for standard input. The headings are those of the vendor's own spreadsheet:
    Username, Password, Email, First Name, Last Name, and if wanted Company, Receive Marketing Emails.

    All rows are checked before the first row is sent. After Ctrl-C, a crash or a power cut, run the same command again
    to go on: no customer is created twice. Two reports beside the journal say what became of each row.

    Exit codes: 0 every row was created; 1 some rows were not; 2 bad usage, or a file that cannot be used; 3 halted, for
    example by wrong credentials; 130 interrupted.
    """
    if source == "-" and sys.stdin.isatty():
        raise BadUsage("standard input is a terminal: pipe a file into it, or name the file")
    if only_check:
        _check(source, columns, as_json=as_json)
        return
    ctx = click.get_current_context()
    if storefront_id is None:
        raise click.MissingParameter(ctx=ctx, param_hint="'--storefront'", param_type="option")
    with progress_told(plain=DEBUG in ctx.meta) as teller:
        report = _run(source, teller, as_json=as_json, storefront_id=storefront_id, columns=columns, **options)
    show_report(report, as_json=as_json)
    if failed := failure_of(report):
        raise failed


# ---------------------------------------------------------------- the check alone


def _check(source: str, columns: Mapping[str, str], *, as_json: bool) -> None:
    with sql_needed():
        from printnow_async.spreadsheets.checking import check
        from printnow_async.spreadsheets.columns import Columns
        from printnow_async.spreadsheets.reading import open_spreadsheet

    with open_spreadsheet(source) as spreadsheet:
        name = spreadsheet.name
        checked = check(spreadsheet, Columns.of(spreadsheet.headings, columns, name=name))
        if note := ignored(checked.columns.unknown):
            click.echo(f"printnow: {note}", err=True)
        if as_json:
            show_check_as_json(name, checked)
        else:
            click.echo(rows_found(name, checked))
            show_problems(checked, at_most=None)
    if checked.invalid:
        raise CommandFailed(
            f"{checked.invalid:,} of {checked.total:,} rows have problems: correct them, then check again"
        )


# ---------------------------------------------------------------- the import


def _run(
    source: str,
    teller: Teller,
    *,
    as_json: bool,
    env_file: Path | None,
    journal: str | None,
    concurrency: int,
    max_rate: float | None,
    **options: Any,
) -> ImportReport:
    """Import, and stop on Ctrl-C. A wrong argument or file is an error before any request."""
    with sql_needed():
        from printnow_async.spreadsheets import import_accounts

    connection = Connection.found(env_file)
    where = database_url("journal", journal, _JOURNAL, env_file)
    limits = Limits(max_concurrency=concurrency, max_rate=max_rate)
    name = "standard input" if source == "-" else Path(source).name

    interruption = Interruption(lambda: teller.say(_STOPPING))

    def on_checked(checked: Checked) -> None:
        interruption.sending = True
        _tell_check(name, checked, teller, as_json=as_json)

    async def run() -> ImportReport:
        with interruption.heard():
            teller.checking(name)
            async with connection.client(limits=limits, timeout=Timeout(total=None)) as client:
                return await import_accounts(
                    client,
                    source,
                    journal=where,
                    concurrency=concurrency,
                    stop=interruption.stop,
                    on_checked=on_checked,
                    on_progress=teller.progress,
                    **options,
                )

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        pass
    except asyncio.CancelledError:
        if not interruption.cancelled:
            raise
    raise Interrupted(_CUT_OFF if interruption.sending else "interrupted; nothing was sent")


def _tell_check(name: str, checked: Checked, teller: Teller, *, as_json: bool) -> None:
    """Write the result of the check, before a row is sent. With `--json`, standard output is kept for the report."""
    teller.clear()
    if note := ignored(checked.columns.unknown):
        teller.say(note)
    if as_json:
        teller.say(rows_found(name, checked))
    else:
        click.echo(rows_found(name, checked))
        show_problems(checked)
