"""No secret comes out where the network, the proxy or a part of the user's own fails, or the client is closed."""

from __future__ import annotations

import asyncio
import base64
import socket

import aiohttp
import pytest

from printnow_async import (
    ConnectError,
    ConnectionLostError,
    PacerError,
    PrintNowClient,
    PrintNowError,
    RetryPolicy,
    Timeout,
)
from printnow_async.testing import run_instantly
from tests.support.echoes import hanging, saying, silent
from tests.support.hostile_clients import tls_contexts
from tests.support.raw_server import answer, raw_server
from tests.support.secrecy import (
    KEY,
    OPERATIONS,
    PROXY_PASSWORD,
    PROXY_USER,
    TOKEN,
    all_of,
    all_of_events,
    all_of_log,
    chain_of,
    check,
    leaks,
    outcome_of,
)

EACH_OPERATION = pytest.mark.parametrize("operation", OPERATIONS)


def through(url):
    """The URL of a proxy there, with the canaries in it."""
    return url.replace("http://", f"http://{PROXY_USER}:{PROXY_PASSWORD}@")


async def in_the_end(call, events, **options):
    """How the call of a client with these options ended, without the client's own part in how it was made."""
    async with PrintNowClient(TOKEN, KEY, observers=[events.append], **options) as client:
        with pytest.raises(Exception, match=r"^") as caught:
            await call(client)
        return caught.value


@EACH_OPERATION
def test_a_name_that_cannot_be_looked_up(log, operation):
    class Nowhere(aiohttp.abc.AbstractResolver):
        async def resolve(self, host, port=0, family=socket.AF_INET):
            raise OSError(socket.EAI_NONAME, "no such name")

        async def close(self):
            """Nothing to close."""

    events = []

    async def main():
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nowhere())) as session:
            return await outcome_of(OPERATIONS[operation], "https://api.example.com", events, session=session)

    error = run_instantly(main())
    assert type(error) is ConnectError
    check(error, events, log)


@EACH_OPERATION
def test_a_certificate_that_is_not_trusted(log, operation):
    events = []

    async def main():
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=tls_contexts()[0]) as listening:
            port = listening.sockets[0].getsockname()[1]
            return await outcome_of(OPERATIONS[operation], f"https://127.0.0.1:{port}", events)

    error = run_instantly(main())
    assert type(error) is ConnectError
    assert "certificate" in str(error)
    check(error, events, log)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "https://127.0.0.1:9"], ids=["in clear", "tunnel"])
@pytest.mark.parametrize(
    "serve",
    [saying(407, str), saying(200, str), saying(502, str), hanging(407), silent],
    ids=["407", "200", "502", "407, hangs", "silence"],
)
@EACH_OPERATION
def test_a_proxy_that_says_all_back(log, operation, serve, base_url):
    events = []

    async def main():
        async with raw_server(serve) as raw:
            result = await outcome_of(OPERATIONS[operation], base_url, events, proxy=through(raw.url))
            return raw.requests, result

    requests, error = run_instantly(main())
    sent = base64.b64encode(f"{PROXY_USER}:{PROXY_PASSWORD}".encode()).decode()
    assert all(sent in request.headers["proxy-authorization"] for request in requests)
    assert requests
    if isinstance(error, PrintNowError):
        check(error, events, log)
    else:  # what needs no body was answered with success
        assert leaks(all_of_events(events), all_of_log(log.records)) == set()


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "https://127.0.0.1:9"], ids=["in clear", "tunnel"])
@EACH_OPERATION
def test_a_proxy_that_is_not_there(log, operation, base_url):
    events = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = through(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        error = run_instantly(outcome_of(OPERATIONS[operation], base_url, events, proxy=proxy))
    assert type(error) is ConnectError
    check(error, events, log)


@EACH_OPERATION
def test_the_time_of_an_attempt_runs_out(log, operation):
    """With the head of an answer read, and a part of the body."""
    events = []

    async def main():
        async with raw_server(hanging(200)) as raw:
            times = Timeout(attempt=5.0, total=60.0)
            return await outcome_of(OPERATIONS[operation], raw.url, events, timeout=times)

    error = run_instantly(main())
    assert any(isinstance(one, ConnectionLostError) for one in chain_of(error))
    check(error, events, log)


class FailingPacer:
    """A pacer that fails at the first or second turn, or at a hold."""

    def __init__(self, turns):
        self.turns = turns

    async def turn(self):
        if not self.turns:
            raise LookupError("no turn")
        self.turns -= 1

    async def hold(self, seconds):
        raise LookupError("no hold")


@pytest.mark.parametrize("turns", [0, 1, 9])
@EACH_OPERATION
def test_a_pacer_that_fails(log, operation, turns):
    """Before anything is sent, before the repeat, and at the pause of a 429."""
    events = []
    serve = saying(429, str, Retry_After="7") if turns > 1 else saying(503, str, Retry_After="0")

    async def main():
        async with raw_server(serve) as raw:
            return await in_the_end(
                OPERATIONS[operation],
                events,
                base_url=raw.url,
                pacer=FailingPacer(turns),
                retry=RetryPolicy(base_delay=0),
            )

    error = run_instantly(main())
    assert type(error) is PacerError
    assert leaks(all_of(error), all_of_events(events), all_of_log(log.records)) == set()


class FailingTransport:
    """A transport of the user's own that raises."""

    async def attempt(self, request, *, ends, connect):
        raise LookupError("no transport")

    async def aclose(self):
        """Nothing to close."""


@EACH_OPERATION
def test_a_transport_that_fails(operation):
    events = []
    transport = FailingTransport()
    error = run_instantly(in_the_end(OPERATIONS[operation], events, transport=transport, base_url="http://127.0.0.1:9"))
    assert type(error) is LookupError
    assert leaks(all_of(error), all_of_events(events)) == set()


@pytest.mark.parametrize("drain", [None, 1.0])
@pytest.mark.parametrize("serve", [silent, hanging(200), hanging(400)], ids=["silence", "200", "400"])
@EACH_OPERATION
def test_a_client_that_is_closed_in_the_middle_of_a_call(log, operation, serve, drain):
    events = []

    async def main():
        async with raw_server(serve) as raw:
            client = PrintNowClient(TOKEN, KEY, base_url=raw.url, observers=[events.append])
            call = asyncio.ensure_future(OPERATIONS[operation](client))
            while not raw.requests:
                await asyncio.sleep(0)
            await client.aclose(drain)
            with pytest.raises(PrintNowError) as caught:
                await call
            return caught.value

    error = run_instantly(main())
    assert leaks(all_of(error), all_of_events(events), all_of_log(log.records)) == set()


def test_credentials_of_a_proxy_that_are_not_ascii(log):
    """The HTTP library may write them in Latin-1, and so may what says them back."""
    user, word = "canarü-user", "canary-wörd"
    pairs = {base64.b64encode(f"{user}:{word}".encode(coding)).decode() for coding in ("latin-1", "utf-8")}

    async def say_back(exchange):
        exchange.writer.write(answer(407, exchange.headers["proxy-authorization"].encode()))
        await exchange.writer.drain()

    async def main():
        async with raw_server(say_back) as raw:
            proxy = raw.url.replace("http://", f"http://{user}:{word}@")
            return await outcome_of(OPERATIONS["get"], "http://127.0.0.1:9", [], proxy=proxy)

    error = run_instantly(main())
    assert isinstance(error, PrintNowError)
    shown = [text for _, text in all_of(error)]
    assert [pair for pair in pairs if any(pair in text for text in shown)] == []
