"""`Sandbox`: what a test starts, injects faults into, and looks at."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Mapping
from typing import Self, Unpack, final

from printnow_async.sandbox.arguments import at_least_one, number, require, whole
from printnow_async.sandbox.faults import Fault
from printnow_async.sandbox.hidden_limits import HiddenLimits
from printnow_async.sandbox.hooks import SandboxWebhook
from printnow_async.sandbox.listener import Listener
from printnow_async.sandbox.patterns import RoutePattern
from printnow_async.sandbox.plan import FaultPlan, Injection
from printnow_async.sandbox.records import RecordedRequest
from printnow_async.sandbox.replies import ENVELOPES, ErrorEnvelope
from printnow_async.sandbox.routes import ROUTES
from printnow_async.sandbox.service import Service
from printnow_async.sandbox.store import FiredWebhook, Store
from printnow_async.sandbox.stored_customer import CustomerFields, SandboxCustomer

__all__ = ["Sandbox"]

STOREFRONTS = {1: "My Print Store", 2: "Second Store"}


@final
class Sandbox:
    """A stand-in for the PrintNow service on a loopback port, for tests, examples and demonstrations.

    ```python
    async with Sandbox() as sandbox:
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
            await client.ping()
    ```

    The sandbox runs in the caller's event loop, speaks real HTTP, and keeps the vendor's documented rules ("Customers",
    "Ping", "Storefronts", "Webhooks", "Authentication") in memory. What is assumed beyond those pages is listed in the
    modules `store`, `checks`, `stored_customer`, `hooks`, `credentials`, `routes` and `hidden_limits`. The same seed
    and the same requests in the same order give the same random names, credentials, and requests that a fault strikes.

    Takes:

    - `storefronts`: names by id.
    - `max_concurrency`: the number of requests at the same time; one more is answered 503 and not applied. None for no
      limit.
    - `max_rate`: the number of requests in any one second; one more is answered 429 with `Retry-After: 1` and not
      applied. None for no limit.
    - `latency`: seconds that every request waits before the request is applied.
    - `seed`: the seed of all random numbers.
    - `token`, `key`: the credentials that are accepted; random from the seed when not given.
    - `host`, `port`: the address; with port 0 the system chooses the port.
    - `removes_transferred`: whether a temporary user is gone (404) after a transfer. The vendor does not document that.
    - `error_envelope`: the form of an error's body, which the vendor does not document: a JSON object with the key
      "Message" or "message", a JSON string ("string"), plain text ("text"), an HTML page ("html"), or nothing
      ("empty").

    `ValueError` names a wrong argument.
    """

    def __init__(
        self,
        storefronts: Mapping[int, str] | None = None,
        *,
        max_concurrency: int | None = None,
        max_rate: int | None = None,
        latency: float = 0.0,
        seed: int = 0,
        token: str | None = None,
        key: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        removes_transferred: bool = False,
        error_envelope: ErrorEnvelope = "Message",
    ) -> None:
        storefronts = STOREFRONTS if storefronts is None else storefronts
        require("storefronts", storefronts, "at least one name by its id", holds=len(storefronts) > 0)
        at_least_one("max_concurrency", max_concurrency)
        at_least_one("max_rate", max_rate)
        require("latency", latency, "a number of seconds, 0 or more", holds=number(latency) and latency >= 0)
        require("port", port, "a whole number from 0 to 65535", holds=whole(port) and 0 <= port <= 65535)
        one_of_them = f"one of {', '.join(ENVELOPES)}"
        require("error_envelope", error_envelope, one_of_them, holds=error_envelope in ENVELOPES)
        if token == "" or key == "" or ":" in (token or ""):
            raise ValueError("token, key: must not be empty, and the token must have no colon")
        drawn = random.Random(f"{seed}/credentials")
        self.token = token or f"{drawn.getrandbits(128):032x}"
        self.key = key or f"{drawn.getrandbits(256):064x}"
        self._host, self._port = host, port
        self._born, self._started = dt.datetime.now(dt.UTC), 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._store = Store(storefronts, clock=self._now, seed=seed, removes_transferred=removes_transferred)
        self._plan = FaultPlan(seed)
        self._service = Service(
            self._store,
            self._plan,
            HiddenLimits(max_concurrency, max_rate),
            credentials=(self.token, self.key),
            latency=latency,
            error_envelope=error_envelope,
        )
        self._listener = Listener(self._service.handle)

    async def start(self) -> Self:
        """Listen from now on, in the running event loop. Idempotent.

        After `aclose` the sandbox listens again, at the same address and with the same customers, so that a test can
        play an outage. Raises `OSError` when the address is in use.
        """
        if not self._listener.is_open:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
                self._started = self._loop.time()
            self._port = await self._listener.open(self._host, self._port)
        return self

    async def aclose(self) -> None:
        """Stop at once: connections are aborted, and waiting requests are not carried out. Idempotent."""
        await self._listener.aclose()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self._port else 'not started'}>"

    @property
    def url(self) -> str:
        """The base URL for a client, as "http://127.0.0.1:PORT"; `RuntimeError` before the first start."""
        if self._port == 0:
            raise RuntimeError("the sandbox has no address yet: `async with Sandbox()`, or `await sandbox.start()`")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def customers(self) -> dict[int, SandboxCustomer]:
        """The customers by id, temporary users included: a copy."""
        return dict(self._store.customers)

    @property
    def deleted_customers(self) -> dict[int, SandboxCustomer]:
        """The customers that were deleted, or removed by a transfer, by id: a copy."""
        return dict(self._store.deleted)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The records of all requests so far, in the order of arrival: a copy."""
        return [exchange.record for exchange in self._service.exchanges]

    @property
    def webhooks(self) -> dict[int, SandboxWebhook]:
        """The active subscriptions by id: a copy."""
        return dict(self._store.hooks.active)

    @property
    def webhooks_fired(self) -> list[FiredWebhook]:
        """The customer webhooks that the API would have sent, in their order, subscribed to or not: a copy."""
        return list(self._store.webhooks)

    @property
    def in_flight(self) -> int:
        """The number of requests that are being served, refused requests included."""
        return self._service.in_flight

    @property
    def peak_concurrency(self) -> int:
        """The highest `in_flight` so far."""
        return self._service.peak_concurrency

    @property
    def connections_opened(self) -> int:
        """The number of connections that were accepted so far."""
        return self._listener.connections_opened

    def inject(
        self,
        fault: Fault,
        route: str | None = None,
        *,
        times: int | None = None,
        every: int | None = None,
        probability: float | None = None,
    ) -> Injection:
        """Let `fault` strike requests to `route`: the next matching request, unless the other arguments say otherwise.

        `route` is as "PATCH /api/v2/customer/{id}", where a segment in braces stands for any segment (so "GET
        /api/v2/storefront/{id}" is the list of storefronts as well), or has a concrete path, as "GET
        /api/v2/customer/12"; None is for every request. `times` is how often the fault strikes at most; `every=n`
        strikes each n-th matching request; `probability` is a chance from 0 to 1. Injections are asked in the order in
        which they were made. Latencies add up; after the first other fault that strikes, no further injection is asked.

        `ValueError` names a bad argument; a route that the sandbox does not have is one.
        """
        if route is not None:
            pattern = RoutePattern.parse(route)
            known = [str(other.pattern) for other in ROUTES]
            is_known = any(pattern.overlaps(other.pattern) for other in ROUTES)
            require("route", route, f"one of the sandbox's: {'; '.join(known)}", holds=is_known)
        return self._plan.add(fault, route, times=times, every=every, probability=probability)

    def clear_faults(self) -> None:
        """Remove every injection. Requests that are being served keep the faults that struck them."""
        self._plan.clear()

    def add_customer(self, **fields: Unpack[CustomerFields]) -> SandboxCustomer:
        """Add a permanent customer without a request or a webhook. Fields that are not given are made up.

        Raises `ValueError` when the storefront is unknown, or the id, username or e-mail address is taken.
        """
        return self._store.add_customer(**fields)

    def add_webhook(self, target_url: str, event: str) -> SandboxWebhook:
        """Add a subscription without a request. The event need not be a documented one."""
        return self._store.hooks.add(target_url, event)

    def add_work(
        self, customer_id: int, albums: int = 0, projects: int = 0, punchout_sessions: int = 0
    ) -> SandboxCustomer:
        """Give a customer more albums, projects and punchout sessions, as work in the storefront would.

        Raises `ValueError` when there is no such customer.
        """
        return self._store.add_work(customer_id, albums, projects, punchout_sessions)

    def _now(self) -> dt.datetime:
        # by the loop's clock, so that timestamps move in a test that moves that clock
        elapsed = self._loop.time() - self._started if self._loop is not None else 0.0
        return self._born + dt.timedelta(seconds=elapsed)
