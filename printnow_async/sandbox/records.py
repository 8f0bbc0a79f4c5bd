"""The sandbox's record of a request, without passwords."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["RecordedRequest", "redacted"]

MASK = "***"


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """One request that reached the sandbox, and what was known of the request when the record was read."""

    method: str
    """The method as it was sent."""
    path: str
    """The path without a query."""
    route: str | None
    """The endpoint, as "PATCH /api/v2/customer/{id}"; None when this method and path have no endpoint."""
    request_id: str | None
    """The X-Request-ID header."""
    json: dict[str, Any] | None
    """The body, if it is a JSON object, with "***" for every password."""
    status: int | None = None
    """The status of the answer, also where the client had gone; None without an answer, or before the answer."""
    applied: bool = False
    """Whether the request was carried out (read or write), whatever the client saw of the answer."""
    fault: str | None = None
    """The names of the faults that struck the request, joined with "+"; None without a fault."""
    started: float
    """The time of arrival, in seconds of the loop's clock."""


def redacted(value: Any) -> Any:
    """A copy of JSON with "***" for every value under "password", at any depth."""
    if isinstance(value, dict):
        return {key: MASK if key.casefold() == "password" else redacted(inner) for key, inner in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list) else value
