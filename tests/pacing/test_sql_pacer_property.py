"""Several SQLPacers in one loop of moved time, on a row that answers as the statements do, as late as it is told to."""

from __future__ import annotations

import asyncio
from itertools import cycle, pairwise

from hypothesis import given, settings, strategies as st

from printnow_async.pacing._row import NANO, Answer
from printnow_async.pacing.sql import FRESH, LATE, SQLPacer
from tests.support.loops import FakeTimeLoop
from tests.support.scale import at_scale

CALLERS = 40


class FakeRow:
    """The row of a name; its clock is not the loop's. `trips` are the seconds to the database and back, repeated."""

    reserve = look = hold_back = None

    def __init__(self, loop, rate, trips):
        self.loop, self.interval, self.trips = loop, round(NANO / rate), cycle(trips)
        self.next = self.held = 0
        self.reserved = []

    def check_usable(self):
        pass

    async def aclose(self):
        pass

    async def ask(self, _statement, slots=0, late=0, hold=None):
        await asyncio.sleep(next(self.trips))
        now = round((self.loop.time() + 5000.0) * NANO)
        if hold is not None:
            self.next, self.held = max(self.next, now + hold), max(self.held, now + hold)
        first = max(self.next, now - late) if slots else self.next
        self.next = first + slots * self.interval
        self.reserved += [(first + number * self.interval) / NANO - 5000.0 for number in range(slots)]
        answer = Answer(first - now, self.interval, self.held - now)
        await asyncio.sleep(next(self.trips))
        return answer


def run(rate, trips, *, processes, seconds, hold=None):
    """When calls start, and the slots that were reserved; `hold` is (when, how long)."""
    loop, starts = FakeTimeLoop(), []
    row = FakeRow(loop, rate, trips)
    pacers = [SQLPacer("sqlite+aiosqlite:///never-opened.db", rate=rate, name="x") for _ in range(processes)]
    for pacer in pacers:
        pacer._row = row

    async def call(pacer):
        while loop.time() < seconds:
            await pacer.turn()
            starts.append((loop.time(), pacers.index(pacer)))

    async def main():
        if hold is not None:
            loop.call_at(hold[0], lambda: tasks.append(loop.create_task(pacers[0].hold(hold[1]))))
        await asyncio.gather(*[call(pacer) for pacer in pacers for _ in range(CALLERS)])
        await asyncio.gather(*tasks)
        for pacer in pacers:
            await pacer.aclose()

    tasks = []
    loop.run_until_complete(main())
    loop.close()
    return starts, row.reserved


rates = st.sampled_from([3.0, 50.0, 100.0, 800.0, 2000.0])
trips = st.lists(st.floats(0.0001, 0.005), min_size=1, max_size=6)


@settings(max_examples=at_scale(40))
@given(rates, trips, st.integers(1, 5))
def test_all_processes_together_start_at_the_rate_and_never_faster(rate, trips, processes):
    """In any window rate × (the window + 20 ms + the way of an answer) + 1 at most, and 98 % of the rate in all."""
    seconds = max(1.0, 12 / rate)
    starts, reserved = run(rate, trips, processes=processes, seconds=seconds)
    assert all(after - before >= 1 / rate - 1e-6 for before, after in pairwise(sorted(reserved)))
    fewest = float("inf")
    for number, (when, _) in enumerate(starts):
        fewest = min(fewest, number - rate * when)
        assert number - rate * when - fewest <= rate * (LATE + max(trips)) + 1e-3
    done = sum(when <= seconds for when, _ in starts)
    assert done >= 0.98 * rate * (seconds - 2 * max(trips) - LATE) - 1


@settings(max_examples=at_scale(40))
@given(st.sampled_from([50.0, 100.0, 800.0]), trips, st.integers(2, 5))
def test_processes_with_equally_many_callers_get_equal_shares(rate, trips, processes):
    """Each has as many starts as the others, but for the slots of a few reservations."""
    starts, _ = run(rate, trips, processes=processes, seconds=600 / rate)
    counts = [sum(of == number for _, of in starts) for number in range(processes)]
    assert max(counts) - min(counts) <= 2 * CALLERS


@settings(max_examples=at_scale(40))
@given(rates, trips, st.floats(0.2, 0.8), st.floats(0.3, 3.0))
def test_a_hold_reaches_every_process(rate, trips, begins, length):
    """Nobody starts from 150 ms and two answers after its beginning until its end, and then at the rate as before."""
    starts, _ = run(rate, trips, processes=4, seconds=begins + length + 8 / rate, hold=(begins, length))
    known = begins + FRESH + LATE + 3 * max(trips)
    assert [when for when, _ in starts if known < when < begins + length] == []
    ours = [when for when, of in starts if not of]
    assert [when for when in ours if begins + 1e-9 < when < begins + length] == []
    assert any(when >= begins + length for when, _ in starts)
