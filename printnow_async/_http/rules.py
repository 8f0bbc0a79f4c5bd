"""What an operation says about its requests: how an answer is read, and what may be done when none came.

A rule stands beside the method of its endpoint (`customers.py` and its siblings); `call.py` asks it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Protocol, TypeVar

import attrs

from printnow_async._http.attempts import Attempts, same_answer_again
from printnow_async._http.wire import NoAnswer, RawResponse, Request
from printnow_async.errors import APIError, Sent

T = TypeVar("T")
U = TypeVar("U")


class ForeignAnswerError(Exception):
    """An answer of success that belongs to another request. Its text says by what that is seen."""


class UnreadError(Exception):
    """A read in the place of the call got no answer of success."""

    def __init__(self, request: Request, outcome: RawResponse | NoAnswer) -> None:
        super().__init__()
        self.request = request
        self.outcome = outcome


def foreign_answer(response: RawResponse, error: ForeignAnswerError) -> NoAnswer:
    """An answer to another request is no answer to ours, and no idle connection is trusted after it."""
    if response.on_foreign is not None:
        response.on_foreign()
    return NoAnswer("foreign", Sent.MAYBE, f"another request's answer came: {error}")


@attrs.frozen
class Known(Generic[T]):
    """What a look at the server has shown: the request was applied, and this is its result."""

    value: T


class Ask(Protocol):
    """Sends a read and returns what its rule makes of the answer; raises what any call raises."""

    async def __call__(self, request: Request, rule: Rule[U]) -> U: ...


class Rule(Generic[T]):
    """The rule of a read, and what the rules of writes are made from."""

    repeats: bool = True
    """Whether an attempt that was sent and not answered may be repeated."""
    refusals_prove: ClassVar[bool] = True
    """Whether a refusal of the request itself proves the same of the attempts before, which got no answer. False for a
    write whose second run the server may refuse because of the first."""

    def read(self, response: RawResponse) -> T:
        """The result in an answer of success.

        Raises `InvalidResponseError` where the answer holds none, `ForeignAnswerError` where it is another request's.
        """
        raise NotImplementedError

    def looks_first(self, attempts: Attempts) -> bool:  # noqa: ARG002 - for the rules that do
        """Whether the next attempt needs a look at the server directly before it, under the same place."""
        return False

    async def look(self, ask: Ask, answer: APIError | None) -> Known[T] | None:  # noqa: ARG002 - likewise
        """Find out what became of the request; None where that cannot be seen, or it was not applied.

        Takes what sends a read, and the answer with which the server refused a repeat, where it did. May raise the
        error that ends the call.
        """
        return None

    def proves_unapplied(self, answer: APIError) -> bool:
        """Whether this answer to a repeat proves that the attempts before it, which got none, were not applied."""
        return self.refusals_prove and same_answer_again(answer)


@attrs.frozen
class Reading(Rule[T]):
    """The rule of a plain read, and of a write that may always be repeated: a function reads the answer."""

    reader: Callable[[RawResponse], T]

    def read(self, response: RawResponse) -> T:
        """What the function makes of the answer."""
        return self.reader(response)


class Unrepeated(Reading[T]):
    """The rule of a write of which nothing is known: an unanswered attempt is not repeated."""

    repeats = False
    refusals_prove = False
