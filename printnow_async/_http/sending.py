"""One request, sent for as many attempts as its rule allows, and what is to be said when they end.

The rule is the request's `Replay`. What keeps a write from being applied twice, or left silently unknown, is in
`Sending`: once an attempt was sent and got no answer the write is *open*, and only proof closes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import attrs

from printnow_async._http.messages import describe, error_message
from printnow_async._http.wire import Failure, Kind, Request, Response, kind_of
from printnow_async.errors import (
    APIError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    InvalidResponseError,
    NoResponseError,
    OutcomeUnknownError,
    PrintNowError,
    Sent,
)

_SAME_ANSWER: Final = frozenset({400, 404, 422})


def same_answer_again(error: APIError) -> bool:
    """Whether this answer to a repeat shows that the attempt before, which got none, was not applied either.

    These statuses judge the request itself, so the first attempt, being the same, was judged the same.
    """
    return error.status in _SAME_ANSWER


@attrs.frozen(eq=False)
class Replay:
    """What may be done about a request that was sent and not answered. Reads always repeat."""

    repeat: bool = True
    """Whether it may be sent again."""
    settle: Callable[[APIError | None], Awaitable[Response | None]] | None = None
    """Finds out what became of it: asked before each repeat and at the end, with the answer if a repeat got one
    that is not success. A response settles the request, None leaves it open. It may raise."""
    proves_unapplied: Callable[[APIError], bool] = same_answer_again
    """Whether an answer to a repeat proves that nothing was applied by the attempts before."""


REPEAT: Final = Replay()


class _Call(Protocol):
    """What a request needs of the call it is part of."""

    request_id: str
    attempts: int
    repeats: int
    paused: float
    interested: bool
    attempt_elapsed: float

    @property
    def elapsed(self) -> float: ...
    def time_for(self, pause: float) -> bool: ...
    async def attempt(self, request: Request) -> Response | Failure: ...
    def report(self, request: Request, outcome: Response | Failure, elapsed: float, pause: float | None) -> None: ...


class Sending:
    """A request whose first attempt did not succeed (a `Repeatable` of the retry room)."""

    def __init__(self, call: _Call, request: Request, replay: Replay, outcome: Response | Failure) -> None:
        self._call = call
        self._request = request
        self._replay = replay
        self._made_first = True
        self._evidence: list[str] = []
        self._open = False
        """Whether an attempt may have been applied without our knowing."""
        self._settled = False
        self._note(outcome)

    def _note(self, outcome: Response | Failure) -> None:
        self.outcome = outcome
        self._attempt_elapsed = self._call.attempt_elapsed
        self._evidence.append(f"attempt {len(self._evidence) + 1}: {describe(outcome)}")
        if isinstance(outcome, Response):
            if outcome.ok:
                return
            if outcome.sends > 1:
                # aiohttp resent by itself after the connection dropped: the first send got no answer
                self._open = True
        if kind_of(outcome) is Kind.UNANSWERED:
            self._open = True

    # ------------------------------------------------------------ the loop's questions

    async def step(self) -> None:
        """Make the next attempt; the first is made already. A settled request is not sent again."""
        if self._made_first:
            self._made_first = False
            return
        if self._open and self._request.endpoint.write:
            settled = await self._settle(None)
            if settled is not None:
                self.outcome = settled
                self._settled = True
                return
        try:
            outcome = await self._call.attempt(self._request)
        except ConfigurationError:  # the client was closed meanwhile
            if not (self._open and self._request.endpoint.write):
                raise
            outcome = None
        if outcome is None:
            raise self._unknown() from self._error(self.outcome)
        self._note(outcome)

    def may_repeat(self) -> bool:
        """The rule: unsent and refused repeat always, answered never, unanswered as the operation says."""
        outcome = self.outcome
        if isinstance(outcome, Response) and outcome.ok:
            return False
        if isinstance(outcome, Failure) and outcome.cause == "deadline":
            return False
        kind = kind_of(outcome)
        if kind is Kind.UNANSWERED:
            return self._replay.repeat or not self._request.endpoint.write
        return kind is not Kind.ANSWERED

    def time_for(self, pause: float) -> bool:
        """Whether the deadline leaves so many seconds."""
        return self._call.time_for(pause)

    def on_pause(self, pause: float) -> None:
        """It is going to be sent again."""
        self._call.repeats += 1
        self._call.paused += pause
        self._call.report(self._request, self.outcome, self._attempt_elapsed, pause)

    # ------------------------------------------------------------ the end

    async def finish(self) -> Response:
        """The answer, or the error that says all that is known. Called once, when there are no more repeats."""
        outcome = self.outcome
        if self._call.interested and not self._settled:  # the read that settled it has reported itself
            self._call.report(self._request, outcome, self._attempt_elapsed, None)
        if isinstance(outcome, Response) and outcome.ok:
            return outcome
        error = self._error(outcome)
        if not (self._open and self._request.endpoint.write):
            raise error
        answer = error if isinstance(error, APIError) and kind_of(outcome) is Kind.ANSWERED else None
        settled = await self._settle(answer)
        if settled is not None:
            return settled
        if answer is not None and self._replay.proves_unapplied(answer):
            raise answer
        raise self._unknown() from error

    async def _settle(self, answer: APIError | None) -> Response | None:
        """Ask the operation's own rule; when its reads fail, what became of the write stays unknown."""
        if self._replay.settle is None:
            return None
        failed: PrintNowError
        try:
            return await self._replay.settle(answer)
        except (APIError, NoResponseError, InvalidResponseError, ConfigurationError) as error:
            failed = error
        self._evidence.append(f"read-back: {failed.message}")
        raise self._unknown() from self._error(self.outcome)

    def _facts(self) -> dict[str, Any]:
        return {
            "method": self._request.endpoint.method,
            "path": self._request.path,
            "attempts": self._call.attempts,
            "elapsed": self._call.elapsed,
            "request_id": self._call.request_id,
        }

    def _unknown(self) -> OutcomeUnknownError:
        operation = self._request.endpoint.operation
        return OutcomeUnknownError(
            f"{operation} may or may not have been applied: it was sent, and no answer settles it",
            operation=operation,
            evidence=tuple(self._evidence),
            **self._facts(),
        )

    def _error(self, outcome: Response | Failure) -> PrintNowError:
        if isinstance(outcome, Response):
            message = error_message(outcome)
            cls = self._request.endpoint.error_class(outcome.status, message)
            return cls(
                message, status=outcome.status, body=outcome.body, retry_after=outcome.retry_after, **self._facts()
            )
        if outcome.cause == "deadline":
            sent = Sent.MAYBE if self._open or outcome.sent is Sent.MAYBE else Sent.NEVER
            return DeadlineExceededError(outcome.reason, sent=sent, **self._facts())
        if outcome.sent is Sent.NEVER:
            return ConnectError(f"{outcome.reason}; nothing was sent", sent=Sent.NEVER, **self._facts())
        return ConnectionLostError(outcome.reason, sent=Sent.MAYBE, **self._facts())
