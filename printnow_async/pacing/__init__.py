"""placeholder until the pace lands."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Pacer"]


class Pacer(Protocol):
    async def turn(self) -> None: ...
    async def hold(self, seconds: float) -> None: ...
