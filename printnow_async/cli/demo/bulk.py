"""The last step: many creates at once, while the service does its worst."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from printnow_async.cli.demo.ledger import Ask, Claim, Row
from printnow_async.cli.demo.people import people
from printnow_async.cli.demo.stage import STOREFRONT, Stage
from printnow_async.errors import APIError, InvalidResponseError, NoResponseError, OutcomeUnknownError
from printnow_async.models import NewAccount
from printnow_async.sandbox import Fault

__all__ = ["many_customers"]

_T = TypeVar("_T")

_POST: Final = "POST /api/v2/customer"


async def many_customers(stage: Stage) -> Row:
    """Create many customers under faults, and keep what the SDK reports of each."""
    _inject_faults(stage)
    asks: list[Ask] = []
    with stage.narrator.tally(stage.customers) as tally:

        async def create_one(account: NewAccount) -> None:
            ask = await _create(stage, account)
            asks.append(ask)
            tally.add(ask.claim)

        await _each(create_one, people(stage.chance, stage.customers), concurrency=stage.concurrency)
    stage.sandbox.clear_faults()
    stage.tell("reported", str(tally))
    stage.tell_faults()
    return Row("many at once", asks)


def _inject_faults(stage: Stage) -> None:
    """About one create in seven is struck, and one in six is late as well.

    A 429 with `Retry-After` holds the whole client back, so there are two at most.
    """
    inject = stage.sandbox.inject
    inject(Fault.latency(0.03), _POST, probability=0.15)
    inject(Fault.status(429, retry_after=1), _POST, every=120, times=2)
    inject(Fault.drop(), _POST, probability=0.03)
    inject(Fault.drop(reset=True), _POST, probability=0.03)
    inject(Fault.apply_then_drop(), _POST, probability=0.025)
    inject(Fault.apply_then_status(502), _POST, probability=0.025)
    inject(Fault.truncate(), _POST, probability=0.02)


async def _create(stage: Stage, account: NewAccount) -> Ask:
    """One create, and what its caller can say of it: there, not there, or not known."""
    customer_id: int | None = None
    try:
        customer_id = (await stage.client.customers.create(account, storefront_id=STOREFRONT)).id
        claim = Claim.CREATED
    except (OutcomeUnknownError, InvalidResponseError):
        claim = Claim.UNKNOWN
    except (APIError, NoResponseError):
        claim = Claim.REFUSED
    return Ask(claim, customer_id, account.username, account.company)


async def _each(operation: Callable[[_T], Awaitable[None]], items: Iterable[_T], *, concurrency: int) -> None:
    """Run `operation` on each item, so many at once; items are drawn only as places come free."""
    source = iter(items)

    async def work() -> None:
        for item in source:
            await operation(item)

    async with asyncio.TaskGroup() as workers:
        for _ in range(concurrency):
            workers.create_task(work())
