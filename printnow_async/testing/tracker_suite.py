"""The rules that every `Tracker` has to keep, as tests: for a tracker of your own.

    from printnow_async.testing.tracker_suite import TrackerSuite

    class TestMyTracker(TrackerSuite):
        @pytest.fixture
        async def tracker(self):
            async with MyTracker("…") as tracker:
                yield tracker

The suite needs pytest and pytest-asyncio, in either mode. The trackers of several tests may share one store: each test
uses references of its own.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import attrs
import pytest

from printnow_async.tracking import LifecycleRecord, LifecycleState, Tracker

__all__ = ["TrackerSuite", "make_record"]

_WRITERS = 50


def make_record(reference: str | None = None, **fields: Any) -> LifecycleRecord:
    """A new active record with `fields`; all other optional fields have their defaults."""
    now = datetime.now(UTC)
    record = LifecycleRecord(
        reference=reference or f"suite-{secrets.token_hex(8)}",
        state=LifecycleState.ACTIVE,
        salt=secrets.token_hex(16),
        created_at=now,
        updated_at=now,
    )
    return attrs.evolve(record, **fields)


def _full(state: LifecycleState) -> LifecycleRecord:
    """A record with a value in every field."""
    return make_record(
        state=state,
        version=7,
        storefront_id=3,
        temp_id=2**40,
        account_id=2**41,
        username_digest="a" * 64,
        email_digest="b" * 64,
        destination_id=2**42,
        unsettled=True,
        lease_holder="c" * 16,
        lease_until=datetime(2031, 12, 31, 23, 59, 59, 999_999, UTC),
        possible_orphans=2,
        created_at=datetime(2001, 2, 3, 4, 5, 6, 7, UTC),
        updated_at=datetime(2026, 1, 1, 0, 0, 0, 0, UTC),
    )


class TrackerSuite:
    """Make a subclass with a fixture `tracker`, and pytest runs the tests."""

    pytestmark: ClassVar = [pytest.mark.asyncio]

    async def test_an_unknown_reference_is_none(self, tracker: Tracker) -> None:
        """`load` returns None."""
        assert await tracker.load(make_record().reference) is None

    async def test_a_record_comes_back_as_it_was_stored(self, tracker: Tracker) -> None:
        """Empty and full, in every state, microseconds and all; times are aware and UTC."""
        for record in (make_record(), *map(_full, LifecycleState)):
            assert await tracker.insert(record)
            loaded = await tracker.load(record.reference)
            assert loaded == record
            assert loaded is not None
            assert loaded.state is record.state
            assert loaded.created_at.utcoffset() == timedelta(0)

    async def test_a_time_in_another_zone_is_the_same_moment(self, tracker: Tracker) -> None:
        """The moment is stored, not the zone."""
        moment = datetime(2026, 6, 1, 12, 0, 0, 5, timezone(timedelta(hours=-7)))
        record = make_record(updated_at=moment)
        await tracker.insert(record)
        loaded = await tracker.load(record.reference)
        assert loaded is not None
        assert loaded.updated_at == moment

    async def test_any_text_is_a_reference(self, tracker: Tracker) -> None:
        """Up to 200 characters of any script; upper and lower case differ."""
        token = secrets.token_hex(4)
        for rest in ("-" + "x" * 191, " ünï\u4e2d\U0001f511 '\"%_\\", "-Case", "-case"):
            reference = token + rest
            assert await tracker.insert(make_record(reference, temp_id=len(reference)))
        loaded = await tracker.load(f"{token}-Case")
        assert loaded is not None
        assert loaded.reference == f"{token}-Case"

    async def test_a_reference_is_inserted_once(self, tracker: Tracker) -> None:
        """The second insert is False and changes nothing."""
        first = make_record(temp_id=1)
        assert await tracker.insert(first)
        assert not await tracker.insert(attrs.evolve(first, temp_id=2))
        assert await tracker.load(first.reference) == first

    async def test_a_record_is_replaced_at_the_expected_version(self, tracker: Tracker) -> None:
        """Every field is replaced, with None as well."""
        first = _full(LifecycleState.CONVERTING)
        await tracker.insert(first)
        second = make_record(first.reference, version=8, salt=first.salt)
        assert await tracker.replace(second, 7)
        assert await tracker.load(first.reference) == second

    async def test_a_record_is_not_replaced_at_another_version(self, tracker: Tracker) -> None:
        """False, and nothing changed: another process was first."""
        first = make_record()
        await tracker.insert(first)
        second = attrs.evolve(first, version=2, temp_id=2)
        assert await tracker.replace(second, 1)
        for expected in (0, 1, 3):
            assert not await tracker.replace(attrs.evolve(first, version=expected + 1, temp_id=9), expected)
        assert await tracker.load(first.reference) == second

    async def test_what_is_not_there_is_not_replaced(self, tracker: Tracker) -> None:
        """False, and nothing is made."""
        record = make_record()
        assert not await tracker.replace(record, 1)
        assert await tracker.load(record.reference) is None

    async def test_references_do_not_touch_each_other(self, tracker: Tracker) -> None:
        """Replacing one leaves the other."""
        one, other = make_record(), make_record()
        await tracker.insert(one)
        await tracker.insert(other)
        await tracker.replace(attrs.evolve(one, version=2, temp_id=5), 1)
        assert await tracker.load(other.reference) == other

    async def test_of_many_that_insert_at_once_one_succeeds(self, tracker: Tracker) -> None:
        """The record of the one that succeeded is stored."""
        reference = make_record().reference
        records = [make_record(reference, temp_id=number) for number in range(1, _WRITERS + 1)]
        done = await asyncio.gather(*map(tracker.insert, records))
        assert done.count(True) == 1
        assert await tracker.load(reference) == records[done.index(True)]

    async def test_of_many_that_replace_one_version_one_succeeds(self, tracker: Tracker) -> None:
        """No update is lost, and none is overwritten."""
        first = make_record()
        await tracker.insert(first)
        records = [attrs.evolve(first, version=2, temp_id=number) for number in range(1, _WRITERS + 1)]
        done = await asyncio.gather(*(tracker.replace(record, 1) for record in records))
        assert done.count(True) == 1
        assert await tracker.load(first.reference) == records[done.index(True)]

    async def test_many_that_count_lose_no_count(self, tracker: Tracker) -> None:
        """Load, add one and replace, and do so again where another process was first."""
        first = make_record()
        await tracker.insert(first)

        async def count() -> None:
            while True:
                record = await tracker.load(first.reference)
                assert record is not None
                changed = attrs.evolve(record, version=record.version + 1, possible_orphans=record.possible_orphans + 1)
                if await tracker.replace(changed, record.version):
                    return

        await asyncio.gather(*(count() for _ in range(10)))
        loaded = await tracker.load(first.reference)
        assert loaded is not None
        assert (loaded.possible_orphans, loaded.version) == (10, 11)

    async def test_stale_gives_the_live_ones_that_have_not_moved_oldest_first(self, tracker: Tracker) -> None:
        """Final records and records that have changed since are left out."""
        now = datetime.now(UTC)
        days = {state: index for index, state in enumerate(LifecycleState, start=40)}
        old = [
            make_record(f"suite-{secrets.token_hex(8)}", state=state, updated_at=now - timedelta(days=days[state]))
            for state in LifecycleState
        ]
        young = make_record(updated_at=now - timedelta(days=29))
        for record in (young, *old):
            await tracker.insert(record)
        mine = {record.reference for record in (young, *old)}
        found = [record async for record in tracker.stale(older_than=timedelta(days=30)) if record.reference in mine]
        live = [record for record in old if not record.state.is_final]
        assert found == sorted(live, key=lambda record: record.updated_at)

    async def test_stale_gives_each_of_very_many_once(self, tracker: Tracker) -> None:
        """More records than a page holds, many of them of the same moment."""
        moment = datetime.now(UTC) - timedelta(days=50)
        records = [make_record(updated_at=moment + timedelta(seconds=number // 400)) for number in range(1200)]
        for start in range(0, len(records), 100):
            await asyncio.gather(*map(tracker.insert, records[start : start + 100]))
        mine = {record.reference for record in records}
        found = [r.reference async for r in tracker.stale(older_than=timedelta(days=30)) if r.reference in mine]
        assert len(found) == len(mine)
        assert set(found) == mine

    async def test_records_may_change_while_stale_is_read(self, tracker: Tracker) -> None:
        """As in a nightly job that abandons the records that it is given."""
        moment = datetime.now(UTC) - timedelta(days=50)
        mine = {(record := make_record(updated_at=moment)).reference: record for _ in range(20)}
        await asyncio.gather(*map(tracker.insert, mine.values()))
        seen = 0
        async for record in tracker.stale(older_than=timedelta(days=30)):
            if record.reference in mine:
                seen += 1
                ended = attrs.evolve(record, version=2, state=LifecycleState.ABANDONED, updated_at=datetime.now(UTC))
                assert await tracker.replace(ended, 1)
        assert seen == 20
