"""What observers are told: how each attempt and each call ended. Nothing in an event is secret or personal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from printnow_async.errors import Sent

__all__ = ["AttemptEvent", "CallEvent", "Observer"]


@attrs.frozen
class AttemptEvent:
    """The end of one attempt: one request, sent or not."""

    operation: str
    """Which call it belongs to, as "customers.create"."""
    method: str
    """The HTTP method."""
    route: str
    """The path with its ids left out, as "/api/v2/customer/{id}"."""
    attempt: int
    """The number of the attempt within the call, from 1; the reads that a write needs are counted too."""
    status: int | None
    """The HTTP status, or None when no usable answer came."""
    failure: str | None
    """Why no usable answer came: "connect", "lost", "timeout", "deadline", "foreign" (the answer was another request's)
    or "cancelled"; None when an answer came."""
    sent: Sent
    """Whether the request may have left this process."""
    elapsed: float
    """Seconds from having a place to the end of the attempt."""
    pause: float | None
    """Seconds to wait before the next attempt, or None when there will be none."""
    request_id: str
    """The call's `X-Request-ID`."""
    limit: int
    """Calls that the client allows in flight, as the attempt ended: it moves with `Limits(adaptive=True)`."""


@attrs.frozen
class CallEvent:
    """The end of one call, with all its attempts."""

    operation: str
    """As "customers.create"."""
    method: str
    """The HTTP method of the operation's own request."""
    route: str
    """The path of that request with its ids left out."""
    attempts: int
    """How many attempts the call made."""
    status: int | None
    """The last HTTP status, or None when the last attempt brought no usable answer."""
    failure: str | None
    """The class name of the error the call ended in, as "OutcomeUnknownError"; None on success."""
    sent: Sent
    """Whether any request of the call may have left this process."""
    elapsed: float
    """Seconds for the whole call, waiting included."""
    pause: float
    """Seconds of the call that were spent pausing between attempts."""
    request_id: str
    """The call's `X-Request-ID`."""
    limit: int
    """Calls that the client allows in flight, as the call ended."""


Observer: TypeAlias = Callable[[AttemptEvent | CallEvent], object]
"""A plain callable that receives each event. One that raises is logged and ignored."""
