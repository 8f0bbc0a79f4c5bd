"""The two reports of an import, made of the spreadsheet and the journal: the rows that were created, and the others."""

from __future__ import annotations

import asyncio
import csv
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.checking import Checked, CheckedRow
from printnow_async.spreadsheets.entries import JournalEntry
from printnow_async.spreadsheets.journal import LOOKED_UP, Journal
from printnow_async.spreadsheets.results import RowOutcome
from printnow_async.spreadsheets.tally import RowTally

__all__ = ["ReportFiles"]

SECRET: Final = ("password", "passwort", "passphrase", "pwd", "kennwort", "contraseña", "mot de passe")
"""A column with one of these words in its heading is left out, whether or not the column is a field of an account."""


class ReportFiles:
    """`created.csv` and `failed.csv` in one folder. New reports replace the old ones once both are complete."""

    def __init__(self, folder: Path, source: Path | None) -> None:
        self.created, self.failed = folder / "created.csv", folder / "failed.csv"
        for path in (self.created, self.failed):
            if source is not None and path.exists() and path.samefile(source):
                raise ConfigurationError(
                    f"{source.name} would be overwritten by the report of that name: give it another one, "
                    "or have journal and reports elsewhere"
                )
        if not folder.is_dir():
            raise ConfigurationError(f"{folder}: there is no such folder for the journal and the reports")

    async def write(self, checked: Checked, journal: Journal, run: RowTally) -> RowTally:
        """Write both reports, row by row in the order of the spreadsheet, and give the tally of all rows.

        Takes the tally of the run that has just ended. `OSError` and `StoreError` leave the old reports as they were.
        """
        await journal.fold()
        tally = RowTally(checked.valid, sent=run.sent)
        # where the run saw every row, and no row was edited, it has compared all digests: they need not be made again
        compared = not run.unsettled and not run.edited
        columns = _public_columns(checked)
        headings = ["row", *(checked.columns.headings[at] for at in columns), "outcome"]
        drafts = [path.with_name(f"{path.name}.new") for path in (self.created, self.failed)]
        try:
            with _open(drafts[0]) as created_file, _open(drafts[1]) as failed_file:
                created, failed = csv.writer(created_file), csv.writer(failed_file)
                created.writerow([*headings, "id"])
                failed.writerow([*headings, "reason"])
                rows = checked.rows()
                while chunk := list(islice(rows, LOOKED_UP)):
                    keys = ["" if row.problems else journal.key(row.username) for row in chunk]
                    entries = await journal.find(list(filter(None, keys)))
                    for row, entry in zip(chunk, map(entries.get, keys), strict=True):
                        outcome, note = _outcome(row, entry)
                        if outcome is None:
                            continue
                        edited = entry is not None and not compared and entry.digest != journal.digest(row.public_cells)
                        if edited:
                            was = f"created as customer {note}" if outcome.succeeded else f"settled: {note}"
                            note = f"edited since it was {was}; not sent again"
                        tally.outcomes[outcome] += entry is not None
                        tally.edited += edited
                        report = created if outcome.succeeded and not edited else failed
                        report.writerow([row.number, *(_public(row, at) for at in columns), outcome.value, note])
                    await asyncio.sleep(0)
            for draft, path in zip(drafts, (self.created, self.failed), strict=True):
                draft.replace(path)
        finally:
            for draft in drafts:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
        return tally


def _open(path: Path) -> TextIO:
    # personal data: for its owner alone, whatever the folder allows
    return open(path, "w", encoding="utf-8", newline="", opener=lambda name, flags: os.open(name, flags, 0o600))


def _outcome(row: CheckedRow, entry: JournalEntry | None) -> tuple[RowOutcome | None, int | str | None]:
    """The outcome of a row, and the customer's ID or the reason why there is none."""
    if row.problems:
        return RowOutcome.INVALID, "; ".join(row.problems)
    if entry is None or entry.outcome is None:
        return None, None
    return entry.outcome, entry.customer_id if entry.outcome.succeeded else entry.reason


def _public_columns(checked: Checked) -> list[int]:
    """The columns that may be shown."""
    password = checked.columns.places["password"]
    return [
        at
        for at, heading in enumerate(checked.columns.headings)
        if at != password and not any(word in heading.casefold() for word in SECRET)
    ]


def _public(row: CheckedRow, at: int) -> str:
    """A cell; empty if the cell repeats the password."""
    cell = row.cells[at]
    return "" if cell and cell == row.password else cell
