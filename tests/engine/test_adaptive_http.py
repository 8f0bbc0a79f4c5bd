"""Adaptive concurrency over the real client and real sockets; time is the instant loop's."""

from __future__ import annotations

import asyncio

import pytest

from printnow_async import AttemptEvent, CallEvent, Limits, PrintNowClient, RetryPolicy, Success, Timeout, stream_bulk
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.testing import run_instantly
from tests.support.raw_server import Exchange, answer, raw_server

BUSY = answer(503)


def test_it_finds_the_servers_limit_and_loses_nothing() -> None:
    """From one call at a time to the twelve that a server takes, which answers 503 to more."""
    serving = peak = refused = 0

    async def serve(exchange: Exchange) -> None:
        nonlocal serving, peak, refused
        if serving >= 12:
            refused += 1
            exchange.writer.write(BUSY)
            return
        serving += 1
        peak = max(peak, serving)
        await asyncio.sleep(0.5)
        serving -= 1
        exchange.writer.write(answer(200, {"id": int(exchange.path.rpartition("/")[2])}))

    async def main() -> None:
        events: list[AttemptEvent | CallEvent] = []
        async with (
            raw_server(serve) as server,
            PrintNowClient(
                "t",
                "k",
                base_url=server.url,
                limits=Limits(max_concurrency=64, adaptive=True),
                timeout=Timeout(attempt=None, total=None),
                observers=[events.append],
            ) as client,
        ):
            assert client.limits.current == 1
            async with stream_bulk(client.customers.get, range(1, 2_001), concurrency=100) as outcomes:
                kinds = [type(outcome) async for outcome in outcomes]
            assert kinds == [Success] * 2_000
            assert 10 <= client.limits.current <= 13
        assert peak == 12
        assert refused <= 0.03 * 2_000
        assert {event.limit for event in events} >= {1, 2, 4, 8, 12}

    run_instantly(main())


@pytest.mark.parametrize(
    ("fault", "lowered"),
    [
        (Fault.status(429, retry_after=1), True),
        (Fault.status(503), True),
        (Fault.latency(40), True),
        (Fault.status(500), False),
        (Fault.drop(), False),
        (Fault.status(404), False),
    ],
    ids=["429", "503", "attempt timeout", "500", "dropped", "404"],
)
def test_what_counts_as_too_much(fault: Fault, lowered: bool) -> None:
    """429, 503 and an attempt's timeout lower the limit; other failures say nothing about load."""

    async def main() -> None:
        async with Sandbox(latency=0.1) as sandbox:
            async with PrintNowClient(
                sandbox.token,
                sandbox.key,
                base_url=sandbox.url,
                limits=Limits(max_concurrency=8, adaptive=True),
                retry=RetryPolicy.none(),
            ) as client:
                await asyncio.gather(*(client.ping() for _ in range(200)))
                before = client.limits.current
                assert before > 4
                sandbox.inject(fault, times=1)
                await asyncio.gather(*(client.ping() for _ in range(before)), return_exceptions=True)
                assert (client.limits.current < before) is lowered

    run_instantly(main())


async def test_a_fixed_limit_is_seen_as_it_is() -> None:
    """`client.limits` shows what is allowed, what is in flight and what waits, on clones too."""
    async with Sandbox(latency=0.05) as sandbox:
        limits = Limits(max_concurrency=3, max_rate=500)
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url, limits=limits) as client:
            seen = client.with_options(retry=RetryPolicy.none()).limits
            assert (seen.max_concurrency, seen.max_rate, seen.adaptive, seen.current) == (3, 500, False, 3)
            calls = [asyncio.ensure_future(client.ping()) for _ in range(5)]
            while len(sandbox.requests) < 3:
                await asyncio.sleep(0)
            assert (seen.in_flight, seen.waiting) == (3, 2)
            assert repr(seen) == "LiveLimits(current=3, in_flight=3, waiting=2)"
            await asyncio.gather(*calls)
            assert (seen.in_flight, seen.waiting) == (0, 0)


async def test_an_attempt_that_is_cancelled_gives_its_place_back() -> None:
    """Cancelled calls say nothing about load, and leave nothing in flight."""
    async with Sandbox(latency=30) as sandbox:
        limits = Limits(max_concurrency=4, adaptive=True)
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url, limits=limits) as client:
            for _ in range(5):
                call = asyncio.ensure_future(client.ping())
                while not client.limits.in_flight:
                    await asyncio.sleep(0)
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
            assert (client.limits.in_flight, client.limits.current) == (0, 1)
