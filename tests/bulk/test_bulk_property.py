"""Whatever the schedule: one outcome for each item that was begun, the limit holds, and nothing stays alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given, strategies as st

from printnow_async import AuthenticationError, Success, stream_bulk

STEPS = st.integers(0, 6)
ITEMS = st.lists(st.tuples(STEPS, st.sampled_from(["ok", "ok", "ok", "fails", "stops"])), max_size=40)


class Wanted(Exception):
    """What the caller raises in the middle."""


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def set_after(stop: asyncio.Event, count: int) -> None:
    await turns(count)
    stop.set()


@given(
    items=ITEMS,
    concurrency=st.integers(1, 9),
    ordered=st.booleans(),
    asynchronous=st.booleans(),
    max_failures=st.none() | st.integers(1, 5),
    ends=st.sampled_from(["reads all", "reads all", "breaks", "raises", "is cancelled"]),
    after=st.integers(0, 40),
    reader=st.lists(STEPS, min_size=1, max_size=5),
    stops_after=st.none() | st.integers(0, 60),
)
def test_any_schedule_keeps_the_promises(  # noqa: C901, PLR0915, PLR0917 - one schedule, and all that it must keep
    items: list[tuple[int, str]],
    concurrency: int,
    ordered: bool,
    asynchronous: bool,
    max_failures: int | None,
    ends: str,
    after: int,
    reader: list[int],
    stops_after: int | None,
) -> None:
    """Hypothesis chooses how long items and reader take, what fails, what and who stops, and how the reader leaves."""
    stop: asyncio.Event | None = None
    begun: list[int] = []
    pulled: list[int] = []
    running: set[int] = set()

    async def operation(item: tuple[int, tuple[int, str]]) -> int:
        index, (steps, fate) = item
        assert index not in begun
        assert stop is None or not stop.is_set()
        begun.append(index)
        running.add(index)
        assert len(running) <= concurrency
        try:
            await turns(steps)
        finally:
            running.discard(index)
        if fate == "fails":
            raise ValueError(index)
        if fate == "stops":
            raise AuthenticationError("stop", status=401)
        return index

    def source() -> Any:
        for item in enumerate(items):
            assert stop is None or not stop.is_set()
            pulled.append(item[0])
            yield item

    async def later() -> AsyncIterator[Any]:
        for item in source():
            await asyncio.sleep(0)
            yield item

    taken: list[Any] = []

    async def consume() -> None:
        async with stream_bulk(
            operation,
            later() if asynchronous else source(),
            concurrency=concurrency,
            ordered=ordered,
            max_failures=max_failures,
            stop=stop,
        ) as outcomes:
            async for outcome in outcomes:
                taken.append(outcome)
                assert len(pulled) <= len(taken) + concurrency + max(concurrency, 4)
                await turns(reader[len(taken) % len(reader)])
                if len(taken) > after and ends == "breaks":
                    break
                if len(taken) > after and ends == "raises":
                    raise Wanted
            assert (
                ends != "reads all"
                or outcomes.stopped == any(fate == "stops" for index, (_, fate) in enumerate(items) if index in begun)
                or (max_failures is not None and outcomes.stopped)
                or (stop is not None and stop.is_set())
            )
            if ends == "reads all":
                assert outcomes.stopped or len(begun) == len(items)

    async def main() -> None:
        nonlocal stop
        stop = None if stops_after is None else asyncio.Event()
        task = asyncio.ensure_future(consume())
        stopping = None if stop is None else asyncio.ensure_future(set_after(stop, stops_after or 0))
        if ends == "is cancelled":
            await turns(after)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if stopping is not None:
            await stopping
        assert task.cancelled() or isinstance(task.exception(), Wanted | None.__class__)
        assert not asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    asyncio.run(main())
    assert not running
    indexes = [outcome.index for outcome in taken]
    assert len(set(indexes)) == len(indexes)
    assert set(indexes) <= set(begun)
    if ends == "reads all":
        assert sorted(indexes) == sorted(begun) == list(range(len(begun)))
        if stops_after is None and not any(fate != "ok" for _, fate in items):
            assert len(indexes) == len(items)
    if ordered:
        assert indexes == sorted(indexes)
    for outcome in taken:
        expected = items[outcome.index][1] == "ok"
        assert isinstance(outcome, Success) == expected
        assert outcome.item == (outcome.index, items[outcome.index])
