"""The storefront endpoints: both only read, so both repeat.

Source of endpoints and fields: vendor's page "Storefronts". It has further endpoints, which are not here.
"""

from __future__ import annotations

from typing import Final

import attrs

from printnow_async._checks import checked_id
from printnow_async._http.caller import Caller
from printnow_async._http.converter import decoded
from printnow_async._http.rules import ForeignAnswerError, Reading, Rule
from printnow_async._http.wire import Endpoint, RawResponse, Request
from printnow_async.models import Storefront

__all__ = ["Storefronts"]

_LIST: Final = Endpoint("storefronts.list", "GET", "/api/v2/storefront/all", write=False)
_GET: Final = Endpoint("storefronts.get", "GET", "/api/v2/storefront/{id}", write=False)
_ALL: Final = Reading(lambda response: tuple(decoded(list[Storefront], response)))


@attrs.frozen
class _TheStorefront(Rule[Storefront]):
    storefront_id: int

    def read(self, response: RawResponse) -> Storefront:
        storefront = decoded(Storefront, response)
        if storefront.id != self.storefront_id:
            raise ForeignAnswerError(f"storefront {storefront.id}, not {self.storefront_id}")
        return storefront


class Storefronts:
    """`client.storefronts`: the storefronts of the licence. One pair of credentials opens all of them.

    The methods raise what those of `Customers` raise.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list(self) -> tuple[Storefront, ...]:
        """Every storefront of the licence, in the server's order. Unanswered: repeats.

        Source: page "Storefronts", `GET /api/v2/storefront/all`.
        """
        request = Request(_LIST, _LIST.route)
        with self._caller.operation(_LIST) as call:
            return await call.send(request, _ALL)

    async def get(self, storefront_id: int) -> Storefront:
        """The storefront with this ID. Unanswered: repeats.

        Raises `NotFoundError` where there is none. Source: page "Storefronts", `GET /api/v2/storefront/{id}`.
        """
        request = Request(_GET, f"/api/v2/storefront/{checked_id(storefront_id, 'storefront_id')}")
        with self._caller.operation(_GET) as call:
            return await call.send(request, _TheStorefront(storefront_id))
