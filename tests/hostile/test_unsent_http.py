"""What was never sent is never called unknown, and what may have been sent is never called unsent.

Everything happens in a loop with other work: each of its turns takes 10 ms, so timers that are a few milliseconds apart
fall due in the same turn. The clock is moved, so that the tests themselves take no time.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import pytest

from printnow_async import (
    ConnectError,
    DeadlineExceededError,
    OutcomeUnknownError,
    PrintNowClient,
    RetryPolicy,
    Sent,
    Timeout,
)
from tests.support.hostile_clients import client_of
from tests.support.hostile_faults import applied, drop, silent
from tests.support.hostile_model import Asked
from tests.support.hostile_server import Connection, hostile_server

CALLS = 16
TURN = 0.010


class BusyLoop(asyncio.SelectorEventLoop):
    """A loop that always has something to do, and whose clock says that each turn has taken 10 ms."""

    worked = 0.0

    def time(self) -> float:
        return super().time() + self.worked

    def work(self) -> None:
        self.worked += TURN
        self.call_soon(self.work)


def run_busy(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` in a `BusyLoop`."""

    async def with_work() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, BusyLoop)
        loop.work()
        await main

    with asyncio.Runner(loop_factory=BusyLoop) as runner:
        runner.run(with_work())


# ---------------------------------------------------------------- servers to which no connection is made


@contextlib.asynccontextmanager
async def no_handshake(**options: Any) -> AsyncIterator[PrintNowClient]:
    """TCP is taken, and the TLS handshake never answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        async with PrintNowClient("token", "key", base_url=url, **options) as client:
            yield client


@contextlib.asynccontextmanager
async def full_backlog(**options: Any) -> AsyncIterator[PrintNowClient]:
    """Nobody accepts, and the queue of those who wait is full: the kernel does not answer."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with PrintNowClient("token", "key", base_url=url, **options) as client:
            yield client


@contextlib.asynccontextmanager
async def full_pool(**options: Any) -> AsyncIterator[PrintNowClient]:
    """The borrowed session has one connection, and somebody else is waiting on it for an answer."""
    async with hostile_server() as server:
        server.faults.append(silent)
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            headers = {"Authorization": aiohttp.encode_basic_auth("token", "key")}
            held = asyncio.ensure_future(session.get(f"{server.url}/api/v2/ping", headers=headers))
            while not server.asked:
                await asyncio.sleep(0)
            async with PrintNowClient("token", "key", base_url=server.url, session=session, **options) as client:
                yield client
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)
        assert len(server.asked) == 1


SERVERS: list[Callable[..., AbstractAsyncContextManager[PrintNowClient]]] = [no_handshake, full_backlog, full_pool]
TIMEOUTS = [
    Timeout(attempt=0.2, connect=0.1),
    Timeout(attempt=0.2, connect=0.195),
    Timeout(attempt=0.2, connect=0.2),
    Timeout(attempt=0.2, connect=5.0),
    Timeout(attempt=0.2, connect=None),
    Timeout(attempt=None, connect=0.2),
]


def ends_of_creates(server: Callable[..., AbstractAsyncContextManager[PrintNowClient]], **options: Any) -> list[Any]:
    """What 16 creates of temporary users end in, at once, in a busy loop."""
    ends: list[Any] = []

    async def main() -> None:
        async with server(**options) as client:
            calls = [client.customers.create_temporary(storefront_id=1) for _ in range(CALLS)]
            ends.extend(await asyncio.gather(*calls, return_exceptions=True))

    run_busy(main())
    return ends


@pytest.mark.parametrize("timeout", TIMEOUTS, ids=lambda each: f"attempt {each.attempt}, connect {each.connect}")
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("attempts", [1, 2])
def test_a_connection_that_is_never_made_is_never_unknown(server, timeout: Timeout, attempts: int) -> None:
    """16 of 16: whichever timer ran first, no connection was obtained, so nothing was sent."""
    retry = RetryPolicy(max_attempts=attempts, base_delay=0, max_delay=0)
    for error in ends_of_creates(server, timeout=timeout, retry=retry):
        assert type(error) is ConnectError, repr(error)
        assert error.sent is Sent.NEVER
        assert error.attempts == attempts


@pytest.mark.parametrize("server", SERVERS)
def test_a_deadline_that_comes_while_connecting_says_that_nothing_was_sent(server) -> None:
    """The whole call's time and the connecting's end together then: either error, and nobody need wonder."""
    timeout = Timeout(attempt=None, connect=5.0, total=0.2)
    for error in ends_of_creates(server, timeout=timeout, retry=RetryPolicy.none()):
        assert type(error) in {ConnectError, DeadlineExceededError}, repr(error)
        assert error.sent is Sent.NEVER


@pytest.mark.parametrize("timeout", TIMEOUTS[:5], ids=lambda each: f"attempt {each.attempt}, connect {each.connect}")
def test_what_was_sent_and_never_answered_is_never_called_unsent(timeout: Timeout) -> None:
    """The other way round: each request has reached the server, so each is unknown."""
    ends: list[Any] = []

    async def main() -> None:
        async with hostile_server() as server:
            server.choose = lambda _: applied(silent)
            async with client_of(server, timeout=Timeout(attempt=3.0, connect=timeout.connect)) as client:
                calls = [client.customers.create_temporary(storefront_id=1) for _ in range(CALLS)]
                ends.extend(await asyncio.gather(*calls, return_exceptions=True))
            assert len(server.model.made) == CALLS

    run_busy(main())
    for error in ends:
        assert type(error) is OutcomeUnknownError, repr(error)


async def test_a_delete_that_was_sent_before_the_server_went_away_is_unknown() -> None:
    """aiohttp resends a DELETE by itself; that its second connection is refused proves nothing of the first."""
    async with hostile_server() as server, client_of(server, retry=RetryPolicy.none()) as client:
        number = server.model.add()
        await client.ping()

        def apply_and_go(connection: Connection, asked: Asked) -> None:
            applied(drop)(connection, asked)
            server.deafen()

        server.faults.append(apply_and_go)
        with pytest.raises(OutcomeUnknownError):
            await client.customers.delete(number)
        assert server.model.deleted == {number: 1}
