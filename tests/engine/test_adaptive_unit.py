"""The limit that finds itself, against simulated servers: the simulation's clock is its own, nothing waits.

The servers are the hidden ones of the benchmark and more: a hard limit, a knee in the latency, a limit that halves and
returns, errors that say nothing. What is held here is what docs/bulk.md promises: 90 % of the best fixed limit from a
cold start over 20,000 calls, at most 3 % refused, nothing lost.
"""

from __future__ import annotations

import math
from collections import deque

import pytest
from hypothesis import given, strategies as st

from printnow_async._http.adaptive import AdaptiveLimit
from tests.support.overload import PROFILES, best_fixed, simulate


@pytest.mark.once
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", PROFILES)
def test_it_reaches_nine_tenths_of_the_best_fixed_limit_from_a_cold_start(name, seed):
    server = PROFILES[name]
    found = simulate(server, AdaptiveLimit(100), seed=seed)
    assert found.goodput >= 0.9 * best_fixed(server, 100)
    assert found.refused <= 0.03
    assert found.lost == 0


def test_a_refusal_lowers_it_at_once_below_what_was_refused():
    limit = AdaptiveLimit(100)
    climb(limit, 40)
    flights = [limit.begin(9.0) for _ in range(limit.current)]
    before = limit.current
    limit.refused(flights[-1], 9.1)
    assert limit.current == before - 1


def test_many_refusals_together_lower_it_to_what_the_server_still_holds():
    """Of forty in flight ten were refused: the server holds thirty."""
    limit = AdaptiveLimit(100)
    climb(limit, 40)
    flights = [limit.begin(9.0) for _ in range(40)]
    for flight in flights[30:]:
        limit.refused(flight, 9.1)
    assert limit.current == 30


def test_a_server_that_refuses_everything_leaves_one_call_at_a_time():
    limit = AdaptiveLimit(100)
    for step in range(200):
        flights = [limit.begin(float(step)) for _ in range(limit.current)]
        for flight in flights:
            limit.refused(flight, step + 0.5)
    assert limit.current == 1


def test_errors_that_say_nothing_about_load_change_nothing():
    limit = AdaptiveLimit(100)
    climb(limit, 40)
    before = limit.current
    for step in range(500):
        limit.failed(limit.begin(float(step)))
    assert limit.current == before


def test_it_does_not_grow_while_fewer_calls_are_made_than_it_allows():
    limit = AdaptiveLimit(100)
    climb(limit, 8)
    before = limit.current
    for step in range(2_000):
        limit.succeeded(limit.begin(float(step)), step + 0.5)
    assert limit.current == before


@given(
    maximum=st.integers(1, 40),
    ends=st.lists(
        st.tuples(st.sampled_from(["ok", "ok", "ok", "refused", "failed"]), st.integers(0, 60)), max_size=400
    ),
)
def test_whatever_happens_it_stays_between_one_and_the_maximum(maximum, ends):
    limit = AdaptiveLimit(maximum)
    flying = deque()
    for now, (end, which) in enumerate(ends):
        while len(flying) < limit.current:
            flying.append(limit.begin(float(now)))
        flying.rotate(which)
        flight = flying.popleft()
        if end == "failed":
            limit.failed(flight)
        elif end == "ok":
            limit.succeeded(flight, now + math.sqrt(which))
        else:
            limit.refused(flight, now + 0.5)
        assert 1 <= limit.current <= maximum


def climb(limit, level):
    """Let all answers come in a second, until so many are allowed."""
    now = 0.0
    while limit.current < level:
        flights = [limit.begin(now) for _ in range(limit.current)]
        now += 1.0
        for flight in flights:
            limit.succeeded(flight, now)
        assert now < 1_000
