"""Sending the rows: each is journalled before it goes out, and its outcome after."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from itertools import islice
from typing import Final

from printnow_async.bulk import BulkStream, stream_bulk
from printnow_async.errors import (
    AuthenticationError,
    BadRequestError,
    OutcomeUnknownError,
    PrintNowError,
)
from printnow_async.models import Customer, NewAccount
from printnow_async.spreadsheets.checking import CheckedRow
from printnow_async.spreadsheets.items import Item, Tally
from printnow_async.spreadsheets.journal import SENDING, Entry, Journal, StoreError
from printnow_async.spreadsheets.results import ImportProgress, RowOutcome
from printnow_async.spreadsheets.verdicts import one_line, outcome_of, reason_of, turned_away

__all__ = ["Create", "Sender"]

logger = logging.getLogger("printnow_async")

Create = Callable[[NewAccount], Awaitable[Customer]]

LEAST_SECONDS: Final = 0.02
MOST_SECONDS: Final = 0.2
"""Seconds of sending for which rows are journalled ahead, in one transaction: the shorter, the fewer rows a kill leaves
open; the longer, the fewer transactions."""
COMMITS: Final = 25
"""Between those, so many times what a transaction takes."""
AT_LEAST: Final = 2
"""Rows journalled ahead for each that may be in flight, so that none has to wait for a transaction."""
MOST_AHEAD: Final = 2048
"""Rows journalled ahead, at most."""
LOOKED_UP: Final = 1_000
"""Rows looked up in the journal at once."""
PATIENCE: Final = (0.5, 2.0, 5.0)
"""Seconds to wait, once the client has given up on a server that does not take a row, before it is asked again."""

SPEECHLESS: Final = 3
"""How often a refusal without a word is asked for again."""
NO_WORDS: Final = HTTPStatus.BAD_REQUEST.phrase


class ServerGoneError(Exception):
    """The server takes no requests at all; nothing of the row was applied."""


class StoppedError(Exception):
    """It was asked to stop before the server took the row; nothing of it was applied."""


class Sender:
    """Sends the rows that have no outcome yet, `concurrency` at a time."""

    def __init__(
        self,
        create: Create,
        journal: Journal,
        rows: Iterator[CheckedRow],
        tally: Tally,
        *,
        concurrency: int,
        retry_failed: bool,
        max_failures: int | None,
        stop: asyncio.Event,
        on_progress: Callable[[ImportProgress], object] | None,
    ) -> None:
        self._create, self._journal, self._tally = create, journal, tally
        self._rows = (row for row in rows if not row.problems)
        self._concurrency, self._retry_failed, self._max_failures = concurrency, retry_failed, max_failures
        self._stop = stop
        self._on_progress = on_progress
        self._ready: deque[Item] = deque()
        """Rows that the journal has, and that may be sent."""
        self._unsent: list[Item] = []
        """Rows that will not be."""
        self._more = True
        self._staging: asyncio.Task[None] | None = None
        self._broken: StoreError | None = None
        self._stream: BulkStream[Item, Customer] | None = None
        self.halted: str | None = None
        """Why it ended early, in one line; None if it did not, or was asked to."""

    async def run(self) -> None:
        """Send them all. What is known in the end is written, whatever ends it.

        Raises nothing for what a server or a full disk does: `halted` says it. A file that changes, or cannot be read
        any more, is the `ConfigurationError` it is.
        """
        writer = asyncio.ensure_future(self._write_outcomes())
        try:
            await self._send_all()
        except StoreError as error:
            self.halted = self.halted or f"the journal {self._journal.name} cannot be written: {error}"
        finally:
            for task in (writer, self._staging):
                if task is not None:
                    task.cancel()
                    await asyncio.wait({task})
            for item in [*self._ready, *self._unsent]:
                self._journal.withdraw(item.entry, item.before)
            try:
                await self._journal.flush()
            except StoreError as error:
                self.halted = self.halted or f"the journal {self._journal.name} cannot be written: {error}"

    async def _send_all(self) -> None:
        self._stream = stream_bulk(
            self._settled,
            self,
            concurrency=self._concurrency,
            stop_on=(AuthenticationError, ServerGoneError),
            max_failures=self._max_failures,
            on_progress=self._tell,
        )
        try:
            async with self._stream as outcomes:
                async for _ in outcomes:
                    pass
        finally:
            for item in await self._stream.not_started():
                self._journal.withdraw(item.entry, item.before)
        if self._stream.stopped and self.halted is None:
            self.halted = f"{self._max_failures} failed rows were allowed"
        if self._broken is not None:
            raise self._broken

    def _tell(self, _progress: object = None) -> None:
        if self._on_progress is None or self._stream is None:
            return
        tally, seen = self._tally, self._stream.progress
        rate = tally.sent / seen.elapsed if seen.elapsed > 0 else 0.0
        left = tally.valid - tally.settled
        now = ImportProgress(
            tally.settled,
            tally.valid,
            tally.created,
            tally.exists + tally.rejected,
            tally.unknown,
            seen.in_flight,
            rate,
            seen.elapsed,
            left / rate if rate else None,
        )
        try:
            self._on_progress(now)
        except Exception:
            logger.exception("on_progress failed and is ignored")

    # ------------------------------------------------------------ before: the rows, journalled a few ahead

    def __aiter__(self) -> Sender:
        return self

    async def __anext__(self) -> Item:
        """The next row that may be sent: the journal has it."""
        while not self._ready:
            if self._stop.is_set() or self._broken is not None or not (self._more or self._staging):
                raise StopAsyncIteration
            await self._stage_next()
        if self._stop.is_set():
            raise StopAsyncIteration
        item = self._ready.popleft()
        if self._more and self._staging is None and len(self._ready) <= self._ahead() // 2:
            self._begin_staging()
        return item

    async def _stage_next(self) -> None:
        """Wait until more rows are ready, or there are none."""
        await asyncio.shield(self._staging or self._begin_staging())

    def _begin_staging(self) -> asyncio.Task[None]:
        self._staging = staging = asyncio.ensure_future(self._stage())
        # what it raises, `_broken` says too, or the next row that is asked for
        staging.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return staging

    def _ahead(self) -> int:
        """Rows to journal at once: what the next moment sends, and at least what may be in flight."""
        elapsed = self._stream.elapsed if self._stream is not None else 0.0
        rate = self._tally.sent / elapsed if elapsed > 0 else 0.0
        return min(max(AT_LEAST * self._concurrency, int(rate * self._between_commits)), MOST_AHEAD)

    @property
    def _between_commits(self) -> float:
        return min(max(LEAST_SECONDS, COMMITS * self._journal.commit_seconds), MOST_SECONDS)

    async def _stage(self) -> None:
        """Find the next rows without an outcome, and journal that they are about to be sent."""
        batch: list[Item] = []
        try:
            while self._more and not batch and not self._stop.is_set():
                count = self._ahead() if self._journal.new else LOOKED_UP
                rows = list(islice(self._rows, count))
                self._more = len(rows) == count
                batch = await self._choose(rows)
            await self._journal.flush()
            self._ready.extend(batch)
            batch = []
        except StoreError as error:
            self._broken = error
            raise
        finally:
            self._unsent += batch
            self._staging = None

    async def _choose(self, rows: list[CheckedRow]) -> list[Item]:
        journal = self._journal
        keys = [journal.key(row.username) for row in rows]
        found = {} if journal.new or not rows else await journal.find(keys)
        batch: list[Item] = []
        for row, key in zip(rows, keys, strict=True):
            digest, before = journal.digest(row.public_cells), found.get(key)
            if before is not None and not self._to_send(before, digest):
                continue
            batch.append(Item(row, journal.begin(key, digest, before), before))
        if found:
            self._tell()
        return batch

    def _to_send(self, before: Entry, digest: str) -> bool:
        """Whether a row that the journal knows is sent again; if not, it is counted as what it is."""
        if before.state == SENDING or (self._retry_failed and before.state != RowOutcome.CREATED):
            return True
        self._tally.count(before.state)
        self._tally.edited += before.digest != digest
        return False

    # ------------------------------------------------------------ in between: one row

    async def _send(self, item: Item) -> Customer:
        """Create it. A server that turns it away, or gives no answer, is asked again with patience.

        That is safe, since a username exists once: a repeat can create nothing a second time.
        """
        account, done = item.row.account(), self._tally.sent
        unknown: OutcomeUnknownError | None = None
        for pause in (*PATIENCE, None):
            try:
                return await self._create_plainly(account)
            except OutcomeUnknownError as error:
                if isinstance(error.__cause__, BadRequestError):  # its own repeat has found the name taken
                    raise
                unknown = error
            except PrintNowError as error:
                if not turned_away(error):
                    raise unknown or error from error
                if pause is None and unknown is None and self._tally.sent == done:
                    raise ServerGoneError(one_line(error)) from error
                if pause is None:
                    raise unknown or error from error
            if pause is None or await self._stopped_within(pause):
                break
        raise unknown or StoppedError

    async def _create_plainly(self, account: NewAccount) -> Customer:
        """Create it. A refusal whose words got lost applied nothing, and is asked for again: the report needs them."""
        for _ in range(SPEECHLESS):
            try:
                return await self._create(account)
            except BadRequestError as error:
                if error.message != NO_WORDS:
                    raise
        return await self._create(account)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return False
        return True

    # ------------------------------------------------------------ after: its outcome

    async def _settled(self, item: Item) -> Customer:
        """Send a row and settle it: at once, so that no outcome is known and not written."""
        try:
            customer = await self._send(item)
        except Exception as error:
            self._fail(item, error)
            raise
        self._count(item, RowOutcome.CREATED, customer.id, None)
        return customer

    def _fail(self, item: Item, error: Exception) -> None:
        if isinstance(error, AuthenticationError | ServerGoneError | StoppedError):
            self._journal.withdraw(item.entry, item.before)
            if not isinstance(error, StoppedError) and self.halted is None:
                self.halted = one_line(error)
            return
        self._count(item, outcome_of(error, uncertain=item.uncertain), None, reason_of(error, uncertain=item.uncertain))

    def _count(self, item: Item, outcome: RowOutcome, customer_id: int | None, reason: str | None) -> None:
        self._tally.count(outcome)
        self._tally.sent += 1
        self._journal.settle(item.entry, outcome, customer_id, reason)

    async def _write_outcomes(self) -> None:
        """Write what is settled, soon, also while no more rows are begun."""
        loop = asyncio.get_running_loop()
        while self._broken is None:
            await asyncio.sleep(max(0.0, self._journal.committed + MOST_SECONDS - loop.time()) or MOST_SECONDS)
            try:
                if self._journal.committed + MOST_SECONDS <= loop.time():
                    await self._journal.flush()
            except StoreError as error:
                self._broken = error
