"""A row on its way, and the count of what has become of all of them."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from printnow_async.spreadsheets.checking import CheckedRow
from printnow_async.spreadsheets.journal import SENDING, Entry
from printnow_async.spreadsheets.results import RowOutcome

__all__ = ["Item", "Tally"]


class Item(NamedTuple):
    """A row that is about to be sent. Its `repr` shows no cell."""

    row: CheckedRow
    entry: int
    before: Entry | None

    @property
    def uncertain(self) -> bool:
        """Whether an earlier run sent it and has no answer."""
        return self.before is not None and self.before.state in {SENDING, RowOutcome.UNKNOWN}


@attrs.define
class Tally:
    """What has become of the valid rows, over all runs, as far as this one has come."""

    valid: int
    created: int = 0
    exists: int = 0
    rejected: int = 0
    unknown: int = 0
    edited: int = 0
    sent: int = 0
    """Rows with an outcome of this run."""

    @property
    def settled(self) -> int:
        """Rows with an outcome, of whichever run."""
        return self.created + self.exists + self.rejected + self.unknown

    def count(self, outcome: str) -> None:
        """One more row with this outcome."""
        setattr(self, outcome, getattr(self, outcome) + 1)
