"""Many operations at once, in constant memory: the bounded map, its outcomes and its items."""

from __future__ import annotations

from printnow_async.bulk.outcomes import BulkReport, Failure, Outcome, Progress, Success
from printnow_async.bulk.run import run_bulk, stream_bulk
from printnow_async.bulk.stream import BulkStream

__all__ = ["BulkReport", "BulkStream", "Failure", "Outcome", "Progress", "Success", "run_bulk", "stream_bulk"]
