"""Records of guests in the memory of one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from printnow_async.tracking.clock import utc_now
from printnow_async.tracking.record import LifecycleRecord

__all__ = ["MemoryTracker"]


class MemoryTracker:
    """A `Tracker` in memory, lost when its process ends: for services of one process, tests and first trials."""

    def __init__(self) -> None:
        self._records: dict[str, LifecycleRecord] = {}

    async def load(self, reference: str) -> LifecycleRecord | None:
        """The record of this reference as it is stored now, or None."""
        return self._records.get(reference)

    async def insert(self, record: LifecycleRecord) -> bool:
        """Store a new record. False, and nothing stored, where the reference has a record already."""
        return self._records.setdefault(record.reference, record) is record

    async def replace(self, record: LifecycleRecord, expected_version: int) -> bool:
        """Replace the stored record, if that has the expected version. False, and nothing changed, otherwise."""
        stored = self._records.get(record.reference)
        if stored is None or stored.version != expected_version:
            return False
        self._records[record.reference] = record
        return True

    async def stale(self, *, older_than: timedelta) -> AsyncIterator[LifecycleRecord]:
        """The records whose state is not final and has not changed for at least `older_than`, oldest first."""
        before = utc_now() - older_than
        old = [record for record in self._records.values() if record.updated_at <= before and not record.state.is_final]
        for record in sorted(old, key=lambda record: record.updated_at):
            yield record
