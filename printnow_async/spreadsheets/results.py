"""What becomes of the rows of an import, how far it is, and what is said at its end: values, nothing else."""

from __future__ import annotations

import enum
from pathlib import Path

import attrs

__all__ = ["ImportProgress", "ImportReport", "RowOutcome"]


class RowOutcome(enum.StrEnum):
    """What became of a row."""

    CREATED = "created"
    """The customer was created by this import."""
    EXISTS = "exists"
    """The server refused it: the username or the e-mail address is taken."""
    REJECTED = "rejected"
    """The server refused it for another reason; nothing was created."""
    UNKNOWN = "unknown"
    """It was sent, and whether it was created cannot be told."""
    INVALID = "invalid"
    """It breaks a rule of the file's own, and was not sent."""


@attrs.frozen
class ImportProgress:
    """How far an import is."""

    done: int
    """Valid rows with an outcome, those of earlier runs too."""
    total: int
    """Valid rows in all."""
    created: int
    """Rows that were created."""
    failed: int
    """Rows that exist already or were rejected."""
    unknown: int
    """Rows of which it cannot be told."""
    in_flight: int
    """Rows that are being sent now."""
    rate: float
    """Rows sent and settled per second, in this run."""
    elapsed: float
    """Seconds since the sending began."""
    remaining: float | None
    """Seconds until the end at this rate; None while there is none."""


@attrs.frozen
class ImportReport:
    """How an import ended. The counts are of the rows of the file, over all its runs."""

    source: str
    """Name of the file, or "standard input"."""
    journal: str
    """Where the journal is; a database URL is shown without its password."""
    total: int
    """Rows in all, without blank ones."""
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
    """Settled rows that have changed in the file since, and were not sent again; counted above as they were settled."""
    sent: int
    """Rows sent in this run."""
    halted: str | None
    """Why it ended early, in one line; None if it did not, or if it was asked to."""
    interrupted: bool
    """Whether it was asked to stop before its end."""
    elapsed: float
    """Seconds that this run took."""
    ignored_columns: tuple[str, ...]
    """Headings that are no field of an account."""
    created_csv: Path
    """The report of the rows that were created."""
    failed_csv: Path
    """The report of all the others that have an outcome."""

    @property
    def complete(self) -> bool:
        """Whether every row has an outcome."""
        return self.unsettled == 0

    @property
    def all_created(self) -> bool:
        """Whether every row was created, and none has changed since."""
        return self.created == self.total and not self.edited
