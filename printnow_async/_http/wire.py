"""Requests, answers and what they mean, as values and pure functions: no input or output in here."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import attrs

from printnow_async.errors import APIError, InvalidResponseError, Sent, status_error_class

ERROR_BODY_LIMIT: Final = 64 * 1024
"""Bytes of an error answer's body that are read and kept."""
BODY_LIMIT: Final = 8 * 1024 * 1024
"""Bytes, decompressed, that a successful answer may have."""

_UNANSWERED_STATUSES: Final = frozenset({408, 500, 502, 503, 504})


class Kind(enum.Enum):
    """What an attempt that did not succeed proves about the request."""

    UNSENT = "unsent"
    """No request header left the process."""
    REFUSED = "refused"
    """Turned away for load before it was applied: 429, or 503 with Retry-After."""
    UNANSWERED = "unanswered"
    """Sent, and nothing known: reset, truncated, timed out, 408, 500, 502, 503, 504."""
    ANSWERED = "answered"
    """Any other status: the server's last word."""


@attrs.frozen(eq=False)
class Endpoint:
    """One endpoint of the API: what all its requests share."""

    operation: str
    """As "customers.get"."""
    method: str
    """The HTTP method."""
    route: str
    """The path with its ids left out."""
    write: bool
    """Whether the server changes something."""
    error_class: Callable[[int, str], type[APIError]] = lambda status, _message: status_error_class(status)
    """The class of error for a status and message."""


@attrs.define(eq=False)  # not frozen, as this one and the next are made for every call: a third of the cost
class Request:
    """One request to be sent."""

    endpoint: Endpoint
    """Which endpoint."""
    path: str
    """The path of the URL, ready to be sent."""
    body: bytes | None = attrs.field(default=None, repr=False)
    """JSON, or None."""
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Values inside the body that must not come back out in an error."""


@attrs.define(eq=False)
class Response:
    """An answer: its status, and as much of its body as was read."""

    status: int
    """As the server sent it."""
    body: bytes = attrs.field(default=b"", repr=False)
    """Decompressed."""
    retry_after: float | None = None
    """Seconds the server asked us to wait."""
    whole: bool = True
    """False when the body was longer than what is kept of it, or broke off."""
    sends: int = 1
    """How often the request was sent in this one attempt (the HTTP library may resend by itself)."""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@attrs.frozen(eq=False)
class Failure:
    """No usable answer, and what is known of why."""

    cause: str
    """"connect", "lost", "timeout" or "deadline"."""
    sent: Sent
    """Whether the request may have left this process."""
    reason: str
    """One line for people."""


def kind_of(outcome: Response | Failure) -> Kind:
    """What an outcome that is not a success proves (contract, "A write is never applied twice")."""
    if isinstance(outcome, Failure):
        return Kind.UNSENT if outcome.sent is Sent.NEVER else Kind.UNANSWERED
    if outcome.status == 429 or (outcome.status == 503 and outcome.retry_after is not None):
        return Kind.REFUSED
    return Kind.UNANSWERED if outcome.status in _UNANSWERED_STATUSES else Kind.ANSWERED


def overload(outcome: Response | Failure) -> bool | None:
    """Whether an attempt's end says that the server has too much to do; None where it says nothing of that."""
    if isinstance(outcome, Failure):
        return True if outcome.cause == "timeout" else None
    if outcome.status in {429, 503}:
        return True
    return None if outcome.status >= 500 else False


# ---------------------------------------------------------------- Retry-After


def retry_after_seconds(value: str | None, *, date: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds that a `Retry-After` header asks for, or None where it says nothing that can be understood.

    `value` is seconds or an HTTP date (RFC 9110, 10.2.3). A date is held against the answer's own `Date`
    header where there is one, so that two clocks that disagree do no harm; else against `now()`.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return float(value[:18])
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


def invalid_answer(
    request: Request, response: Response, request_id: str, path: str, reason: str
) -> InvalidResponseError:
    """The error for a 2xx answer whose body is not what is documented."""
    if request.endpoint.write:
        reason += "; the server answered with success, so the write was most likely applied"
    return InvalidResponseError(
        reason, path=path, status=response.status, operation=request.endpoint.operation, request_id=request_id
    )
