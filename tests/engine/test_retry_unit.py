"""When an attempt repeats, how long it waits before, and when it gives up. Time is moved by hand, luck is chosen."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import random
import warnings

import pytest

from printnow_async import RetryPolicy, Sent
from printnow_async._http.retry import RetryBudget, pause_before_repeat, repeater
from printnow_async._http.wire import Failure, Response
from tests.support.loops import on_fake_time

LOST = Failure("lost", Sent.MAYBE, "cut off")
BUSY = Response(503)
DONE = Response(200)


@pytest.fixture
def most(monkeypatch):
    """Every random pause is the longest it can be."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)


@pytest.fixture
def least(monkeypatch):
    """Every random pause is the shortest it can be."""
    monkeypatch.setattr(random, "uniform", lambda low, _high: low)


class FakeSending:
    """A request whose attempts end as they are told to; the last outcome serves for all that follow."""

    def __init__(self, *outcomes, deadline=math.inf):
        self.outcome, *self.coming = outcomes
        self.deadline = deadline
        self.first = True
        self.pauses = []
        self.times = [self._now()]

    @staticmethod
    def _now():
        return asyncio.get_running_loop().time()

    async def step(self):
        if self.first:
            self.first = False
            return
        self.times.append(self._now())
        if self.coming:
            self.outcome = self.coming.pop(0)
        if isinstance(self.outcome, Exception):
            raise self.outcome

    def may_repeat(self):
        return not (isinstance(self.outcome, Response) and self.outcome.ok)

    def time_for(self, pause):
        return self._now() + pause < self.deadline

    def on_pause(self, pause):
        self.pauses.append(pause)


def spent():
    budget = RetryBudget()
    while budget.take():
        pass
    return budget


async def send(*outcomes, policy=RetryPolicy(), budget=None, deadline=math.inf):  # noqa: B008 -- frozen
    sending = FakeSending(*outcomes, deadline=deadline)
    await repeater(policy, budget or RetryBudget())(sending)
    return sending


# The budget


def test_50_repeats_can_be_paid_for_and_no_more():
    budget = RetryBudget()
    assert [budget.take() for _ in range(52)] == [True] * 50 + [False] * 2
    assert budget.left == 0


def test_a_repeat_costs_1():
    budget = RetryBudget()
    budget.take()
    assert budget.left == 49


def test_a_repeat_that_cannot_be_paid_for_costs_nothing():
    budget = spent()
    budget.give_back(0)
    before = budget.left
    assert not budget.take()
    assert budget.left == before


def test_a_success_gives_back_what_its_repeats_cost_and_a_tenth():
    budget = spent()
    budget.give_back(3)
    assert budget.left == pytest.approx(3.1)


def test_ten_successes_at_the_first_try_buy_one_repeat():
    budget = spent()
    for _ in range(9):
        budget.give_back(0)
    assert not budget.take()
    budget.give_back(0)
    assert budget.take()
    assert not budget.take()


def test_the_budget_never_exceeds_its_capacity():
    budget = RetryBudget()
    budget.give_back(3)
    assert budget.left == 50
    budget.take()
    budget.give_back(3)
    assert budget.left == 50


def test_a_server_that_fails_now_and_then_is_met_with_patience():
    """Every call needs two repeats and succeeds: the budget lasts for ever."""
    budget = RetryBudget()
    for _ in range(1000):
        assert budget.take()
        assert budget.take()
        budget.give_back(2)


def test_a_server_that_never_succeeds_gets_50_extra_requests_from_all_calls_together():
    budget = RetryBudget()
    assert sum(budget.take() for _call in range(1000) for _repeat in range(3)) == 50


# The length of a pause


@pytest.mark.parametrize("outcome", [LOST, BUSY, Failure("connect", Sent.NEVER, "refused"), Response(500)])
def test_a_pause_is_drawn_from_0_to_its_ceiling(monkeypatch, outcome):
    drawn = []
    monkeypatch.setattr(random, "uniform", lambda *bounds: drawn.append(bounds) or 1.25)
    assert pause_before_repeat(RetryPolicy(), 4.0, outcome) == 1.25
    assert drawn == [(0.0, 4.0)]


def test_the_jitter_of_a_retry_after_comes_on_top(monkeypatch):
    drawn = []
    monkeypatch.setattr(random, "uniform", lambda *bounds: drawn.append(bounds) or 0.25)
    assert pause_before_repeat(RetryPolicy(), 4.0, Response(429, b"", 7.0)) == 7.25
    assert drawn == [(0.0, 0.5)]


@pytest.mark.parametrize("asked", [0.0, 0.4, 7.0, 120.0])
def test_a_retry_after_is_never_waited_short(least, asked):
    """Not even by the luckiest draw, and also when it is shorter than our own pauses."""
    assert pause_before_repeat(RetryPolicy(), 4.0, Response(503, b"", asked)) >= asked


@pytest.mark.parametrize(("asked", "waits"), [(120.0, True), (120.001, False), (1e17, False)])
def test_a_retry_after_beyond_patience_is_not_waited_for(least, asked, waits):
    pause = pause_before_repeat(RetryPolicy(max_retry_after=120.0), 4.0, Response(429, b"", asked))
    assert pause == (asked if waits else None)


def test_patience_of_0_seconds_is_for_a_retry_after_of_0_only(least):
    policy = RetryPolicy(max_retry_after=0)
    assert pause_before_repeat(policy, 1.0, Response(429, b"", 0.0)) == 0.0
    assert pause_before_repeat(policy, 1.0, Response(429, b"", 0.1)) is None


@on_fake_time
async def test_the_ceiling_doubles_with_each_repeat_up_to_its_maximum(most):
    policy = RetryPolicy(max_attempts=6, base_delay=0.5, max_delay=3.0)
    sending = await send(BUSY, policy=policy)
    assert sending.pauses == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert sending.times == [0.0, 0.5, 1.5, 3.5, 6.5, 9.5]


@on_fake_time
async def test_a_maximum_below_the_base_bounds_the_first_pause_too(most):
    policy = RetryPolicy(base_delay=8.0, max_delay=1.0)
    assert (await send(BUSY, policy=policy)).pauses == [1.0, 1.0, 1.0]


@on_fake_time
async def test_a_base_of_0_repeats_at_once(most):
    assert (await send(BUSY, policy=RetryPolicy(base_delay=0))).pauses == [0.0, 0.0, 0.0]


@on_fake_time
async def test_a_retry_after_is_waited_in_full(least):
    sending = await send(Response(429, b"", 30.0), Response(503, b"", 60.0), DONE)
    assert sending.times == [0.0, 30.0, 90.0]


# When it ends


@on_fake_time
async def test_a_success_ends_it(least):
    sending = await send(LOST, DONE)
    assert (sending.outcome, len(sending.times)) == (DONE, 2)


@on_fake_time
async def test_nothing_is_repeated_that_may_not_be(least):
    sending = await send(DONE)
    assert (sending.times, sending.pauses) == ([0.0], [])


@pytest.mark.parametrize("attempts", [1, 2, 4, 7])
@on_fake_time
async def test_as_many_attempts_are_made_as_the_policy_has(least, attempts):
    """The first one, which was made before, is one of them."""
    sending = await send(BUSY, policy=RetryPolicy(max_attempts=attempts))
    assert len(sending.times) == attempts
    assert sending.outcome is BUSY


@on_fake_time
async def test_a_policy_of_none_makes_no_repeat_and_costs_nothing():
    budget = RetryBudget()
    sending = await send(BUSY, policy=RetryPolicy.none(), budget=budget)
    assert (sending.times, budget.left) == ([0.0], 50)


@on_fake_time
async def test_it_ends_at_once_when_the_pause_would_pass_the_deadline(most):
    """Nobody waits for an attempt that can no longer be made, and the budget is not charged for it."""
    budget = RetryBudget()
    sending = await send(BUSY, policy=RetryPolicy(base_delay=4.0), budget=budget, deadline=10.0)
    assert (sending.times, sending.pauses) == ([0.0, 4.0], [4.0])
    assert asyncio.get_running_loop().time() == 4.0
    assert budget.left == 49


@on_fake_time
async def test_it_ends_at_once_when_a_retry_after_would_pass_the_deadline(least):
    sending = await send(Response(429, b"", 30.0), deadline=30.0)
    assert (sending.times, sending.pauses) == ([0.0], [])
    assert asyncio.get_running_loop().time() == 0.0


@on_fake_time
async def test_it_ends_at_once_when_the_retry_after_is_longer_than_patience():
    sending = await send(Response(429, b"", 121.0))
    assert (sending.times, sending.pauses) == ([0.0], [])
    assert sending.outcome.retry_after == 121.0


@on_fake_time
async def test_it_ends_at_once_when_the_budget_is_spent():
    """With the failure it has."""
    sending = await send(BUSY, budget=spent())
    assert (sending.times, sending.pauses, sending.outcome) == ([0.0], [], BUSY)
    assert asyncio.get_running_loop().time() == 0.0


@on_fake_time
async def test_each_repeat_is_paid_for(least):
    budget = RetryBudget()
    await send(LOST, LOST, LOST, DONE, budget=budget)
    assert budget.left == 47


@on_fake_time
async def test_an_error_of_a_step_passes_through(least):
    """A read-back may raise what is known for certain."""
    with pytest.raises(LookupError, match="settled"):
        await send(LOST, LookupError("settled"))


@on_fake_time
async def test_cancelling_in_a_pause_ends_it(most):
    sending = FakeSending(BUSY)
    repeating = asyncio.ensure_future(repeater(RetryPolicy(base_delay=10.0), RetryBudget())(sending))
    await asyncio.sleep(1.0)
    repeating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await repeating
    assert sending.times == [0.0]


@on_fake_time
async def test_one_repeater_serves_many_requests_at_once(most):
    """Each has its own number of attempts and its own ceiling."""
    repeat = repeater(RetryPolicy(max_attempts=3, base_delay=1.0), RetryBudget())
    first, second = FakeSending(BUSY), FakeSending(BUSY, DONE)
    running = asyncio.ensure_future(repeat(first))
    await asyncio.sleep(0.5)
    await repeat(second)
    await running
    assert (first.pauses, second.pauses) == ([1.0, 2.0], [1.0])


# The library behind it


@on_fake_time
async def test_repeats_are_not_logged_by_the_library(least, caplog):
    """The package tells of them itself, and the details hold more than a log should."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="backoff")
    await send(BUSY)
    assert [record.name for record in caplog.records if record.name != "asyncio"] == []


@on_fake_time
async def test_no_warning_is_given_when_a_repeater_is_made_or_used(least, monkeypatch):
    """From Python 3.14 on `asyncio.iscoroutinefunction`, which the library asks, is deprecated."""

    def deprecated(function):
        warnings.warn("'asyncio.iscoroutinefunction' is deprecated", DeprecationWarning, stacklevel=2)
        return inspect.iscoroutinefunction(function)

    monkeypatch.setattr(asyncio, "iscoroutinefunction", deprecated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeprecationWarning):
            asyncio.iscoroutinefunction(send)
        sending = await send(BUSY)
    assert len(sending.times) == 4


def test_making_a_repeater_leaves_the_users_warning_filters_as_they_are():
    before = list(warnings.filters)
    repeater(RetryPolicy(), RetryBudget())
    assert warnings.filters == before
