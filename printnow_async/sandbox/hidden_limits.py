"""The limits that a service has and does not document: requests at the same time, and requests in one second.

Assumed: the answer of the first limit is 503 without `Retry-After`, the answer of the second limit is 429 with
`Retry-After: 1`, and a refused request counts towards neither limit.
"""

from __future__ import annotations

from collections import deque
from typing import final

from printnow_async.sandbox.checks import Refusal

__all__ = ["HiddenLimits"]


@final
class HiddenLimits:
    """Admits a request or refuses it. Takes the number of requests at the same time, and in one second."""

    def __init__(self, max_concurrency: int | None = None, max_rate: int | None = None) -> None:
        self._max_concurrency = max_concurrency
        self._max_rate = max_rate
        self._inside = 0
        self._admitted: deque[float] = deque()

    def enter(self, now: float) -> None:
        """Admit one request at `now` (seconds of the loop's clock), or raise `Refusal` (503, 429)."""
        if self._max_concurrency is not None and self._inside >= self._max_concurrency:
            raise Refusal(503, "The service is busy.")
        if self._max_rate is not None:
            while self._admitted and self._admitted[0] <= now - 1.0:
                self._admitted.popleft()
            if len(self._admitted) >= self._max_rate:
                raise Refusal(429, "Too many requests.", {"Retry-After": "1"})
            self._admitted.append(now)
        self._inside += 1

    def leave(self) -> None:
        """Count one admitted request as finished."""
        self._inside -= 1
