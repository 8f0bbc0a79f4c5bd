"""Pauses and the budget: bounds that hold for every policy and every course of a day."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from printnow_async import RetryPolicy, Sent
from printnow_async._http.retry import BUDGET_CAPACITY, RetryBudget, pause_before_repeat
from printnow_async._http.wire import Failure, Response

delays = st.floats(0, 1000)
policies = st.builds(RetryPolicy, base_delay=delays, max_delay=delays, max_retry_after=delays)
LOST = Failure("lost", Sent.MAYBE, "cut off")


@given(policies, delays)
def test_a_pause_is_anything_from_0_to_its_ceiling(policy, ceiling):
    """However the attempt ended, as long as the server did not ask for a wait."""
    for outcome in (LOST, Response(500), Response(503)):
        assert 0.0 <= pause_before_repeat(policy, ceiling, outcome) <= ceiling


@given(policies, delays, delays, st.sampled_from([408, 429, 500, 503]))
def test_a_retry_after_is_never_waited_short_and_never_beyond_patience(policy, ceiling, asked, status):
    """The jitter comes on top, and is that of a first pause at most."""
    pause = pause_before_repeat(policy, ceiling, Response(status, b"", asked))
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
