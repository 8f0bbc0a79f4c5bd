"""Timeout.total bounds the whole call, Retry-After is waited in full, and the budget bounds an outage."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise
from typing import Any

import pytest

from printnow_async import (
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    Limits,
    NewAccount,
    OutcomeUnknownError,
    PrintNowClient,
    RateLimitError,
    RetryPolicy,
    Sent,
    ServerError,
    Timeout,
)
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.testing import run_instantly
from tests.support.raw_server import Exchange, answer, raw_server

NEW = NewAccount("janesmith", "securepass123", "jane@example.com", "Jane", "Smith")
JANE = {"id": 12, "username": "janesmith", "is_temporary": False}
TOTAL = 7.0
TOLERANCE = 0.05


def client_of(url: str, **options: Any) -> PrintNowClient:
    return PrintNowClient("token", "key", base_url=url, **options)


async def seconds(call: Any) -> tuple[float, BaseException | None]:
    """How long an awaitable takes on the loop's clock, and the error it ends in."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await call
    except Exception as error:  # noqa: BLE001 - handed to the test
        return loop.time() - began, error
    return loop.time() - began, None


async def never(_: Exchange) -> None:
    await asyncio.Event().wait()


async def drip(exchange: Exchange) -> None:
    """A good answer, one byte in each second."""
    data = answer(200, JANE)
    for index in range(len(data)):
        exchange.writer.write(data[index : index + 1])
        await exchange.writer.drain()
        await asyncio.sleep(1)


async def drip_error(exchange: Exchange) -> None:
    """The head of an error at once, its body one byte in each second."""
    exchange.writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n")
    while True:
        exchange.writer.write(b"x")
        await exchange.writer.drain()
        await asyncio.sleep(1)


@pytest.mark.parametrize("behaviour", [never, drip], ids=["silent", "dripping"])
@pytest.mark.parametrize("attempt", [None, 2.0, 30.0])
def test_total_holds_while_reading(behaviour: Any, attempt: float | None) -> None:
    """A server that never answers, or that drips, holds a call no longer than Timeout.total."""

    async def main() -> None:
        async with raw_server(behaviour) as server:
            async with client_of(server.url, timeout=Timeout(attempt=attempt, total=TOTAL)) as client:
                took, error = await seconds(client.customers.get(12))
                assert took <= TOTAL + TOLERANCE
                assert isinstance(error, DeadlineExceededError | ConnectionLostError)
                if attempt != 2.0:
                    assert took >= TOTAL
                    assert isinstance(error, DeadlineExceededError)
                    assert error.sent is Sent.MAYBE

    run_instantly(main())


def test_total_holds_for_a_write_and_leaves_it_unknown() -> None:
    """The write was sent; its cause is the deadline."""

    async def main() -> None:
        async with raw_server(never) as server:
            async with client_of(server.url, timeout=Timeout(attempt=None, total=TOTAL)) as client:
                took, error = await seconds(client.customers.create(NEW, storefront_id=1))
                assert TOTAL <= took <= TOTAL + TOLERANCE
                assert isinstance(error, OutcomeUnknownError)
                assert isinstance(error.__cause__, DeadlineExceededError)
                assert error.__cause__.sent is Sent.MAYBE

    run_instantly(main())


def test_an_error_that_drips_is_still_that_error() -> None:
    """The status was read: the deadline ends the body, not the answer."""

    async def main() -> None:
        async with raw_server(drip_error) as server:
            async with client_of(server.url, timeout=Timeout(total=TOTAL)) as client:
                took, error = await seconds(client.customers.get(12))
                assert took <= TOTAL + TOLERANCE
                assert getattr(error, "status", None) == 400

    run_instantly(main())


def test_total_holds_while_queueing() -> None:
    """A call that waits for a place gives up in time, was never sent, and gives its place in the queue back."""

    async def main() -> None:
        async with raw_server(never) as server:
            limits, timeout = Limits(max_concurrency=1), Timeout(attempt=None, total=TOTAL)
            async with client_of(server.url, limits=limits, timeout=timeout) as client:
                patient = client.with_options(timeout=Timeout(attempt=None, total=None))
                holder = asyncio.ensure_future(patient.customers.get(1))
                await asyncio.sleep(0)
                took, error = await seconds(client.customers.create(NEW, storefront_id=1))
                assert TOTAL <= took <= TOTAL + TOLERANCE
                assert isinstance(error, DeadlineExceededError)
                assert error.sent is Sent.NEVER
                assert len(server.requests) == 1
                holder.cancel()
                await asyncio.gather(holder, return_exceptions=True)
                assert client.limits.in_flight == client.limits.waiting == 0

    run_instantly(main())


def test_total_holds_while_pausing() -> None:
    """Where the next pause would pass the deadline the call ends at once, with the failure it has."""

    async def main() -> None:
        async with Sandbox() as sandbox:
            sandbox.inject(Fault.status(500), every=1)
            policy = RetryPolicy(max_attempts=50, base_delay=3.0, max_delay=3.0)
            async with PrintNowClient(
                sandbox.token, sandbox.key, base_url=sandbox.url, retry=policy, timeout=Timeout(total=TOTAL)
            ) as client:
                for _ in range(20):
                    took, error = await seconds(client.customers.get(12))
                    assert took <= TOTAL + TOLERANCE
                    assert isinstance(error, ServerError)

    run_instantly(main())


def test_an_attempt_that_times_out_while_connecting_was_never_sent() -> None:
    """The deadline in the middle of connecting: nothing left, so a create of a guest is plainly not made."""

    async def main() -> None:
        async with SilentListener() as url:
            timeout = Timeout(attempt=None, connect=None, total=TOTAL)
            async with client_of(url, timeout=timeout) as client:
                took, error = await seconds(client.customers.create_temporary(storefront_id=1))
                assert took <= TOTAL + TOLERANCE
                assert isinstance(error, ConnectError | DeadlineExceededError)
                assert error.sent is Sent.NEVER

    run_instantly(main())


def test_connect_bounds_the_connecting() -> None:
    """Timeout.connect ends each attempt to connect, and it repeats."""

    async def main() -> None:
        async with SilentListener() as url:
            timeout = Timeout(connect=0.5)
            retry = RetryPolicy(max_attempts=3, base_delay=0.0)
            async with client_of(url, timeout=timeout, retry=retry) as client:
                took, error = await seconds(client.customers.create_temporary(storefront_id=1))
                assert isinstance(error, ConnectError)
                assert error.attempts == 3
                assert 1.5 <= took <= 1.5 + 3 * TOLERANCE

    run_instantly(main())


@pytest.mark.parametrize("http_date", [False, True], ids=["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_never_waited_short(status: int, http_date: bool) -> None:
    """The repeat comes after the time that was asked for, in both forms of the header, jitter on top."""

    async def main() -> None:
        async with Sandbox() as sandbox:
            fault = Fault.status(status, retry_after=3, http_date=http_date)
            sandbox.inject(fault, times=2)
            async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
                await client.ping()
            starts = [request.started for request in sandbox.requests]
            assert len(starts) == 3
            assert all(later - earlier >= 3.0 for earlier, later in pairwise(starts))

    run_instantly(main())


def test_a_429_holds_the_whole_client_back() -> None:
    """Calls that had nothing to do with the refused one wait as well; after a 503 they do not."""

    async def main(status: int) -> float:
        async with Sandbox() as sandbox:
            customer = sandbox.add_customer(storefront_id=1)
            sandbox.inject(Fault.status(status, retry_after=3), route="GET /api/v2/ping")
            async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
                refused = asyncio.ensure_future(client.ping())
                while not sandbox.requests or sandbox.requests[0].status is None or client.limits.in_flight:
                    await asyncio.sleep(0.001)
                took, _ = await seconds(client.customers.get(customer.id))
                await refused
                return took

    assert run_instantly(main(429)) >= 2.9
    assert run_instantly(main(503)) < 1.0


@pytest.mark.parametrize("retry_after", [200, 20])
def test_a_retry_after_beyond_patience_or_deadline_raises_at_once(retry_after: int) -> None:
    """The error says how long the server asked for; no time is lost waiting."""

    async def main() -> None:
        async with Sandbox() as sandbox:
            sandbox.inject(Fault.status(429, retry_after=retry_after), times=2)
            async with PrintNowClient(
                sandbox.token, sandbox.key, base_url=sandbox.url, timeout=Timeout(total=15.0)
            ) as client:
                took, error = await seconds(client.customers.create(NEW, storefront_id=1))
                assert took < 1.0
                assert isinstance(error, RateLimitError)
                assert error.retry_after == retry_after

    run_instantly(main())


def test_an_outage_gets_fifty_extra_requests() -> None:
    """A server that answers nothing but 503 gets the calls themselves and 50 repeats, not four times the load."""

    async def main() -> None:
        async with Sandbox() as sandbox:
            sandbox.inject(Fault.status(503), every=1)
            async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
                calls = (client.customers.get(12) for _ in range(200))
                results = await asyncio.gather(*calls, return_exceptions=True)
                assert all(isinstance(result, ServerError) for result in results)
                assert len(sandbox.requests) == 250

    run_instantly(main())


def test_a_server_that_fails_now_and_then_is_met_with_patience() -> None:
    """A call that succeeds gives back what its repeats cost: a tenth of failures never runs the budget out."""

    async def main() -> None:
        async with Sandbox(seed=5) as sandbox:
            sandbox.inject(Fault.status(503), probability=0.1)
            # Ten attempts, so that no call has bad luck in all of them.
            patient = RetryPolicy(max_attempts=10)
            async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url, retry=patient) as client:
                await asyncio.gather(*(client.ping() for _ in range(1500)))
                assert client._caller.shared.budget.left > 40

    run_instantly(main())


def test_the_rate_is_kept_from_the_first_request_on() -> None:
    """max_rate=10 starts requests a tenth of a second apart, repeats included, with no burst at the start."""

    async def main() -> None:
        async with Sandbox() as sandbox:
            sandbox.inject(Fault.status(500), times=5)
            async with PrintNowClient(
                sandbox.token,
                sandbox.key,
                base_url=sandbox.url,
                limits=Limits(max_rate=10),
                retry=RetryPolicy(base_delay=0.01),
            ) as client:
                await asyncio.gather(*(client.ping() for _ in range(30)))
            starts = [request.started for request in sandbox.requests]
            assert len(starts) == 35
            # How exactly the pace is held is for the tests of the gate: a busy machine moves what the server sees.
            assert max(starts) - min(starts) >= 3.0
            assert sum(start < min(starts) + 0.5 for start in starts) <= 10

    run_instantly(main())


def test_the_server_never_sees_more_calls_at_once_than_the_limit() -> None:
    """max_concurrency holds at the server, and every call has its turn."""

    async def main() -> None:
        async with Sandbox(latency=0.05) as sandbox:
            async with PrintNowClient(
                sandbox.token, sandbox.key, base_url=sandbox.url, limits=Limits(max_concurrency=7)
            ) as client:
                await asyncio.gather(*(client.ping() for _ in range(100)))
            assert 5 <= sandbox.peak_concurrency <= 7
            assert sandbox.connections_opened <= 7

    run_instantly(main())


class SilentListener:
    """A port whose queue of connections is full: connecting to it neither succeeds nor fails."""

    async def __aenter__(self) -> str:
        self.sockets = [socket.socket()]
        self.sockets[0].bind(("127.0.0.1", 0))
        self.sockets[0].listen(0)
        address = self.sockets[0].getsockname()
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            self.sockets.append(filler)
        return f"http://127.0.0.1:{address[1]}"

    async def __aexit__(self, *_: object) -> None:
        for opened in self.sockets:
            opened.close()
