"""What a client shares with the clients that its `with_options` makes, and whether that may still be used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import attrs

from printnow_async._http.gate import Gate
from printnow_async._http.observe import Observers
from printnow_async._http.retry import RetryBudget
from printnow_async._http.wire import Transport
from printnow_async.errors import ConfigurationError, PacerError
from printnow_async.pacing import Pacer


def closed_error() -> ConfigurationError:
    """The error for a client that was closed."""
    return ConfigurationError("this client is closed: make a new one")


async def in_time(deadline: float | None, waiting: Awaitable[object]) -> bool:
    """Wait; False when `deadline` comes first, by the event loop's clock. What `waiting` raises comes out as it is."""
    bound = asyncio.timeout_at(deadline)
    try:
        async with bound:
            await waiting
    except TimeoutError:
        if not bound.expired():
            raise
        return False
    return True


@attrs.define(eq=False, repr=False)
class Shared:
    """What a client shares with the clients that its `with_options` makes."""

    transport: Transport
    gate: Gate
    budget: RetryBudget
    observers: Observers
    pacer: Pacer | None
    loop: asyncio.AbstractEventLoop | None = None
    """The event loop of the first use."""
    closing: bool = False
    """Whether new calls are refused; those under way may go on."""
    closed: bool = False
    """Whether nothing is sent any more."""
    calls: int = 0
    """Calls under way."""
    idle: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set when the last of them ends after `closing`."""
    ended: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set when nothing is sent any more: it ends the pauses before repeats."""

    def close(self) -> None:
        """Let nothing more be sent, and wake up whoever waits."""
        self.closed = True
        self.ended.set()
        self.gate.close()

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds, or until nothing is sent any more."""
        await in_time(asyncio.get_running_loop().time() + seconds, self.ended.wait())

    def check_usable(self) -> None:
        """`ConfigurationError` after close, or in another event loop than the one of the first use."""
        loop = asyncio.get_running_loop()
        if self.loop is not loop:
            if self.loop is not None:
                raise ConfigurationError(
                    "this client was first used in another event loop: make one client per event loop"
                )
            self.loop = loop
        if self.closing:
            raise closed_error()

    async def paced(self, turns: int, deadline: float | None) -> bool:
        """Wait for so many turns of the pacer; False when the deadline comes first. `PacerError` where it fails."""
        if self.pacer is None:
            return True
        try:
            for _ in range(turns):
                if not await in_time(deadline, self.pacer.turn()):
                    return False
        except Exception as error:
            raise _pacer_failed(error) from error
        return True

    async def hold(self, seconds: float, now: float) -> None:
        """Let nobody start for so many seconds, here and at all who share the pacer."""
        self.gate.pause_until(now + seconds)
        if self.pacer is not None:
            try:
                await self.pacer.hold(seconds)
            except Exception as error:
                raise _pacer_failed(error) from error


def _pacer_failed(error: Exception) -> PacerError:
    """The error for a pacer that failed, in whatever way: a pacer may be anybody's."""
    message = error.message if isinstance(error, PacerError) else type(error).__name__
    return PacerError(f"the pacer failed: {message}")
