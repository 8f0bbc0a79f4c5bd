"""How the items of a bulk ended, how far it is, and the report of a small one: values, nothing else."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

import attrs

__all__ = ["BulkReport", "Failure", "Outcome", "Progress", "Success"]

T = TypeVar("T")
R = TypeVar("R")


@attrs.frozen
class Success(Generic[T, R]):
    """An item that went well."""

    index: int
    """Its position in the source, from 0."""
    item: T
    """The item itself."""
    value: R
    """What the operation returned."""


@attrs.frozen
class Failure(Generic[T]):
    """An item that did not."""

    index: int
    """Its position in the source, from 0."""
    item: T
    """The item itself."""
    error: Exception
    """What the operation raised."""


Outcome: TypeAlias = Success[T, R] | Failure[T]
"""How an item ended. `match` on it, or ask `isinstance(outcome, Success)`."""


@attrs.frozen
class Progress:
    """How far a bulk is."""

    done: int
    """Items with an outcome."""
    total: int | None
    """Items in all, where the source knows its length."""
    succeeded: int
    """Items that went well."""
    failed: int
    """Items that did not."""
    in_flight: int
    """Operations running now."""
    rate: float
    """Items done per second, since the start."""
    elapsed: float
    """Seconds since the start."""
    remaining: float | None
    """Seconds until the end at this rate, where the total is known."""


@attrs.frozen
class BulkReport(Generic[T, R]):
    """Everything a small job brought, in memory."""

    successes: tuple[Success[T, R], ...]
    """In the order of their index."""
    failures: tuple[Failure[T], ...]
    """In the order of their index."""
    not_started: tuple[T, ...]
    """Items that were never begun: the rest of a source of known length, and what had been pulled already."""
    stopped: bool
    """Whether it ended early, by `stop_on` or `max_failures`."""
    elapsed: float
    """Seconds in all."""

    def raise_for_failures(self) -> None:
        """Raise one `ExceptionGroup` of all the errors, each with a note of its item's index; None without failures."""
        if not self.failures:
            return
        for failure in self.failures:
            note = f"item {failure.index}"
            if note not in getattr(failure.error, "__notes__", ()):
                failure.error.add_note(note)
        done = len(self.successes) + len(self.failures)
        raise ExceptionGroup(f"{len(self.failures)} of {done} items failed", [f.error for f in self.failures])
