"""Cancelled at any point, a call leaves no place taken and no connection open that is not in the pool."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from printnow_async import Limits, PrintNowClient, RetryPolicy
from printnow_async.sandbox import Fault, Sandbox
from tests.support.scenarios import OPERATIONS


def leaked(client: PrintNowClient) -> tuple[int, int, int]:
    """Places held, calls waiting, connections handed out and not returned."""
    gate, session = client.limits, client._caller.shared.transport._session
    connector: Any = session.connector if session is not None else None
    return gate.in_flight, gate.waiting, len(connector._acquired) if connector is not None else 0


async def cancel_after(turns: int, call: Any) -> bool:
    """Let a call run for so many turns of the event loop, then cancel it; whether it was still running."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    running = task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return running


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("name", OPERATIONS)
async def test_cancelling_at_every_await_leaks_nothing(name: str, kept: bool) -> None:
    """Turn by turn through a whole call, a repeat and its pause included."""
    operation = OPERATIONS[name]
    turns, running = 0, True
    while running:
        async with Sandbox(seed=turns) as sandbox:
            async with PrintNowClient(
                sandbox.token,
                sandbox.key,
                base_url=sandbox.url,
                limits=Limits(max_concurrency=1),
                retry=RetryPolicy(base_delay=0.0),
            ) as client:
                other = PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url)
                async with other:
                    ids = await operation.prepare(sandbox, other)
                if kept:
                    await client.ping()
                sandbox.inject(Fault.status(500), route=operation.route)
                running = await cancel_after(turns, operation.run(client, ids))
                assert leaked(client) == (0, 0, 0), turns
                await client.ping()
        turns += 1
    assert turns > 5


async def test_a_cancelled_waiter_gives_its_turn_to_the_next() -> None:
    """Ten calls in a queue of one; every other one is cancelled; the rest all run, in order."""
    async with Sandbox(latency=0.002) as sandbox:
        async with PrintNowClient(
            sandbox.token, sandbox.key, base_url=sandbox.url, limits=Limits(max_concurrency=1)
        ) as client:
            ids = [sandbox.add_customer(storefront_id=1).id for _ in range(10)]
            calls = [asyncio.ensure_future(client.customers.get(customer_id)) for customer_id in ids]
            await asyncio.sleep(0)
            for call in calls[1::2]:
                call.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [getattr(result, "id", None) for result in results] == [
                customer_id if index % 2 == 0 else None for index, customer_id in enumerate(ids)
            ]
            served = [int(request.path.rpartition("/")[2]) for request in sandbox.requests]
            assert served == ids[0::2]
            assert leaked(client) == (0, 0, 0)


async def test_cancellation_passes_through_as_it_is() -> None:
    """No error of ours takes its place, even for a write that was sent."""
    async with Sandbox(latency=30) as sandbox:
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
            call = asyncio.ensure_future(client.customers.create_temporary(storefront_id=1))
            while not sandbox.in_flight:
                await asyncio.sleep(0)
            call.cancel("from outside")
            with pytest.raises(asyncio.CancelledError, match="from outside"):
                await call
            assert leaked(client) == (0, 0, 0)


async def test_an_outer_timeout_is_the_callers_own() -> None:
    """asyncio.timeout around a call raises TimeoutError there, not an error of the client."""
    async with Sandbox(latency=30) as sandbox:
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await client.ping()
            assert leaked(client) == (0, 0, 0)
