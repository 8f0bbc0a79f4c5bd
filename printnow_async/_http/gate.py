"""What a call waits for before it may start: a free place, the pace, and the end of a pause."""

from __future__ import annotations

import asyncio
import sys
from collections import deque

from printnow_async._http.adaptive import AdaptiveLimit, Flight
from printnow_async.options import Limits


class Gate:
    """Places for `max_concurrency` calls, started at `max_rate` per second at most, first come, first served.

    Times are the event loop's own (`loop.time()`, seconds). It belongs to one event loop.
    """

    def __init__(self, limits: Limits) -> None:
        self.adaptive = AdaptiveLimit(limits.max_concurrency) if limits.adaptive else None
        """What finds the limit out, told of each attempt; None where it is fixed."""
        self._limit = limits.max_concurrency if self.adaptive is None else self.adaptive.current
        self._interval = 1.0 / limits.max_rate if limits.max_rate else 0.0
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._next_start = float("-inf")
        """No call may start before this: the pace and the pause, whichever is later."""
        self._timer: asyncio.TimerHandle | None = None
        self._timed = bool(self._interval)
        """Whether the clock has to be asked at all."""

    @property
    def current(self) -> int:
        """Calls that may hold a place now; 0 once it is closed."""
        return 0 if self._limit == sys.maxsize else self._limit

    @property
    def in_flight(self) -> int:
        """Calls that hold a place."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return sum(not waiter.done() for waiter in tuple(self._waiters))  # a copy: metrics are read in other threads

    def try_acquire(self) -> bool:
        """Take a place if that needs no waiting."""
        if self._waiters or self._in_flight >= self._limit:
            return False
        if self._timed and not self._pace(asyncio.get_running_loop().time()):
            return False
        self._in_flight += 1
        return True

    async def acquire(self) -> None:
        """Wait for a place, behind everyone who came before. Cancelled, it leaves nothing taken."""
        if self.try_acquire():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._wake()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.release()
            else:
                waiter.cancel()
                self._wake()
            raise

    def release(self) -> None:
        """Give a place back."""
        self._in_flight -= 1
        if self._waiters:
            self._wake()

    def end(self, flight: Flight, now: float, *, overload: bool | None) -> None:
        """What the adaptive limit learns of an attempt's end: refused for load or not; None says nothing of it."""
        adaptive = self.adaptive
        if adaptive is None:
            return
        if overload is None:
            adaptive.failed(flight)
        elif overload:
            adaptive.refused(flight, now)
        else:
            adaptive.succeeded(flight, now)
        self._limit = adaptive.current
        if self._waiters:
            self._wake()

    def pause_until(self, when: float) -> None:
        """Let nobody start before `when`, by the event loop's clock. Never shortens a pause."""
        if when > self._next_start:
            self._next_start = when
            self._timed = True
            self._reset_timer()

    def _pace(self, now: float) -> bool:
        """Whether a call may start at `now`; if so, it counts as started."""
        if now < self._next_start:
            return False
        if self._interval:
            self._next_start = now + self._interval
        else:
            self._timed = False
        return True

    def _wake(self) -> None:
        """Hand out the places that are free, in order, as far as the clock allows."""
        while self._waiters and self._in_flight < self._limit:
            waiter = self._waiters[0]
            if waiter.done():
                self._waiters.popleft()
                continue
            if self._timed and not self._pace(waiter.get_loop().time()):
                self._start_timer(waiter.get_loop())
                return
            self._waiters.popleft()
            self._in_flight += 1
            waiter.set_result(None)

    def _start_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None:
            self._timer = loop.call_at(self._next_start, self._on_timer)

    def _reset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def _on_timer(self) -> None:
        self._timer = None
        self._wake()

    def close(self) -> None:
        """Let everyone through who waits, to be told that the client is closed; nothing stays in the event loop."""
        self._timed, self._interval, self._limit, self.adaptive = False, 0.0, sys.maxsize, None
        self._reset_timer()

    pauses = 0

    async def start_again(self) -> None:
        """Placeholder until the pace lands."""
