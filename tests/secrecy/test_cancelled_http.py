"""A call that is cancelled drags no secret along, wherever it stands: cancellation passes through aiohttp's frames."""

from __future__ import annotations

import asyncio
import gc
import signal

import aiohttp
import pytest

from printnow_async import Limits, PrintNowClient, RetryPolicy
from printnow_async.testing import run_instantly
from tests.support.echoes import hanging, saying, silent
from tests.support.raw_server import raw_server
from tests.support.secrecy import (
    KEY,
    OPERATIONS,
    PROXY_PASSWORD,
    PROXY_USER,
    TOKEN,
    WITH_HEADERS_AND_PARAMS,
    all_of,
    all_of_events,
    all_of_log,
    leaks,
    talkative,
)

CALLS = {**OPERATIONS, **WITH_HEADERS_AND_PARAMS}
WIRES = {
    "direct": (saying(429, str), hanging(200)),
    "proxy": (saying(429, str), hanging(400)),
    "tunnel": (saying(407, str), silent),
}
"""What answers the first request, which is repeated, and what the second."""


def options_for(wire, url):
    """How a client reaches the server: straight, as a proxy in clear, and as a proxy with a tunnel."""
    proxy = url.replace("http://", f"http://{PROXY_USER}:{PROXY_PASSWORD}@")
    return {
        "direct": {"base_url": url},
        "proxy": {"base_url": "http://127.0.0.1:9", "proxy": proxy},
        "tunnel": {"base_url": "https://127.0.0.1:9", "proxy": proxy},
    }[wire]


async def cancelled(call, wire, turns, events, *, by_timeout):
    """Let a call run for so many turns, then cancel it: (what came out, how many requests the server had by then)."""
    async with raw_server(*WIRES[wire]) as raw:
        async with PrintNowClient(
            TOKEN, KEY, retry=RetryPolicy(base_delay=0.0), observers=[events.append], **options_for(wire, raw.url)
        ) as client:

            async def bounded():
                async with bound:
                    return await call(client)

            bound = asyncio.timeout(None)
            task = asyncio.ensure_future(bounded())
            for _ in range(turns):
                await asyncio.sleep(0)
            if by_timeout and turns:
                bound.reschedule(asyncio.get_running_loop().time())
            else:
                task.cancel()
            requests = len(raw.requests)
            try:
                return await task, requests
            except (asyncio.CancelledError, TimeoutError) as error:
                return error, requests


@pytest.mark.parametrize("by_timeout", [False, True], ids=["cancel", "timeout"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", CALLS)
def test_a_call_cancelled_at_any_await_drags_no_secret_along(log, name, wire, by_timeout):
    """Turn by turn, until the second answer has come in part and nothing more comes."""
    events = []

    async def main():
        turns = behind = 0
        while behind < 12:  # turns after the second request, in which the answer to it is read
            error, requests = await cancelled(CALLS[name], wire, turns, events, by_timeout=by_timeout)
            assert type(error) is (TimeoutError if by_timeout and turns else asyncio.CancelledError)
            assert leaks(all_of(error)) == set(), turns
            turns += 1
            behind += requests > 1
        return turns

    assert run_instantly(main()) > 20
    gc.collect()
    assert leaks(all_of_events(events), all_of_log(log.records)) == set()


def test_what_waits_in_the_queue_drags_no_secret_along():
    """The call has a body, and no place yet."""

    async def main():
        async with (
            raw_server(silent) as raw,
            PrintNowClient(TOKEN, KEY, base_url=raw.url, limits=Limits(max_concurrency=1)) as client,
        ):
            calls = [asyncio.ensure_future(call(client)) for call in CALLS.values()]
            while not raw.requests:
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            return await asyncio.gather(*calls, return_exceptions=True)

    for error in run_instantly(main()):
        assert type(error) is asyncio.CancelledError
        assert leaks(all_of(error)) == set()


@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_from_the_keyboard_drags_no_secret_along(log, name):
    """Control-C while the answer is read: the runner of the event loop cancels the call and raises."""

    async def interrupt(exchange):
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, signal.SIGINT)
        await hanging(200)(exchange)

    async def main():
        talkative(asyncio.get_running_loop())
        async with raw_server(interrupt) as raw, PrintNowClient(TOKEN, KEY, base_url=raw.url) as client:
            await CALLS[name](client)

    with pytest.raises(KeyboardInterrupt) as caught:
        run_instantly(main())
    assert leaks(all_of(caught.value), all_of_log(log.records)) == set()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("moment", ["on_request_start", "on_request_headers_sent", "on_request_end"])
@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_inside_of_aiohttp_drags_no_secret_along(name, moment, kind):
    """It is raised in the middle of an attempt, with headers and body in the frames above."""

    async def interrupt(*_):
        raise kind

    async def main():
        traces = aiohttp.TraceConfig()
        getattr(traces, moment).append(interrupt)
        async with (
            raw_server(saying(200, str)) as raw,
            aiohttp.ClientSession(trace_configs=[traces]) as session,
            PrintNowClient(TOKEN, KEY, base_url=raw.url, session=session) as client,
        ):
            await CALLS[name](client)

    with pytest.raises(kind) as caught:
        run_instantly(main())
    assert leaks(all_of(caught.value)) == set()
