"""The step with a spreadsheet: imported while the service does its worst, cancelled in the middle, gone on with."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from printnow_async.cli.demo.bulk import inject_faults
from printnow_async.cli.demo.ledger import Ask, Claim, Row
from printnow_async.cli.demo.narration import Tally
from printnow_async.cli.demo.stage import STOREFRONT, Stage

if TYPE_CHECKING:
    from printnow_async.spreadsheets import Checked, ImportProgress, ImportReport

__all__ = ["imported_spreadsheet"]

_CANCELLED_AFTER: Final = 100
"""Rows that have an outcome by then."""
_CLAIMS: Final = {
    "created": Claim.CREATED,
    "unknown": Claim.UNKNOWN,
    "exists": Claim.REFUSED,
    "rejected": Claim.REFUSED,
}
"""What the outcome of a row claims. An invalid one was not sent."""


async def imported_spreadsheet(stage: Stage) -> Row:
    """Import 300 rows, 6 of which are wrong; cancel it with rows in flight, and run it again."""
    inject_faults(stage)
    with (
        as_file(files("printnow_async.cli.demo") / "customers.xlsx") as source,
        tempfile.TemporaryDirectory(prefix="printnow-demo-", ignore_cleanup_errors=True) as folder,
    ):
        report = await _imported(stage, source, Path(folder))
        asks = _asks(report)
    stage.sandbox.clear_faults()
    stage.tell("reported", f"{report.created} created, {report.unknown} unknown, {report.invalid} wrong, not sent")
    stage.tell_faults()
    return Row("spreadsheet", asks)


async def _imported(stage: Stage, source: Path, folder: Path) -> ImportReport:
    """Import it in two runs, the first of which is cancelled."""
    from printnow_async.spreadsheets import import_accounts  # it needs SQLAlchemy, which other commands do not

    enough = asyncio.Event()

    def checked(found: Checked) -> None:
        first = next(found.problems())
        stage.tell(
            "check", f"{found.total} rows, {found.invalid} wrong, such as row {first.number}: {first.problems[0]}"
        )

    async def run(tally: Tally) -> ImportReport:
        def progress(now: ImportProgress) -> None:
            while tally.done < now.done:
                tally.add("settled")
            if now.done >= _CANCELLED_AFTER:
                enough.set()

        return await import_accounts(
            stage.client,
            source,
            storefront_id=STOREFRONT,
            journal=folder / "journal",
            concurrency=stage.concurrency,
            on_checked=None if enough.is_set() else checked,
            on_progress=progress,
        )

    with stage.narrator.tally(294) as tally:
        first = asyncio.ensure_future(run(tally))
        await asyncio.wait({first, reached := asyncio.ensure_future(enough.wait())}, return_when="FIRST_COMPLETED")
        reached.cancel()
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        stage.tell("cancelled", f"with {tally.done} rows settled, and others on their way")
        report = await run(tally)
    stage.tell("once more", f"{report.sent} rows sent, the journal knew the others")
    return report


def _asks(report: ImportReport) -> list[Ask]:
    """What the two reports say of each row that was sent."""
    asks: list[Ask] = []
    for path in (report.created_csv, report.failed_csv):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                claim = _CLAIMS.get(row["outcome"])
                if claim is not None:
                    asks.append(Ask(claim, int(row["id"]) if "id" in row else None, row["Username"]))
    return asks
