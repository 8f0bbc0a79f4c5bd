"""Ctrl-C and SIGTERM in a command that runs for long."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, final

__all__ = ["Interruption", "signals_caught"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_caught(act: Callable[[int], object]) -> Generator[None, None, None]:
    """Inside the block, call `act` with the number of each SIGINT and SIGTERM instead of ending the process.

    `act` is called between two steps of the main thread, as a signal handler is. `loop.add_signal_handler` would not
    do: Windows does not have that method, and a busy loop (while a large spreadsheet is checked) calls nothing.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        act(number)

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@final
class Interruption:
    """Ends a job of many requests in two steps. Takes a function that tells the user about the first step.

    - The first Ctrl-C, or SIGTERM, sets `stop`: the requests in flight are finished and no other request is begun.
    - A second Ctrl-C cancels the task.
    - A third Ctrl-C raises `KeyboardInterrupt`. While nothing has been sent, the first one does so.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        self.stop = asyncio.Event()
        """Set when no other request is to be begun."""
        self.sending = False
        """Whether a request may have been sent. The caller sets this before the first request."""
        self.cancelled = False
        """Whether a second Ctrl-C has cancelled the task."""
        self._tell = tell

    @contextmanager
    def heard(self) -> Generator[None, None, None]:
        """Inside the block, signals concern the task that has entered the block."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def hear(number: int) -> None:
            if not self.sending or (self.cancelled and number == signal.SIGINT):
                raise KeyboardInterrupt
            loop.call_soon_threadsafe(self._act, number, task)

        with signals_caught(hear):
            yield

    def _act(self, number: int, task: asyncio.Task[object] | None) -> None:
        if not self.stop.is_set():
            self.stop.set()
            self._tell()
        elif number == signal.SIGINT and task is not None:
            self.cancelled = True
            task.cancel()
