"""The gate against a model of it: any order of coming, leaving, giving up, pausing and waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import cycle

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from printnow_async._http.gate import LATE, Gate
from printnow_async.options import Limits
from tests.support.loops import FakeTimeLoop
from tests.support.scale import at_scale

# Every time and interval is a multiple of 1/8 s, which floats hold exactly.
TICK = 0.125
RATES = (None, 1.0, 2.0, 4.0, 8.0)
seconds = st.integers(0, 40).map(lambda ticks: ticks * TICK)
positions = st.integers(0, 1000)


class Model:
    """What a gate must do, said as plainly as possible, for calls that are known by their numbers."""

    def __init__(self, places, rate):
        self.places = places
        self.interval = 1.0 / rate if rate else 0.0
        self.now = 0.0
        self.earliest = 0.0
        self.queue = deque()
        self.holding = []
        self.starts = []

    def come(self, call):
        if not self.queue:
            self.earliest = max(self.earliest, self.now)
        self.queue.append(call)
        self._serve()

    def go(self, call):
        self.holding.remove(call)
        self._serve()

    def give_up(self, call):
        if call in self.queue:
            self.queue.remove(call)
        else:
            self.holding.remove(call)
        self._serve()

    def pause_until(self, when):
        self.earliest = max(self.earliest, when)

    def wait(self, until):
        while self.queue and len(self.holding) < self.places and self.earliest <= until:
            self.now = max(self.now, self.earliest)
            self._serve()
        self.now = until

    def _serve(self):
        while self.queue and len(self.holding) < self.places and self.earliest <= self.now:
            call = self.queue.popleft()
            self.holding.append(call)
            self.starts.append((call, self.now))
            if self.interval:
                self.earliest = max(self.earliest, self.now - LATE) + self.interval


class GateMachine(RuleBasedStateMachine):
    """The same things happen to the gate, in an event loop whose time is moved by hand, and to the model."""

    @initialize(places=st.integers(1, 4), rate=st.sampled_from(RATES))
    def open(self, places, rate):
        self.loop = FakeTimeLoop()
        self.gate = Gate(Limits(max_concurrency=places, max_rate=rate))
        self.model = Model(places, rate)
        self.tasks = {}
        self.starts = []
        self.calls = 0

    def teardown(self):
        if hasattr(self, "loop"):
            for task in self.tasks.values():
                task.cancel()
            self.loop.settle()
            self.gate.close()
            self.loop.close()

    async def _call(self, number):
        await self.gate.acquire()
        self.starts.append((number, self.loop.time()))

    def _inside(self, work):
        """Call the gate from inside the loop, as all of its callers do."""
        self.loop.call_soon(work)
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    @rule(count=st.integers(1, 5))
    def come(self, count):
        for _ in range(count):
            self.calls += 1
            self.tasks[self.calls] = self.loop.create_task(self._call(self.calls))
            self.model.come(self.calls)
        self.loop.settle()

    @rule()
    def come_and_not_wait(self):
        taken = []
        self._inside(lambda: taken.append(self.gate.try_acquire()))
        if taken == [True]:
            self.calls += 1
            self.starts.append((self.calls, self.loop.time()))
            self.model.come(self.calls)
            assert self.calls in self.model.holding
        else:
            assert self.model.queue or not self._is_open()

    def _is_open(self):
        model = self.model
        return len(model.holding) < model.places and model.earliest <= model.now

    @precondition(lambda self: self.model.holding)
    @rule(position=positions)
    def go(self, position):
        call = self.model.holding[position % len(self.model.holding)]
        self._inside(self.gate.release)
        self.model.go(call)
        self.loop.settle()

    @precondition(lambda self: self.model.queue)
    @rule(position=positions)
    def give_up_in_the_queue(self, position):
        call = self.model.queue[position % len(self.model.queue)]
        self.tasks[call].cancel()
        self.model.give_up(call)
        self.loop.settle()

    @precondition(lambda self: self.model.queue and self.model.holding)
    @rule(position=positions)
    def give_up_between_grant_and_run(self, position):
        """A place comes free for the first in the queue, who is cancelled before it runs."""
        call, first = self.model.holding[position % len(self.model.holding)], self.model.queue[0]

        def work():
            self.gate.release()
            self.tasks[first].cancel()

        self._inside(work)
        due = self.model.earliest
        self.model.go(call)
        if first in self.model.holding:
            self.model.earliest = due
        self.model.starts = [start for start in self.model.starts if start[0] != first]
        self.model.give_up(first)
        self.loop.settle()

    @rule(length=seconds)
    def pause(self, length):
        self._inside(lambda: self.gate.pause_until(self.loop.time() + length))
        self.model.pause_until(self.model.now + length)
        self.loop.settle()

    @rule(length=seconds)
    def wait(self, length):
        self.loop.advance(length)
        self.model.wait(self.model.now + length)

    @invariant()
    def it_is_as_the_model_says(self):
        if not hasattr(self, "gate"):
            return
        assert [call for call, _ in self.starts] == [call for call, _ in self.model.starts]
        assert [when for _, when in self.starts] == pytest.approx([when for _, when in self.model.starts])
        assert self.gate.in_flight == len(self.model.holding) <= self.model.places
        assert self.gate.waiting == len(self.model.queue)


class TestGate(GateMachine.TestCase):
    settings = settings(max_examples=at_scale(150), stateful_step_count=40)


class LateLoop(FakeTimeLoop):
    """A loop whose every wait takes longer than asked for, by seconds that are given and repeated."""

    def __init__(self, late):
        super().__init__()
        self._late = cycle(late)

    def select(self, timeout):
        self._now += next(self._late)
        return super().select(timeout)


def starts_of(loop, rate, *, callers, busy, rest):
    """When calls start that come without end, in a loop kept busy again and again; rest 0 means in every turn."""
    gate, times, lengths = Gate(Limits(max_concurrency=callers, max_rate=rate)), [], cycle(busy)

    async def call():
        while True:
            await gate.acquire()
            times.append(loop.time())
            gate.release()

    def be_busy():
        loop._now += next(lengths)
        loop.call_later(rest, be_busy) if rest else loop.call_soon(be_busy)

    tasks = [loop.create_task(call()) for _ in range(callers)]
    loop.call_soon(be_busy)
    loop.call_at(max(0.6, 8 / rate), loop.stop)
    loop.run_forever()
    for task in tasks:
        task.cancel()
    loop.call_soon(loop.stop)
    loop.run_forever()
    return times


rates = st.sampled_from([3.7, 50.0, 500.0, 2000.0])


def few(longest):
    return st.lists(st.floats(0.0, longest), min_size=1, max_size=8)


@settings(max_examples=at_scale(60))
@given(rates, st.integers(1, 80), few(0.05), few(0.2), st.sampled_from([0.0, 0.003, 0.01]))
def test_no_window_has_more_starts_than_the_rate_allows(rate, callers, late, busy, rest):
    """From any start to any other there are at most rate × (the time between + 20 ms) + 1."""
    loop = LateLoop(late)
    times = starts_of(loop, rate, callers=callers, busy=[*busy, 0.001], rest=rest)
    loop.close()
    fewest = float("inf")
    for number, when in enumerate(times):
        fewest = min(fewest, number - rate * when)
        assert number - rate * when - fewest <= rate * LATE + 1e-6


@settings(max_examples=at_scale(60))
@given(rates, few(0.005), few(0.005), st.sampled_from([0.003, 0.01]))
def test_no_start_is_lost_to_timers_and_turns_that_are_a_little_late(rate, late, busy, rest):
    """As long as they add up to less than 20 ms, each start is at most 20 ms after its moment: 100 % of the rate."""
    loop = LateLoop(late)
    times = starts_of(loop, rate, callers=80, busy=busy, rest=rest)
    loop.close()
    assert len(times) >= 8
    assert all(0 <= when - times[0] - number / rate + 1e-9 <= LATE + 1e-9 for number, when in enumerate(times))


def test_the_model_is_driven_in_a_loop_of_its_own():
    """What the machine stands on: a loop whose clock moves by what it is told, and timers that fall due in order."""
    loop = FakeTimeLoop()
    seen = []

    async def wait(seconds):
        await asyncio.sleep(seconds)
        seen.append((seconds, loop.time()))

    tasks = [loop.create_task(wait(seconds)) for seconds in (3.0, 1.0, 2.0)]
    loop.advance(2.0)
    assert seen == [(1.0, 1.0), (2.0, 2.0)]
    loop.advance(5.0)
    assert seen[2:] == [(3.0, 3.0)]
    assert loop.time() == 7.0
    assert all(task.done() for task in tasks)
    loop.close()
