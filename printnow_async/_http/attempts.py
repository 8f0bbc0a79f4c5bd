"""What the attempts of one request prove so far, and what is to be said when they end. Pure: no input or output.

Theory of operation. Every attempt that fails is one of four kinds (`Kind`). Unsent and refused attempts leave the
server as it was. An answered attempt is the server's last word. Only an *unanswered* attempt of a write changes what is
known: from then on the write is *open*, which means that the server may have applied it. A write that is open ends well
only by proof: an answer of success, or a read that shows what became of it. Any other end is `OutcomeUnknownError`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from printnow_async._http.messages import describe, error_message, found_message
from printnow_async._http.wire import Kind, NoAnswer, RawResponse, Request, kind_of
from printnow_async.errors import (
    APIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
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


class Attempts:
    """The failed attempts of one request, in order."""

    __slots__ = (
        "_told",
        "asked",
        "evidence",
        "first_sent_at",
        "last",
        "last_sent_at",
        "look_failed",
        "open",
        "request",
    )

    def __init__(self, request: Request) -> None:
        self.request = request
        self.last: RawResponse | NoAnswer | None = None
        """How the last attempt ended."""
        self.look_failed = False
        """Whether the last attempt was a read that had to stand before the request, so the request was not sent."""
        self.asked = request
        """Of which request the error tells: the request itself, or a read in its place."""
        self._told: RawResponse | NoAnswer | None = None
        """How that ended."""
        self.open = False
        """Whether the request is a write that may have been applied without our knowing."""
        self.evidence: list[str] = []
        """A line for each attempt."""
        self.first_sent_at: datetime | None = None
        self.last_sent_at: datetime | None = None

    def add(self, asked: Request, outcome: RawResponse | NoAnswer, ago: float) -> None:
        """One more attempt, which began `ago` seconds before now, ended without success.

        `asked` is what was sent: the request itself, or the read that stands before it and failed in its place.
        """
        self.last, self.look_failed = outcome, asked is not self.request
        if not (self.open and self.look_failed):  # an open write is told by its own failure
            self.asked, self._told = asked, outcome
        if self.look_failed:
            self.evidence.append(f"read: {describe(outcome)}")
            return
        self.evidence.append(f"attempt {len(self.evidence) + 1}: {describe(outcome)}")
        if isinstance(outcome, NoAnswer) and outcome.sent is Sent.NEVER:
            return
        began = datetime.now(UTC) - timedelta(seconds=ago)
        self.first_sent_at, self.last_sent_at = self.first_sent_at or began, began
        # An answer to a request that was sent twice in one attempt says nothing of the first time.
        sent_twice = isinstance(outcome, RawResponse) and outcome.sends > 1
        if self.request.endpoint.write and (sent_twice or kind_of(outcome) is Kind.UNANSWERED):
            self.open = True

    def may_repeat(self, *, unanswered: bool) -> bool:
        """Whether the last attempt may be repeated; `unanswered` says whether that holds for an unanswered write."""
        outcome = self.last
        if outcome is None or (isinstance(outcome, NoAnswer) and outcome.cause == "deadline"):
            return False
        match kind_of(outcome):
            case Kind.UNSENT | Kind.REFUSED:
                return True
            case Kind.UNANSWERED:
                return unanswered or not self.open
            case Kind.ANSWERED:
                return False

    def unknown(self, facts: dict[str, Any]) -> OutcomeUnknownError:
        """The error for a write that stays open; `facts` are those of the whole call."""
        request = self.request
        return OutcomeUnknownError(
            f"{request.endpoint.operation} may or may not have been applied: it was sent, and no answer settles it",
            operation=request.endpoint.operation,
            evidence=tuple(self.evidence),
            first_sent_at=self.first_sent_at,
            last_sent_at=self.last_sent_at,
            **(request.about or {}),
            **facts,
        )

    @property
    def refusal(self) -> RawResponse | None:
        """The answer that refused the request itself for good, if that is how the last attempt ended."""
        outcome = self.last
        if isinstance(outcome, RawResponse) and not self.look_failed and kind_of(outcome) is Kind.ANSWERED:
            return outcome
        return None

    def error(self, facts: dict[str, Any]) -> PrintNowError:
        """The error for how it ended; `facts` are those of the whole call."""
        outcome = self._told
        assert outcome is not None  # noqa: S101 - only a failed attempt has an error
        if isinstance(outcome, RawResponse):
            message = error_message(outcome)
            cls = self.asked.endpoint.error_class(outcome.status, message)
            return cls(
                message,
                status=outcome.status,
                body=outcome.body,
                retry_after=outcome.retry_after,
                explained=bool(found_message(outcome)),
                **facts,
            )
        if outcome.cause == "deadline":
            sent = Sent.MAYBE if self.open or outcome.sent is Sent.MAYBE else Sent.NEVER
            return DeadlineExceededError(outcome.reason, sent=sent, **facts)
        if outcome.sent is Sent.NEVER:
            return ConnectError(f"{outcome.reason}; nothing was sent", sent=Sent.NEVER, **facts)
        return ConnectionLostError(outcome.reason, sent=Sent.MAYBE, **facts)
