"""The two ways to run a bulk: as a stream of outcomes, and as one report of everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import TypeVar

from printnow_async._checks import checked_count
from printnow_async.bulk.outcomes import BulkReport, Failure, Progress, Success
from printnow_async.bulk.stream import BulkStream
from printnow_async.errors import AuthenticationError

__all__ = ["run_bulk", "stream_bulk"]

T = TypeVar("T")
R = TypeVar("R")


def stream_bulk(
    operation: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    concurrency: int = 16,
    ordered: bool = False,
    stop_on: tuple[type[Exception], ...] = (AuthenticationError,),
    max_failures: int | None = None,
    stop: asyncio.Event | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> BulkStream[T, R]:
    """Run `operation` on each item, several items at once, and give the outcomes as they come, in constant memory.

    Use it as `async with stream_bulk(…) as outcomes:` and iterate over `outcomes` inside. Leaving the block early, by
    `break`, an error or cancellation, cancels what is in flight and waits until that has ended.

    Takes
    - `operation`: any asynchronous callable of one item. What the operation raises is that item's `Failure`, and stops
      no other item.
    - `items`: any iterable or asynchronous iterable, pulled only as places come free: never more than 2 × `concurrency`
      items (`concurrency` + 4, if that is more) beyond those whose outcomes were taken. What the iterable raises comes
      out of the iteration, after the outcomes of the items that had begun.
    - `concurrency`: operations that run at once, at most. The client's own `Limits` hold besides.
    - `ordered`: give the outcomes in the order of the items. A slow item then holds back the outcomes of later items.
    - `stop_on`, `max_failures`: an error of such a class, or so many failures, stop the pulling. The items in flight
      end well, and then the iteration ends.
    - `stop`: an event that anyone may set. Once the event is set nothing more is pulled, the items in flight end well,
      and then the iteration ends. An asynchronous iterable that is being asked for an item at that moment is cancelled.
    - `on_progress`: called with a `Progress`, at most 10 times a second and once at the end. What `on_progress` raises
      is logged and ignored.

    Gives a `BulkStream`. Raises `ValueError` for an argument that cannot be right. `CancelledError`,
    `KeyboardInterrupt` and `SystemExit` pass through.
    """
    if not callable(operation):
        raise ValueError(f"operation must be an asynchronous callable, not {type(operation).__name__}")
    if stop is not None and not isinstance(stop, asyncio.Event):
        raise ValueError(f"stop must be an asyncio.Event, not {type(stop).__name__}")
    return BulkStream(
        operation,
        items,
        concurrency=checked_count(concurrency, "concurrency"),
        ordered=ordered,
        stop_on=tuple(stop_on),
        max_failures=None if max_failures is None else checked_count(max_failures, "max_failures"),
        stop=stop,
        on_progress=on_progress,
    )


async def run_bulk(
    operation: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    concurrency: int = 16,
    stop_on: tuple[type[Exception], ...] = (AuthenticationError,),
    max_failures: int | None = None,
    stop: asyncio.Event | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> BulkReport[T, R]:
    """Run `operation` on each item, several items at once, and return everything in one `BulkReport`.

    For small jobs: every outcome is kept in memory. The arguments are those of `stream_bulk`, and so are the errors.
    What `items` raises is raised here, and the outcomes until then are lost.
    """
    successes: list[Success[T, R]] = []
    failures: list[Failure[T]] = []
    stream = stream_bulk(
        operation,
        items,
        concurrency=concurrency,
        stop_on=stop_on,
        max_failures=max_failures,
        stop=stop,
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
