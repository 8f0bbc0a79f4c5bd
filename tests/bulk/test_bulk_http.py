"""Bulk over the real client and real sockets: the limit at the server, patience in trouble, nothing lost."""

from __future__ import annotations

import asyncio

import pytest

from printnow_async import (
    AuthenticationError,
    Limits,
    NewAccount,
    OutcomeUnknownError,
    PrintNowClient,
    RetryPolicy,
    Success,
    Timeout,
    run_bulk,
    stream_bulk,
)
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.testing import run_instantly

PATIENT = Timeout(total=None)


def account(number: int) -> NewAccount:
    return NewAccount(f"user-{number}", "securepass123", f"user-{number}@example.com", "A", "B")


async def test_the_server_never_sees_more_at_once_than_the_smaller_limit() -> None:
    """The bulk's concurrency and the client's max_concurrency both hold, measured at the server."""
    async with Sandbox(latency=0.01) as sandbox:
        async with PrintNowClient(
            sandbox.token, sandbox.key, base_url=sandbox.url, limits=Limits(max_concurrency=9)
        ) as client:
            await run_bulk(lambda _: client.ping(), range(100), concurrency=5)
            assert 3 <= sandbox.peak_concurrency <= 5
            await run_bulk(lambda _: client.ping(), range(100), concurrency=50)
            assert 6 <= sandbox.peak_concurrency <= 9


def test_creates_under_faults_are_each_there_once() -> None:
    """Success is held, a plain error is not, an unknown outcome may be either; nobody is there twice."""

    async def main() -> None:
        async with Sandbox(seed=11) as sandbox:
            for fault in (
                Fault.apply_then_drop(),
                Fault.drop(reset=True),
                Fault.apply_then_status(502),
                Fault.status(503),
                Fault.truncate(),
                Fault.status(429, retry_after=1),
            ):
                sandbox.inject(fault, route="POST /api/v2/customer", probability=0.04)
            async with PrintNowClient(
                sandbox.token, sandbox.key, base_url=sandbox.url, timeout=PATIENT, retry=RetryPolicy(base_delay=0.1)
            ) as client:

                async def create(number: int) -> int:
                    return (await client.customers.create(account(number), storefront_id=1)).id

                outcomes = {}
                async with stream_bulk(create, range(600), concurrency=16) as stream:
                    async for outcome in stream:
                        outcomes[outcome.item] = outcome
            held = [customer.username for customer in sandbox.customers.values()]
            assert len(outcomes) == 600
            assert len(set(held)) == len(held)
            assert sum(isinstance(outcome, Success) for outcome in outcomes.values()) > 500
            for number, outcome in outcomes.items():
                if isinstance(outcome, Success):
                    assert sandbox.customers[outcome.value].username == f"user-{number}"
                elif not isinstance(outcome.error, OutcomeUnknownError):
                    assert f"user-{number}" not in held

    run_instantly(main())


@pytest.mark.heavy(7)
@pytest.mark.once
def test_a_tenth_of_refusals_settles_every_item_within_the_budget() -> None:
    """10 % of answers 503 with Retry-After: 1 over 5,000 calls: all settled, extra requests as many as refusals."""

    async def main() -> None:
        async with Sandbox(seed=2) as sandbox:
            sandbox.inject(Fault.status(503, retry_after=1), probability=0.1)
            async with PrintNowClient(
                sandbox.token, sandbox.key, base_url=sandbox.url, limits=Limits(max_concurrency=32), timeout=PATIENT
            ) as client:
                report = await run_bulk(lambda _: client.ping(), range(5000), concurrency=32)
            assert len(report.successes) + len(report.failures) == 5000
            assert len(report.failures) <= 5  # four refusals in a row: one in ten thousand
            refused = sum(request.status == 503 for request in sandbox.requests)
            assert len(sandbox.requests) - 5000 <= refused
            assert client._caller.shared.budget.left > 40

    run_instantly(main())


async def test_wrong_credentials_end_a_bulk_at_the_first_answer() -> None:
    """A hundred thousand 401s help nobody."""
    async with Sandbox() as sandbox:
        async with PrintNowClient("not-a-token", "not-a-key", base_url=sandbox.url) as client:
            report = await run_bulk(client.customers.get, range(1, 100_001), concurrency=8)
            assert report.stopped
            assert all(isinstance(failure.error, AuthenticationError) for failure in report.failures)
            assert len(sandbox.requests) <= 8
            assert len(report.failures) + len(report.not_started) == 100_000


async def test_leaving_a_bulk_leaves_no_place_taken() -> None:
    """break in the middle: the client is as good as new."""
    async with Sandbox(latency=0.001) as sandbox:
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
            async with stream_bulk(lambda _: client.ping(), range(1000), concurrency=12) as outcomes:
                async for outcome in outcomes:
                    if outcome.index > 20:
                        break
            gate = client.limits
            assert (gate.in_flight, gate.waiting) == (0, 0)
            await asyncio.wait_for(client.ping(), 5)
