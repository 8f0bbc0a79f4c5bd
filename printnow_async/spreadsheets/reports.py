"""The two reports of an import, made of the file and the journal: what was created, and what was not."""

from __future__ import annotations

import asyncio
import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.checking import Checked, CheckedRow
from printnow_async.spreadsheets.journal import SENDING, Entry, Journal
from printnow_async.spreadsheets.results import RowOutcome

__all__ = ["Counts", "Reports"]

AT_ONCE: Final = 1_000
SECRET: Final = ("password", "passwort", "passphrase", "pwd", "kennwort", "contraseña", "mot de passe")
"""A column with one of these in its heading is left out, also if it is no field of an account."""


class Counts:
    """Rows by outcome, over all runs."""

    def __init__(self) -> None:
        self.by_outcome = dict.fromkeys(RowOutcome, 0)
        self.unsettled = 0
        """Valid rows without an outcome."""
        self.edited = 0
        """Rows that were settled and have changed since."""


class Reports:
    """`created.csv` and `failed.csv` in one folder. They are replaced when the new ones are complete."""

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

    async def write(self, checked: Checked, journal: Journal) -> Counts:
        """Write both, row by row in the order of the file. `OSError` and `StoreError` leave the old ones."""
        await journal.fold()
        counts = Counts()
        columns = _public_columns(checked)
        headings = ["row", *(checked.columns.headings[at] for at in columns), "outcome"]
        drafts = [path.with_name(f"{path.name}.new") for path in (self.created, self.failed)]
        try:
            with _open(drafts[0]) as created, _open(drafts[1]) as failed:
                created_rows, failed_rows = csv.writer(created), csv.writer(failed)
                created_rows.writerow([*headings, "id"])
                failed_rows.writerow([*headings, "reason"])
                rows = checked.rows()
                while chunk := list(islice(rows, AT_ONCE)):
                    for row, outcome, last in _outcomes(chunk, await _found(chunk, journal), journal, counts):
                        cells = [_public(row, at) for at in columns]
                        writer = (
                            created_rows if outcome is RowOutcome.CREATED and isinstance(last, int) else failed_rows
                        )
                        writer.writerow([row.number, *cells, outcome.value, last])
                    await asyncio.sleep(0)
            for draft, path in zip(drafts, (self.created, self.failed), strict=True):
                draft.replace(path)
        finally:
            for draft in drafts:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
        return counts


def _open(path: Path) -> TextIO:
    # personal data: for its owner alone, whatever the folder allows
    return open(path, "w", encoding="utf-8", newline="", opener=lambda name, flags: os.open(name, flags, 0o600))


async def _found(rows: Sequence[CheckedRow], journal: Journal) -> dict[str, Entry]:
    return await journal.find([journal.key(row.username) for row in rows if not row.problems])


def _outcomes(
    rows: Sequence[CheckedRow], found: dict[str, Entry], journal: Journal, counts: Counts
) -> Iterator[tuple[CheckedRow, RowOutcome, Any]]:
    """The rows that have an outcome, each with it and with its customer id or the reason."""
    for row in rows:
        if row.problems:
            counts.by_outcome[RowOutcome.INVALID] += 1
            yield row, RowOutcome.INVALID, "; ".join(row.problems)
            continue
        entry = found.get(journal.key(row.username))
        if entry is None or entry.state == SENDING:
            counts.unsettled += 1
            continue
        outcome = RowOutcome(entry.state)
        counts.by_outcome[outcome] += 1
        if entry.digest != journal.digest(row.public_cells):
            counts.edited += 1
            was = (
                f"created as customer {entry.customer_id}"
                if outcome is RowOutcome.CREATED
                else f"settled: {entry.reason}"
            )
            yield row, outcome, f"edited since it was {was}; not sent again"
        else:
            yield row, outcome, entry.customer_id if outcome is RowOutcome.CREATED else entry.reason


def _public_columns(checked: Checked) -> list[int]:
    """The columns that may be shown."""
    password = checked.columns.places["password"]
    return [
        at
        for at, heading in enumerate(checked.columns.headings)
        if at != password and not any(word in heading.casefold() for word in SECRET)
    ]


def _public(row: CheckedRow, at: int) -> str:
    """A cell, unless it repeats the password."""
    cell = row.cells[at]
    return "" if cell and cell == row.password else cell
