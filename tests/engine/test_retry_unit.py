"""When an attempt repeats, how long it waits before, and when it gives up. Time is moved by hand, luck is chosen."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from printnow_async import (
    AttemptEvent,
    ConnectionLostError,
    Limits,
    PrintNowError,
    RetryPolicy,
    Sent,
    ServerError,
    Timeout,
)
from printnow_async._http.caller import HTTPCaller
from printnow_async._http.gate import Gate
from printnow_async._http.observe import Observers
from printnow_async._http.retry import RetryBudget, pause_before_repeat, waits
from printnow_async._http.rules import Reading
from printnow_async._http.shared import Shared
from printnow_async._http.wire import Endpoint, NoAnswer, RawResponse, Request
from tests.support.loops import on_fake_time

LOST = NoAnswer("lost", Sent.MAYBE, "cut off")
BUSY = RawResponse(503)
DONE = RawResponse(200)
ENDPOINT = Endpoint("storefronts.list", "GET", "/", write=False)


@pytest.fixture
def most(monkeypatch):
    """Every random pause is the longest it can be."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)


@pytest.fixture
def least(monkeypatch):
    """Every random pause is the shortest it can be."""
    monkeypatch.setattr(random, "uniform", lambda low, _high: low)


class FakeTransport:
    """Its attempts end as they are told to; the last outcome serves for all that follow."""

    def __init__(self, *outcomes):
        self.coming = list(outcomes)
        self.times = []

    async def attempt(self, request, *, ends, connect):
        self.times.append(asyncio.get_running_loop().time())
        return self.coming.pop(0) if len(self.coming) > 1 else self.coming[0]


class Sending:
    """A request that was sent for as long as policy, deadline and budget allow, and what came of it."""

    def __init__(self, *outcomes, policy=RetryPolicy(), budget=None, total=None):  # noqa: B008 -- frozen
        self.transport, self.pauses, self.outcome, self.error = FakeTransport(*outcomes), [], None, None
        observers = Observers([self._on_event])
        self.shared = Shared(self.transport, Gate(Limits()), budget or RetryBudget(), observers, None)
        self.caller = HTTPCaller(self.shared, Timeout(attempt=None, total=total), policy, {})

    def _on_event(self, event):
        if isinstance(event, AttemptEvent) and event.pause is not None:
            self.pauses.append(event.pause)

    @property
    def times(self):
        return self.transport.times

    async def run(self):
        try:
            with self.caller.operation(ENDPOINT) as call:
                self.outcome = await call.send(Request(ENDPOINT, "/"), Reading(lambda response: response))
        except PrintNowError as error:
            self.error = error
        return self


def spent():
    budget = RetryBudget()
    while budget.take():
        pass
    return budget


async def send(*outcomes, **options):
    return await Sending(*outcomes, **options).run()


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


@pytest.mark.parametrize("outcome", [LOST, BUSY, NoAnswer("connect", Sent.NEVER, "refused"), RawResponse(500)])
def test_a_pause_is_what_was_drawn_where_the_server_asks_for_none(outcome):
    assert pause_before_repeat(RetryPolicy(), 1.25, outcome) == 1.25


def test_each_pause_is_drawn_from_0_to_its_bound(monkeypatch):
    drawn = []
    monkeypatch.setattr(random, "uniform", lambda *bounds: drawn.append(bounds) or 1.25)
    assert list(waits(RetryPolicy(max_attempts=4, base_delay=4.0))) == [1.25] * 3
    assert drawn == [(0.0, 4.0), (0.0, 8.0), (0.0, 16.0)]


def test_pauses_without_a_base_stay_0_however_many_there_are():
    assert set(waits(RetryPolicy(max_attempts=3000, base_delay=0))) == {0.0}


def test_the_jitter_of_a_retry_after_comes_on_top(monkeypatch):
    drawn = []
    monkeypatch.setattr(random, "uniform", lambda *bounds: drawn.append(bounds) or 0.25)
    assert pause_before_repeat(RetryPolicy(), 4.0, RawResponse(429, b"", 7.0)) == 7.25
    assert drawn == [(0.0, 0.5)]


@pytest.mark.parametrize("asked", [0.0, 0.4, 7.0, 120.0])
def test_a_retry_after_is_never_waited_short(least, asked):
    """Not even by the luckiest draw, and also when it is shorter than our own pauses."""
    assert pause_before_repeat(RetryPolicy(), 4.0, RawResponse(503, b"", asked)) >= asked


@pytest.mark.parametrize(("asked", "waits"), [(120.0, True), (120.001, False), (1e17, False)])
def test_a_retry_after_beyond_patience_is_not_waited_for(least, asked, waits):
    pause = pause_before_repeat(RetryPolicy(max_retry_after=120.0), 4.0, RawResponse(429, b"", asked))
    assert pause == (asked if waits else None)


def test_patience_of_0_seconds_is_for_a_retry_after_of_0_only(least):
    policy = RetryPolicy(max_retry_after=0)
    assert pause_before_repeat(policy, 1.0, RawResponse(429, b"", 0.0)) == 0.0
    assert pause_before_repeat(policy, 1.0, RawResponse(429, b"", 0.1)) is None


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
    sending = await send(RawResponse(429, b"", 30.0), RawResponse(503, b"", 60.0), DONE)
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
    assert isinstance(sending.error, ServerError)


@on_fake_time
async def test_a_policy_of_none_makes_no_repeat_and_costs_nothing():
    budget = RetryBudget()
    sending = await send(BUSY, policy=RetryPolicy.none(), budget=budget)
    assert (sending.times, budget.left) == ([0.0], 50)


@on_fake_time
async def test_it_ends_at_once_when_the_pause_would_pass_the_deadline(most):
    """Nobody waits for an attempt that can no longer be made, and the budget is not charged for it."""
    budget = RetryBudget()
    sending = await send(BUSY, policy=RetryPolicy(base_delay=4.0), budget=budget, total=10.0)
    assert (sending.times, sending.pauses) == ([0.0, 4.0], [4.0])
    assert asyncio.get_running_loop().time() == 4.0
    assert budget.left == 49


@on_fake_time
async def test_it_ends_at_once_when_a_retry_after_would_pass_the_deadline(least):
    sending = await send(RawResponse(429, b"", 30.0), total=30.0)
    assert (sending.times, sending.pauses) == ([0.0], [])
    assert asyncio.get_running_loop().time() == 0.0


@on_fake_time
async def test_it_ends_at_once_when_the_retry_after_is_longer_than_patience():
    sending = await send(RawResponse(429, b"", 121.0))
    assert (sending.times, sending.pauses) == ([0.0], [])
    assert sending.error.retry_after == 121.0


@on_fake_time
async def test_it_ends_at_once_when_the_budget_is_spent():
    """With the failure it has."""
    sending = await send(BUSY, budget=spent())
    assert (sending.times, sending.pauses, type(sending.error)) == ([0.0], [], ServerError)
    assert asyncio.get_running_loop().time() == 0.0


@on_fake_time
async def test_each_repeat_is_paid_for(least):
    budget = RetryBudget()
    await send(LOST, LOST, LOST, budget=budget)
    assert budget.left == 47


@on_fake_time
async def test_cancelling_in_a_pause_ends_it(most):
    sending = Sending(BUSY, policy=RetryPolicy(base_delay=10.0))
    repeating = asyncio.ensure_future(sending.run())
    await asyncio.sleep(1.0)
    repeating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await repeating
    assert sending.times == [0.0]


@on_fake_time
async def test_a_read_ends_in_the_last_failure(least):
    sending = await send(BUSY, LOST)
    assert isinstance(sending.error, ConnectionLostError)


# The library behind it


@on_fake_time
async def test_repeats_are_not_logged_by_the_library(least, caplog):
    """The package tells of them itself."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="backoff")
    await send(BUSY)
    assert [record.name for record in caplog.records if record.name not in {"asyncio", "printnow_async"}] == []
