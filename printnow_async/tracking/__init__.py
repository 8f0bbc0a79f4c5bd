"""The records of guests, and the trackers that store records between requests and processes.

`MemoryTracker` serves one process. `printnow_async.tracking.sql.SQLTracker` (extra `sql`) serves any number.
"""

from __future__ import annotations

from printnow_async.tracking.memory import MemoryTracker
from printnow_async.tracking.protocol import Tracker
from printnow_async.tracking.record import LifecycleRecord, LifecycleState

__all__ = ["LifecycleRecord", "LifecycleState", "MemoryTracker", "Tracker"]
