"""The items of a bulk, from an iterable of either kind, pulled one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sized
from typing import Generic, TypeVar

T = TypeVar("T")


class Source(Generic[T]):
    """The items, synchronous or not, pulled one at a time."""

    def __init__(self, items: Iterable[T] | AsyncIterable[T]) -> None:
        self.total = len(items) if isinstance(items, Sized) else None
        self._later: AsyncIterator[T] | None = None
        if isinstance(items, AsyncIterable):
            self._later = aiter(items)
            self._turn = asyncio.Lock()
        elif isinstance(items, Iterable):
            self._now = iter(items)
        else:
            raise ValueError(f"items must be an iterable or an asynchronous iterable, not {type(items).__name__}")

    async def pull(self) -> tuple[T] | None:
        """The next item, or None when there is none."""
        if self._later is None:
            for item in self._now:
                return (item,)
            return None
        async with self._turn:  # an asynchronous generator serves one at a time
            async for item in self._later:
                return (item,)
            return None

    async def rest(self) -> list[T]:
        """What was never pulled, of a source that has an end."""
        rest: list[T] = []
        while self.total is not None and (pulled := await self.pull()) is not None:
            rest.extend(pulled)
        return rest
