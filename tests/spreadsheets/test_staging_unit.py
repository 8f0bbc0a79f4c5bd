"""Which rows are to be sent: what comes out of the stager, and what the journal says of rows that did not."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.checking import CheckedRow, check
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.entries import NEW
from printnow_async.spreadsheets.job import RowJob
from printnow_async.spreadsheets.journal import Journal, StoreError
from printnow_async.spreadsheets.reading import open_spreadsheet
from printnow_async.spreadsheets.results import RowOutcome, RowResult
from printnow_async.spreadsheets.staging import RowStager
from printnow_async.spreadsheets.tally import RowTally


def some_rows(count: int) -> list[CheckedRow]:
    text = io.StringIO()
    csv.writer(text).writerows(
        [
            ["Username", "Password", "Email", "First Name", "Last Name"],
            *([f"user-{n}", "secret-1", f"user-{n}@example.com", "Ada", "Ash"] for n in range(count)),
        ]
    )
    with open_spreadsheet(io.BytesIO(text.getvalue().encode())) as spreadsheet:
        return list(check(spreadsheet, Columns.of(spreadsheet.headings)).rows())


def stager(journal: Journal, rows: Iterator[CheckedRow], tally: RowTally) -> RowStager:
    return RowStager(rows, journal, tally, asyncio.Event(), concurrency=2, retry_failed=False)


def journal(path: Path) -> Journal:
    return Journal(path / "journal", storefront_id=1, source="in.csv")


async def test_rows_come_out_in_order_and_the_journal_has_them_before(tmp_path: Path) -> None:
    rows = some_rows(20)
    async with journal(tmp_path) as record:
        staged = [(row.number, entry) async for row, entry in stager(record, iter(rows), RowTally(20))]
        await record.fold()
        found = await record.find([record.key(row.username) for row in rows])
    assert [number for number, _ in staged] == [row.number for row in rows]
    assert {entry.state for _, entry in staged} == {NEW}
    assert {entry.key for _, entry in staged} == found.keys()
    assert {entry.state for entry in found.values()} == {"sending"}


async def test_rows_that_were_journalled_and_not_given_are_withdrawn(tmp_path: Path) -> None:
    rows = some_rows(20)
    async with journal(tmp_path) as record:
        staging = stager(record, iter(rows), RowTally(20))
        first, _ = await anext(staging)
        await staging.aclose()
        await record.flush()
        await record.fold()
        found = await record.find([record.key(row.username) for row in rows])
        assert found.keys() == {record.key(first.username)}


async def test_a_spreadsheet_that_breaks_off_is_an_error_after_the_rows_before(tmp_path: Path) -> None:
    """Also where rows are read ahead, while nobody waits for them."""

    def breaking() -> Iterator[CheckedRow]:
        yield from some_rows(5)
        raise ConfigurationError("in.csv was changed")

    given: list[int] = []
    async with journal(tmp_path) as record:
        staging = stager(record, breaking(), RowTally(5))
        with pytest.raises(ConfigurationError, match="was changed"):
            async for row, _ in staging:
                given.append(row.number)
        await staging.aclose()
    assert given == [2, 3, 4, 5]  # the fifth row was read, and was not in the journal yet


async def test_outcomes_that_cannot_be_written_halt_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows in flight are finished; no other row is sent."""
    sent: list[int] = []
    halted = asyncio.Event()

    async def fail() -> None:
        halted.set()
        raise StoreError("the disk is full")

    async with journal(tmp_path) as record:

        async def send(row: CheckedRow, _: object) -> RowResult:
            sent.append(row.number)
            monkeypatch.setattr(record, "flush", fail)
            await halted.wait()
            return RowResult(RowOutcome.CREATED, 1)

        tally = RowTally(3)
        rows = stager(record, iter(some_rows(3)), tally)  # few enough for one transaction
        job = RowJob(rows, send, record, tally, concurrency=2, max_failures=None)
        assert await job.run() == f"the journal {tmp_path / 'journal'} cannot be written: the disk is full"
    assert sent == [2, 3]
