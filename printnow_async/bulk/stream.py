"""A bounded parallel map whose outcomes are values.

    async with stream_bulk(client.customers.get, ids, concurrency=32) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Success(item=customer_id, value=customer): ...
                case Failure(item=customer_id, error=error): ...

Theory of operation
-------------------
Up to `concurrency` worker tasks share one source of items. A worker repeats four steps: wait for room, pull an item,
run the operation on the item, hand the outcome over. The reader, which is the task of the caller, takes the outcomes.

*Room* bounds the memory. A bulk begins with room for `concurrency` items in flight, and for as many outcomes that wait
to be taken (`LEAST_WAITING` at least). A worker takes room for one item before the worker pulls the item. The reader
gives that room back when the reader takes the outcome. So memory has a bound, however slow the reader is.

*Waiting* costs a future and a turn of the event loop, about as much as 3 % of a call of the client, so nobody waits
without need. A worker makes a future only when there is no room, and the reader makes a future only when there is no
outcome. A worker goes on with the next item in the same step in which the worker hands an outcome over, and the reader
is woken once for all the outcomes of a turn. Often a turn of the event loop brings the answers to most items in flight:
that is why there is room for so many outcomes.

*The end* has three forms.
1. The source is at its end, or a rule (`stop_on`, `max_failures`, `stop`) stopped the bulk. Nothing more is pulled.
   Each worker ends after its item, the last worker wakes the reader, and the iteration ends after the last outcome.
   Only `stop` also cancels a worker that waits for the source's next item, because that may take for ever.
2. The source failed, or an operation raised what is no `Exception`. That ends the pulling too. The iteration raises the
   error: an `Exception` after the outcomes of what had begun, anything else at once.
3. The caller leaves the block. All workers are cancelled and awaited.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from printnow_async.bulk._source import END, Items
from printnow_async.bulk.outcomes import Failure, Outcome, Progress, Success

__all__ = ["BulkStream"]

logger = logging.getLogger("printnow_async")

T = TypeVar("T")
R = TypeVar("R")

LEAST_WAITING: Final = 4
"""Outcomes for which there is room beside the items in flight, where `concurrency` is less."""
PROGRESS_SECONDS: Final = 0.1
"""Seconds between two calls of `on_progress`."""


class BulkStream(Generic[T, R]):
    """The outcomes of a bulk, one for each item that was begun: iterate over the stream once, inside `async with`."""

    def __init__(
        self,
        operation: Callable[[T], Awaitable[R]],
        items: Iterable[T] | AsyncIterable[T],
        *,
        concurrency: int,
        ordered: bool,
        stop_on: tuple[type[Exception], ...],
        max_failures: int | None,
        stop: asyncio.Event | None,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self._operation = operation
        self._items = Items(items)
        self._concurrency = concurrency
        self._ordered = ordered
        self._stop_on = stop_on
        self._max_failures = max_failures
        self._stop = stop
        self._on_progress = on_progress
        self._room = concurrency + max(concurrency, LEAST_WAITING)
        """How many items may be pulled before the reader takes another outcome."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        """The workers that wait for room."""
        self._finished: deque[Outcome[T, R]] = deque()
        self._early: dict[int, Outcome[T, R]] = {}
        """Outcomes that came before those of earlier items, when `ordered`."""
        self._next_index = 0
        self._reader: asyncio.Future[None] | None = None
        """What the reader waits for, while there is no outcome."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._group: asyncio.TaskGroup | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        """The task that waits for `stop`."""
        self._error: BaseException | None = None
        """What the source raised, or what an operation raised and is not an `Exception`."""
        self._pulling = True
        self._begun = self._in_flight = self._succeeded = self._failed = 0
        self._started = 0.0
        self._report_due = 0.0
        """The time of the event loop from which on `on_progress` may be called again."""
        self._took: float | None = None
        self._stopped = False
        self._not_begun: list[T] = []

    @property
    def stopped(self) -> bool:
        """Whether the bulk stopped pulling early, by `stop_on`, `max_failures` or `stop`."""
        return self._stopped

    @property
    def elapsed(self) -> float:
        """Seconds since the block was entered; after the block, the seconds that the block took."""
        if self._took is not None or self._loop is None:
            return self._took or 0.0
        return self._loop.time() - self._started

    @property
    def progress(self) -> Progress:
        """How far the bulk has come."""
        done, elapsed, total = self._succeeded + self._failed, self.elapsed, self._items.total
        rate = done / elapsed if elapsed > 0 else 0.0
        remaining = (total - done) / rate if total is not None and rate > 0 else None
        return Progress(done, total, self._succeeded, self._failed, self._in_flight, rate, elapsed, remaining)

    async def not_started(self) -> tuple[T, ...]:
        """The items that were never begun: items pulled already, and the rest of a source whose length is known."""
        self._not_begun.extend(await self._items.rest())
        return tuple(self._not_begun)

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("a bulk runs once: make a new one")
        self._loop = asyncio.get_running_loop()
        self._started = self._report_due = self._loop.time()
        self._group = await asyncio.TaskGroup().__aenter__()
        if self._stop is not None:
            self._watcher = self._group.create_task(self._watch(self._stop))
        self._add_worker(self._group)
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pulling = False
        for task in (*self._workers, self._watcher):
            if task is not None:
                task.cancel()
        group, self._group = self._group, None
        try:
            if group is not None:
                # The group is not told of the caller's own error, because the group would wrap that error.
                await group.__aexit__(None, None, None)
        finally:
            self._took = self.elapsed
            self._report()

    def __aiter__(self) -> AsyncIterator[Outcome[T, R]]:
        return self

    async def __anext__(self) -> Outcome[T, R]:
        while not self._finished:
            if self._error is not None and (not self._workers or not isinstance(self._error, Exception)):
                raise self._error
            if not self._workers:
                raise StopAsyncIteration
            if self._reader is not None:
                raise RuntimeError("the outcomes of a bulk are read by one task at a time")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        outcome = self._finished.popleft()
        # The room of this item goes to the worker that has waited longest, or to whoever comes next.
        while self._waiting:
            worker = self._waiting.popleft()
            if not worker.done():
                worker.set_result(None)
                return outcome
        self._room += 1
        return outcome

    def _add_worker(self, group: asyncio.TaskGroup) -> None:
        worker = group.create_task(self._work(group))
        self._workers.add(worker)
        worker.add_done_callback(self._on_worker_done)

    def _on_worker_done(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not self._workers:
            self._wake_reader()
            if self._watcher is not None:
                self._watcher.cancel()

    async def _work(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._work_off(group)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            # The error is no outcome of an item, so the reader gets the error itself.
            self._error = self._error or error
            self._stop_pulling()
            self._wake_reader()

    async def _work_off(self, group: asyncio.TaskGroup) -> None:
        """Pull items and run the operation on them until nothing more is to be pulled."""
        items, at_hand, operation = self._items, self._items.at_hand, self._operation
        while True:
            # 1. Take room for one item, or be handed the room of an outcome that the reader took.
            if self._room:
                self._room -= 1
            else:
                room = asyncio.get_running_loop().create_future()
                self._waiting.append(room)
                await room
            # 2. Pull one item. The bulk may be stopped while the source is asked, and even by the source.
            if self._nothing_more():
                return
            item = await items.pull(self._nothing_more) if at_hand is None else next(at_hand, END)
            if item is END:
                self._stop_pulling()
                return
            if self._nothing_more():
                self._not_begun.append(item)
                return
            # 3. Run the operation. Another item may find another worker.
            if len(self._workers) < self._concurrency:
                self._add_worker(group)
            index = self._begun
            self._begun += 1
            self._in_flight += 1
            outcome: Outcome[T, R]
            try:
                outcome = Success(index, item, await operation(item))
            except Exception as error:  # noqa: BLE001 - the error is the item's outcome
                outcome = Failure(index, item, error)
            finally:
                self._in_flight -= 1
            # 4. Hand the outcome over, and forget it: memory holds an outcome only until the reader takes it.
            self._hand_over(outcome)
            del item, outcome

    def _hand_over(self, outcome: Outcome[T, R]) -> None:
        if isinstance(outcome, Success):
            self._succeeded += 1
        else:
            self._failed += 1
            if isinstance(outcome.error, self._stop_on) or self._failed == self._max_failures:
                self._stopped = True
                self._stop_pulling()
        if not self._ordered:
            self._finished.append(outcome)
        else:
            self._early[outcome.index] = outcome
            while (ready := self._early.pop(self._next_index, None)) is not None:
                self._next_index += 1
                self._finished.append(ready)
        if self._reader is not None:
            self._wake_reader()
        if self._on_progress is not None and self._loop is not None and self._loop.time() >= self._report_due:
            self._report()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._nothing_more()
        self._items.cancel_pulls()

    def _nothing_more(self) -> bool:
        """Whether nothing more is to be pulled. Workers ask `stop` too, since they may run before `_watch` wakes up."""
        if self._stop is not None and self._pulling and self._stop.is_set():
            self._stopped = True
            self._stop_pulling()
        return not self._pulling

    def _stop_pulling(self) -> None:
        self._pulling = False
        while self._waiting:
            worker = self._waiting.popleft()
            if not worker.done():
                worker.set_result(None)

    def _report(self) -> None:
        """Call `on_progress`, if there is one."""
        if self._on_progress is None or self._loop is None:
            return
        self._report_due = self._loop.time() + PROGRESS_SECONDS
        try:
            self._on_progress(self.progress)
        except Exception:
            logger.exception("on_progress failed and is ignored")
