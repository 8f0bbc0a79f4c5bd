"""The steps 6 and 7, under many faults: many creates at once, and a spreadsheet whose import is cancelled half-way."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from printnow_async.bulk import stream_bulk
from printnow_async.bulk.outcomes import Outcome, Success
from printnow_async.cli.demo.ledger import AskedCustomer, Claim, StepResult
from printnow_async.cli.demo.stage import POST_ROUTE, STOREFRONT, Stage, listed
from printnow_async.errors import APIError, InvalidResponseError, NoResponseError, OutcomeUnknownError
from printnow_async.models import Customer, NewAccount
from printnow_async.sandbox import Fault

if TYPE_CHECKING:
    from printnow_async.spreadsheets import Checked, ImportProgress, ImportReport

__all__ = ["imported_spreadsheet", "many_customers"]

_CANCELLED_AFTER: Final = 100
"""Rows of the spreadsheet that have an outcome when the import is cancelled."""


def _inject_faults(stage: Stage) -> None:
    """Let a fault strike one create in seven, and delay one in six.

    There are at most two 429 with `Retry-After`, because each of them holds back the whole client.
    """
    inject = stage.sandbox.inject
    inject(Fault.latency(0.03), POST_ROUTE, probability=0.15)
    inject(Fault.status(429, retry_after=1), POST_ROUTE, every=120, times=2)
    inject(Fault.drop(), POST_ROUTE, probability=0.03)
    inject(Fault.drop(reset=True), POST_ROUTE, probability=0.03)
    inject(Fault.apply_then_drop(), POST_ROUTE, probability=0.025)
    inject(Fault.apply_then_status(502), POST_ROUTE, probability=0.025)
    inject(Fault.truncate(), POST_ROUTE, probability=0.02)


# ---------------------------------------------------------------- many at once


async def many_customers(stage: Stage) -> StepResult:
    """Create many customers at once, and keep what the SDK reports of each."""
    _inject_faults(stage)
    asks: list[AskedCustomer] = []

    def create(account: NewAccount) -> Awaitable[Customer]:
        return stage.client.customers.create(account, storefront_id=STOREFRONT)

    accounts = (stage.person(f"{number:04}") for number in range(1, stage.customers + 1))
    kinds: Counter[str] = Counter()
    with stage.counting(stage.customers) as show:
        async with stream_bulk(create, accounts, concurrency=stage.concurrency, stop_on=()) as outcomes:
            async for outcome in outcomes:
                ask = _reported(outcome)
                asks.append(ask)
                kinds[ask.claim] += 1
                show(kinds)
    stage.sandbox.clear_faults()
    stage.tell_briefly("reported", listed(kinds))
    stage.tell_faults()
    return StepResult("many at once", asks)


def _reported(outcome: Outcome[NewAccount, Customer]) -> AskedCustomer:
    """Say what the caller of a create knows: the customer exists, does not exist, or may exist."""
    if isinstance(outcome, Success):
        return AskedCustomer.of(outcome.item, Claim.CREATED, outcome.value.id)
    match outcome.error:
        case OutcomeUnknownError() | InvalidResponseError():
            return AskedCustomer.of(outcome.item, Claim.UNKNOWN)
        case APIError() | NoResponseError():
            return AskedCustomer.of(outcome.item, Claim.REFUSED)
        case error:
            raise error


# ---------------------------------------------------------------- a spreadsheet


async def imported_spreadsheet(stage: Stage) -> StepResult:
    """Import 300 rows, 6 of which break a rule. Cancel the import with rows in flight, and run it again."""
    _inject_faults(stage)
    with (
        as_file(files("printnow_async.cli.demo") / "customers.xlsx") as source,
        tempfile.TemporaryDirectory(prefix="printnow-demo-", ignore_cleanup_errors=True) as folder,
    ):
        report = await _imported(stage, source, Path(folder, "journal"))
        asks = _asks(report)
    stage.sandbox.clear_faults()
    result = f"{report.created} created, {report.unknown} unknown, {report.invalid} wrong, not sent"
    stage.tell_briefly("reported", result)
    stage.tell_faults()
    return StepResult("spreadsheet", asks)


async def _imported(stage: Stage, source: Path, journal: Path) -> ImportReport:
    """Import a spreadsheet in two runs, the first of which is cancelled."""
    from printnow_async.spreadsheets import import_accounts  # needs SQLAlchemy, which other commands do not need

    settled = 0

    def on_checked(found: Checked) -> None:
        first = next(found.problems())
        example = f"row {first.number}: {first.problems[0]}"
        stage.tell_briefly("check", f"{found.total} rows, {found.invalid} wrong, such as {example}")

    def on_progress(now: ImportProgress) -> None:
        nonlocal settled
        before, settled = settled, now.done
        show(Counter(settled=settled))
        if before < _CANCELLED_AFTER <= settled:
            first.cancel()

    async def run(on_checked: Callable[[Checked], None] | None) -> ImportReport:
        return await import_accounts(
            stage.client,
            source,
            storefront_id=STOREFRONT,
            journal=journal,
            concurrency=stage.concurrency,
            on_checked=on_checked,
            on_progress=on_progress,
        )

    with stage.counting(294) as show:
        first = asyncio.ensure_future(run(on_checked))
        await asyncio.wait({first})
        with contextlib.suppress(asyncio.CancelledError):
            first.result()
        stage.tell_briefly("cancelled", f"with {settled} rows settled, and others on their way")
        report = await run(None)
    stage.tell_briefly("once more", f"{report.sent} rows sent, the journal knew the others")
    return report


def _asks(report: ImportReport) -> list[AskedCustomer]:
    """Read from the two reports what became of each row that was sent. An invalid row was not sent."""
    claims = {"exists": Claim.REFUSED, "rejected": Claim.REFUSED} | {claim.value: claim for claim in Claim}
    asks: list[AskedCustomer] = []
    for path in (report.created_csv, report.failed_csv):
        with path.open(encoding="utf-8", newline="") as file:
            asks += (
                AskedCustomer(claims[row["outcome"]], int(row["id"]) if "id" in row else None, row["Username"])
                for row in csv.DictReader(file)
                if row["outcome"] in claims
            )
    return asks
