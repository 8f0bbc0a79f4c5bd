"""What a lifecycle needs of the place where guests are remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

from printnow_async.tracking.record import LifecycleRecord

__all__ = ["Tracker"]


class Tracker(Protocol):
    """A store of records with compare-and-swap. `printnow_async.testing.tracker_suite` tests any of them.

    Each method is one atomic operation, seen at once by every other user of the store; none waits for another's.
    """

    async def load(self, reference: str) -> LifecycleRecord | None:
        """The record under this reference as it is now, or None."""
        ...

    async def insert(self, record: LifecycleRecord) -> bool:
        """Store a new record. False, and nothing stored, where its reference is taken."""
        ...

    async def replace(self, record: LifecycleRecord, expected_version: int) -> bool:
        """Store `record` in place of the one of that version. False, and nothing changed, where it is another."""
        ...

    def stale(self, *, older_than: timedelta) -> AsyncIterator[LifecycleRecord]:
        """The records that are not final and whose state has not changed for so long, oldest first."""
        ...
