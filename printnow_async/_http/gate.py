"""What a call waits for before it may start: a free place, the pace, and the end of a pause.

**The pace.** `_next` is the moment at which the next start is due. A start moves it by one interval from where it was,
not from the moment of the start, so that a late timer costs nothing. But it never stays more than `LATE` behind the
clock: what a busy loop has delayed for longer is lost. So there are at most rate × (window + `LATE`) + 1 starts in any
window. While nobody waits, `_next` does not stay behind at all: idle time is not saved up.

**Two steps.** A waiter is let go (it has a place and is scheduled to run), and some turns of the loop later it runs.
The start counts when the waiter runs, because the loop may be busy in between. Until then it is one of `_let_go`, and
no more are let go than are due at that moment. That number only grows with time, so that each of them is still due
when it runs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from printnow_async._http.adaptive import AdaptiveLimit, Flight
from printnow_async.options import Limits

LATE: Final = 0.02
"""Seconds by which a start may be late and still be made up for."""


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
        """Those who wait for a place and a start."""
        self._holders: deque[asyncio.Future[None]] = deque()
        """Those who hold a place and wait for one more start in it; they are served first."""
        self._let_go = 0
        self._next = float("-inf")
        """No call may start before this: the pace and the pause, whichever is later."""
        self._timer: asyncio.TimerHandle | None = None
        self._timed = bool(self._interval)
        """Whether the clock has to be asked at all."""
        self.pauses = 0
        """How often a pause has begun or grown longer."""
        self._closed = False

    @property
    def current(self) -> int:
        """Calls that may hold a place now; 0 once it is closed."""
        return 0 if self._closed else self._limit

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
        if self._timed and not self._start(asyncio.get_running_loop().time()):
            return False
        self._in_flight += 1
        return True

    async def acquire(self) -> None:
        """Wait for a place, behind everyone who came before. Cancelled, it leaves nothing taken."""
        if self.try_acquire():
            return
        if self._interval and not self._waiters and not self._let_go:
            self._next = max(self._next, asyncio.get_running_loop().time())
        await self._wait_in(self._waiters)

    async def start_again(self) -> None:
        """Wait for one more start in a place that is held already, before everyone who waits for a place."""
        if self._timed and not self._start(asyncio.get_running_loop().time()):
            await self._wait_in(self._holders)

    async def _wait_in(self, queue: deque[asyncio.Future[None]]) -> None:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        queue.append(waiter)
        if not self._let_go:
            self._wake()
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.done() or waiter.cancelled():
                waiter.cancel()
                self._wake()
            else:
                self._let_go -= 1
                if queue is self._waiters:
                    self.release()
                else:
                    self._wake()
            raise
        self._let_go -= 1
        if self._interval:
            self._next = max(self._next, loop.time() - LATE) + self._interval
        self._wake()

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
        if when > self._next:
            self._next = when
            self.pauses += 1
            self._timed = True
            self._reset_timer()

    def _start(self, now: float) -> bool:
        """Whether a call that comes while nobody waits may start at `now`; if so, it counts as started."""
        if now < self._next or self._let_go:
            return False
        if self._interval:
            self._next = now + self._interval
        else:
            self._timed = False
        return True

    def _wake(self) -> None:
        """Hand out the places that are free, in order, as far as the clock allows."""
        while queue := self._holders or self._waiters:
            waiter = queue[0]
            if waiter.done():
                queue.popleft()
                continue
            needs_place = queue is self._waiters
            if needs_place and self._in_flight >= self._limit and not self._closed:
                return
            if self._timed:
                loop = waiter.get_loop()
                now = loop.time()
                due = max(self._next, now - LATE) + self._let_go * self._interval
                if now < due:
                    if self._timer is None:
                        self._timer = loop.call_at(due, self._on_timer)
                    return
                self._timed = bool(self._interval)
            queue.popleft()
            self._in_flight += needs_place
            self._let_go += 1
            waiter.set_result(None)

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
        self._closed, self._timed, self._interval, self.adaptive = True, False, 0.0, None
        self._reset_timer()
