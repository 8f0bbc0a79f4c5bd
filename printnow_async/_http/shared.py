"""What a client shares with the clients that its `with_options` makes, and whether that may still be used."""

from __future__ import annotations

import asyncio

import attrs

from printnow_async._http.gate import Gate
from printnow_async._http.observe import Observers
from printnow_async._http.retry import RetryBudget
from printnow_async._http.wire import Transport
from printnow_async.errors import ConfigurationError
from printnow_async.pacing import Pacer


def closed_error() -> ConfigurationError:
    """The error for a client that was closed."""
    return ConfigurationError("this client is closed: make a new one")


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
