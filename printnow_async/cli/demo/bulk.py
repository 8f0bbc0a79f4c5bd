"""The step with many creates at once, while the service does its worst."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from printnow_async.bulk import stream_bulk
from printnow_async.bulk.outcomes import Outcome, Success
from printnow_async.cli.demo.ledger import Ask, Claim, Row
from printnow_async.cli.demo.people import people
from printnow_async.cli.demo.stage import STOREFRONT, Stage
from printnow_async.errors import APIError, InvalidResponseError, NoResponseError, OutcomeUnknownError
from printnow_async.models import Customer, NewAccount
from printnow_async.sandbox import Fault

__all__ = ["inject_faults", "many_customers"]

_POST: Final = "POST /api/v2/customer"


async def many_customers(stage: Stage) -> Row:
    """Create many customers under faults, and keep what the SDK reports of each."""
    inject_faults(stage)
    asks: list[Ask] = []

    def create(account: NewAccount) -> Awaitable[Customer]:
        return stage.client.customers.create(account, storefront_id=STOREFRONT)

    everybody = people(stage.chance, stage.customers)
    with stage.narrator.tally(stage.customers) as tally:
        async with stream_bulk(create, everybody, concurrency=stage.concurrency, stop_on=()) as outcomes:
            async for outcome in outcomes:
                ask = _reported(outcome)
                asks.append(ask)
                tally.add(ask.claim)
    stage.sandbox.clear_faults()
    stage.tell("reported", str(tally))
    stage.tell_faults()
    return Row("many at once", asks)


def inject_faults(stage: Stage) -> None:
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


def _reported(outcome: Outcome[NewAccount, Customer]) -> Ask:
    """What the caller of a create can say of it: there, not there, or not known."""
    account = outcome.item
    if isinstance(outcome, Success):
        return Ask(Claim.CREATED, outcome.value.id, account.username, account.company)
    match outcome.error:
        case OutcomeUnknownError() | InvalidResponseError():
            claim = Claim.UNKNOWN
        case APIError() | NoResponseError():
            claim = Claim.REFUSED
        case error:
            raise error
    return Ask(claim, None, account.username, account.company)
