"""An event loop that does not wait: while nothing else can happen, its clock jumps to the next timer.

Pauses, timeouts and `Retry-After` of minutes pass in milliseconds, over real sockets and without a mock. Both ends of
every connection have to be in this one event loop, as a `Sandbox` and its client are.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

__all__ = ["InstantEventLoop", "run_instantly"]

_T = TypeVar("_T")

IDLE_SECONDS: Final = 0.001
"""The clock jumps after so many real seconds with nothing to do. Data on the loopback arrives nearly at once."""
LONG_IDLE_SECONDS: Final = 0.003
"""The same before a long jump, which may be a call's timeout: a busy machine may delay data on the loopback."""


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for input for a moment only, and counts the seconds of waiting that were skipped."""

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

    The clock does not wait for work in threads and other processes, so that a name lookup in a thread seems to take
    long. Use numeric addresses, as `Sandbox.url` does.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The clock in seconds, skipped waits included."""
        return super().time() + self._jumping.skipped


def run_instantly(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` to its end in an `InstantEventLoop`, and return its result."""
    with asyncio.Runner(loop_factory=InstantEventLoop) as runner:
        return runner.run(main)
