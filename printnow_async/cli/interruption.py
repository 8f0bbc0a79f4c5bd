"""Ctrl-C in a command that has much under way: once to end it well, twice to end it now."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, final

__all__ = ["Interruption"]

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


@final
class Interruption:
    """Turns signals into a wish to stop. Takes whom to tell of it.

    The first Ctrl-C, or SIGTERM, sets `stop`, a second Ctrl-C cancels the task. While nothing has been sent the first
    one ends everything at once, as `KeyboardInterrupt`, and so does a third in any case.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        self.stop = asyncio.Event()
        """Set when what is under way is to be finished, and nothing else begun."""
        self.sending = False
        """Whether something may have been sent."""
        self.cancelled = False
        """Whether the task was cancelled from here."""
        self._tell = tell

    @contextmanager
    def heard(self) -> Generator[None, None, None]:
        """While this lasts, signals come here, and concern the task that it is called in.

        Not by way of `loop.add_signal_handler`: Windows has none, and it hears nothing while the loop is busy, as it
        is when a large spreadsheet is checked.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def hear(number: int, _frame: FrameType | None) -> None:
            if not self.sending or (self.cancelled and number == signal.SIGINT):
                raise KeyboardInterrupt
            loop.call_soon_threadsafe(self._act, number, task)

        before = {number: signal.signal(number, hear) for number in _ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _act(self, number: int, task: asyncio.Task[object] | None) -> None:
        if not self.stop.is_set():
            self.stop.set()
            self._tell()
        elif number == signal.SIGINT and task is not None:
            self.cancelled = True
            task.cancel()
