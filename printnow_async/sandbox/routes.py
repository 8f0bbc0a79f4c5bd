"""The endpoints as tables: which route leads to which rule. Another resource is another table.

Source: the vendor's "Customers" page, "Endpoints", and its "Ping" page. Assumed, because they are silent: a
create answers 201; a customer id that is not a whole number is a customer that is not there; an unknown path
is 404, and a known one with another method 405; the Content-Type of a request is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs

from printnow_async.sandbox.checks import Body, Refusal
from printnow_async.sandbox.patterns import RoutePattern
from printnow_async.sandbox.store import NOT_FOUND, Store

__all__ = ["CUSTOMER_ROUTES", "PING_ROUTES", "ROUTES", "Result", "Route", "find_route"]

LONGEST_ID = 18  # digits: what a 64-bit integer surely holds

Result: TypeAlias = tuple[int, dict[str, object] | None]
"""The status, and the object to answer with (None: an empty body)."""

Handler: TypeAlias = Callable[[Store, tuple[str, ...], Body], Result]
"""Takes the store, the path's segments that stand where the braces are, and the body; raises `Refusal`."""


@attrs.frozen
class Route:
    """One endpoint."""

    pattern: RoutePattern
    """Its method and path."""
    handle: Handler
    """What carries it out."""
    takes_body: bool
    """Whether the request must have a JSON object as its body."""


def find_route(routes: Iterable[Route], method: str, path: str) -> Route:
    """Give the route of a request, or raise `Refusal` (404 for the path, 405 for the method)."""
    fitting = [route for route in routes if route.pattern.matches_path(path)]
    for route in fitting:
        if route.pattern.method == method:
            return route
    if fitting:
        allowed = ", ".join(sorted({route.pattern.method for route in fitting}))
        raise Refusal(405, "The requested resource does not support this method.", {"Allow": allowed})
    raise Refusal(404, "No resource was found at this address.")


def _customer_id(segment: str) -> int:
    if segment.isascii() and segment.isdigit() and len(segment) <= LONGEST_ID:
        return int(segment)
    raise Refusal(404, NOT_FOUND)


def _get(store: Store, segments: tuple[str, ...], _body: Body) -> Result:
    return 200, store.get(_customer_id(segments[0])).answer()


def _create(store: Store, _segments: tuple[str, ...], body: Body) -> Result:
    return 201, store.create(body).answer()


def _change(store: Store, segments: tuple[str, ...], body: Body) -> Result:
    return 200, store.change(_customer_id(segments[0]), body).answer()


def _transfer(store: Store, segments: tuple[str, ...], body: Body) -> Result:
    return 200, store.transfer(_customer_id(segments[0]), body).answer()


def _delete(store: Store, segments: tuple[str, ...], _body: Body) -> Result:
    store.delete(_customer_id(segments[0]))
    return 204, None


def _ping(_store: Store, _segments: tuple[str, ...], _body: Body) -> Result:
    return 204, None


def _route(text: str, handle: Handler, *, takes_body: bool = False) -> Route:
    return Route(RoutePattern.parse(text), handle, takes_body)


CUSTOMER_ROUTES = (
    _route("GET /api/v2/customer/{id}", _get),
    _route("POST /api/v2/customer", _create, takes_body=True),
    _route("PATCH /api/v2/customer/{id}", _change, takes_body=True),
    _route("PATCH /api/v2/customer/{id}/transfer", _transfer, takes_body=True),
    _route("DELETE /api/v2/customer/{id}", _delete),
)

PING_ROUTES = (_route("GET /api/v2/ping", _ping),)

ROUTES = CUSTOMER_ROUTES + PING_ROUTES
