"""One call: place → attempt → repeat, under one deadline, with an event for each attempt and each call.

A resource opens an operation and sends its requests through it:

    with caller.operation(GET) as call:
        response = await call.send(Request(GET, "/api/v2/customer/12345"))

All requests of one operation share its deadline, its request id and its count of attempts. A request says by its
`Replay` what an unanswered attempt means: that is a rule of the operation, and stands beside it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, Self

from printnow_async._http.gate import Gate
from printnow_async._http.observe import Observers
from printnow_async._http.retry import RetryBudget, repeater
from printnow_async._http.sending import REPEAT, Replay, Sending
from printnow_async._http.transport import Transport
from printnow_async._http.wire import Endpoint, Failure, Request, Response, overload
from printnow_async.errors import Sent
from printnow_async.events import AttemptEvent, CallEvent
from printnow_async.options import RetryPolicy, Timeout


class Sender(Protocol):
    """What a resource sends the requests of one operation through."""

    async def send(self, request: Request, *, replay: Replay = REPEAT) -> Response:
        """The answer to `request`, a 2xx; anything else is raised."""
        ...

    @property
    def request_id(self) -> str:
        """The `X-Request-ID` of the operation."""
        ...


class Caller(Protocol):
    """What a resource is given. A fake one is ten lines."""

    def operation(self, endpoint: Endpoint) -> AbstractContextManager[Sender]:
        """Begin one call of this endpoint's operation."""
        ...


class HTTPCaller:
    """The `Caller` of a client: its transport, limits, budget and observers, under one timeout and retry policy."""

    def __init__(
        self,
        transport: Transport,
        gate: Gate,
        budget: RetryBudget,
        observers: Observers,
        *,
        timeout: Timeout,
        retry: RetryPolicy,
    ) -> None:
        self.transport = transport
        self.gate = gate
        self.budget = budget
        self.observers = observers
        self.timeout = timeout
        self.retry = retry
        self.repeat = repeater(retry, budget)

    def with_options(self, timeout: Timeout | None, retry: RetryPolicy | None) -> HTTPCaller:
        """Another caller over the same transport, limits, budget and observers."""
        return HTTPCaller(
            self.transport,
            self.gate,
            self.budget,
            self.observers,
            timeout=timeout if timeout is not None else self.timeout,
            retry=retry if retry is not None else self.retry,
        )

    def operation(self, endpoint: Endpoint) -> Call:
        """Begin one call. `ConfigurationError` when the client is closed or belongs to another event loop."""
        self.transport.check_usable()
        return Call(self, endpoint)


_NO_PLACE: Final = Failure("deadline", Sent.NEVER, "the time for the whole call ran out before it could be sent")
_CANCELLED: Final = Failure("cancelled", Sent.MAYBE, "cancelled")


class Call:
    """One call of a user: a few requests at most, under one deadline and one request id."""

    __slots__ = (
        "_caller",
        "_endpoint",
        "_loop",
        "_started",
        "attempt_elapsed",
        "attempts",
        "deadline",
        "interested",
        "paused",
        "repeats",
        "request_id",
        "sent",
        "status",
    )

    def __init__(self, caller: HTTPCaller, endpoint: Endpoint) -> None:
        self._caller = caller
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._started = started = self._loop.time()
        total = caller.timeout.total
        self.deadline = None if total is None else started + total
        self.request_id = os.urandom(12).hex()
        self.interested = caller.observers.interested
        self.attempts = 0
        self.attempt_elapsed = 0.0
        self.repeats = 0
        self.paused = 0.0
        self.sent = Sent.NEVER
        self.status: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, cls: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        caller = self._caller
        if error is None:
            caller.budget.give_back(self.repeats)
        if self.interested:
            endpoint = self._endpoint
            caller.observers.emit(
                CallEvent(
                    endpoint.operation,
                    endpoint.method,
                    endpoint.route,
                    self.attempts,
                    self.status,
                    cls.__name__ if cls is not None else None,
                    self.sent,
                    self.elapsed,
                    self.paused,
                    self.request_id,
                    caller.gate.current,
                )
            )

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._loop.time() - self._started

    async def send(self, request: Request, *, replay: Replay = REPEAT) -> Response:
        """The answer to `request`, a 2xx, after as many attempts as rule, policy, time and budget allow.

        Raises the error for what came instead: an `APIError`, a `NoResponseError`, or for a write that was left
        open an `OutcomeUnknownError`.
        """
        outcome = await self.attempt(request)
        if isinstance(outcome, Response) and outcome.ok:
            if self.interested:
                self.report(request, outcome, self.attempt_elapsed, None)
            return outcome
        sending = Sending(self, request, replay, outcome)
        await self._caller.repeat(sending)
        return await sending.finish()

    async def attempt(self, request: Request) -> Response | Failure:
        """Wait for a place, then send once. Cancellation gives the place back and passes through."""
        caller = self._caller
        if not caller.gate.try_acquire() and not await self._place():
            return _NO_PLACE
        loop, deadline, ends = self._loop, self.deadline, caller.timeout.attempt
        began = loop.time()
        if deadline is not None and deadline <= began:
            caller.gate.release()
            return _NO_PLACE
        if ends is not None:
            ends += began
        if deadline is not None and (ends is None or deadline < ends):
            ends = deadline
        self.attempts += 1
        adaptive = caller.gate.adaptive
        flight = None if adaptive is None else adaptive.begin(began)
        outcome: Response | Failure = _CANCELLED
        try:
            outcome = self._take_note(
                await caller.transport.attempt(request, self.request_id, ends, caller.timeout.connect)
            )
        finally:
            ended = loop.time()
            self.attempt_elapsed = ended - began
            if flight is not None:
                caller.gate.end(flight, ended, overload=overload(outcome))
            caller.gate.release()
            if outcome is _CANCELLED:
                self.sent = Sent.MAYBE
                if self.interested:
                    self.report(request, outcome, self.attempt_elapsed, None)
        return outcome

    async def _place(self) -> bool:
        """Wait for a place, in turn; False when the deadline comes first."""
        try:
            async with asyncio.timeout_at(self.deadline):
                await self._caller.gate.acquire()
        except TimeoutError:
            return False
        return True

    def _take_note(self, outcome: Response | Failure) -> Response | Failure:
        """What an attempt means for the call and the client as a whole."""
        if isinstance(outcome, Response):
            self.sent = Sent.MAYBE
            self.status = outcome.status
            wait = outcome.retry_after
            if outcome.status == 429 and wait is not None and wait <= self._caller.retry.max_retry_after:
                # a 429 that says how long to wait speaks of the client, not of this call alone
                self._caller.gate.pause_until(self._loop.time() + wait)
            return outcome
        self.status = None
        if outcome.sent is Sent.MAYBE:
            self.sent = Sent.MAYBE
        if outcome.cause == "timeout" and not self.time_for(0.0):
            return Failure("deadline", outcome.sent, "the time for the whole call ran out before the answer came")
        return outcome

    def time_for(self, pause: float) -> bool:
        """Whether so many seconds from now the deadline will still be ahead."""
        return self.deadline is None or self._loop.time() + pause < self.deadline

    def report(self, request: Request, outcome: Response | Failure, elapsed: float, pause: float | None) -> None:
        """Tell the observers how an attempt ended."""
        status, failure, sent = None, None, Sent.MAYBE
        if isinstance(outcome, Response):
            status = outcome.status
        else:
            failure, sent = outcome.cause, outcome.sent
        endpoint = request.endpoint
        self._caller.observers.emit(
            AttemptEvent(
                self._endpoint.operation,
                endpoint.method,
                endpoint.route,
                self.attempts,
                status,
                failure,
                sent,
                elapsed,
                pause,
                self.request_id,
                self._caller.gate.current,
            )
        )
