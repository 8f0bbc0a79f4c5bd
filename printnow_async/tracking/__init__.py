"""Where guests are remembered between requests and processes: the record, the protocol of a tracker, and two of them.

`MemoryTracker` serves one process; `printnow_async.tracking.sql.SQLTracker` (extra `sql`) any number.
"""

from __future__ import annotations

from printnow_async.tracking.memory import MemoryTracker
from printnow_async.tracking.protocol import Tracker
from printnow_async.tracking.record import LifecycleRecord, LifecycleState

__all__ = ["LifecycleRecord", "LifecycleState", "MemoryTracker", "Tracker"]
