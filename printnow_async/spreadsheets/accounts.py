"""The import as a whole: read, check, send, report."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from printnow_async.client import PrintNowClient
from printnow_async.errors import ConfigurationError
from printnow_async.models import Customer, NewAccount
from printnow_async.spreadsheets.checking import Checked, check
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.items import Tally
from printnow_async.spreadsheets.journal import Journal, StoreError
from printnow_async.spreadsheets.reading import Spreadsheet, open_spreadsheet
from printnow_async.spreadsheets.reports import Counts, Reports
from printnow_async.spreadsheets.results import ImportProgress, ImportReport, RowOutcome
from printnow_async.spreadsheets.sending import Sender

__all__ = ["import_accounts"]

SAMPLE: Final = 1_000
"""Rows of a file under another name, one of which the journal must know."""


async def import_accounts(
    client: PrintNowClient,
    source: str | os.PathLike[str] | BinaryIO,
    *,
    storefront_id: int,
    journal: str | os.PathLike[str] | None = None,
    columns: Mapping[str, str] | None = None,
    concurrency: int = 16,
    retry_failed: bool = False,
    max_failures: int | None = None,
    reports: str | os.PathLike[str] | None = None,
    stop: asyncio.Event | None = None,
    on_checked: Callable[[Checked], object] | None = None,
    on_progress: Callable[[ImportProgress], object] | None = None,
) -> ImportReport:
    """Create a permanent customer for every row of a spreadsheet, and know of each what became of it.

    All rows are checked before the first request. Each is then journalled before it is sent, and its outcome after:
    called again with the same arguments, after whatever ended it, it sends the rows that have no outcome. A row that
    was in flight is sent again, and if its name is taken then, it is `unknown` and not `exists`. A row is known by
    storefront and username, not by its place.

    Takes
    - `client`: its limits, retries and timeout hold; give it `Timeout(total=None)` for a long import.
    - `source`: a path to a `.csv` or `.xlsx` file, "-" for standard input, or a binary file. Columns: Username,
      Password, Email, First Name, Last Name, and where wanted Company and Receive Marketing Emails.
    - `storefront_id`: where the customers are created.
    - `journal`: a path to an SQLite file, or an SQLAlchemy URL; not given, the file's name with ".journal" behind it.
    - `columns`: the heading of each field that has another one, as `{"username": "Login"}`.
    - `concurrency`: rows in flight at once, at most.
    - `retry_failed`: send rows again that were `rejected`, `exists` or `unknown`.
    - `max_failures`: stop after so many rows of this run that were not created.
    - `reports`: the folder of `created.csv` and `failed.csv`; not given, the journal's.
    - `stop`: set it to end early; what is in flight is finished.
    - `on_checked`: called with what the check found, before the first request.
    - `on_progress`: called with an `ImportProgress`, ten times a second at most; what it raises is logged.

    Gives an `ImportReport`. Raises `ConfigurationError` (a `ValueError`) for arguments, a file or a journal that cannot
    be used, before any request where that can be seen. What a server refuses raises nothing: rows have outcomes, and
    `report.halted` says why an import ended early. Cancelled, it leaves rows in flight to the next run.

    Source: vendor's page "Customers" ("Create Customer", "Request Body (Permanent User)"), and the support pages'
    "Site Users" for the columns.
    """
    _check_arguments(storefront_id, concurrency, max_failures)

    async def create(account: NewAccount) -> Customer:
        return await client.customers.create(account, storefront_id=storefront_id)

    def sender(record: Journal, checked: Checked, tally: Tally, stopped: asyncio.Event) -> Sender:
        return Sender(
            create,
            record,
            checked.rows(),
            tally,
            concurrency=concurrency,
            retry_failed=retry_failed,
            max_failures=max_failures,
            stop=stopped,
            on_progress=on_progress,
        )

    with ExitStack() as stack:
        # files are read and checked in a thread: a million rows take seconds, and the loop has others to serve
        spreadsheet = stack.enter_context(await asyncio.to_thread(open_spreadsheet, source))
        found = Columns.of(spreadsheet.headings, columns, name=spreadsheet.name)
        record = Journal(journal or _beside(spreadsheet.path), storefront_id=storefront_id, source=spreadsheet.name)
        folder = Path(reports) if reports is not None else record.path.parent if record.path is not None else Path()
        files = Reports(folder, spreadsheet.path)
        return await _import(
            spreadsheet, found, record, files, sender_of=sender, stop=stop or asyncio.Event(), on_checked=on_checked
        )


async def _import(
    spreadsheet: Spreadsheet,
    columns: Columns,
    journal: Journal,
    files: Reports,
    *,
    sender_of: Callable[[Journal, Checked, Tally, asyncio.Event], Sender],
    stop: asyncio.Event,
    on_checked: Callable[[Checked], object] | None,
) -> ImportReport:
    """Check, send, report."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    checked = await asyncio.to_thread(check, spreadsheet, columns)
    if on_checked is not None:
        on_checked(checked)
    tally = Tally(checked.valid)
    async with journal:
        await _check_belongs(journal, checked)
        sender = sender_of(journal, checked, tally, stop)
        await sender.run()
        halted = sender.halted
        try:
            counts = await files.write(checked, journal)
        except (OSError, StoreError) as error:
            counts = _counted(tally, checked)
            halted = halted or f"the reports cannot be written: {error}"
    by_outcome = counts.by_outcome
    return ImportReport(
        source=spreadsheet.name,
        journal=journal.name,
        total=checked.total,
        created=by_outcome[RowOutcome.CREATED],
        exists=by_outcome[RowOutcome.EXISTS],
        rejected=by_outcome[RowOutcome.REJECTED],
        unknown=by_outcome[RowOutcome.UNKNOWN],
        invalid=by_outcome[RowOutcome.INVALID],
        unsettled=counts.unsettled,
        edited=counts.edited,
        sent=tally.sent,
        halted=halted,
        interrupted=stop.is_set() and counts.unsettled > 0,
        elapsed=loop.time() - started,
        ignored_columns=columns.unknown,
        created_csv=files.created,
        failed_csv=files.failed,
    )


def _check_arguments(storefront_id: object, concurrency: object, max_failures: object) -> None:
    for name, value in (("storefront_id", storefront_id), ("concurrency", concurrency), ("max_failures", max_failures)):
        if (value is not None or name != "max_failures") and (type(value) is not int or value < 1):
            raise ConfigurationError(f"{name} must be a whole number, at least 1, not {value!r}")


def _beside(path: Path | None) -> Path:
    """The journal of a file that has been given none."""
    return Path("import.journal") if path is None else path.with_name(f"{path.name}.journal")


async def _check_belongs(journal: Journal, checked: Checked) -> None:
    """A journal begun for a file of another name must know one of this one's first rows."""
    if journal.other_source is None or journal.new:
        return
    keys: list[str] = []
    for row in checked.rows():
        keys += [] if row.problems else [journal.key(row.username)]
        if len(keys) == SAMPLE:
            break
    try:
        known = await journal.find(keys)
    except StoreError as error:
        raise ConfigurationError(f"{journal.name}: {error}") from None
    if not known:
        raise ConfigurationError(
            f"{journal.name} is the journal of {journal.other_source} and knows no row of this one: choose another"
        )


def _counted(tally: Tally, checked: Checked) -> Counts:
    """The counts as this run knows them, when the journal cannot be asked."""
    counts = Counts()
    for outcome in RowOutcome:
        counts.by_outcome[outcome] = checked.invalid if outcome is RowOutcome.INVALID else getattr(tally, outcome)
    counts.unsettled, counts.edited = checked.valid - tally.settled, tally.edited
    return counts
