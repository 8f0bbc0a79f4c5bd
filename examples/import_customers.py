"""Import a spreadsheet of customers into a storefront, and report what became of each row.

    python examples/import_customers.py customers.xlsx

imports a spreadsheet. Run the same command again after an interruption, and the import goes on. With no argument, the
program imports examples/customers.csv, which has six rows that are wrong on purpose, keeps the journal and the reports
in a temporary folder, and deletes the new customers at the end. The command `printnow import` does the same.
"""

from __future__ import annotations

import asyncio
import csv
import sys
import tempfile
from pathlib import Path

from target import STOREFRONT, connect

from printnow_async import PrintNowClient, run_bulk
from printnow_async.spreadsheets import Checked, ImportProgress, ImportReport, import_accounts

SPREADSHEET = Path(__file__).with_name("customers.csv")


def show_check(checked: Checked) -> None:
    print(f"{checked.total} rows, {checked.valid} valid")
    for row in checked.problems():
        print(f"  row {row.number}: {'; '.join(row.problems)}")  # no cell is shown: a cell may be a password


def show_progress(now: ImportProgress) -> None:
    print(f"  {now.done} of {now.total}, {now.rate:.0f} per second")


def show_report(report: ImportReport) -> None:
    print(f"{report.created} created, {report.exists} exist, {report.rejected} rejected, {report.unknown} unknown")
    print(f"{report.invalid} invalid, {report.unsettled} not settled; see {report.failed_csv.name}")
    if report.halted:
        print("halted:", report.halted)


async def import_file(client: PrintNowClient, spreadsheet: Path, journal: Path) -> ImportReport:
    return await import_accounts(
        client,
        spreadsheet,
        storefront_id=STOREFRONT,
        journal=journal,
        on_checked=show_check,
        on_progress=show_progress,
    )


async def delete_created(client: PrintNowClient, report: ImportReport) -> None:
    with report.created_csv.open(encoding="utf-8", newline="") as file:
        ids = [int(row["id"]) for row in csv.DictReader(file)]
    deleted = await run_bulk(client.customers.delete, ids)
    print(f"{len(deleted.successes)} deleted again")


async def import_the_example(client: PrintNowClient) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "customers.journal")
        report = await import_file(client, SPREADSHEET, journal)
        show_report(report)
        again = await import_file(client, SPREADSHEET, journal)
        print(f"run again: {again.sent} sent, since all have an outcome")
        await delete_created(client, report)


async def main() -> None:
    async with connect() as client:
        if len(sys.argv) == 2:
            spreadsheet = Path(sys.argv[1])
            show_report(await import_file(client, spreadsheet, spreadsheet.with_name(f"{spreadsheet.name}.journal")))
        else:
            await import_the_example(client)


if __name__ == "__main__":
    asyncio.run(main())
