"""The items of a bulk, from a synchronous or an asynchronous iterable, pulled one at a time."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sized
from typing import Any, Final, Generic, Literal, TypeVar, cast

T = TypeVar("T")


class End(enum.Enum):
    """What is pulled when there are no more items."""

    END = enum.auto()


END: Final = End.END


class Items(Generic[T]):
    """The items of one bulk."""

    def __init__(self, items: Iterable[T] | AsyncIterable[T]) -> None:
        self.total = len(items) if isinstance(items, Sized) else None
        self.at_hand: Iterator[T] | None = None
        """The iterator of a synchronous iterable, for a caller that has no time for `pull`."""
        self._turn = asyncio.Lock()
        self._pulling: set[asyncio.Task[Any]] = set()
        """The tasks that are inside `pull` of an asynchronous iterable."""
        if isinstance(items, AsyncIterable):
            self._later: AsyncIterator[T] = aiter(items)
        elif isinstance(items, Iterable):
            self.at_hand = iter(items)
        else:
            raise ValueError(f"items must be an iterable or an asynchronous iterable, not {type(items).__name__}")

    async def pull(self, closed: Callable[[], bool]) -> T | Literal[End.END]:
        """The next item; `END` when there is none, or when `closed` says so at the moment of asking."""
        if self.at_hand is not None:
            return next(self.at_hand, END)
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._pulling.add(task)
        try:
            async with self._turn:  # an asynchronous generator serves one task at a time
                return END if closed() else await anext(self._later)
        except StopAsyncIteration:
            return END
        finally:
            self._pulling.discard(task)

    def cancel_pulls(self) -> None:
        """Cancel the tasks that wait for an item."""
        for task in self._pulling:
            task.cancel()

    async def rest(self) -> list[T]:
        """The items that were not pulled, of an iterable whose length is known."""
        rest: list[T] = []
        while self.total is not None and (item := await self.pull(lambda: False)) is not END:
            rest.append(item)
        return rest
