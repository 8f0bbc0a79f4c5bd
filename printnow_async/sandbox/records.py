"""What the sandbox remembers of a request, passwords left out."""

from __future__ import annotations

from typing import Any, cast

import attrs

from printnow_async.sandbox.checks import Body

__all__ = ["RecordedRequest", "redacted"]

MASK = "***"


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """One request that reached the sandbox, as things stood when it was asked for."""

    method: str
    """As it was sent."""
    path: str
    """The path without a query."""
    route: str | None
    """The endpoint, as "PATCH /api/v2/customer/{id}"; None when there is none for this method and path."""
    request_id: str | None
    """The X-Request-ID header."""
    json: dict[str, Any] | None
    """The body when it is a JSON object, every password in it replaced by "***"."""
    status: int | None = None
    """The status answered, even if the client was gone by then; None when dropped or not yet answered."""
    applied: bool = False
    """Whether the rules carried it out (read or write), whatever the client then saw of it."""
    fault: str | None = None
    """The names of the injected faults that struck, joined with "+"; None when none did."""
    started: float
    """When it arrived, in seconds of the loop's clock."""


def redacted(body: Body) -> dict[str, Any]:
    """Give a copy of a JSON object with "***" for every value under "password", however deep."""
    return {key: MASK if key.casefold() == "password" else _redacted(value) for key, value in body.items()}


def _redacted(value: object) -> object:
    if isinstance(value, dict):
        return redacted(cast("Body", value))
    if isinstance(value, list):
        return [_redacted(item) for item in cast("list[object]", value)]
    return value
