"""Counts what became of a spreadsheet's rows, and tells the progress."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import attrs

from printnow_async.spreadsheets.results import ImportProgress, RowOutcome

__all__ = ["RowTally"]

logger = logging.getLogger("printnow_async")


def _now() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class RowTally:
    """What became of the valid rows, over all runs, as far as this run has come."""

    valid: int
    """Rows of the spreadsheet that may be sent."""
    on_progress: Callable[[ImportProgress], object] | None = None
    outcomes: Counter[RowOutcome] = attrs.field(factory=Counter)
    """Valid rows that have this outcome."""
    edited: int = 0
    """Rows with an outcome that have changed in the spreadsheet since."""
    sent: int = 0
    """Rows that got their outcome in this run."""
    failed: int = 0
    """Rows that got another outcome than success in this run."""
    in_flight: int = 0
    """Rows that are being sent now."""
    _started: float = attrs.field(factory=_now)

    @property
    def settled(self) -> int:
        """Valid rows that have an outcome."""
        return self.outcomes.total()

    @property
    def unsettled(self) -> int:
        """Valid rows that have no outcome."""
        return self.valid - self.settled

    @property
    def rate(self) -> float:
        """Rows per second that got their outcome in this run."""
        elapsed = _now() - self._started
        return self.sent / elapsed if elapsed > 0 else 0.0

    def count_sent(self, outcome: RowOutcome) -> None:
        """Count a row that got its outcome in this run."""
        self.outcomes[outcome] += 1
        self.sent += 1
        self.failed += not outcome.succeeded

    def tell(self) -> None:
        """Call `on_progress`. An error that `on_progress` raises is logged and ignored."""
        if self.on_progress is None:
            return
        rate = self.rate
        progress = ImportProgress(
            done=self.settled,
            total=self.valid,
            created=self.outcomes[RowOutcome.CREATED],
            failed=self.outcomes[RowOutcome.EXISTS] + self.outcomes[RowOutcome.REJECTED],
            unknown=self.outcomes[RowOutcome.UNKNOWN],
            in_flight=self.in_flight,
            rate=rate,
            elapsed=_now() - self._started,
            remaining=self.unsettled / rate if rate else None,
        )
        try:
            self.on_progress(progress)
        except Exception:
            logger.exception("on_progress failed and is ignored")
