"""Pauses and the budget: bounds that hold for every policy and every course of a day."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from printnow_async import RetryPolicy, Sent
from printnow_async._http.retry import BUDGET_CAPACITY, RetryBudget, pause_before_repeat, waits
from printnow_async._http.wire import NoAnswer, RawResponse

delays = st.floats(0, 1000)
policies = st.builds(
    RetryPolicy, max_attempts=st.integers(1, 60), base_delay=delays, max_delay=delays, max_retry_after=delays
)
LOST = NoAnswer("lost", Sent.MAYBE, "cut off")


@given(policies, delays)
def test_a_pause_is_our_own_as_long_as_the_server_asks_for_none(policy, wait):
    for outcome in (LOST, RawResponse(500), RawResponse(503)):
        assert pause_before_repeat(policy, wait, outcome) == wait


@given(policies)
def test_the_waits_are_bounded_by_a_base_that_doubles_up_to_its_maximum(policy):
    bound = policy.base_delay
    for wait in waits(policy):
        assert 0.0 <= wait <= min(bound, policy.max_delay)
        bound *= 2


@given(policies, delays, delays, st.sampled_from([408, 429, 500, 503]))
def test_a_retry_after_is_never_waited_short_and_never_beyond_patience(policy, ceiling, asked, status):
    """The jitter comes on top, and is that of a first pause at most."""
    pause = pause_before_repeat(policy, ceiling, RawResponse(status, b"", asked))
    if asked > policy.max_retry_after:
        assert pause is None
    else:
        assert asked <= pause <= asked + min(policy.base_delay, policy.max_delay)


@given(st.lists(st.integers(0, 5) | st.just("take")))
def test_the_budget_never_leaves_its_bounds_and_never_gives_what_it_has_not(course):
    """Against its own arithmetic, in tenths: 1 for each repeat, back with a tenth on success, from 0 to 50."""
    budget, tenths = RetryBudget(), 500
    for step in course:
        if step == "take":
            assert budget.take() is (tenths >= 10)
            tenths -= 10 * (tenths >= 10)
        else:
            budget.give_back(step)
            tenths = min(500, tenths + 10 * step + 1)
        assert budget.left == pytest.approx(tenths / 10)
        assert 0.0 <= budget.left <= BUDGET_CAPACITY


@given(st.integers(0, 500), st.integers(1, 10))
def test_an_outage_costs_no_more_than_the_budget(calls, tries):
    """However many calls fail, and however often each may try."""
    budget = RetryBudget()
    assert sum(budget.take() for _ in range(calls * tries)) <= BUDGET_CAPACITY
