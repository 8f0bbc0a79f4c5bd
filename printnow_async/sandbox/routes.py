"""The endpoints as tables, one for each resource: the route, and the function that carries the request out.

Source: the vendor's "Customers" page, "Endpoints", and its pages "Ping", "Storefronts" and "Webhooks". Assumed, because
these pages do not say so: a create answers 201; an id that is not a whole number is answered like a missing customer,
storefront or subscription; a storefront has a host of its own, and is a retail storefront; an unknown path is 404, and
a known path with another method 405; the Content-Type of a request does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs

from printnow_async.sandbox.checks import Body, Refusal
from printnow_async.sandbox.hooks import NO_WEBHOOK
from printnow_async.sandbox.patterns import RoutePattern
from printnow_async.sandbox.store import NO_CUSTOMER, Store

__all__ = [
    "CUSTOMER_ROUTES",
    "HOOK_ROUTES",
    "PING_ROUTES",
    "ROUTES",
    "Result",
    "Route",
    "STOREFRONT_ROUTES",
    "find_route",
]

NO_STOREFRONT = "Storefront not found."
LONGEST_ID = 18  # digits: every such number fits into 64 bits

Answer: TypeAlias = dict[str, object]
"""The JSON object of an answer."""

Result: TypeAlias = tuple[int, Answer | list[Answer] | None]
"""The status and the JSON of an answer (None: an empty body)."""

Handler: TypeAlias = Callable[[Store, tuple[str, ...], Body], Result]
"""Takes the store, the path's segments that stand where the braces are, and the body; raises `Refusal`."""


@attrs.frozen
class Route:
    """One endpoint."""

    pattern: RoutePattern
    """The method and path."""
    handle: Handler
    """The function that carries a request out."""
    takes_body: bool
    """Whether the request must have a JSON object as its body."""


def find_route(routes: Iterable[Route], method: str, path: str) -> Route:
    """The route of a request; `Refusal` (404 for an unknown path, 405 for another method)."""
    fitting = [route for route in routes if route.pattern.matches_path(path)]
    for route in fitting:
        if route.pattern.method == method:
            return route
    if fitting:
        allowed = ", ".join(sorted({route.pattern.method for route in fitting}))
        raise Refusal(405, "The requested resource does not support this method.", {"Allow": allowed})
    raise Refusal(404, "No resource was found at this address.")


def _whole_id(segment: str, not_found: str) -> int:
    if segment.isascii() and segment.isdigit() and len(segment) <= LONGEST_ID:
        return int(segment)
    raise Refusal(404, not_found)


def _customer(segments: tuple[str, ...]) -> int:
    return _whole_id(segments[0], NO_CUSTOMER)


def _storefront(store: Store, storefront_id: int) -> Answer:
    if storefront_id not in store.storefronts:
        raise Refusal(404, NO_STOREFRONT)
    name, url = store.storefronts[storefront_id], f"store{storefront_id}.example.com"
    return {"id": storefront_id, "name": name, "url": url, "is_retail": True}


def _delete(store: Store, segments: tuple[str, ...], _body: Body) -> Result:
    store.delete(_customer(segments))
    return 204, None


def _unsubscribe(store: Store, segments: tuple[str, ...], _body: Body) -> Result:
    store.hooks.unsubscribe(_whole_id(segments[0], NO_WEBHOOK))
    return 204, None


def _route(text: str, handle: Handler, *, takes_body: bool = False) -> Route:
    return Route(RoutePattern.parse(text), handle, takes_body)


CUSTOMER_ROUTES = (
    _route("GET /api/v2/customer/{id}", lambda store, ids, _: (200, store.get(_customer(ids)).answer())),
    _route("POST /api/v2/customer", lambda store, _, body: (201, store.create(body).answer()), takes_body=True),
    _route(
        "PATCH /api/v2/customer/{id}",
        lambda store, ids, body: (200, store.change(_customer(ids), body).answer()),
        takes_body=True,
    ),
    _route(
        "PATCH /api/v2/customer/{id}/transfer",
        lambda store, ids, body: (200, store.transfer(_customer(ids), body).answer()),
        takes_body=True,
    ),
    _route("DELETE /api/v2/customer/{id}", _delete),
)

PING_ROUTES = (_route("GET /api/v2/ping", lambda _store, _ids, _body: (204, None)),)

STOREFRONT_ROUTES = (
    # comes first: its path fits the next route as well
    _route(
        "GET /api/v2/storefront/all",
        lambda store, *_: (200, [_storefront(store, i) for i in sorted(store.storefronts)]),
    ),
    _route(
        "GET /api/v2/storefront/{id}", lambda store, ids, _: (200, _storefront(store, _whole_id(ids[0], NO_STOREFRONT)))
    ),
)

HOOK_ROUTES = (
    _route("GET /api/v2/hooks", lambda store, *_: (200, [hook.answer() for hook in store.hooks.active.values()])),
    _route("POST /api/v2/hooks", lambda store, _, body: (201, store.hooks.subscribe(body).answer()), takes_body=True),
    _route("DELETE /api/v2/hooks/{id}", _unsubscribe),
)

ROUTES = CUSTOMER_ROUTES + PING_ROUTES + STOREFRONT_ROUTES + HOOK_ROUTES
