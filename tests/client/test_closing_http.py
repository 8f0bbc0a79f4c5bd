"""How a client ends: what is under way, what waits and what comes too late. Real sockets, and a clock that jumps."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest

from printnow_async import (
    CallEvent,
    ConfigurationError,
    ConnectionLostError,
    Customer,
    Limits,
    NewAccount,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    RawResponse,
    RetryPolicy,
    Sent,
)
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.testing import run_instantly
from tests.support.loops import on_fake_time
from tests.support.transports import EMPTY, FakeTransport, client_on, found


@contextlib.asynccontextmanager
async def sandbox_and_client(**options):
    async with Sandbox() as sandbox:
        client = PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url, **options)
        try:
            yield sandbox, client
        finally:
            await client.aclose()


async def under_way(sandbox, requests=1):
    """Wait until so many requests have reached the sandbox."""
    while sandbox.in_flight < requests:
        await asyncio.sleep(0.01)


def now():
    return asyncio.get_running_loop().time()


def test_a_call_under_way_ends_well_within_the_drain_and_new_calls_are_refused_at_once():
    async def main():
        async with sandbox_and_client() as (sandbox, client):
            jane = sandbox.add_customer(storefront_id=1)
            sandbox.inject(Fault.latency(3.0))
            call = asyncio.ensure_future(client.customers.get(jane.id))
            await under_way(sandbox)
            began = now()
            closing = asyncio.ensure_future(client.aclose(drain=10.0))
            await asyncio.sleep(0)
            with pytest.raises(ConfigurationError, match="this client is closed"):
                await client.ping()
            with pytest.raises(ConfigurationError, match="this client is closed"):
                await client.with_options().request("GET", "/api/v2/ping")
            assert now() - began < 1.0
            await closing
            assert now() - began < 5.0
            assert isinstance(await call, Customer)
            assert len(sandbox.requests) == 1

    run_instantly(main())


def test_a_call_that_does_not_end_within_the_drain_is_cut():
    async def main():
        async with sandbox_and_client(retry=RetryPolicy.none()) as (sandbox, client):
            sandbox.inject(Fault.latency(100.0, after=True))
            call = asyncio.ensure_future(client.customers.create_temporary(storefront_id=1))
            await under_way(sandbox)
            began = now()
            await client.aclose(drain=5.0)
            assert 5.0 <= now() - began < 6.0
            with pytest.raises(OutcomeUnknownError):
                await call
            assert now() - began < 6.0

    run_instantly(main())


@pytest.mark.parametrize("drain", [None, 0, 0.0], ids=repr)
def test_without_a_drain_calls_under_way_fail_at_once(drain):
    async def main():
        async with sandbox_and_client(retry=RetryPolicy.none()) as (sandbox, client):
            sandbox.inject(Fault.latency(100.0))
            call = asyncio.ensure_future(client.ping())
            await under_way(sandbox)
            began = now()
            await client.aclose(drain)
            with pytest.raises(ConnectionLostError):
                await call
            assert now() - began < 1.0

    run_instantly(main())


def test_a_drain_without_calls_under_way_waits_for_nothing():
    async def main():
        async with sandbox_and_client() as (_, client):
            await client.ping()
            began = now()
            await client.aclose(drain=30.0)
            assert now() - began < 1.0

    run_instantly(main())


def test_calls_that_wait_for_a_place_end_well_within_the_drain():
    async def main():
        async with sandbox_and_client(limits=Limits(max_concurrency=1)) as (sandbox, client):
            sandbox.inject(Fault.latency(1.0), every=1)
            calls = [asyncio.ensure_future(client.ping()) for _ in range(4)]
            await under_way(sandbox)
            await client.aclose(drain=10.0)
            assert await asyncio.gather(*calls) == [None] * 4

    run_instantly(main())


def test_calls_that_wait_for_a_place_are_told_that_the_client_is_closed():
    async def main():
        events = []
        limits = Limits(max_concurrency=1)
        async with sandbox_and_client(limits=limits, retry=RetryPolicy.none(), observers=[events.append]) as (
            sandbox,
            client,
        ):
            sandbox.inject(Fault.latency(100.0), every=1)
            first = asyncio.ensure_future(client.ping())
            await under_way(sandbox)
            queued = [asyncio.ensure_future(client.customers.create_temporary(storefront_id=1)) for _ in range(3)]
            await asyncio.sleep(0.1)
            await client.aclose(drain=2.0)
            ends = await asyncio.gather(first, *queued, return_exceptions=True)
            assert [type(end) for end in ends] == [ConnectionLostError] + [ConfigurationError] * 3
            calls = [event for event in events if isinstance(event, CallEvent)]
            told = {(event.operation, event.sent, event.attempts, event.failure) for event in calls}
            assert told == {
                ("ping", Sent.MAYBE, 1, "ConnectionLostError"),
                ("customers.create_temporary", Sent.NEVER, 0, "ConfigurationError"),
            }
            assert len(sandbox.requests) == 1

    run_instantly(main())


def test_closing_twice_and_by_two_at_once_closes_once_for_both():
    async def main():
        async with sandbox_and_client() as (sandbox, client):
            sandbox.inject(Fault.latency(3.0))
            call = asyncio.ensure_future(client.ping())
            await under_way(sandbox)
            began = now()
            await asyncio.gather(client.aclose(drain=10.0), client.aclose(drain=20.0))
            await client.aclose(drain=10.0)
            assert now() - began < 5.0
            assert await call is None

    run_instantly(main())


def test_closing_at_once_ends_a_drain_that_is_under_way():
    async def main():
        async with sandbox_and_client(retry=RetryPolicy.none()) as (sandbox, client):
            sandbox.inject(Fault.latency(100.0))
            call = asyncio.ensure_future(client.ping())
            await under_way(sandbox)
            began = now()
            draining = asyncio.ensure_future(client.aclose(drain=50.0))
            await asyncio.sleep(0)
            await client.aclose()
            with pytest.raises(ConnectionLostError):
                await call
            await draining
            assert now() - began < 2.0

    run_instantly(main())


def test_a_drain_that_is_cancelled_closes_at_once():
    """Nothing is left open that nobody closes any more."""

    async def main():
        async with sandbox_and_client(retry=RetryPolicy.none()) as (sandbox, client):
            sandbox.inject(Fault.latency(100.0))
            call = asyncio.ensure_future(client.ping())
            await under_way(sandbox)
            draining = asyncio.ensure_future(client.aclose(drain=50.0))
            await asyncio.sleep(0)
            draining.cancel()
            with pytest.raises(asyncio.CancelledError):
                await draining
            with pytest.raises(ConnectionLostError):
                await call

    run_instantly(main())


@pytest.mark.parametrize("drain", [-1, -0.001, float("nan"), float("inf"), "5", True, [5]], ids=repr)
async def test_a_drain_that_is_no_time_is_refused_and_closes_nothing(drain):
    client = client_on(transport := FakeTransport(EMPTY))
    with pytest.raises(ConfigurationError, match=r"^drain must be"):
        await client.aclose(drain)
    assert transport.closed == 0
    await client.ping()
    await client.aclose()


async def test_a_client_with_other_options_refuses_the_same_drain_and_closes_nothing():
    client = client_on(transport := FakeTransport(EMPTY))
    other = client.with_options()
    with pytest.raises(ConfigurationError, match=r"^drain must be"):
        await other.aclose(-1)
    await other.aclose(drain=5.0)
    await client.ping()
    assert transport.closed == 0
    await client.aclose()


def test_a_drain_waits_for_calls_of_clients_with_other_options_too():
    async def main():
        async with sandbox_and_client() as (sandbox, client):
            sandbox.inject(Fault.latency(3.0))
            call = asyncio.ensure_future(client.with_options(headers={"X-A": "1"}).ping())
            await under_way(sandbox)
            await client.aclose(drain=10.0)
            assert await call is None

    run_instantly(main())


@on_fake_time
async def test_all_requests_of_a_call_under_way_are_sent_within_the_drain():
    """A convert that has read its customer still writes."""
    reading = asyncio.Event()

    async def slow(_request):
        reading.set()
        await asyncio.sleep(1.0)
        return found(id=7, is_temporary=True)

    client = client_on(FakeTransport(slow, found(id=7, username="janesmith", is_temporary=False)))
    jane = NewAccount("janesmith", "securepass123", "jane@example.com", "Jane", "Smith")
    call = asyncio.ensure_future(client.customers.convert(7, jane))
    await reading.wait()
    await client.aclose(drain=5.0)
    assert (await call).username == "janesmith"


@on_fake_time
async def test_closing_ends_the_pause_before_a_repeat():
    """A call that would have waited for a minute ends when the client does, with the failure that it has."""
    client = client_on(FakeTransport(RawResponse(503, b"busy", retry_after=60.0)))
    call = asyncio.ensure_future(client.ping())
    await asyncio.sleep(1.0)
    await client.aclose()
    with pytest.raises(PrintNowError):
        await call
    assert now() < 2.0


@on_fake_time
async def test_a_call_that_fails_because_the_client_closes_is_not_repeated():
    async def cut(_request):
        await asyncio.sleep(1.0)
        return RawResponse(503, b"busy", retry_after=60.0)

    client = client_on(FakeTransport(cut))
    call = asyncio.ensure_future(client.ping())
    await asyncio.sleep(0.5)
    await client.aclose()
    with pytest.raises(PrintNowError):
        await call
    assert now() < 2.0


def test_calls_under_way_on_a_borrowed_session_are_cut_and_the_session_stays_open():
    async def main():
        async with (
            aiohttp.ClientSession() as session,
            sandbox_and_client(session=session, retry=RetryPolicy.none()) as (sandbox, client),
        ):
            sandbox.inject(Fault.latency(100.0))
            call = asyncio.ensure_future(client.customers.create_temporary(storefront_id=1))
            await under_way(sandbox)
            began = now()
            await client.aclose(drain=2.0)
            with pytest.raises(OutcomeUnknownError, match="the client was closed"):
                await call
            assert now() - began < 3.0
            assert not session.closed

    run_instantly(main())


@on_fake_time
async def test_no_attempt_follows_the_closing_of_the_transport():
    """Not even of a call that waits for its turn at that time."""

    class Slow:
        async def turn(self):
            await asyncio.sleep(10.0)

        async def hold(self, seconds):
            pass

    client = client_on(transport := FakeTransport(EMPTY), pacer=Slow())
    call = asyncio.ensure_future(client.ping())
    await asyncio.sleep(1.0)
    await client.aclose()
    with pytest.raises(ConfigurationError, match="this client is closed"):
        await call
    assert transport.requests == []
