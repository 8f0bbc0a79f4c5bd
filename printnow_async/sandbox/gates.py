"""The limits a service has and does not document: how many requests at once, how many in a second.

What they answer is assumed: 503 without `Retry-After` for the one, 429 with `Retry-After: 1` for the other;
and that a request which is turned away counts in neither.
"""

from __future__ import annotations

from collections import deque
from typing import final

from printnow_async.sandbox.checks import Refusal

__all__ = ["Gates"]


@final
class Gates:
    """Lets a request in or turns it away. Takes how many at once, and how many in a second."""

    def __init__(self, max_concurrency: int | None = None, max_rate: int | None = None) -> None:
        self._max_concurrency = max_concurrency
        self._max_rate = max_rate
        self._inside = 0
        self._let_in: deque[float] = deque()

    def enter(self, now: float) -> None:
        """Let one request in at `now` (seconds of the loop's clock), or raise `Refusal` (503, 429)."""
        if self._max_concurrency is not None and self._inside >= self._max_concurrency:
            raise Refusal(503, "The service is busy.")
        if self._max_rate is not None:
            while self._let_in and self._let_in[0] <= now - 1.0:
                self._let_in.popleft()
            if len(self._let_in) >= self._max_rate:
                raise Refusal(429, "Too many requests.", {"Retry-After": "1"})
            self._let_in.append(now)
        self._inside += 1

    def leave(self) -> None:
        """Count one request that was let in as finished."""
        self._inside -= 1
