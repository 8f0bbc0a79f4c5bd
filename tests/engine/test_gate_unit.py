"""Places, pace and pause: what a call waits for before it may start. Time is the event loop's own, moved by hand."""

from __future__ import annotations

import asyncio

import pytest

from printnow_async._http.gate import Gate
from printnow_async.options import Limits
from tests.support.loops import TURNS, on_fake_time


def gate_of(max_concurrency=1, max_rate=None):
    return Gate(Limits(max_concurrency=max_concurrency, max_rate=max_rate))


def now():
    return asyncio.get_running_loop().time()


def be_busy(seconds):
    """Keep the event loop busy for so long."""
    asyncio.get_running_loop()._now += seconds


def before_what_follows_at(when, work, *arguments):
    """Do this after the timers of a moment, and before what they have called."""
    loop = asyncio.get_running_loop()
    loop.call_at(when - 1e-10, loop.call_soon, work, *arguments)


async def turns(count=TURNS):
    for _ in range(count):
        await asyncio.sleep(0)


class Callers:
    """Calls that wait at a gate, with the order and the times of their starts."""

    def __init__(self, gate):
        self.gate = gate
        self.order = []
        self.times = []

    def come(self, *names):
        """Let these come to the gate, one after the other."""
        return [asyncio.ensure_future(self._start(name)) for name in names]

    async def _start(self, name):
        await self.gate.acquire()
        self.order.append(name)
        self.times.append(now())


# Places


@on_fake_time
async def test_as_many_calls_start_at_once_as_there_are_places():
    """The first `max_concurrency` calls wait for nothing, and the next one for a place."""
    gate = gate_of(3)
    callers = Callers(gate)
    callers.come("a", "b", "c")
    (late,) = callers.come("d")
    await turns()
    assert callers.order == ["a", "b", "c"]
    assert (gate.in_flight, gate.waiting) == (3, 1)
    late.cancel()


@on_fake_time
async def test_waiters_are_served_first_come_first_served():
    """Each place that comes free goes to whoever has waited longest."""
    gate = gate_of(1)
    callers = Callers(gate)
    callers.come(*range(10))
    for _ in range(10):
        await turns()
        gate.release()
    assert callers.order == list(range(10))


@on_fake_time
async def test_nobody_overtakes_a_waiter_that_has_its_place_but_has_not_run_yet():
    """Between the release and the waiter's own turn, the place is taken already."""
    gate = gate_of(1)
    await gate.acquire()
    callers = Callers(gate)
    callers.come("waiter")
    await turns()
    gate.release()
    assert gate.try_acquire() is False
    await turns()
    assert callers.order == ["waiter"]


@on_fake_time
async def test_try_acquire_never_overtakes_a_waiter():
    """A place that could be had at once is not given to a newcomer while somebody waits."""
    gate = gate_of(2)
    gate.pause_until(5.0)
    Callers(gate).come("waiter")
    await turns()
    assert gate.waiting == 1
    assert gate.try_acquire() is False
    await asyncio.sleep(5.0)


@on_fake_time
async def test_nobody_overtakes_a_waiter_at_the_very_end_of_a_pause():
    """A newcomer of that moment, who runs before the waiter is woken, comes after it all the same."""
    gate = gate_of(1)
    taken = []
    asyncio.get_running_loop().call_at(5.0, lambda: taken.append(gate.try_acquire()))
    gate.pause_until(5.0)
    callers = Callers(gate)
    callers.come("waiter")
    await asyncio.sleep(6.0)
    assert (taken, callers.order, gate.in_flight) == ([False], ["waiter"], 1)


@on_fake_time
async def test_a_place_that_is_given_back_can_be_taken_again():
    """After as many releases as starts the gate is as it was."""
    gate = gate_of(2)
    for _ in range(5):
        assert gate.try_acquire()
        assert gate.try_acquire()
        assert not gate.try_acquire()
        gate.release()
        gate.release()
    assert (gate.in_flight, gate.waiting) == (0, 0)


# Cancellation


@on_fake_time
async def test_a_waiter_cancelled_before_its_turn_leaves_the_queue():
    """The place goes to the next one, and the gate counts nobody who has left."""
    gate = gate_of(1)
    await gate.acquire()
    callers = Callers(gate)
    first, _second = callers.come("first", "second")
    await turns()
    first.cancel()
    await turns()
    assert gate.waiting == 1
    gate.release()
    await turns()
    assert callers.order == ["second"]
    assert (gate.in_flight, gate.waiting) == (1, 0)


@on_fake_time
async def test_a_waiter_cancelled_between_its_grant_and_its_run_gives_the_place_back():
    """The place was its own for a moment, without a line of its code having run."""
    gate = gate_of(1)
    await gate.acquire()
    callers = Callers(gate)
    first, _second = callers.come("first", "second")
    await turns()
    gate.release()
    first.cancel()
    await turns()
    assert first.cancelled()
    assert callers.order == ["second"]
    assert gate.in_flight == 1


@on_fake_time
async def test_the_last_waiter_cancelled_between_its_grant_and_its_run_leaves_the_gate_empty():
    """With nobody behind it, the place is simply free."""
    gate = gate_of(1)
    await gate.acquire()
    (waiter,) = Callers(gate).come("waiter")
    await turns()
    gate.release()
    waiter.cancel()
    await turns()
    assert (gate.in_flight, gate.waiting) == (0, 0)
    assert gate.try_acquire()


@on_fake_time
async def test_a_call_cancelled_before_it_came_to_the_gate_takes_nothing():
    """A task that never ran has no place and no place in the queue."""
    gate = gate_of(1)
    (call,) = Callers(gate).come("call")
    call.cancel()
    await turns()
    assert (gate.in_flight, gate.waiting) == (0, 0)


@on_fake_time
async def test_a_time_limit_that_runs_out_in_the_queue_takes_nothing():
    """`asyncio.timeout` cancels, and the place goes to the next one."""
    gate = gate_of(1)
    await gate.acquire()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3.0):
            await gate.acquire()
    gate.release()
    assert (gate.in_flight, gate.waiting) == (0, 0)
    assert gate.try_acquire()


@on_fake_time
async def test_a_time_limit_that_runs_out_in_the_moment_of_the_grant_takes_nothing():
    """The timer and the release fall into one turn of the loop, in either order."""
    for release_first in (True, False):
        gate = gate_of(1)
        await gate.acquire()
        moment = now() + 3.0
        if release_first:
            asyncio.get_running_loop().call_at(moment, gate.release)
        taken = True
        try:
            async with asyncio.timeout_at(moment):
                if not release_first:
                    asyncio.get_running_loop().call_at(moment, gate.release)
                await gate.acquire()
        except TimeoutError:
            taken = False
        await turns()
        assert gate.in_flight == taken


@on_fake_time
async def test_waiters_that_are_all_cancelled_in_a_pause_leave_the_gate_empty():
    """After the pause the next call starts at once."""
    gate = gate_of(1)
    gate.pause_until(10.0)
    for call in Callers(gate).come("a", "b", "c"):
        await turns()
        call.cancel()
    await asyncio.sleep(10.0)
    assert (gate.in_flight, gate.waiting) == (0, 0)
    assert gate.try_acquire()


@on_fake_time
async def test_a_first_waiter_cancelled_in_a_pause_does_not_keep_the_second_waiting():
    """The pause's own timer serves whoever is first when it ends."""
    gate = gate_of(1)
    gate.pause_until(10.0)
    callers = Callers(gate)
    first, _second = callers.come("first", "second")
    await turns()
    first.cancel()
    await asyncio.sleep(10.0)
    await turns()
    assert (callers.order, callers.times) == (["second"], [10.0])


# Pause


@on_fake_time
async def test_nobody_starts_before_the_end_of_a_pause():
    """Those that wait and those that come meanwhile all start when it ends, in their order."""
    gate = gate_of(3)
    gate.pause_until(10.0)
    callers = Callers(gate)
    callers.come("a", "b")
    await asyncio.sleep(4.0)
    callers.come("c")
    await asyncio.sleep(5.5)
    assert callers.order == []
    await asyncio.sleep(0.5)
    await turns()
    assert (callers.order, callers.times) == (["a", "b", "c"], [10.0] * 3)


@on_fake_time
async def test_a_pause_is_never_shortened():
    """A later and shorter one changes nothing."""
    gate = gate_of()
    gate.pause_until(10.0)
    gate.pause_until(2.0)
    callers = Callers(gate)
    callers.come("call")
    gate.pause_until(5.0)
    await asyncio.sleep(20.0)
    assert callers.times == [10.0]


@on_fake_time
async def test_a_pause_is_made_longer_while_calls_wait_for_its_end():
    """The timer that was set for the first end does not let anybody through."""
    gate = gate_of()
    gate.pause_until(2.0)
    callers = Callers(gate)
    callers.come("call")
    await turns()
    gate.pause_until(10.0)
    await asyncio.sleep(20.0)
    assert callers.times == [10.0]


@on_fake_time
async def test_a_pause_that_is_over_holds_nobody_back():
    """A moment that has passed is no pause."""
    gate = gate_of()
    await asyncio.sleep(5.0)
    gate.pause_until(4.0)
    assert gate.try_acquire()


@on_fake_time
async def test_a_pause_does_not_touch_calls_in_flight():
    """Their places are given back as ever, and taken again only when it ends."""
    gate = gate_of(1)
    await gate.acquire()
    gate.pause_until(10.0)
    callers = Callers(gate)
    callers.come("next")
    await asyncio.sleep(3.0)
    gate.release()
    await turns()
    assert (gate.in_flight, callers.order) == (0, [])
    await asyncio.sleep(7.0)
    await turns()
    assert callers.times == [10.0]


# Pace


@on_fake_time
async def test_calls_start_evenly_spaced():
    """With `max_rate=4` there is a quarter of a second between two starts, the first two included: no burst."""
    callers = Callers(gate_of(100, max_rate=4.0))
    callers.come(*range(6))
    await asyncio.sleep(10.0)
    assert callers.times == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]


@on_fake_time
async def test_time_in_which_nobody_started_is_not_saved_up():
    """After an idle minute the spacing is what it was."""
    gate = gate_of(100, max_rate=2.0)
    callers = Callers(gate)
    await asyncio.sleep(60.0)
    callers.come(*range(4))
    await asyncio.sleep(10.0)
    assert callers.times == [60.0, 60.5, 61.0, 61.5]


@on_fake_time
async def test_the_pace_holds_for_calls_that_need_not_wait_for_a_place():
    """The quick way in asks the clock as well."""
    gate = gate_of(100, max_rate=2.0)
    assert gate.try_acquire()
    assert not gate.try_acquire()
    await asyncio.sleep(0.5)
    assert gate.try_acquire()


@on_fake_time
async def test_the_pace_goes_on_after_a_pause():
    """The end of a pause is no burst either."""
    gate = gate_of(100, max_rate=2.0)
    gate.pause_until(10.0)
    callers = Callers(gate)
    callers.come(*range(3))
    await asyncio.sleep(20.0)
    assert callers.times == [10.0, 10.5, 11.0]


@on_fake_time
async def test_the_pace_and_the_places_hold_together():
    """A start needs a place and its moment; of the time that it waited for a place, 20 ms are made up for."""
    gate = gate_of(1, max_rate=2.0)
    callers = Callers(gate)
    callers.come("a", "b")
    await asyncio.sleep(3.0)
    gate.release()
    await turns()
    callers.come("c")
    gate.release()
    await asyncio.sleep(3.0)
    assert callers.times == pytest.approx([0.0, 3.0, 3.48])


@on_fake_time
async def test_what_is_made_up_for_is_only_the_time_in_which_somebody_waited():
    """The place is free 5 ms after the waiter came, and before that the gate was idle."""
    gate = gate_of(1, max_rate=2.0)
    callers = Callers(gate)
    callers.come("long")
    await asyncio.sleep(10.0)
    callers.come("waiter", "next")
    await asyncio.sleep(0.005)
    gate.release()
    await turns()
    gate.release()
    await asyncio.sleep(3.0)
    assert callers.times == pytest.approx([0.0, 10.005, 10.5])


@on_fake_time
async def test_a_late_timer_costs_nothing():
    """The loop is busy when the second start is due: the third one comes when it would have come anyhow."""
    callers = Callers(gate_of(100, max_rate=10.0))
    asyncio.get_running_loop().call_at(0.095, be_busy, 0.015)
    callers.come(*range(4))
    await asyncio.sleep(1.0)
    assert callers.times == pytest.approx([0.0, 0.11, 0.2, 0.3])


@on_fake_time
async def test_what_is_later_than_20_ms_is_lost():
    """After half a second in which nothing could run, there is no row of starts to make up for it."""
    callers = Callers(gate_of(100, max_rate=10.0))
    asyncio.get_running_loop().call_at(0.05, be_busy, 0.5)
    callers.come(*range(4))
    await asyncio.sleep(2.0)
    assert callers.times == pytest.approx([0.0, 0.55, 0.63, 0.73])


@on_fake_time
async def test_starts_that_are_due_together_are_handed_out_in_one_turn():
    """At 2,000 a second a timer that is 5 ms late has ten starts to give, in the order of the queue."""
    callers = Callers(gate_of(100, max_rate=2000.0))
    callers.come(*range(12))
    await turns()
    be_busy(0.00501)
    callers.gate.release()
    await turns(2)
    assert callers.order == list(range(11))
    callers.gate.close()
    await turns()


@on_fake_time
async def test_a_start_counts_when_it_runs_and_not_when_it_was_let_go():
    """The loop is busy between the two for longer than what may be made up for: the next starts keep their distance."""
    callers = Callers(gate_of(100, max_rate=100.0))
    callers.come(*range(5))
    await turns()
    before_what_follows_at(0.01, be_busy, 0.1)
    await asyncio.sleep(1.0)
    assert callers.order == list(range(5))
    assert callers.times == pytest.approx([0.0, 0.11, 0.11, 0.11, 0.12])


@on_fake_time
async def test_a_waiter_cancelled_between_its_grant_and_its_run_gives_its_moment_back():
    """The one behind it starts at that moment, and not an interval later."""
    gate = gate_of(100, max_rate=2.0)
    callers = Callers(gate)
    _, second, _third = callers.come("first", "second", "third")
    await turns()
    before_what_follows_at(0.5, second.cancel)
    await asyncio.sleep(2.0)
    assert (callers.order, callers.times) == (["first", "third"], [0.0, 0.5])


@on_fake_time
async def test_nobody_overtakes_a_waiter_that_the_pace_has_let_go():
    """A newcomer of the turn in which the waiter was let go comes after it, by the quick way and by the queue."""
    gate = gate_of(100, max_rate=2.0)
    callers = Callers(gate)
    callers.come("first", "waiter")
    await turns()
    taken = []

    def come():
        taken.append(gate.try_acquire())
        callers.come("newcomer")

    asyncio.get_running_loop().call_at(0.5, come)
    await asyncio.sleep(0.5)
    await asyncio.sleep(2.0)
    assert (taken, callers.order, callers.times) == ([False], ["first", "waiter", "newcomer"], [0.0, 0.5, 1.0])


# The end


@on_fake_time
async def test_a_closed_gate_leaves_no_timer_in_the_event_loop():
    """Nothing of a closed client keeps the loop awake."""
    gate = gate_of()
    gate.pause_until(60.0)
    (call,) = Callers(gate).come("call")
    await turns()
    gate.close()
    gate.close()
    call.cancel()
    await turns()
    assert [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()] == []


@on_fake_time
async def test_closing_lets_nobody_wait_for_ever():
    """A call that waits in a pause when its client is closed comes through, to be told so: nobody else would."""
    gate = gate_of()
    gate.pause_until(60.0)
    (call,) = Callers(gate).come("call")
    await turns()
    gate.close()
    await turns()
    ended = call.done()
    call.cancel()
    assert ended


@on_fake_time
async def test_a_closed_gate_lets_everyone_through_however_many_hold_a_place():
    """Those that come later are told too, and the limit reads 0."""
    gate = gate_of(1, max_rate=1.0)
    callers = Callers(gate)
    callers.come("holds", "waits")
    await turns()
    gate.close()
    callers.come("late")
    await turns()
    assert callers.order == ["holds", "waits", "late"]
    assert (gate.current, gate.waiting, gate.in_flight) == (0, 0, 3)


# One more start in a place that is held


@on_fake_time
async def test_a_second_start_comes_before_those_who_wait_for_a_place():
    gate = gate_of(1, max_rate=1.0)
    await gate.acquire()
    callers = Callers(gate)
    callers.come("waits")
    await gate.start_again()
    assert asyncio.get_running_loop().time() == 1.0
    assert callers.order == []
    gate.release()
    await asyncio.sleep(1.0)
    assert callers.order == ["waits"]
    assert asyncio.get_running_loop().time() == 2.0


@on_fake_time
async def test_a_second_start_waits_for_the_end_of_a_pause_and_tells_of_it():
    gate = gate_of(1)
    await gate.acquire()
    await gate.start_again()
    assert (asyncio.get_running_loop().time(), gate.pauses) == (0.0, 0)
    gate.pause_until(5.0)
    await gate.start_again()
    assert (asyncio.get_running_loop().time(), gate.pauses) == (5.0, 1)


@on_fake_time
async def test_a_second_start_that_is_cancelled_leaves_its_turn_to_the_next():
    gate = gate_of(2, max_rate=1.0)
    await gate.acquire()
    first = asyncio.ensure_future(gate.start_again())
    second = asyncio.ensure_future(gate.start_again())
    await asyncio.sleep(0.5)
    first.cancel()
    await second
    assert asyncio.get_running_loop().time() == 1.0
    assert gate.in_flight == 1
