"""The conformance suite holds for our trackers, and finds the faults of broken ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from printnow_async import MemoryTracker
from printnow_async.testing.tracker_suite import TrackerSuite
from printnow_async.tracking.sql import SQLTracker


class TestMemoryTracker(TrackerSuite):
    """One process."""

    @pytest.fixture
    def tracker(self) -> MemoryTracker:
        return MemoryTracker()


class TestSQLTracker(TrackerSuite):
    """SQLite in a file, and PostgreSQL."""

    @pytest.fixture
    async def tracker(self, tracker_url: str) -> AsyncIterator[SQLTracker]:
        async with SQLTracker(tracker_url, setup="create") as tracker:
            yield tracker


class IgnoresTheVersion(MemoryTracker):
    async def replace(self, record: Any, expected_version: int) -> bool:
        self._records[record.reference] = record
        return True


class InsertsOver(MemoryTracker):
    async def insert(self, record: Any) -> bool:
        self._records[record.reference] = record
        return True


class LosesMicroseconds(MemoryTracker):
    async def insert(self, record: Any) -> bool:
        return await super().insert(attrs.evolve(record, created_at=record.created_at.replace(microsecond=0)))


class KeepsTheDead(MemoryTracker):
    async def stale(self, **_: Any) -> Any:
        for record in list(self._records.values()):
            yield record


class ReadsThenWrites(MemoryTracker):
    async def replace(self, record: Any, expected_version: int) -> bool:
        stored = await self.load(record.reference)
        await asyncio.sleep(0)
        if stored is None or stored.version != expected_version:
            return False
        self._records[record.reference] = record
        return True


class IgnoresCase(MemoryTracker):
    async def insert(self, record: Any) -> bool:
        return self._records.setdefault(record.reference.casefold(), record) is record

    async def load(self, reference: str) -> Any:
        return self._records.get(reference.casefold())


@pytest.mark.parametrize(
    "broken", [IgnoresTheVersion, InsertsOver, LosesMicroseconds, KeepsTheDead, ReadsThenWrites, IgnoresCase]
)
async def test_the_suite_finds_a_broken_tracker(broken: type[MemoryTracker]) -> None:
    """Each in its own way; a suite that passes everything tests nothing."""
    tests = [name for name in dir(TrackerSuite) if name.startswith("test_")]
    failed = []
    for name in tests:
        try:
            async with asyncio.timeout(5):
                await getattr(TrackerSuite(), name)(broken())
        except (AssertionError, TimeoutError):
            failed.append(name)
    assert failed
    assert len(failed) < len(tests)
