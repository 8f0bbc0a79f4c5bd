"""What becomes of the rows of an import, how far an import is, and its report at the end: values, nothing else."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import NamedTuple

import attrs

__all__ = ["ImportProgress", "ImportReport", "RowOutcome", "RowResult"]


class RowOutcome(enum.StrEnum):
    """What became of a row."""

    CREATED = "created"
    """The customer was created by this import."""
    EXISTS = "exists"
    """The server refused the row: the username or the e-mail address is taken."""
    REJECTED = "rejected"
    """The server refused the row for another reason; nothing was created."""
    UNKNOWN = "unknown"
    """The row was sent, and nobody can tell whether the customer was created."""
    INVALID = "invalid"
    """The row breaks a rule of an account, or repeats an earlier row. The row was not sent."""

    @property
    def succeeded(self) -> bool:
        """Whether the server has done what the row asks for."""
        return self is RowOutcome.CREATED


class RowResult(NamedTuple):
    """What became of a row that was sent."""

    outcome: RowOutcome
    customer_id: int | None = None
    """The customer that was created."""
    reason: str | None = None
    """Why no customer was created."""


@attrs.frozen
class ImportProgress:
    """How far an import is."""

    done: int
    """Valid rows with an outcome, of this run or an earlier run."""
    total: int
    """Valid rows in all."""
    created: int
    """Rows that were created."""
    failed: int
    """Rows that exist already or were rejected."""
    unknown: int
    """Rows that may or may not have been created."""
    in_flight: int
    """Rows that are being sent now."""
    rate: float
    """Rows per second that got their outcome in this run."""
    elapsed: float
    """Seconds since the sending began."""
    remaining: float | None
    """Seconds until the end at this rate; None before the first outcome of this run."""


@attrs.frozen
class ImportReport:
    """How an import ended. The counts are of the rows of the file, over all its runs."""

    source: str
    """Name of the file, or "standard input"."""
    journal: str
    """The path of the journal, or its database URL without the password."""
    total: int
    """Rows in all, without blank rows."""
    created: int
    """Rows created by this import, now or earlier."""
    exists: int
    """Rows whose username or e-mail address was taken."""
    rejected: int
    """Rows refused by the server for another reason."""
    unknown: int
    """Rows that may or may not have been created."""
    invalid: int
    """Rows that break a rule, and were not sent."""
    unsettled: int
    """Valid rows without an outcome: run the import again."""
    edited: int
    """Rows that have changed in the file since their outcome, and were not sent again. They are counted above, too."""
    sent: int
    """Rows that got their outcome in this run."""
    halted: str | None
    """Why the import ended early, in one line; None if it did not end early, or was asked to stop."""
    interrupted: bool
    """Whether the import was asked to stop before its end."""
    elapsed: float
    """Seconds that this run took."""
    ignored_columns: tuple[str, ...]
    """The headings of columns that are no field of an account."""
    created_csv: Path
    """The report of the rows that were created."""
    failed_csv: Path
    """The report of all other rows that have an outcome."""

    @property
    def complete(self) -> bool:
        """Whether every row has an outcome."""
        return self.unsettled == 0

    @property
    def all_created(self) -> bool:
        """Whether every row was created, and no row has changed since."""
        return self.created == self.total and not self.edited
