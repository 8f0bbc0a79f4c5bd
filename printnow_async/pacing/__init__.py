"""What paces a client beside its own limits. `printnow_async.pacing.sql` keeps one pace over many processes."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Pacer"]


class Pacer(Protocol):
    """What every attempt of a client waits for, beside the client's own `Limits`: `PrintNowClient(pacer=…)`.

    A pacer may be shared by any number of clients. Whatever a pacer raises ends the call, and nothing is sent.
    """

    async def turn(self) -> None:
        """Wait until the next attempt may start. Cancelled, it leaves nothing taken.

        It is awaited before each attempt, outside the attempt's time limit and inside the call's `Timeout.total`.
        """
        ...

    async def hold(self, seconds: float) -> None:
        """Let nobody start for so many seconds from now. Called for an answer 429 with `Retry-After`."""
        ...
