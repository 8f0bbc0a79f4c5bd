"""Ends attempts that take too long, with one timer of the event loop for all of them.

`asyncio.timeout` makes, schedules and cancels a timer for each attempt, which is 4 % of the instructions of a GET. Here
an attempt whose time has come is found in a heap. An attempt that ended before stays in the heap until its time comes,
or until the heap is half made of such attempts.
"""

from __future__ import annotations

import asyncio
import math
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any


class Bound:
    """The time bound of one attempt, which runs in one task."""

    __slots__ = ("_cancelling", "_expired", "_task")

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = asyncio.current_task()
        self._cancelling = 0 if self._task is None else self._task.cancelling()
        self._expired = False

    @property
    def over(self) -> bool:
        """Whether the attempt has ended."""
        return self._task is None

    def expire(self) -> None:
        """The time has come: cancel the task in whatever it awaits."""
        if self._task is not None:
            self._expired = True
            self._task.cancel()

    def caused(self, error: BaseException) -> bool:
        """Whether this bound cancelled the task, and nobody else did; the task may then go on."""
        if not self._expired or self._task is None or not isinstance(error, asyncio.CancelledError):
            return False
        self._expired = False
        return self._task.uncancel() <= self._cancelling

    def end(self) -> None:
        """The attempt has ended. Where something made another error of our cancellation, the task forgets it, too."""
        if self._expired and self._task is not None:
            self._task.uncancel()
        self._task = None


class Expiry:
    """The bounds of all attempts under way in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Bound]] = []
        self._numbers = count()
        self._longest = 64
        """The length of the heap at which it is looked through for attempts that have ended."""
        self._next = math.inf
        """When the timer is due."""
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, ends: float | None) -> Bound:
        """Bound the attempt that the current task makes: it must end by `ends`, by the event loop's clock."""
        bound = Bound()
        when = math.inf if ends is None else ends
        heappush(self._heap, (when, next(self._numbers), bound))
        if when < self._next:
            self._set_timer()
        if len(self._heap) > self._longest:
            self._forget()
        return bound

    def _forget(self) -> None:
        self._heap = [entry for entry in self._heap if not entry[2].over]
        heapify(self._heap)
        self._longest = max(64, 2 * len(self._heap))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = self._heap[0][0] if self._heap else math.inf
        self._timer = None if self._next == math.inf else self._loop.call_at(self._next, self._on_timer)

    def _on_timer(self) -> None:
        now = self._loop.time()
        while self._heap and (self._heap[0][0] <= now or self._heap[0][2].over):
            heappop(self._heap)[2].expire()
        self._set_timer()

    def close(self) -> None:
        """End every attempt under way, and leave nothing in the event loop."""
        for _, _, bound in self._heap:
            bound.expire()
        self._heap.clear()
        self._set_timer()
