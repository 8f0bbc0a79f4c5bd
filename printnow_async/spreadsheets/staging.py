"""Which rows are to be sent: every row is journalled before it becomes ready, a few rows ahead of the rows in flight.

Rows are taken from the spreadsheet in batches, one transaction of the journal for each. A batch has the rows that are
likely to be sent during the next moment. A kill leaves these rows open, so the moment is short. A transaction takes
time, too, so the moment is not too short. The next batch is journalled while half of the last batch is still ready.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, Self, TypeAlias

from printnow_async.spreadsheets.checking import CheckedRow
from printnow_async.spreadsheets.entries import JournalEntry
from printnow_async.spreadsheets.journal import LOOKED_UP, Journal
from printnow_async.spreadsheets.tally import RowTally

__all__ = ["RowStager", "StagedRow"]

StagedRow: TypeAlias = tuple[CheckedRow, JournalEntry]
"""A row that may be sent, and what the journal knew of the row before."""

AHEAD_PER_PLACE: Final = 2
"""Rows journalled ahead for each row that may be in flight, at least, so that no place waits for a transaction."""
MOST_AHEAD: Final = 2048
"""Rows journalled ahead, at most."""
SHORTEST_AHEAD: Final = 0.02
LONGEST_AHEAD: Final = 0.2
"""Seconds of sending for which rows are journalled ahead, in one transaction. The shorter this time, the fewer rows
a kill leaves open; the longer, the fewer transactions."""
COMMITS_AHEAD: Final = 25
"""Between these two limits: how often the time of one transaction fits into the time that is journalled ahead."""


class RowStager:
    """An asynchronous iterator of the rows that are to be sent. Every row is in the journal before it is given."""

    def __init__(
        self,
        rows: Iterator[CheckedRow],
        journal: Journal,
        tally: RowTally,
        stop: asyncio.Event,
        *,
        concurrency: int,
        retry_failed: bool,
    ) -> None:
        self._rows = (row for row in rows if not row.problems)
        self._journal, self._tally, self._stop = journal, tally, stop
        self._concurrency, self._retry_failed = concurrency, retry_failed
        self._ready: deque[StagedRow] = deque()
        """Rows that may be sent: the journal has them."""
        self._coming: list[StagedRow] = []
        """Rows that are being written to the journal."""
        self._more = True
        """Whether the spreadsheet has more rows."""
        self._staging: asyncio.Task[None] | None = None
        """Makes more rows ready. A task that failed stays, so that its error comes out of the iteration."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StagedRow:
        while not self._ready:
            if self._stop.is_set() or not (self._more or self._staging):
                raise StopAsyncIteration
            await asyncio.shield(self._staging or self._begin_staging())
        if self._stop.is_set():
            raise StopAsyncIteration
        staged = self._ready.popleft()
        if self._more and self._staging is None and len(self._ready) <= self._ahead() // 2:
            self._begin_staging()
        return staged

    async def aclose(self) -> None:
        """End the staging. Rows that were staged and not given are withdrawn from the journal."""
        if self._staging is not None:
            self._staging.cancel()
            await asyncio.wait({self._staging})
        for _, entry in [*self._ready, *self._coming]:
            self._journal.withdraw(entry)

    def _begin_staging(self) -> asyncio.Task[None]:
        self._staging = asyncio.ensure_future(self._stage())
        # marks an error as seen: asyncio would log the error of a task that nobody awaits
        self._staging.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return self._staging

    def _ahead(self) -> int:
        """How many rows to journal at once: what goes out in the next moment, and at least what may be in flight."""
        seconds = min(max(SHORTEST_AHEAD, COMMITS_AHEAD * self._journal.commit_seconds), LONGEST_AHEAD)
        return min(max(AHEAD_PER_PLACE * self._concurrency, int(self._tally.rate * seconds)), MOST_AHEAD)

    async def _stage(self) -> None:
        """Find the next rows without an outcome, and journal that they are about to be sent."""
        while self._more and not self._coming and not self._stop.is_set():
            count = self._ahead() if self._journal.new else LOOKED_UP
            rows = list(islice(self._rows, count))
            self._more = len(rows) == count
            keys = [self._journal.key(row.username) for row in rows]
            found = {} if self._journal.new or not rows else await self._journal.find(keys)
            for row, key in zip(rows, keys, strict=True):
                digest, before = self._journal.digest(row.public_cells), found.get(key)
                if before is None or self._to_send(before, digest):
                    self._coming.append((row, self._journal.begin(key, digest, before)))
            if found:
                self._tally.tell()
        await self._journal.flush()
        self._ready.extend(self._coming)
        self._coming, self._staging = [], None

    def _to_send(self, before: JournalEntry, digest: str) -> bool:
        """Whether a row that the journal knows is sent again. A row that is not is counted with its old outcome."""
        outcome = before.outcome
        if outcome is None or (self._retry_failed and not outcome.succeeded):
            return True
        self._tally.outcomes[outcome] += 1
        self._tally.edited += before.digest != digest
        return False
