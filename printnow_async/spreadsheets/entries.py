"""What the journal knows of a row, and the changes that are written together: values, nothing else."""

from __future__ import annotations

from typing import Final, NamedTuple

import attrs

from printnow_async.spreadsheets.results import RowOutcome

__all__ = ["JournalChanges", "JournalEntry", "NEW", "SENDING"]

NEW: Final = "new"
"""The state of a row that no run has sent before. The journal's tables never hold this state."""
SENDING: Final = "sending"
"""The state of a row that is about to be sent, or that was sent and has no outcome yet."""


class JournalEntry(NamedTuple):
    """What the journal knew of a row when it was read last."""

    id: int
    """The entry's number, in the order in which rows were first sent."""
    key: str
    """Keyed digest of the storefront and the username: 32 hexadecimal digits."""
    digest: str
    """Keyed digest of all cells but the password: 32 hexadecimal digits."""
    state: str
    """`NEW`, `SENDING` or the value of a `RowOutcome`."""
    customer_id: int | None
    """The customer that was created."""
    reason: str | None
    """Why no customer was created."""

    @property
    def outcome(self) -> RowOutcome | None:
        """What became of the row; None if it has no outcome."""
        return None if self.state in {NEW, SENDING} else RowOutcome(self.state)

    @property
    def uncertain(self) -> bool:
        """Whether an earlier run may have created the customer without learning the outcome."""
        return self.state in {SENDING, RowOutcome.UNKNOWN}


@attrs.frozen
class JournalChanges:
    """Changes that are written in one transaction, in the order of these fields, whose names are part of the format."""

    begun: list[tuple[int, str, str, str]] = attrs.field(factory=list)
    """Rows that are about to be sent for the first time: id, key, digest, state."""
    again: list[tuple[str, str, int]] = attrs.field(factory=list)
    """Rows that are about to be sent once more: digest, state, id."""
    settled: list[tuple[str, int | None, str | None, int]] = attrs.field(factory=list)
    """Rows that have an outcome, or again the state that they had before: state, customer, reason, id."""
    withdrawn: list[tuple[int]] = attrs.field(factory=list)
    """Rows that were never sent after all: id."""

    def put_before(self, earlier: JournalChanges) -> None:
        """Take in changes that should have been written before these."""
        self.begun[:0] = earlier.begun
        self.again[:0] = earlier.again
        self.settled[:0] = earlier.settled
        self.withdrawn[:0] = earlier.withdrawn

    def __bool__(self) -> bool:
        return bool(self.begun or self.again or self.settled or self.withdrawn)
