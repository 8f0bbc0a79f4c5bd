"""The import as a whole: read, check, send, report."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from printnow_async._checks import checked_count, checked_id
from printnow_async.client import PrintNowClient
from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.checking import Checked, check
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.job import RowJob
from printnow_async.spreadsheets.journal import LOOKED_UP, Journal, StoreError
from printnow_async.spreadsheets.reading import open_spreadsheet
from printnow_async.spreadsheets.reports import ReportFiles
from printnow_async.spreadsheets.results import ImportProgress, ImportReport, RowOutcome
from printnow_async.spreadsheets.sending import AccountSender
from printnow_async.spreadsheets.staging import RowStager
from printnow_async.spreadsheets.tally import RowTally

__all__ = ["import_accounts"]


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
    """Create a permanent customer for every row of a spreadsheet, and say of each row what became of it.

    All rows are checked before the first request. Each row is journalled before it is sent, and its outcome after that.
    Call `import_accounts` again with the same arguments after any interruption: it sends the rows that have no outcome.
    A row that was in flight is sent again, and if its username is taken then, the row is `unknown` and not `exists`. A
    row is known by storefront and username, not by its place in the file.

    Takes
    - `client`: its limits, retries and timeout hold; give the client `Timeout(total=None)` for a long import.
    - `source`: a path to a `.csv` or `.xlsx` file, "-" for standard input, or a binary file. Columns: Username,
      Password, Email, First Name, Last Name, and where wanted Company and Receive Marketing Emails.
    - `storefront_id`: the storefront in which the customers are created.
    - `journal`: a path to an SQLite file, or an SQLAlchemy URL; by default the name of the file with ".journal" added.
    - `columns`: the heading of each field that has another heading, as `{"username": "Login"}`.
    - `concurrency`: rows in flight at once, at most.
    - `retry_failed`: send rows again that were `rejected`, `exists` or `unknown`.
    - `max_failures`: stop after so many rows of this run that were not created.
    - `reports`: the folder of `created.csv` and `failed.csv`; by default the folder of the journal.
    - `stop`: set this event to end early; rows in flight are finished.
    - `on_checked`: called with what the check found, before the first request.
    - `on_progress`: called with an `ImportProgress`, ten times a second at most; what it raises is logged.

    Gives an `ImportReport`. Raises `ConfigurationError` (a `ValueError`) for arguments, a file or a journal that cannot
    be used, before any request where that can be seen. A refusal by the server raises nothing: rows have outcomes, and
    `report.halted` says why an import ended early. When cancelled, the import leaves rows in flight to the next run.

    Source: vendor's page "Customers" ("Create Customer", "Request Body (Permanent User)"), and the support pages'
    "Site Users" for the columns.
    """
    checked_id(storefront_id, "storefront_id", ConfigurationError)
    checked_count(concurrency, "concurrency", ConfigurationError)
    if max_failures is not None:
        checked_count(max_failures, "max_failures", ConfigurationError)
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    # files are read and checked in a thread: a million rows take seconds, and the loop has other work to do
    with await asyncio.to_thread(open_spreadsheet, source) as spreadsheet:
        found = Columns.of(spreadsheet.headings, columns, name=spreadsheet.name)
        record = Journal(journal or _beside(spreadsheet.path), storefront_id=storefront_id, source=spreadsheet.name)
        files = ReportFiles(record.folder if reports is None else Path(reports), spreadsheet.path)
        started = loop.time()
        checked = await asyncio.to_thread(check, spreadsheet, found)
        if on_checked is not None:
            on_checked(checked)
        async with record:
            await _check_belongs(record, checked)
            tally = RowTally(checked.valid, on_progress)
            stager = RowStager(checked.rows(), record, tally, stop, concurrency=concurrency, retry_failed=retry_failed)
            sender = AccountSender(partial(client.customers.create, storefront_id=storefront_id), tally, stop)
            job = RowJob(stager, sender.send, record, tally, concurrency=concurrency, max_failures=max_failures)
            halted = await job.run()
            try:
                tally = await files.write(checked, record, tally)
            except (OSError, StoreError) as error:
                halted = halted or f"the reports cannot be written: {error}"
    return ImportReport(
        source=spreadsheet.name,
        journal=record.name,
        total=checked.total,
        created=tally.outcomes[RowOutcome.CREATED],
        exists=tally.outcomes[RowOutcome.EXISTS],
        rejected=tally.outcomes[RowOutcome.REJECTED],
        unknown=tally.outcomes[RowOutcome.UNKNOWN],
        invalid=checked.invalid,
        unsettled=tally.unsettled,
        edited=tally.edited,
        sent=tally.sent,
        halted=halted,
        interrupted=stop.is_set() and tally.unsettled > 0,
        elapsed=loop.time() - started,
        ignored_columns=found.unknown,
        created_csv=files.created,
        failed_csv=files.failed,
    )


def _beside(path: Path | None) -> Path:
    """The default journal of a file; `path` is None for standard input."""
    return Path("import.journal") if path is None else path.with_name(f"{path.name}.journal")


async def _check_belongs(journal: Journal, checked: Checked) -> None:
    """Raise `ConfigurationError` if the journal is of a file of another name, and knows none of the first rows."""
    if journal.other_source is None or journal.new:
        return
    keys = (journal.key(row.username) for row in checked.rows() if not row.problems)
    try:
        known = await journal.find(list(islice(keys, LOOKED_UP)))
    except StoreError as error:
        raise ConfigurationError(f"{journal.name}: {error}") from None
    if not known:
        raise ConfigurationError(
            f"{journal.name} is the journal of {journal.other_source} and knows no row of this one: choose another"
        )
