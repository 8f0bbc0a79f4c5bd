"""The gate against a model of it: any order of coming, leaving, giving up, pausing and waiting."""

from __future__ import annotations

import asyncio
from collections import deque

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from printnow_async._http.gate import Gate
from printnow_async.options import Limits
from tests.support.loops import FakeTimeLoop

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
                self.earliest = self.now + self.interval


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
        self.model.go(call)
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
        assert self.starts == self.model.starts
        assert self.gate.in_flight == len(self.model.holding) <= self.model.places
        assert self.gate.waiting == len(self.model.queue)


class TestGate(GateMachine.TestCase):
    settings = settings(max_examples=150, stateful_step_count=40)


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
