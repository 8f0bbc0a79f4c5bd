"""`stop`: once the event is set nothing more is pulled, what is in flight ends well, and the iteration ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from printnow_async import Success, run_bulk, stream_bulk


def others() -> set[asyncio.Task[object]]:
    """The tasks that run beside this one."""
    return asyncio.all_tasks() - {asyncio.current_task()}


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_in_flight_ends_well_and_nothing_more_is_begun():
    stop, release = asyncio.Event(), asyncio.Event()
    begun = []

    async def operation(item: int) -> int:
        begun.append(item)
        await release.wait()
        return item

    async with stream_bulk(operation, list(range(100)), concurrency=5, stop=stop) as outcomes:
        await turns()
        stop.set()
        await turns()
        assert others()
        release.set()
        kinds = [type(outcome) async for outcome in outcomes]
        assert kinds == [Success] * 5
        assert not others()
        assert outcomes.stopped
        assert await outcomes.not_started() == tuple(range(5, 100))
    assert begun == list(range(5))


async def test_an_event_that_is_set_before_the_start_begins_nothing():
    stop = asyncio.Event()
    stop.set()
    report = await run_bulk(turns, [1, 2, 3], stop=stop)
    assert (report.successes, report.failures, report.not_started, report.stopped) == ((), (), (1, 2, 3), True)
    assert not others()


async def test_an_operation_that_sets_the_event_is_the_last_that_begins():
    """Other workers ask the event themselves, before the task that waits for the event wakes up."""
    stop = asyncio.Event()
    pulled = []

    def source() -> Iterator[int]:
        for item in range(100):
            pulled.append(item)
            yield item

    async def operation(item: int) -> None:
        await asyncio.sleep(0)
        if item == 20:
            stop.set()
            pulled.append("stop")

    report = await run_bulk(operation, source(), concurrency=4, stop=stop)
    assert pulled[-1] == "stop"
    assert len(report.successes) == len(pulled) - 1
    assert report.stopped


async def test_an_item_whose_pulling_sets_the_event_is_not_begun_and_is_named():
    stop = asyncio.Event()

    def source() -> Iterator[int]:
        yield 1
        stop.set()
        yield 2

    report = await run_bulk(turns, source(), stop=stop)
    assert [success.item for success in report.successes] == [1]
    assert report.not_started == (2,)


async def test_workers_that_wait_for_the_reader_end():
    """Nobody takes an outcome, so the workers wait for room."""
    stop = asyncio.Event()
    async with stream_bulk(turns, range(1000), concurrency=3, stop=stop) as outcomes:
        await turns(500)
        assert len(others()) == 4
        stop.set()
        await turns()
        assert not others()
        taken = [outcome.item async for outcome in outcomes]
    assert sorted(taken) == list(range(len(taken)))


@pytest.mark.parametrize("before", [0, 1, 7])
async def test_an_asynchronous_source_that_is_being_asked_is_cancelled(before: int):
    """The source would never answer, and nothing is in flight. The source may clean up."""
    stop = asyncio.Event()
    cleaned = False

    async def source() -> AsyncIterator[int]:
        nonlocal cleaned
        try:
            for item in range(before):
                yield item
            await asyncio.Event().wait()
        finally:
            cleaned = True

    async with stream_bulk(turns, source(), concurrency=4, stop=stop) as outcomes:
        reader = asyncio.ensure_future(anext(outcomes)) if not before else None
        taken = [await anext(outcomes) for _ in range(before)]
        await turns()
        stop.set()
        if reader is not None:
            with pytest.raises(StopAsyncIteration):
                await reader
        assert [outcome async for outcome in outcomes] == []
        assert outcomes.stopped
        assert cleaned
        assert not others()
    assert len(taken) == before


async def test_an_event_that_is_set_after_another_stop_frees_a_source_that_never_answers():
    """`max_failures` lets the source answer first; `stop` does not wait for that."""
    stop = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def fails(_: int) -> None:
        await turns()
        raise LookupError

    async with stream_bulk(fails, source(), max_failures=1, stop=stop) as outcomes:
        assert not isinstance(await anext(outcomes), Success)
        await turns()
        assert others()
        stop.set()
        assert [outcome async for outcome in outcomes] == []


async def test_an_event_that_is_never_set_changes_nothing_and_its_watcher_ends_with_the_work():
    stop = asyncio.Event()
    async with stream_bulk(turns, range(9), concurrency=4, stop=stop) as outcomes:
        assert len([outcome async for outcome in outcomes]) == 9
        await turns()
        assert not others()
        assert not outcomes.stopped
        stop.set()
        await turns()
        assert not outcomes.stopped


async def test_leaving_the_block_ends_the_watcher():
    async with stream_bulk(turns, range(1000), concurrency=4, stop=asyncio.Event()) as outcomes:
        await anext(outcomes)
    assert not others()


@pytest.mark.parametrize("turn", range(24))
async def test_an_asynchronous_source_is_not_asked_after_the_event_whatever_the_turn(turn: int):
    """Among the turns is the one in which the source has answered one worker and the next is about to ask."""
    stop = asyncio.Event()
    asked_after = []

    async def source() -> AsyncIterator[int]:
        for item in range(9):
            if stop.is_set():
                asked_after.append(item)
            await asyncio.sleep(0)
            yield item

    async with stream_bulk(lambda _: turns(5), source(), concurrency=4, stop=stop) as outcomes:
        await turns(turn)
        stop.set()
        assert all([isinstance(outcome, Success) async for outcome in outcomes])
    assert asked_after == []
