"""A bounded parallel map whose outcomes are values.

    async with stream_bulk(client.customers.get, ids, concurrency=32) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Success(item=customer_id, value=customer): ...
                case Failure(item=customer_id, error=error): ...

A place is taken before an item is pulled, and given back when its outcome is taken: so what is in flight and what
waits to be taken are `concurrency` together, plus a few, however many items there are and however slow the reader is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from printnow_async.bulk._source import Source
from printnow_async.bulk.outcomes import BulkReport, Failure, Outcome, Progress, Success
from printnow_async.errors import AuthenticationError

__all__ = ["BulkStream", "run_bulk", "stream_bulk"]

logger = logging.getLogger("printnow_async")

T = TypeVar("T")
R = TypeVar("R")

AHEAD: Final = 4
"""Outcomes that may wait to be taken beside `concurrency` in flight, so that a place need not wait for the reader."""
PROGRESS_SECONDS: Final = 0.1
"""Seconds between two calls of `on_progress`."""


class BulkStream(Generic[T, R]):
    """The outcomes of a bulk, one for each item that was begun: iterate over it once, inside `async with`."""

    def __init__(
        self,
        operation: Callable[[T], Awaitable[R]],
        items: Iterable[T] | AsyncIterable[T],
        *,
        concurrency: int,
        ordered: bool,
        stop_on: tuple[type[Exception], ...],
        max_failures: int | None,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self._operation = operation
        self._source = Source(items)
        self._concurrency = concurrency
        self._ordered = ordered
        self._stop_on = stop_on
        self._max_failures = max_failures
        self._on_progress = on_progress
        self._places = concurrency + AHEAD
        """How many items may be pulled before the reader takes an outcome."""
        self._hungry: deque[asyncio.Future[None]] = deque()
        """Workers that wait for that."""
        self._finished: deque[Outcome[T, R]] = deque()
        self._early: dict[int, Outcome[T, R]] = {}
        """Outcomes that came before their turn, when ordered."""
        self._next_index = 0
        self._reader: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._group: asyncio.TaskGroup | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        """What came out of the source, or out of an operation and is no outcome."""
        self._pulling = True
        self._begun = self._in_flight = self._succeeded = self._failed = 0
        self._started = 0.0
        self._report_due = 0.0
        """When `on_progress` may be called again, in seconds since the start."""
        self._took: float | None = None
        self._stopped = False
        self._not_begun: list[T] = []

    # ------------------------------------------------------------ what can be seen of it

    @property
    def stopped(self) -> bool:
        """Whether it stopped pulling early, by `stop_on` or `max_failures`."""
        return self._stopped

    @property
    def elapsed(self) -> float:
        """Seconds since the block was entered, or that it took."""
        if self._took is not None or self._loop is None:
            return self._took or 0.0
        return self._loop.time() - self._started

    @property
    def progress(self) -> Progress:
        """How far it is."""
        done, elapsed, total = self._succeeded + self._failed, self.elapsed, self._source.total
        rate = done / elapsed if elapsed > 0 else 0.0
        remaining = (total - done) / rate if total is not None and rate > 0 else None
        return Progress(done, total, self._succeeded, self._failed, self._in_flight, rate, elapsed, remaining)

    async def not_started(self) -> tuple[T, ...]:
        """The items never begun: those pulled already, and the rest of a source whose length is known."""
        self._not_begun.extend(await self._source.rest())
        return tuple(self._not_begun)

    # ------------------------------------------------------------ the reader's side

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("a bulk runs once: make a new one")
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._group = await asyncio.TaskGroup().__aenter__()
        self._add_worker()
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pulling = False
        for worker in self._workers:
            worker.cancel()
        group, self._group = self._group, None
        try:
            if group is not None:
                # not told of the caller's own error, which it would wrap in a group
                await group.__aexit__(None, None, None)
        finally:
            self._took = self.elapsed
            self._report(final=True)

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
        self._give_place()
        return outcome

    def _give_place(self) -> None:
        while self._hungry:
            hungry = self._hungry.popleft()
            if not hungry.done():
                hungry.set_result(None)
                return
        self._places += 1

    # ------------------------------------------------------------ the workers' side

    def _add_worker(self) -> None:
        if self._group is not None:
            worker = self._group.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._on_worker_done)

    def _on_worker_done(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not self._workers:
            self._wake_reader()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def _work(self) -> None:
        """Pull and run items until there are no more. What is no outcome ends the whole bulk."""
        try:
            while await self._place():
                pulled = await self._source.pull()
                if pulled is None:
                    self._stop_pulling()
                elif not self._pulling:  # it was stopped while the source was asked
                    self._not_begun.extend(pulled)
                else:
                    if len(self._workers) < self._concurrency:
                        self._add_worker()
                    await self._run(*pulled)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # the reader gets it
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            self._error = self._error or error
            self._stop_pulling()
            self._wake_reader()

    async def _place(self) -> bool:
        """Wait until one more item may be pulled; False when none shall be."""
        if self._pulling and not self._places:
            hungry = asyncio.get_running_loop().create_future()
            self._hungry.append(hungry)
            await hungry
        else:
            self._places -= 1
        return self._pulling

    async def _run(self, item: T) -> None:
        index, self._begun = self._begun, self._begun + 1
        self._in_flight += 1
        outcome: Outcome[T, R]
        try:
            outcome = Success(index, item, await self._operation(item))
            self._succeeded += 1
        except Exception as error:  # noqa: BLE001 - it is the item's outcome
            outcome = Failure(index, item, error)
            self._failed += 1
            if isinstance(error, self._stop_on) or self._failed == self._max_failures:
                self._stopped = True
                self._stop_pulling()
        finally:
            self._in_flight -= 1
        self._hand_over(outcome)

    def _hand_over(self, outcome: Outcome[T, R]) -> None:
        if self._ordered:
            self._early[outcome.index] = outcome
            while (ready := self._early.pop(self._next_index, None)) is not None:
                self._next_index += 1
                self._finished.append(ready)
        else:
            self._finished.append(outcome)
        self._wake_reader()
        self._report()

    def _stop_pulling(self) -> None:
        self._pulling = False
        while self._hungry:
            hungry = self._hungry.popleft()
            if not hungry.done():
                hungry.set_result(None)

    def _report(self, *, final: bool = False) -> None:
        """Tell `on_progress`, no more often than it wants to know, and at the end."""
        if self._on_progress is None or (not final and self.elapsed < self._report_due):
            return
        self._report_due = self.elapsed + PROGRESS_SECONDS
        try:
            self._on_progress(self.progress)
        except Exception:
            logger.exception("on_progress failed and is ignored")


def stream_bulk(
    operation: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    concurrency: int = 16,
    ordered: bool = False,
    stop_on: tuple[type[Exception], ...] = (AuthenticationError,),
    max_failures: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> BulkStream[T, R]:
    """Run `operation` on each item, so many at once, and give the outcomes as they come, in constant memory.

    Use it as `async with stream_bulk(…) as outcomes:` and iterate over `outcomes` inside. Leaving the block early, by
    `break`, an error or cancellation, cancels what is in flight and waits until it has ended.

    Takes
    - `operation`: any asynchronous callable of one item. What it raises is that item's `Failure`, and stops no other.
    - `items`: any iterable or asynchronous iterable, pulled only as places come free. What it raises comes out of
      the iteration, after the outcomes of what had begun.
    - `concurrency`: operations alive at once, at most. The client's own `Limits` hold besides.
    - `ordered`: give the outcomes in the order of the items; a slow one holds the others up.
    - `stop_on`, `max_failures`: an error of such a class, or so many failures, stop the pulling; what is in flight ends
      well, and then the iteration does.
    - `on_progress`: called with a `Progress`, at most 10 times a second and once at the end. If it raises, that is
      logged and ignored.

    Gives a `BulkStream`. Raises `ValueError` for an argument that cannot be right. `CancelledError`,
    `KeyboardInterrupt` and `SystemExit` pass through.
    """
    if not callable(operation):
        raise ValueError(f"operation must be an asynchronous callable, not {type(operation).__name__}")
    for name, value in (("concurrency", concurrency), ("max_failures", max_failures)):
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{name} must be a whole number, at least 1, not {value!r}")
    return BulkStream(
        operation,
        items,
        concurrency=concurrency,
        ordered=ordered,
        stop_on=tuple(stop_on),
        max_failures=max_failures,
        on_progress=on_progress,
    )


async def run_bulk(
    operation: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    concurrency: int = 16,
    stop_on: tuple[type[Exception], ...] = (AuthenticationError,),
    max_failures: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> BulkReport[T, R]:
    """Run `operation` on each item, so many at once, and return everything in one `BulkReport`.

    For small jobs: every outcome is kept in memory. The arguments are those of `stream_bulk`; what `items` itself
    raises comes out of here.
    """
    successes: list[Success[T, R]] = []
    failures: list[Failure[T]] = []
    stream = stream_bulk(
        operation,
        items,
        concurrency=concurrency,
        stop_on=stop_on,
        max_failures=max_failures,
        on_progress=on_progress,
    )
    async with stream as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Success):
                successes.append(outcome)
            else:
                failures.append(outcome)
    return BulkReport(
        tuple(sorted(successes, key=lambda success: success.index)),
        tuple(sorted(failures, key=lambda failure: failure.index)),
        await stream.not_started(),
        stream.stopped,
        stream.elapsed,
    )
