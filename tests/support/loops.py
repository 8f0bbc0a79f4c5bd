"""An event loop without sockets whose clock stands still until there is nothing left to do but wait."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

TURNS = 12
"""Turns of the loop after which nothing that is ready stays undone: a chain of wake-ups is shorter than this."""


class FakeTimeLoop(asyncio.BaseEventLoop):
    """Exact and repeatable: its clock starts at 0, moves by what is asked for and by nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = self

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """What the loop calls to wait: the clock jumps to the next timer."""
        assert timeout is not None, "everybody waits, and nothing will ever wake them"
        self._now += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There is no input, so there are no events."""

    def settle(self) -> None:
        """Do all that can be done at this moment."""
        for _ in range(TURNS):
            self.call_soon(self.stop)
            self.run_forever()

    def advance(self, seconds: float) -> None:
        """Let so much time pass, with everything that falls due in it at its own moment."""
        self.call_at(self._now + seconds, self.stop)
        self.run_forever()
        self.settle()


def on_fake_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an `async def` test in a `FakeTimeLoop`: what it waits for comes at once."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        loop = FakeTimeLoop()
        try:
            loop.run_until_complete(test(*args, **kwargs))
        finally:
            loop.close()

    return run
