"""Requests, answers and what they mean, as values and pure functions: no input or output in here."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

import attrs

from printnow_async.errors import APIError, InvalidResponseError, Sent, status_error_class

ERROR_BODY_LIMIT: Final = 64 * 1024
"""Bytes of an error answer's body that are read and kept."""
BODY_LIMIT: Final = 8 * 1024 * 1024
"""Bytes, decompressed, that a successful answer may have."""

_LONGEST_WAIT: Final = 1e18
"""Seconds: a longer `Retry-After` is taken for this, and stays a finite number."""


class Kind(enum.Enum):
    """What an attempt that did not succeed proves about the request."""

    UNSENT = "unsent"
    """No request header left the process."""
    REFUSED = "refused"
    """Turned away for load before it was applied: 429, or 503 with Retry-After."""
    UNANSWERED = "unanswered"
    """Sent, and nothing known: reset, truncated, timed out, another's answer, 408, 499, any other 5xx."""
    ANSWERED = "answered"
    """Any other status: the server's last word."""


@attrs.frozen(eq=False)
class Endpoint:
    """One endpoint of the API, as one operation uses it: what all such requests share."""

    operation: str
    """The call of the user that the request belongs to, as "customers.get"."""
    method: str
    """The HTTP method."""
    route: str
    """The path with its ids left out."""
    write: bool
    """Whether the server changes something."""
    error_class: Callable[[int, str], type[APIError]] = lambda status, _message: status_error_class(status)
    """The class of error for a status and message."""


@attrs.define(eq=False)  # not frozen: this class and the next are made for every call, and frozen costs a third more
class Request:
    """One request to be sent."""

    endpoint: Endpoint
    """Which endpoint."""
    path: str = attrs.field(repr=lambda path: repr(path.partition("?")[0]))
    """The path of the URL with its query, percent-encoded, ready to be sent. The query may hold secrets."""
    body: bytes | None = attrs.field(default=None, repr=False)
    """JSON, or None."""
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Values inside the body that must not come back out in an error."""
    about: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    """What a write names: `storefront_id`, `customer_id` and `username` of an `OutcomeUnknownError`."""
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    """Headers of the user's own, beside those that the SDK sets."""
    once: bool = False
    """Whether the HTTP library must not send it again by itself; the call sets it."""
    request_id: str = ""
    """The `X-Request-ID` of the call that sends the request; the call sets it."""


@attrs.define(eq=False)
class RawResponse:
    """An answer as it came: its status, its headers, and as much of its body as was read."""

    status: int
    """The HTTP status, as the server sent it."""
    body: bytes = attrs.field(default=b"", repr=False)
    """The body, decompressed."""
    retry_after: float | None = None
    """Seconds the server asked us to wait."""
    whole: bool = True
    """False when the body was longer than what is kept of it, or broke off."""
    sends: int = 1
    """How often the request was sent in this one attempt (the HTTP library may send it again by itself)."""
    headers: Mapping[str, str] = attrs.field(default=MappingProxyType({}), repr=False)
    """The headers of the answer; their names are compared without regard to case."""
    request: Request | None = attrs.field(default=None, repr=False)
    """What was asked; the call sets it."""
    on_foreign: Callable[[], None] | None = attrs.field(default=None, repr=False)
    """How the transport is told that this is not the answer to our request: it trusts no idle connection then."""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str:
        """The `X-Request-ID` that was sent with the request."""
        return "" if self.request is None else self.request.request_id

    def json(self) -> Any:
        """The body as JSON. Raises `InvalidResponseError` where the body is not JSON, or longer than 8 MiB."""
        if not self.whole:
            raise invalid_answer(self.request, self.status, "$", "the body is longer than any answer should be")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            reason = "the body is empty" if not self.body.strip() else "the body is not JSON"
        raise invalid_answer(self.request, self.status, "$", reason)


@attrs.frozen(eq=False)
class NoAnswer:
    """No usable answer came, and what is known of why."""

    cause: str
    """ "connect", "lost", "timeout", "deadline", "foreign" (another request's answer) or "cancelled"."""
    sent: Sent
    """Whether the request may have left this process."""
    reason: str
    """One line for people."""


class Transport(Protocol):
    """What sends one attempt: aiohttp by default, or a test's own."""

    async def attempt(self, request: Request, *, ends: float | None, connect: float | None) -> RawResponse | NoAnswer:
        """Send `request` once and read the answer.

        Takes `ends`, the time of the event loop's clock at which the attempt must have ended with a `NoAnswer` of
        the cause "timeout" (None for never), and `connect`, the seconds that connecting may take. Everything that can
        go wrong is a `NoAnswer`; only cancellation passes through.
        """
        ...

    async def aclose(self) -> None:
        """Close what the transport holds. Called once or more; no attempt follows."""
        ...


def kind_of(outcome: RawResponse | NoAnswer) -> Kind:
    """What an outcome that is not a success proves about the request that was sent."""
    if isinstance(outcome, NoAnswer):
        return Kind.UNSENT if outcome.sent is Sent.NEVER else Kind.UNANSWERED
    status = outcome.status
    if status == 429 or (status == 503 and outcome.retry_after is not None):
        return Kind.REFUSED
    # 499 and the 52x of gateways come from between the server and us: the server may have applied the request
    return Kind.UNANSWERED if status in {408, 499} or 500 <= status <= 599 else Kind.ANSWERED


def overload(outcome: RawResponse | NoAnswer) -> bool | None:
    """Whether an attempt's end says that the server has too much to do; None where it says nothing of that."""
    if isinstance(outcome, NoAnswer):
        return True if outcome.cause == "timeout" else None
    if outcome.status in {429, 503}:
        return True
    return None if outcome.status >= 500 else False


def retry_after_seconds(value: str | None, *, date: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds that a `Retry-After` header asks for, or None where it says nothing that can be understood.

    `value` is seconds or an HTTP date (RFC 9110, 10.2.3). A date is held against the answer's own `Date`
    header where there is one, so that two clocks that disagree do no harm; else against `now()`.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return min(float(value), _LONGEST_WAIT)
    until = _http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(date) or now())).total_seconds())


def _http_date(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def invalid_answer(request: Request | None, status: int, path: str, reason: str) -> InvalidResponseError:
    """The error for a 2xx answer to `request` whose body is not what is documented; `path` is as "$.id"."""
    endpoint = request.endpoint if request is not None else None
    if endpoint is not None and endpoint.write:
        reason += "; the server answered with success, so the write was most likely applied"
    return InvalidResponseError(
        reason,
        path=path,
        status=status,
        operation=endpoint.operation if endpoint is not None else "",
        request_id=request.request_id if request is not None else "",
    )
