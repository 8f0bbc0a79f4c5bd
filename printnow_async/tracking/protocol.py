"""The operations that a lifecycle needs of a store of records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

from printnow_async.tracking.record import LifecycleRecord

__all__ = ["Tracker"]


class Tracker(Protocol):
    """A store of records with compare-and-swap. `printnow_async.testing.tracker_suite` tests any tracker.

    Each method is one atomic operation, and its effect is visible to all other users of the store at once.
    """

    async def load(self, reference: str) -> LifecycleRecord | None:
        """The record of this reference as it is stored now, or None."""
        ...

    async def insert(self, record: LifecycleRecord) -> bool:
        """Store a new record. False, and nothing stored, where the reference has a record already."""
        ...

    async def replace(self, record: LifecycleRecord, expected_version: int) -> bool:
        """Replace the stored record, if that has the expected version. False, and nothing changed, otherwise."""
        ...

    def stale(self, *, older_than: timedelta) -> AsyncIterator[LifecycleRecord]:
        """The records whose state is not final and has not changed for at least `older_than`, oldest first."""
        ...
