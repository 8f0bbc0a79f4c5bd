"""The sandbox itself: what a test starts, asks, disturbs and reads."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Mapping
from types import TracebackType
from typing import Self, Unpack, final

from printnow_async.sandbox.accounts import CustomerFields, SandboxCustomer
from printnow_async.sandbox.arguments import at_least, number, require, whole
from printnow_async.sandbox.faults import Fault
from printnow_async.sandbox.gates import Gates
from printnow_async.sandbox.hooks import SandboxWebhook
from printnow_async.sandbox.listener import Listener
from printnow_async.sandbox.patterns import RoutePattern
from printnow_async.sandbox.plan import FaultPlan, Injection
from printnow_async.sandbox.records import RecordedRequest
from printnow_async.sandbox.replies import ENVELOPES, ErrorEnvelope
from printnow_async.sandbox.routes import ROUTES
from printnow_async.sandbox.service import Service, Settings
from printnow_async.sandbox.store import FiredWebhook, Store

__all__ = ["Sandbox"]

STOREFRONTS = {1: "My Print Store", 2: "Second Store"}


@final
class Sandbox:
    """A PrintNow service of your own on a loopback port, for tests, examples and demonstrations.

    ```python
    async with Sandbox() as sandbox:
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
            await client.ping()
    ```

    It runs inside the caller's event loop, speaks real HTTP and keeps the vendor's documented rules
    ("Customers", "Ping", "Storefronts", "Webhooks", "Authentication") in memory; what it assumes where they are
    silent is listed in `store`, `checks`, `accounts`, `hooks`, `credentials`, `routes` and `gates`. With one seed
    and the same requests in the same order it does the same again: random names, credentials, and which requests
    a fault strikes.

    Takes:

    - `storefronts`: names by id.
    - `max_concurrency`: a request beyond that many at once gets 503, unapplied; None for no limit.
    - `max_rate`: a request beyond that many in any one second gets 429 and `Retry-After: 1`, unapplied.
    - `latency`: seconds that every request waits before it is applied.
    - `seed`: what everything random is drawn from.
    - `token`, `key`: the credentials it accepts; random from the seed when left out.
    - `host`, `port`: where it listens; port 0 lets the system choose.
    - `removes_transferred`: whether a temporary user is gone (404) after a transfer; the vendor does not say.
    - `error_envelope`: the form of an error's body, which the vendor does not say either: "Message" and
      "message" are the key of a JSON object; "string" is a JSON string; "text", "html" and "empty" are what
      they say.

    Wrong arguments are a `ValueError` that names them.
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
        at_least(1, "max_concurrency", max_concurrency)
        at_least(1, "max_rate", max_rate)
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
        settings = Settings(token=self.token, key=self.key, latency=latency, error_envelope=error_envelope)
        self._service = Service(self._store, self._plan, Gates(max_concurrency, max_rate), settings)
        self._listener = Listener(self._service.handle)

    async def start(self) -> Self:
        """Listen from now on, in the running event loop. Once it listens this does nothing.

        After `aclose` it listens again, at the same address and with everything it held: an outage, in a
        test. Raises `OSError` when the address is taken.
        """
        if not self._listener.is_open:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
                self._started = self._loop.time()
            self._port = await self._listener.open(self._host, self._port)
        return self

    async def aclose(self) -> None:
        """Stop at once: connections are aborted, requests that still wait are not carried out. Idempotent."""
        await self._listener.aclose()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self._port else 'not started'}>"

    @property
    def url(self) -> str:
        """The base URL for a client, as "http://127.0.0.1:PORT"; a `RuntimeError` while it has no port."""
        if self._port == 0:
            raise RuntimeError("the sandbox has no address yet: `async with Sandbox()`, or `await sandbox.start()`")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def customers(self) -> dict[int, SandboxCustomer]:
        """The living customers by id, temporary ones included: a copy."""
        return dict(self._store.customers)

    @property
    def deleted_customers(self) -> dict[int, SandboxCustomer]:
        """The customers that were deleted, or removed by a transfer, by id: a copy."""
        return dict(self._store.deleted)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, in the order of arrival: a copy."""
        return [exchange.record for exchange in self._service.exchanges]

    @property
    def webhooks(self) -> dict[int, SandboxWebhook]:
        """The active subscriptions by id: a copy."""
        return dict(self._store.hooks.active)

    @property
    def webhooks_fired(self) -> list[FiredWebhook]:
        """What happened that the API has a customer webhook for, in its order, subscribed to or not: a copy."""
        return list(self._store.webhooks)

    @property
    def in_flight(self) -> int:
        """How many requests are being served, those that a limit turns away included."""
        return self._service.in_flight

    @property
    def peak_concurrency(self) -> int:
        """The highest `in_flight` so far."""
        return self._service.peak_concurrency

    @property
    def connections_opened(self) -> int:
        """How many connections it has accepted so far."""
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
        """Let `fault` strike requests to `route`: the next one, unless it is said otherwise.

        Takes a route as "PATCH /api/v2/customer/{id}", where a segment in braces stands for any (so "GET
        /api/v2/storefront/{id}" is the list of storefronts, too), or with a concrete path, "GET
        /api/v2/customer/12"; None for every request. `times` is how often at most;
        `every=n` each n-th matching request; `probability` a chance from 0 to 1. Injections are asked in
        their order: the first that strikes settles it, except that a latency goes together with what follows.

        Raises `ValueError` naming a bad argument, a route that the sandbox does not have among them.
        """
        if route is not None:
            pattern = RoutePattern.parse(route)
            known = [str(other.pattern) for other in ROUTES]
            is_known = any(pattern.overlaps(other.pattern) for other in ROUTES)
            require("route", route, f"one of the sandbox's: {'; '.join(known)}", holds=is_known)
        return self._plan.add(fault, route, times=times, every=every, probability=probability)

    def clear_faults(self) -> None:
        """Take every injection out; requests that are being served keep the faults that struck them."""
        self._plan.clear()

    def add_customer(self, **fields: Unpack[CustomerFields]) -> SandboxCustomer:
        """Put a permanent customer in, without a request or a webhook; what is not given is made up.

        Raises `ValueError` when the storefront is unknown, or the id, username or e-mail address is taken.
        """
        return self._store.add_customer(**fields)

    def add_webhook(self, target_url: str, event: str) -> SandboxWebhook:
        """Put a subscription in, without a request; its event may be one that the API does not document."""
        return self._store.hooks.add(target_url, event)

    def add_work(
        self, customer_id: int, albums: int = 0, projects: int = 0, punchout_sessions: int = 0
    ) -> SandboxCustomer:
        """Give a customer more albums, projects and punchout sessions, as designing in the storefront would.

        Raises `ValueError` when there is no such customer.
        """
        return self._store.add_work(customer_id, albums, projects, punchout_sessions)

    def _now(self) -> dt.datetime:
        # Moves with the loop's clock, so that a test which moves that one sees its timestamps move.
        elapsed = self._loop.time() - self._started if self._loop is not None else 0.0
        return self._born + dt.timedelta(seconds=elapsed)
