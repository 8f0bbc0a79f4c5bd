"""How long to wait before a repeat, and how many repeats a client may make: the only file that knows backoff."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import backoff

from printnow_async._http.wire import NoAnswer, RawResponse
from printnow_async.options import RetryPolicy

BUDGET_CAPACITY: Final = 50
"""Repeats that a client may make against a server that answers nothing well."""
_TENTHS: Final = 10
"""The budget is counted in tenths of a repeat, since a tenth is what a call that succeeds adds."""


class RetryBudget:
    """A bound on the extra load of repeats in an outage, one for each client.

    Each repeat costs 1 of a capacity of 50; a call that succeeds gives back what its repeats cost, and a tenth of a
    repeat besides. So a server that fails now and then is met with patience, and a dead server with 50 extra requests.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = BUDGET_CAPACITY * _TENTHS

    @property
    def left(self) -> float:
        """Repeats that may still be made."""
        return self._left / _TENTHS

    def take(self) -> bool:
        """Pay for one repeat, if there is enough left."""
        if self._left < _TENTHS:
            return False
        self._left -= _TENTHS
        return True

    def give_back(self, repeats: int) -> None:
        """A call succeeded, after so many repeats."""
        if self._left < BUDGET_CAPACITY * _TENTHS:
            self._left = min(BUDGET_CAPACITY * _TENTHS, self._left + repeats * _TENTHS + 1)


def waits(policy: RetryPolicy) -> Iterator[float]:
    """Seconds before the first repeat, the second, and so on; it ends after the last repeat that the policy allows.

    Full jitter: each is drawn from 0 to a bound that begins with `base_delay` and doubles up to `max_delay`.
    """
    # backoff's generator gives its first bound at the second `next`: the first one starts it
    expo = backoff.expo(factor=policy.base_delay, max_value=policy.max_delay)
    bounds = expo if policy.base_delay else backoff.constant(0)  # 0 times a power of 2 overflows in the end
    next(bounds)
    for _ in range(policy.max_attempts - 1):
        yield backoff.full_jitter(min(next(bounds), policy.max_delay))


def pause_before_repeat(policy: RetryPolicy, wait: float, outcome: RawResponse | NoAnswer) -> float | None:
    """Seconds to pause before the next attempt; None where the server asks for more patience than the policy has.

    `wait` is our own. A `Retry-After` is waited in full in its place, with the jitter of a first pause on top.
    """
    asked = outcome.retry_after if isinstance(outcome, RawResponse) else None
    if asked is None:
        return wait
    if asked > policy.max_retry_after:
        return None
    return asked + random.uniform(0.0, min(policy.base_delay, policy.max_delay))
