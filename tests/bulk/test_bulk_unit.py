"""Contract, "Bulk": one outcome for each item, bounded, and nothing left alive."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from printnow_async import AuthenticationError, Failure, Progress, Success, run_bulk, stream_bulk
from printnow_async.testing import run_instantly


async def double(item: int) -> int:
    await asyncio.sleep(0)
    return 2 * item


async def odd_fails(item: int) -> int:
    await asyncio.sleep(0)
    if item % 2:
        raise ValueError(item)
    return item


class Watched:
    """An operation that knows how many of it run."""

    def __init__(self) -> None:
        self.running = self.most = self.started = self.cancelled = 0
        self.release = asyncio.Event()

    async def __call__(self, item: Any) -> Any:
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.release.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        return item


def others() -> set[asyncio.Task[Any]]:
    """The tasks that run beside this one."""
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_report_holds_every_outcome_in_order() -> None:
    """Successes and failures by index, with item and value or error."""
    report = await run_bulk(odd_fails, range(10), concurrency=3)
    assert [(s.index, s.item, s.value) for s in report.successes] == [(i, i, i) for i in range(0, 10, 2)]
    assert [(f.index, f.item) for f in report.failures] == [(i, i) for i in range(1, 10, 2)]
    assert report.not_started == ()
    assert not report.stopped
    assert report.elapsed >= 0


async def test_raise_for_failures_is_one_group_that_knows_the_items() -> None:
    """ExceptionGroup with a note for each; nothing when all went well."""
    (await run_bulk(double, range(3))).raise_for_failures()
    report = await run_bulk(odd_fails, range(4))
    for _ in range(2):
        with pytest.raises(ExceptionGroup, match="2 of 4 items failed") as caught:
            report.raise_for_failures()
        assert [error.__notes__ for error in caught.value.exceptions] == [["item 1"], ["item 3"]]


async def test_outcomes_match_as_the_contract_writes_them() -> None:
    """Success and Failure are matched by keyword."""
    seen = []
    async with stream_bulk(odd_fails, [1, 2], concurrency=1) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Success(index=i, item=row, value=value):
                    seen.append((i, row, value))
                case Failure(index=i, item=row, error=error):
                    seen.append((i, row, type(error)))
    assert seen == [(0, 1, ValueError), (1, 2, 2)]


@pytest.mark.parametrize("concurrency", [1, 2, 7, 64])
async def test_no_more_run_at_once_than_the_limit(concurrency: int) -> None:
    """The limit is reached, and never passed."""
    operation = Watched()
    async with stream_bulk(operation, range(100), concurrency=concurrency) as outcomes:
        await turns(concurrency + 5)
        assert operation.running == concurrency
        operation.release.set()
        assert len([outcome async for outcome in outcomes]) == 100
    assert operation.most == concurrency


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_an_endless_source_is_pulled_only_as_places_come_free(kind: str) -> None:
    """While nobody takes an outcome, twice the concurrency is pulled, and then no more."""
    pulled = 0

    def numbers() -> Iterator[int]:
        nonlocal pulled
        while True:
            pulled += 1
            yield pulled

    async def later() -> AsyncIterator[int]:
        for number in numbers():
            await asyncio.sleep(0)
            yield number

    async with stream_bulk(double, numbers() if kind == "sync" else later(), concurrency=5) as outcomes:
        await turns(200)
        assert 5 <= pulled <= 5 + 5
        taken = 0
        async for _ in outcomes:
            taken += 1
            await turns(20)
            assert pulled <= taken + 5 + 5
            if taken == 30:
                break
    assert not others()


async def test_no_task_exists_for_an_item_that_has_no_place() -> None:
    """A million items are not a million tasks."""
    operation = Watched()
    async with stream_bulk(operation, range(1_000_000), concurrency=8):
        await turns()
        assert len(others()) == 8
    assert operation.cancelled == 8
    assert not others()


async def test_three_items_need_no_hundred_workers() -> None:
    """What is not needed is not started."""
    operation = Watched()
    async with stream_bulk(operation, range(3), concurrency=100) as outcomes:
        await turns()
        assert len(others()) <= 4
        operation.release.set()
        assert len([outcome async for outcome in outcomes]) == 3


async def test_ordered_gives_the_order_of_the_items() -> None:
    """However long each of them takes."""

    async def backwards(item: int) -> int:
        await turns(40 - item)
        return item

    async with stream_bulk(backwards, range(40), concurrency=8, ordered=True) as outcomes:
        assert [outcome.index async for outcome in outcomes] == list(range(40))


async def test_unordered_gives_what_is_done_first() -> None:
    """A slow item holds nobody up."""

    async def first_is_slow(item: int) -> int:
        await turns(300 if item == 0 else 1)
        return item

    async with stream_bulk(first_is_slow, range(20), concurrency=4) as outcomes:
        order = [outcome.index async for outcome in outcomes]
    assert order[-1] == 0
    assert sorted(order) == list(range(20))


async def test_an_authentication_error_stops_the_pulling() -> None:
    """What is in flight ends well; the rest is reported as not started."""

    async def unauthorized_at_5(item: int) -> int:
        await asyncio.sleep(0)
        if item == 5:
            raise AuthenticationError("no", status=401)
        return item

    report = await run_bulk(unauthorized_at_5, list(range(100)), concurrency=3)
    assert report.stopped
    assert [failure.item for failure in report.failures] == [5]
    done = len(report.successes) + 1
    assert done <= 9
    assert report.not_started == tuple(range(done, 100))


async def test_so_many_failures_stop_the_pulling() -> None:
    """max_failures=3 stops as soon as three have failed."""
    report = await run_bulk(odd_fails, range(1000), concurrency=1, max_failures=3)
    assert report.stopped
    assert len(report.failures) == 3
    assert len(report.successes) + len(report.failures) + len(report.not_started) == 1000


async def test_items_of_a_source_without_a_length_are_not_drained_after_a_stop() -> None:
    """An endless source has no rest."""
    report = await run_bulk(odd_fails, itertools.count(), concurrency=4, max_failures=1)
    assert report.stopped
    assert report.not_started == ()


async def test_an_item_that_was_pulled_when_the_bulk_stopped_is_not_lost() -> None:
    """An asynchronous source was being asked when the stop came: its item is not started, but named."""
    gate = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        await gate.wait()
        yield 2

    async def fail(_: int) -> None:
        await turns()  # the second worker asks the source by now
        gate.set()
        raise AuthenticationError("no", status=401)

    report = await run_bulk(fail, source(), concurrency=2)
    assert [failure.item for failure in report.failures] == [1]
    assert report.not_started == (2,)


async def test_leaving_early_cancels_and_awaits_what_is_in_flight() -> None:
    """After the block nothing runs."""
    operation = Watched()
    async with stream_bulk(operation, range(100), concurrency=10):
        await turns()
    assert operation.started == operation.cancelled == 10
    assert operation.running == 0
    assert not others()


async def test_an_error_in_the_caller_comes_out_as_it_is() -> None:
    """Not in a group, and after what was in flight has ended."""
    operation = Watched()
    with pytest.raises(LookupError, match="mine"):
        async with stream_bulk(operation, range(100), concurrency=10):
            await turns()
            raise LookupError("mine")
    assert operation.cancelled == 10
    assert not others()


async def test_an_error_of_the_source_comes_after_the_outcomes_of_what_had_begun() -> None:
    """Nothing that was begun is lost."""

    def source() -> Iterator[int]:
        yield from range(7)
        raise OSError("disk")

    seen = []
    with pytest.raises(OSError, match="disk"):
        async with stream_bulk(double, source(), concurrency=3) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome.index)  # noqa: PERF401 - the iteration ends in the error
    assert sorted(seen) == list(range(7))
    assert not others()


async def test_cancelling_the_caller_cancels_the_work() -> None:
    """CancelledError passes through, and nothing stays alive."""
    operation = Watched()

    async def consume() -> None:
        async with stream_bulk(operation, range(100), concurrency=10) as outcomes:
            async for _ in outcomes:
                pass

    task = asyncio.ensure_future(consume())
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert operation.cancelled == 10
    assert not others()


async def test_a_cancelled_error_out_of_an_operation_is_not_swallowed() -> None:
    """It is no outcome of an item: it passes through to the caller."""

    async def cancelled(item: int) -> None:
        await asyncio.sleep(0)
        if item == 3:
            raise asyncio.CancelledError("from inside")

    with pytest.raises(asyncio.CancelledError, match="from inside"):
        await run_bulk(cancelled, range(100), concurrency=2)
    assert not others()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_not_swallowed(interrupt: type[BaseException]) -> None:
    """It ends the program as it would anywhere else."""

    async def interrupted(item: int) -> None:
        await asyncio.sleep(0)
        if item == 3:
            raise interrupt

    with pytest.raises(interrupt):
        asyncio.run(run_bulk(interrupted, range(10), concurrency=2))


async def test_progress_counts_and_foresees() -> None:
    """done, total, succeeded, failed, in flight, rate, elapsed, remaining; at the end all is done."""
    seen: list[Progress] = []
    await run_bulk(odd_fails, list(range(20)), concurrency=4, on_progress=seen.append)
    last = seen[-1]
    assert (last.done, last.total, last.succeeded, last.failed, last.in_flight) == (20, 20, 10, 10, 0)
    assert last.rate == pytest.approx(20 / last.elapsed)
    assert last.remaining == 0


async def test_progress_without_a_length_has_no_total() -> None:
    """And so no time left."""
    seen: list[Progress] = []
    await run_bulk(double, (item for item in range(5)), on_progress=seen.append)
    assert seen[-1].total is None
    assert seen[-1].remaining is None


def test_progress_is_told_ten_times_a_second_at_most() -> None:
    """10 seconds of work, whatever the number of items: about a hundred calls."""

    async def tenth_of_a_second(_: int) -> None:
        await asyncio.sleep(0.01)

    seen: list[Progress] = []
    run_instantly(run_bulk(tenth_of_a_second, range(4000), concurrency=4, on_progress=seen.append))
    assert seen[-1].elapsed >= 10
    assert 50 <= len(seen) <= seen[-1].elapsed * 10 + 1


async def test_progress_that_raises_is_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """A broken progress bar breaks no import."""

    def broken(_: Progress) -> None:
        raise RuntimeError("no terminal")

    with caplog.at_level(logging.ERROR, "printnow_async"):
        report = await run_bulk(double, range(3), on_progress=broken)
    assert len(report.successes) == 3
    assert "on_progress failed" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"concurrency": 2.5}, "concurrency"),
        ({"max_failures": 0}, "max_failures"),
        ({"stop": threading.Event()}, "stop"),
        ({"items": 7}, "items"),
        ({"operation": None}, "operation"),
    ],
)
async def test_a_wrong_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    """ValueError before anything is pulled."""
    given: dict[str, Any] = {"operation": double, "items": [1], **arguments}
    with pytest.raises(ValueError, match=named):
        stream_bulk(given.pop("operation"), given.pop("items"), **given)


async def test_a_stream_is_read_by_one_task_at_a_time() -> None:
    """A second reader is told, instead of waiting for ever."""
    operation = Watched()
    async with stream_bulk(operation, range(3)) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await turns()
        with pytest.raises(RuntimeError, match="one task"):
            await anext(outcomes)
        operation.release.set()
        await first


async def test_a_stream_runs_once() -> None:
    """Entering it again is an error."""
    stream = stream_bulk(double, range(3))
    async with stream as outcomes:
        assert len([outcome async for outcome in outcomes]) == 3
    with pytest.raises(RuntimeError, match="once"):
        async with stream:
            pass


async def test_what_was_taken_is_not_kept() -> None:
    """No outcome stays referenced by the stream: memory does not depend on the number of items."""

    class Row:
        pass

    async def nothing(_: Row) -> None:
        pass

    async with stream_bulk(nothing, (Row() for _ in range(5000)), concurrency=4) as outcomes:
        taken = 0
        async for outcome in outcomes:
            taken += 1
            del outcome
            if taken % 1000 == 0:
                gc.collect()
                assert sum(isinstance(thing, Row) for thing in gc.get_objects()) < 20
    assert taken == 5000


PEAKS = """
import asyncio, sys, tracemalloc
from printnow_async import stream_bulk

async def double(item):
    await asyncio.sleep(0)
    return 2 * item

async def peak(items):
    tracemalloc.start()
    async with stream_bulk(double, range(items), concurrency=32, ordered=sys.argv[1] == "ordered") as outcomes:
        async for _ in outcomes:
            pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most

async def main():
    await peak(1000)
    print(await peak(20_000), await peak(200_000))

asyncio.run(main())
"""


@pytest.mark.heavy(5)
@pytest.mark.once
@pytest.mark.parametrize("order", ["ordered", "unordered"])
def test_memory_does_not_grow_with_the_number_of_items(order: str) -> None:
    """The peak at 200,000 items is within 10 % of the peak at 20,000, in a process that nothing else measures."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    run = subprocess.run(
        [sys.executable, "-c", PEAKS, order], env=environment, capture_output=True, text=True, check=True
    )
    fewer, more = map(int, run.stdout.split())
    assert more <= 1.1 * fewer
