"""Values of a bulk: how its items ended, how far it has come, and the report of a small job."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

import attrs

__all__ = ["BulkReport", "Failure", "Outcome", "Progress", "Success"]

T = TypeVar("T")
R = TypeVar("R")


@attrs.frozen
class Success(Generic[T, R]):
    """An item whose operation returned."""

    index: int
    """The position of the item in the source, from 0."""
    item: T
    """The item itself."""
    value: R
    """What the operation returned."""


@attrs.frozen
class Failure(Generic[T]):
    """An item whose operation raised an error."""

    index: int
    """The position of the item in the source, from 0."""
    item: T
    """The item itself."""
    error: Exception
    """What the operation raised."""


Outcome: TypeAlias = Success[T, R] | Failure[T]
"""How an item ended. `match` on it, or ask `isinstance(outcome, Success)`."""


@attrs.frozen
class Progress:
    """How far a bulk has come."""

    done: int
    """Items with an outcome."""
    total: int | None
    """Items in all; None where the source does not know its length."""
    succeeded: int
    """Items whose operation returned."""
    failed: int
    """Items whose operation raised an error."""
    in_flight: int
    """Operations running now."""
    rate: float
    """Items done per second, since the start."""
    elapsed: float
    """Seconds since the start."""
    remaining: float | None
    """Seconds until the end at this rate; None where the total is not known."""


@attrs.frozen
class BulkReport(Generic[T, R]):
    """All outcomes of a small job, in memory."""

    successes: tuple[Success[T, R], ...]
    """In the order of their index."""
    failures: tuple[Failure[T], ...]
    """In the order of their index."""
    not_started: tuple[T, ...]
    """Items that were never begun: items pulled already, and the rest of a source whose length is known."""
    stopped: bool
    """Whether the bulk stopped pulling early, by `stop_on`, `max_failures` or `stop`."""
    elapsed: float
    """Seconds in all."""

    def raise_for_failures(self) -> None:
        """Raise one `ExceptionGroup` of all errors, each with a note of its item's index. Without failures: nothing."""
        if not self.failures:
            return
        for failure in self.failures:
            note = f"item {failure.index}"
            if note not in getattr(failure.error, "__notes__", ()):
                failure.error.add_note(note)
        done = len(self.successes) + len(self.failures)
        raise ExceptionGroup(f"{len(self.failures)} of {done} items failed", [f.error for f in self.failures])
