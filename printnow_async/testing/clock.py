"""An event loop that does not sit waiting: while nothing else can happen, its clock jumps to the next timer.

Pauses, timeouts and `Retry-After` of minutes pass in milliseconds, over real sockets and without a mock, as long as
everything that talks to each other lives in this one loop (as a `Sandbox` and its client do).
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

__all__ = ["InstantEventLoop", "run_instantly"]

_T = TypeVar("_T")

IDLE_SECONDS: Final = 0.001
"""Real seconds without anything to do after which the clock jumps. Data on the loopback is there at once, nearly."""
LONG_IDLE_SECONDS: Final = 0.003
"""The same before a long jump, which may be a call's timeout: a busy machine may hold data on the loopback back."""


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for input for a moment only, then says how much of the wait was skipped."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= IDLE_SECONDS:
            return super().select(timeout)
        idle = min(max(IDLE_SECONDS, timeout / 1000), LONG_IDLE_SECONDS)
        ready = super().select(idle)
        if not ready:
            self.skipped += timeout - idle
        return ready


class InstantEventLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` jumps over every wait in which nothing happens.

    Work in threads and other processes does not hold the clock: a name lookup in a thread can seem to take long.
    Use numeric addresses, as `Sandbox.url` does.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds, with all that was skipped counted as passed."""
        return super().time() + self._jumping.skipped


def run_instantly(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` to its end in an `InstantEventLoop`, and return its result."""
    with asyncio.Runner(loop_factory=InstantEventLoop) as runner:
        return runner.run(main)
