"""No secret comes out of a call, however it fails: canaries in all that is secret, over real sockets.

The server says back all that it was sent, in every form servers have. What is searched: every log record of every
logger, every event, and the error with all that hangs on it, as text, as stored, and as the local variables that a
crash reporter shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import socket

import pytest

from printnow_async import (
    APIError,
    BadRequestError,
    ConnectError,
    Customer,
    InvalidResponseError,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
)
from printnow_async.testing import run_instantly
from tests.support.echoes import SERVERS, echo, saying, silent
from tests.support.raw_server import answer, raw_server
from tests.support.secrecy import (
    BODY_IS_NOT_READ,
    KEY,
    OPERATIONS,
    PASSWORD,
    PROXY_PASSWORD,
    PROXY_USER,
    SECRETS,
    TOKEN,
    WITH_HEADERS_AND_PARAMS,
    WRITES_OF_A_CUSTOMER,
    all_of,
    all_of_events,
    all_of_log,
    chain_of,
    check,
    found_in,
    leaks,
    outcome_of,
    talkative,
)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("server", SERVERS)
def test_no_secret_comes_out_of_a_failure(log, server, operation):
    """Whatever the server does, and whichever call it is."""
    serve, expected = SERVERS[server]
    events = []

    async def main():
        async with raw_server(serve) as raw:
            error = await outcome_of(OPERATIONS[operation], raw.url, events)
            return raw.requests, error

    requests, error = run_instantly(main())
    assert requests, "the server was asked, and could say the secrets back"
    if expected is InvalidResponseError and operation in BODY_IS_NOT_READ:
        assert not isinstance(error, Exception), "what has no body to read cannot find it wrong"
        return
    assert any(isinstance(one, expected) for one in chain_of(error))
    check(error, events, log)


@pytest.mark.parametrize("operation", WITH_HEADERS_AND_PARAMS)
@pytest.mark.parametrize("server", [name for name, (_, kind) in SERVERS.items() if issubclass(kind, APIError)])
def test_no_header_or_parameter_of_the_users_own_comes_out_of_a_failure(log, server, operation):
    """They are secrets like those of the SDK: a header is often a key."""
    events = []

    async def main():
        async with raw_server(SERVERS[server][0]) as raw:
            return await outcome_of(WITH_HEADERS_AND_PARAMS[operation], raw.url, events)

    error = run_instantly(main())
    assert isinstance(error, PrintNowError)
    check(error, events, log)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_secret_comes_out_of_a_refused_connection(log, operation):
    events = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        error = run_instantly(outcome_of(OPERATIONS[operation], url, events))
    assert type(error) is ConnectError
    check(error, events, log)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_secret_comes_out_of_a_tls_error(log, operation):
    """The server speaks no TLS, so the credentials never leave either."""
    events = []

    async def speak_plainly(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(OSError):
            await writer.drain()
            received.append(await reader.read(65536))
        writer.close()

    async def main():
        async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            return await outcome_of(OPERATIONS[operation], f"https://127.0.0.1:{port}", events)

    received = []
    error = run_instantly(main())
    assert type(error) is ConnectError
    assert received
    assert found_in(b"".join(received).decode("latin1")) == set()
    check(error, events, log)


@pytest.mark.parametrize("status", [200, 407])
def test_no_secret_comes_out_of_a_failing_proxy(log, status):
    """Nor the proxy's own password, which stands in its URL."""
    events = []

    async def main():
        async with raw_server(saying(status, str)) as raw:
            proxy = raw.url.replace("http://", f"http://{PROXY_USER}:{PROXY_PASSWORD}@")
            return await outcome_of(OPERATIONS["get"], "https://127.0.0.1:1", events, proxy=proxy)

    error = run_instantly(main())
    assert isinstance(error, PrintNowError)
    check(error, events, log)


@pytest.mark.parametrize("cut", [6, 12, 16])
def test_a_password_at_the_end_of_what_is_kept_of_a_body_is_not_kept_by_halves(cut):
    """64 KiB are kept; what begins before that end and goes on behind it is a secret too."""
    page = b"x" * (65536 - cut) + PASSWORD.encode() + b"x" * 100

    async def main():
        async with raw_server(answer(400, page)) as raw:
            return await outcome_of(OPERATIONS["create"], raw.url, [])

    error = run_instantly(main())
    assert type(error) is BadRequestError
    assert not error.body.endswith(PASSWORD[:cut].encode())


@pytest.mark.parametrize("operation", sorted(WRITES_OF_A_CUSTOMER))
def test_no_secret_comes_out_of_a_success(log, operation):
    """The log and the events of what went well, and the customer itself when a server answers with the password."""
    events = []

    async def serve(exchange):
        customer = {"id": 8 if operation == "transfer" else 7, "username": "janesmith", "password": echo(exchange)}
        customer["is_temporary"] = operation == "create_temporary"
        exchange.writer.write(answer(200, customer))
        await exchange.writer.drain()

    async def main():
        async with raw_server(serve) as raw:
            return await outcome_of(OPERATIONS[operation], raw.url, events)

    customer = run_instantly(main())
    assert isinstance(customer, Customer)
    shown = [("repr", repr(customer)), ("str", str(customer)), ("format", f"{customer}")]
    assert leaks(shown, all_of_events(events), all_of_log(log.records)) == set()
    assert {"asyncio", "printnow_async"} <= {record.name for record in log.records}


def test_no_secret_comes_out_of_an_observer_that_fails(log):
    """Its traceback is logged, in the middle of a call that fails."""

    def fail(event):
        raise LookupError(event)

    async def main():
        talkative(asyncio.get_running_loop())
        async with (
            raw_server(SERVERS["400, text"][0]) as raw,
            PrintNowClient(TOKEN, KEY, base_url=raw.url, observers=[fail]) as client,
        ):
            with pytest.raises(BadRequestError) as caught:
                await OPERATIONS["create"](client)
        return caught.value

    error = run_instantly(main())
    assert [record for record in log.records if record.exc_info]
    assert leaks(all_of(error), all_of_log(log.records)) == set()


def test_no_secret_comes_out_of_a_call_that_is_cancelled(log):
    """Neither of its events nor of the log."""
    events = []

    async def main():
        talkative(asyncio.get_running_loop())
        async with (
            raw_server(silent) as raw,
            PrintNowClient(TOKEN, KEY, base_url=raw.url, observers=[events.append]) as client,
        ):
            calls = [asyncio.ensure_future(call(client)) for call in OPERATIONS.values()]
            while len(raw.requests) < len(calls):
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            return await asyncio.gather(*calls, return_exceptions=True)

    ended = run_instantly(main())
    assert {type(error) for error in ended} == {asyncio.CancelledError}
    assert leaks(all_of_events(events), all_of_log(log.records)) == set()
    assert {event.failure for event in events} == {"cancelled", "CancelledError"}


def test_the_search_finds_what_it_is_for():
    """Each secret in each form, so that an empty result means something."""
    for name, secret in SECRETS.items():
        for form in (str, html.escape, json.dumps, repr, lambda text: json.dumps(json.dumps(text))):
            assert found_in(f"before {form(secret)} after") == {name}
    error = OutcomeUnknownError(PASSWORD)
    error.__cause__ = BadRequestError("no", body=f"token={TOKEN}".encode())
    assert {secret for _, secret in leaks(all_of(error))} == {"password", "token"}
