"""A sandbox, a client and a tracker in one instant event loop, with processes that can be made to die."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from printnow_async import (
    LifecycleRecord,
    MemoryTracker,
    NewAccount,
    PrintNowClient,
    RetryPolicy,
    TempUserLifecycle,
    Timeout,
)
from printnow_async.sandbox import Sandbox

PATCH, TRANSFER, CREATE = (
    "PATCH /api/v2/customer/{id}",
    "PATCH /api/v2/customer/{id}/transfer",
    "POST /api/v2/customer",
)
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def account(name: str = "janesmith", email: str | None = None) -> NewAccount:
    return NewAccount(name, "securepass123", email or f"{name}@example.com", "Jane", "Smith")


def clock() -> datetime:
    """The event loop's clock, which jumps, as a time of day."""
    return BEGINNING + timedelta(seconds=asyncio.get_running_loop().time())


class Killed(BaseException):
    """A process was killed: nothing of it runs any more, no cleaning up either."""


@attrs.define
class Life:
    """What a process may still do: it dies at a point of its own, counted over all it does."""

    dies_at: int | None = None
    point: int = 0
    dead: bool = False

    def pass_by(self) -> None:
        """One more point at which it may die."""
        if self.dead or self.point == self.dies_at:
            self.dead = True
            raise Killed
        self.point += 1


class MortalTracker:
    """A tracker as a process sees it that may die before or after each operation."""

    def __init__(self, tracker: Any, life: Life) -> None:
        self._tracker, self._life = tracker, life

    async def load(self, reference: str) -> LifecycleRecord | None:
        self._life.pass_by()
        return await self._tracker.load(reference)

    async def insert(self, record: LifecycleRecord) -> bool:
        self._life.pass_by()
        done = await self._tracker.insert(record)
        self._life.pass_by()
        return done

    async def replace(self, record: LifecycleRecord, expected_version: int) -> bool:
        self._life.pass_by()
        done = await self._tracker.replace(record, expected_version)
        self._life.pass_by()
        return done

    def stale(self, **options: Any) -> Any:
        return self._tracker.stale(**options)


@attrs.define
class Shop:
    """One sandbox and one tracker, and as many processes as a test wants."""

    sandbox: Sandbox
    client: PrintNowClient
    tracker: MemoryTracker
    transitions: list[Any] = attrs.field(factory=list)

    async def guest(self, reference: str = "cart", *, life: Life | None = None, **options: Any) -> TempUserLifecycle:
        """Start or find a guest, as a process of its own."""
        return await TempUserLifecycle.start(
            self.client,
            self.tracker if life is None else MortalTracker(self.tracker, life),
            reference=reference,
            storefront_id=1,
            **{"clock": clock, "on_transition": self.transitions.append, **options},
        )

    async def resume(self, reference: str = "cart", **options: Any) -> TempUserLifecycle:
        return await TempUserLifecycle.resume(
            self.client, self.tracker, reference=reference, **{"clock": clock, **options}
        )

    def member(self, name: str = "member") -> int:
        """A permanent account that exists already."""
        return self.sandbox.add_customer(storefront_id=1, username=name, email=f"{name}@example.com").id

    def sent(self, route: str) -> int:
        """Requests of this route that reached the sandbox."""
        return sum(request.route == route for request in self.sandbox.requests)

    def applied(self, route: str) -> int:
        """Requests of this route that took effect."""
        return sum(request.route == route and request.applied for request in self.sandbox.requests)

    @property
    def temporaries(self) -> int:
        return sum(customer.is_temporary for customer in self.sandbox.customers.values())

    @property
    def created(self) -> int:
        """Permanent accounts made through the API."""
        return sum(webhook.event == "customer_created" for webhook in self.sandbox.webhooks_fired)


@contextlib.asynccontextmanager
async def shop(seed: int = 0, **options: Any) -> AsyncIterator[Shop]:
    async with Sandbox(seed=seed, **options) as sandbox:
        client = PrintNowClient(
            sandbox.token,
            sandbox.key,
            base_url=sandbox.url,
            retry=RetryPolicy(base_delay=0.1),
            timeout=Timeout(attempt=5.0, total=20.0),
        )
        async with client:
            yield Shop(sandbox, client, MemoryTracker())


class MortalTransport:
    """A transport as a process sees it that may die before a request is sent, or before its answer is read."""

    def __init__(self, transport: Any, life: Life) -> None:
        self._transport, self._life = transport, life

    async def attempt(self, request: Any, **bounds: Any) -> Any:
        self._life.pass_by()
        outcome = await self._transport.attempt(request, **bounds)
        self._life.pass_by()
        return outcome

    async def aclose(self) -> None:
        """The shop closes its connections itself."""


def mortal_client(shop: Shop, life: Life) -> PrintNowClient:
    """A client that shares the shop's connections, and may die."""
    sandbox = shop.sandbox
    return PrintNowClient(
        sandbox.token,
        sandbox.key,
        base_url=sandbox.url,
        retry=RetryPolicy(base_delay=0.1),
        timeout=Timeout(attempt=5.0, total=20.0),
        transport=MortalTransport(shop.client._caller.shared.transport, life),
    )
