"""One call: while the attempts so far allow it, a place, a turn and an attempt, all under one deadline.

A resource begins an operation and sends its requests through it:

    with caller.operation(GET) as call:
        customer = await call.send(Request(GET, "/api/v2/customer/12345"), rule)

All requests of one operation share its deadline, its request id and its count of attempts. What an answer means, and
what may be done when none came, is the request's `Rule`, which stands beside the method of the endpoint.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from printnow_async._http.attempts import Attempts
from printnow_async._http.observe import attempt_event
from printnow_async._http.retry import pause_before_repeat, waits
from printnow_async._http.rules import ForeignAnswerError, Known, Rule, UnreadError, foreign_answer
from printnow_async._http.shared import Shared, closed_error, in_time
from printnow_async._http.wire import Endpoint, NoAnswer, RawResponse, Request, overload
from printnow_async.errors import (
    APIError,
    ConfigurationError,
    InvalidResponseError,
    NoResponseError,
    OutcomeUnknownError,
    PacerError,
    PrintNowError,
    Sent,
)
from printnow_async.events import CallEvent
from printnow_async.options import RetryPolicy, Timeout

T = TypeVar("T")

_TOO_LATE: Final = NoAnswer("deadline", Sent.NEVER, "the time for the whole call ran out before it could be sent")
_CANCELLED: Final = NoAnswer("cancelled", Sent.MAYBE, "cancelled")
_LOOK_FAILURES: Final = (APIError, NoResponseError, InvalidResponseError, ConfigurationError, PacerError)


class Call:
    """One call of a user: a few requests at most, under one deadline and one request id."""

    def __init__(
        self,
        shared: Shared,
        endpoint: Endpoint,
        timeout: Timeout,
        retry: RetryPolicy,
        headers: Mapping[str, str] | None,
    ) -> None:
        self._shared = shared
        self._endpoint = endpoint
        self._timeout = timeout
        self._retry = retry
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._started = started = self._loop.time()
        self._deadline = None if timeout.total is None else started + timeout.total
        self._request_id = os.urandom(12).hex()
        self._interested = shared.observers.interested
        self._attempts = self._repeats = 0
        self._attempt_elapsed = self._paused = 0.0
        self._sent = Sent.NEVER
        self._status: int | None = None

    def __enter__(self) -> Self:
        self._shared.calls += 1
        return self

    def __exit__(self, cls: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        shared = self._shared
        shared.calls -= 1
        if shared.closing and not shared.calls:
            shared.idle.set()
        if error is None:
            shared.budget.give_back(self._repeats)
        if self._interested:
            self._report_call(None if cls is None else cls.__name__)

    async def send(self, request: Request, rule: Rule[T]) -> T:
        """What `rule` reads in the answer, after as many attempts as rule, policy, time and budget allow.

        Raises the error for what came instead: an `APIError`, a `NoResponseError`, an `InvalidResponseError`, or for a
        write that was left open an `OutcomeUnknownError`.
        """
        attempts, pauses = Attempts(request), waits(self._retry)
        request.once = not rule.repeats
        while True:
            # 1. A place and a turn, then the attempt. Some writes look at the server directly before it: what the
            #    look shows may be the result, and a look that fails stands for the attempt.
            try:
                asked, outcome = await self._round(request, rule, attempts)
            except (ConfigurationError, PacerError) as stopped:  # nothing can be sent any more
                if isinstance(stopped, PacerError):
                    stopped.sent = self._sent
                if not attempts.open:
                    raise
                last = stopped if isinstance(stopped, PacerError) else self._error(attempts)
                raise self._unknown(attempts) from last
            if isinstance(outcome, Known):
                return outcome.value
            # 2. An answer of success that is ours is the result.
            if isinstance(outcome, RawResponse) and outcome.ok:
                try:
                    value = rule.read(outcome)
                except ForeignAnswerError as error:
                    outcome = foreign_answer(outcome, error)
                else:
                    if self._interested:
                        self._report(request, outcome, None)
                    return value
            # 3. Anything else is evidence. The rule says whether the attempt may be repeated; policy, time and budget
            #    say when.
            attempts.add(asked, outcome, self._attempt_elapsed)
            pause = self._next_pause(pauses, outcome) if attempts.may_repeat(unanswered=rule.repeats) else None
            if self._interested or pause is not None:
                self._report(asked, outcome, pause)
            # 4. No repeat: a last look, or the error that says all that is known.
            if pause is None:
                return await self._conclude(attempts, rule)
            self._repeats += 1
            self._paused += pause
            await self._shared.sleep(pause)

    def _next_pause(self, pauses: Iterator[float], outcome: RawResponse | NoAnswer) -> float | None:
        """Seconds until the next attempt; None where policy, deadline or budget allow none, or the client is closed."""
        wait = next(pauses, None)
        pause = None if wait is None or self._shared.closed else pause_before_repeat(self._retry, wait, outcome)
        if pause is None or (self._deadline is not None and self._loop.time() + pause >= self._deadline):
            return None
        return pause if self._shared.budget.take() else None

    async def _conclude(self, attempts: Attempts, rule: Rule[T]) -> T:
        """What a last look shows, or the error that says all that is known: there are no more attempts."""
        error = self._error(attempts)
        if not attempts.open:
            raise error
        if attempts.look_failed:  # a look was the last thing that was tried
            raise self._unknown(attempts) from error
        answer = error if attempts.refusal is not None and isinstance(error, APIError) else None
        known, failed = None, None
        try:
            known = await rule.look(self.send, answer)
        except _LOOK_FAILURES as look_failed:
            failed = look_failed
        if known is not None:
            return known.value
        if failed is not None:
            attempts.evidence.append(f"read: {failed.message}")
        elif answer is not None and rule.proves_unapplied(answer):
            raise answer
        raise self._unknown(attempts) from error

    # ------------------------------------------------------------ one round: a place, a turn, a look, an attempt

    async def _round(
        self, request: Request, rule: Rule[T], attempts: Attempts
    ) -> tuple[Request, RawResponse | NoAnswer | Known[T]]:
        """Make one attempt at `request`; gives the request that was sent last, and how that ended."""
        shared, looks = self._shared, rule.looks_first(attempts)
        gate = shared.gate
        if not gate.try_acquire() and not await in_time(self._deadline, gate.acquire()):
            return request, _TOO_LATE
        try:
            # A write that looks first takes both turns of the pacer before, so that none stands between look and write.
            if shared.pacer is not None and not await shared.paced(2 if looks else 1, self._deadline):
                return request, _TOO_LATE
            while looks:
                pauses = gate.pauses
                try:
                    known = await rule.look(self._ask_here, None)
                except UnreadError as unread:
                    return unread.request, unread.outcome
                except InvalidResponseError as invalid:
                    if not attempts.open:
                        raise
                    attempts.evidence.append(f"read: {invalid.message}")
                    raise self._unknown(attempts) from invalid
                if known is not None:
                    return request, known
                # A pause of the whole client that began meanwhile makes the look stale, once it has been waited for.
                await in_time(self._deadline, gate.start_again())
                looks = gate.pauses != pauses
            return request, await self._attempt(request)
        finally:
            gate.release()

    async def _ask_here(self, request: Request, rule: Rule[T]) -> T:
        """Send a read once, in the place that the call holds; `UnreadError` where no answer of success came."""
        outcome = await self._attempt(request)
        if isinstance(outcome, RawResponse) and outcome.ok:
            try:
                value = rule.read(outcome)
            except ForeignAnswerError as error:
                outcome = foreign_answer(outcome, error)
            else:
                if self._interested:
                    self._report(request, outcome, None)
                return value
        raise UnreadError(request, outcome)

    async def _attempt(self, request: Request) -> RawResponse | NoAnswer:
        """Send `request` once, in the place that the call holds. Cancellation passes through."""
        shared, loop, deadline, ends = self._shared, self._loop, self._deadline, self._timeout.attempt
        began = loop.time()
        if shared.closed:  # while the call waited for its turn, or looked
            raise closed_error()
        if deadline is not None and deadline <= began:
            return _TOO_LATE
        if ends is not None:
            ends += began
        if deadline is not None and (ends is None or deadline < ends):
            ends = deadline
        request.request_id = self._request_id
        request.headers = self._headers
        self._attempts += 1
        flight = None if shared.gate.adaptive is None else shared.gate.adaptive.begin(began)
        outcome: RawResponse | NoAnswer = _CANCELLED
        try:
            outcome = await shared.transport.attempt(request, ends=ends, connect=self._timeout.connect)
        except asyncio.CancelledError:
            self._sent = Sent.MAYBE
            self._attempt_elapsed = loop.time() - began
            if self._interested:
                self._report(request, _CANCELLED, None)
            raise
        finally:
            if flight is not None:
                shared.gate.end(flight, loop.time(), overload=overload(outcome))
        self._attempt_elapsed = loop.time() - began
        if isinstance(outcome, RawResponse):
            outcome.request = request
            self._sent, self._status = Sent.MAYBE, outcome.status
            wait = outcome.retry_after
            if outcome.status == 429 and wait is not None and wait <= self._retry.max_retry_after:
                # A 429 that says how long to wait speaks of the client, not of this call alone.
                await in_time(deadline, shared.hold(wait, loop.time()))
            return outcome
        self._status = None
        if outcome.sent is Sent.MAYBE:
            self._sent = Sent.MAYBE
        if outcome.cause == "timeout" and deadline is not None and loop.time() >= deadline:
            return NoAnswer("deadline", outcome.sent, "the time for the whole call ran out before the answer came")
        return outcome

    # ------------------------------------------------------------ telling

    def _facts(self, asked: Request) -> dict[str, Any]:
        return {
            "method": asked.endpoint.method,
            "path": asked.path.partition("?")[0],
            "attempts": self._attempts,
            "elapsed": self._loop.time() - self._started,
            "request_id": self._request_id,
        }

    def _error(self, attempts: Attempts) -> PrintNowError:
        return attempts.error(self._facts(attempts.asked))

    def _unknown(self, attempts: Attempts) -> OutcomeUnknownError:
        return attempts.unknown(self._facts(attempts.request))

    def _report(self, request: Request, outcome: RawResponse | NoAnswer, pause: float | None) -> None:
        """Tell the observers how an attempt ended."""
        event = attempt_event(
            self._endpoint.operation,
            request,
            outcome,
            number=self._attempts,
            elapsed=self._attempt_elapsed,
            pause=pause,
            limit=self._shared.gate.current,
        )
        self._shared.observers.emit(event)

    def _report_call(self, failure: str | None) -> None:
        """Tell the observers how the call ended."""
        endpoint = self._endpoint
        self._shared.observers.emit(
            CallEvent(
                endpoint.operation,
                endpoint.method,
                endpoint.route,
                self._attempts,
                self._status,
                failure,
                self._sent,
                self._loop.time() - self._started,
                self._paused,
                self._request_id,
                self._shared.gate.current,
            )
        )
