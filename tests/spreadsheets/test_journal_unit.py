"""The journal by itself: what is written is known after it, in its order, whoever was killed in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from printnow_async.spreadsheets.entries import SENDING, JournalChanges, JournalEntry
from printnow_async.spreadsheets.journal import Journal, StoreError
from printnow_async.spreadsheets.results import RowOutcome, RowResult


def journal(path: Path) -> Journal:
    return Journal(path / "journal", storefront_id=1, source="in.csv")


async def test_what_was_written_is_known_to_the_next_run_though_nobody_folded_it(tmp_path: Path) -> None:
    """As after a kill: the log alone has it."""
    async with journal(tmp_path) as first:
        keys = [first.key(name) for name in ("ann", "bob", "cem")]
        entries = [first.begin(key, "d" * 32, None) for key in keys]
        await first.flush()
        first.settle(entries[1], RowResult(RowOutcome.CREATED, 77))
        first.withdraw(entries[2])
        await first.flush()
        assert await first.find(keys) == {}
    async with journal(tmp_path) as second:
        assert not second.new
        assert await second.find(keys) == {
            keys[0]: JournalEntry(entries[0].id, keys[0], "d" * 32, SENDING, None, None),
            keys[1]: JournalEntry(entries[1].id, keys[1], "d" * 32, "created", 77, None),
        }


async def test_changes_of_one_row_are_made_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    """Rejected, sent again with other cells, and taken back: it is what it was."""
    async with journal(tmp_path) as record:
        key = record.key("ann")
        entry = record.begin(key, "a" * 32, None)
        record.settle(entry, RowResult(RowOutcome.REJECTED, reason="no"))
        await record.flush()
        await record.fold()
        before = (await record.find([key]))[key]
        record.begin(key, "b" * 32, before)
        await record.flush()
        record.withdraw(before)
        await record.flush()
        await record.fold()
        assert await record.find([key]) == {key: before}


async def test_a_thousand_and_one_rows_are_found(tmp_path: Path) -> None:
    """One more than a statement asks for at once."""
    async with journal(tmp_path) as record:
        keys = [record.key(f"user-{number}") for number in range(1001)]
        for key in keys:
            record.begin(key, "d" * 32, None)
        await record.flush()
        await record.fold()
        assert (await record.find(keys)).keys() == set(keys)
        assert await record.find([]) == {}


async def test_what_could_not_be_written_is_written_later_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with journal(tmp_path) as record:
        write = record._store.write

        async def fail(_: JournalChanges) -> None:
            raise StoreError("the disk is full")

        monkeypatch.setattr(record._store, "write", fail)
        entry = record.begin(record.key("ann"), "d" * 32, None)
        with pytest.raises(StoreError):
            await record.flush()
        record.settle(entry, RowResult(RowOutcome.CREATED, 5))
        monkeypatch.setattr(record._store, "write", write)
        await record.flush()
        await record.fold()
        (found,) = (await record.find([record.key("ANN")])).values()
        assert (found.state, found.customer_id) == ("created", 5)


async def test_a_cancelled_flush_is_finished_and_not_repeated(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        record.begin(record.key("ann"), "d" * 32, None)
        flushing = asyncio.ensure_future(record.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flushing
        await record.flush()
        await record.fold()
        assert len(await record.find([record.key("ann")])) == 1


async def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        entry = record.begin(record.key("ann"), "d" * 32, None)
        record.settle(entry, RowResult(RowOutcome.REJECTED, reason="x" * 10_000))
        await record.flush()
        await record.fold()
        (found,) = (await record.find([record.key("ann")])).values()
        assert found.reason == "x" * 500


def test_keys_differ_by_storefront_and_by_journal_and_not_by_case(tmp_path: Path) -> None:
    async def keys(folder: str, storefront: int) -> list[str]:
        (tmp_path / folder).mkdir(exist_ok=True)
        async with Journal(tmp_path / folder / "journal", storefront_id=storefront, source="in.csv") as record:
            return [record.key(name) for name in ("Ann", "ANN", "bob")]

    async def main() -> None:
        one, same, other = await keys("a", 1), await keys("a", 1), await keys("b", 1)
        assert one == same
        assert one[0] == one[1] != one[2]
        assert set(one).isdisjoint(other)
        assert set(one).isdisjoint(await keys("a", 2))

    asyncio.run(main())
