"""When an attempt repeats, how long it waits before, and when it gives up: the only file that knows backoff."""

from __future__ import annotations

import random
import warnings
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, Protocol, TypeVar

from printnow_async._http.wire import Failure, Response
from printnow_async.options import RetryPolicy

BUDGET_CAPACITY: Final = 50
"""Repeats that a client may make against a server that answers nothing well."""
_TENTHS: Final = 10
"""The budget is counted in tenths of a repeat, since a tenth is what a call that succeeds adds."""


class RetryBudget:
    """A bound on the extra load of repeats in an outage, one for each client.

    Each repeat costs 1 of a capacity of 50; a call that succeeds gives back what its repeats cost, and a tenth of
    one besides. So a server that fails now and then is met with patience, and a dead one with 50 extra requests.
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


class Repeatable(Protocol):
    """A request being sent, for as many attempts as it takes."""

    outcome: Response | Failure
    """How the last attempt ended."""

    async def step(self) -> Any:
        """Make the next attempt, but for the first time, when the first attempt is already made."""

    def may_repeat(self) -> bool:
        """Whether the rule of the operation lets it be sent again after this outcome."""
        ...

    def time_for(self, pause: float) -> bool:
        """Whether there is time left for so many seconds, by the deadline of the whole call."""
        ...

    def on_pause(self, pause: float) -> None:
        """It will be sent again, after so many seconds."""


_R = TypeVar("_R", bound=Repeatable)


def pause_before_repeat(policy: RetryPolicy, ceiling: float, outcome: Response | Failure) -> float | None:
    """Seconds to wait before the next attempt; None where the server asks for more patience than the policy has.

    Full jitter: anything from 0 to `ceiling`. A `Retry-After` is waited in full, and the jitter comes on top.
    """
    asked = outcome.retry_after if isinstance(outcome, Response) else None
    if asked is None:
        return random.uniform(0.0, ceiling)
    if asked > policy.max_retry_after:
        return None
    return asked + random.uniform(0.0, min(policy.base_delay, policy.max_delay))


def _pauses(policy: RetryPolicy, budget: RetryBudget) -> Generator[float, Any, None]:
    """backoff's wait generator: it is sent each outcome, and returns when there shall be no repeat."""
    ceiling = min(policy.base_delay, policy.max_delay)
    sending: Repeatable = yield 0.0  # where backoff starts it
    while True:
        pause = pause_before_repeat(policy, ceiling, sending.outcome)
        if pause is None or not sending.time_for(pause) or not budget.take():
            return
        ceiling = min(2 * ceiling, policy.max_delay)
        sending = yield pause


async def _step(sending: _R) -> _R:
    await sending.step()
    return sending


def _on_backoff(details: Any) -> None:
    details["value"].on_pause(details["wait"])


def repeater(policy: RetryPolicy, budget: RetryBudget) -> Callable[[_R], Awaitable[_R]]:
    """A function that sends a `Repeatable` again for as long as rule, policy, time and budget allow.

    Made once for each policy: decorating costs more than a whole repeat. backoff is loaded with the first client, and
    not with the package.
    """
    import backoff

    with warnings.catch_warnings():
        # on Python 3.14 backoff asks asyncio for something deprecated when it decorates
        warnings.simplefilter("ignore", DeprecationWarning)
        decorate = backoff.on_predicate(
            _pauses,
            predicate=lambda sending: sending.may_repeat(),
            max_tries=policy.max_attempts,
            jitter=None,
            logger=None,
            on_backoff=_on_backoff,
            policy=policy,
            budget=budget,
        )
        return decorate(_step)
