"""No secret comes out of a call, however it fails: canaries in token, key and passwords, over real sockets.

The server says back all that it was sent, in every form servers have. What is searched: every log record of every
logger, every event, and the error with all that hangs on it, as text and as stored.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import html
import json
import logging
import pickle
import re
import socket
import traceback
from urllib.parse import unquote

import pytest

import printnow_async
from printnow_async import (
    AuthenticationError,
    BadRequestError,
    ConnectError,
    ConnectionLostError,
    Customer,
    CustomerUpdate,
    DeadlineExceededError,
    InvalidResponseError,
    NewAccount,
    NotFoundError,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    Timeout,
    UnexpectedStatusError,
)
from printnow_async.testing import run_instantly
from tests.support.raw_server import answer, raw_server

TOKEN = "canarytoken5f1e9a7b"
KEY = "canarykey0c4d8e2f"
PASSWORD = "canary-passphrase"
ODD_PASSWORD = "canary\"pass\\<word>&'phräse+/="
SECRETS = {
    "token": TOKEN,
    "key": KEY,
    "header": base64.b64encode(f"{TOKEN}:{KEY}".encode()).decode(),
    "password": PASSWORD,
    "odd password": ODD_PASSWORD,
}


def account(password=PASSWORD):
    return NewAccount("janesmith", password, "jane@example.com", "Jane", "Smith")


OPERATIONS = {
    "ping": lambda client: client.ping(),
    "get": lambda client: client.customers.get(7),
    "create": lambda client: client.customers.create(account(), storefront_id=1),
    "create with an odd password": lambda client: client.customers.create(account(ODD_PASSWORD), storefront_id=1),
    "create_temporary": lambda client: client.customers.create_temporary(storefront_id=1),
    "update": lambda client: client.customers.update(7, CustomerUpdate(password=PASSWORD)),
    "convert": lambda client: client.customers.convert(7, account(), check=False),
    "transfer": lambda client: client.customers.transfer(7, to=8),
    "delete": lambda client: client.customers.delete(7),
}
WRITES_WITH_AN_ANSWER = {"create", "create with an odd password", "create_temporary", "update", "convert", "transfer"}


# ---------------------------------------------------------------- servers that say everything back


def echo(exchange):
    """All that the server was sent."""
    lines = [f"{exchange.method} {exchange.path}", *(f"{k}: {v}" for k, v in exchange.headers.items())]
    return "\n".join([*lines, "", exchange.body.decode()])


def saying(status, form, **headers):
    """Answer with this status, and what was sent as the body."""

    async def serve(exchange):
        body = form(echo(exchange)).encode()
        exchange.writer.write(answer(status, body, **headers))
        await exchange.writer.drain()

    return serve


def sending(make, *, close=False):
    """Answer with the bytes that are made of what was sent."""

    async def serve(exchange):
        exchange.writer.write(make(echo(exchange)))
        await exchange.writer.drain()
        if close:
            exchange.writer.close()

    return serve


async def reset(exchange):
    exchange.writer.transport.abort()


async def silent(exchange):
    await asyncio.sleep(3600)


def as_message(text):
    return json.dumps({"Message": f"Cannot read: {text}"})


def as_escaped_message(text):
    written = "".join(f"\\u{ord(ch):04X}" if ch in "<>&'+" else json.dumps(ch)[1:-1] for ch in text)
    return f'{{"Message": "Cannot read: {written}"}}'


def as_page(text):
    return f"<html><body><pre>{html.escape(text)}</pre></body></html>"


def as_title(text):
    return f"<html><head><title>{html.escape(text)}</title></head></html>"


def one_header(text):
    return re.sub(r"[^ -~]+", " ", text)


SERVERS = {
    "401, text": (saying(401, str), AuthenticationError),
    "400, text": (saying(400, str), BadRequestError),
    "400, JSON": (saying(400, as_message), BadRequestError),
    "400, JSON of .NET": (saying(400, as_escaped_message), BadRequestError),
    "400, JSON string": (saying(400, json.dumps), BadRequestError),
    "400, cut off JSON": (saying(400, lambda text: as_message(text)[:-3]), BadRequestError),
    "400, HTML page": (saying(400, as_page), BadRequestError),
    "400, HTML title": (saying(400, as_title), BadRequestError),
    "400, gzip": (
        sending(
            lambda text: answer(400, gzip.compress(as_message(text).encode()), Content_Encoding="gzip"),
        ),
        BadRequestError,
    ),
    "400, header": (sending(lambda text: answer(400, b"no", X_Echo=one_header(text))), BadRequestError),
    "400, reason": (
        sending(
            lambda text: f"HTTP/1.1 400 {one_header(text)}\r\nContent-Length: 2\r\n\r\nno".encode(),
        ),
        BadRequestError,
    ),
    "404, text": (saying(404, str), NotFoundError),
    "429": (saying(429, str, Retry_After="7"), RateLimitError),
    "500, text": (saying(500, str), ServerError),
    "500, JSON": (saying(500, as_message), ServerError),
    "500, truncated": (
        sending(lambda text: answer(500, (text * 2).encode())[: -len(text.encode())], close=True),
        ServerError,
    ),
    "302": (
        sending(lambda text: answer(302, b"", Location=f"http://127.0.0.1:1/?{one_header(text)}")),
        UnexpectedStatusError,
    ),
    "200, HTML": (saying(200, as_page), InvalidResponseError),
    "200, invalid JSON": (saying(200, lambda text: f'{{"id": {text}'), InvalidResponseError),
    "200, wrong type": (saying(200, lambda text: json.dumps({"id": text})), InvalidResponseError),
    "200, truncated": (
        sending(lambda text: answer(200, (text * 2).encode())[: -len(text.encode())], close=True),
        ConnectionLostError,
    ),
    "200, broken gzip": (
        sending(lambda text: answer(200, text.encode(), Content_Encoding="gzip")),
        ConnectionLostError,
    ),
    "no HTTP": (sending(lambda text: f"{one_header(text)}\r\n\r\n".encode(), close=True), ConnectionLostError),
    "broken header": (
        sending(lambda text: f"HTTP/1.1 200 OK\r\n{one_header(text)}\x00\r\n\r\n".encode(), close=True),
        ConnectionLostError,
    ),
    "reset": (reset, ConnectionLostError),
    "silence": (silent, DeadlineExceededError),
}


# ---------------------------------------------------------------- the search

ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
"""One escaped character of JSON, or of Python's repr."""


def unescaped(text):
    return ESCAPE.sub(lambda found: found[3] or chr(int(found[1] or found[2], 16)), text)


def variants(text):
    """The text, and what it says to somebody who reads it as HTML, as a URL, or as JSON inside of JSON."""
    for reading in (text, html.unescape(text), unquote(text)):
        yield reading
        decoded = reading
        for _ in range(3):
            decoded = unescaped(decoded)
            yield decoded
            with contextlib.suppress(UnicodeError):
                yield decoded.encode("latin1").decode()  # the repr of bytes


def found_in(text):
    return {name for name, secret in SECRETS.items() if any(secret in variant for variant in variants(text))}


def chain_of(error):
    """The error and every exception that hangs on it, shown or not."""
    seen, left = [], [error]
    while left:
        one = left.pop()
        if one is not None and one not in seen:
            seen.append(one)
            left += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return seen


def stored(value):
    """What a pickle of it holds, in the oldest and the newest protocol."""
    for protocol in (0, pickle.HIGHEST_PROTOCOL):
        yield pickle.dumps(value, protocol).decode("utf-8", "replace")


def all_of(error):
    """Every text in which somebody may meet the error, by the name of the place."""
    for one in chain_of(error):
        name = type(one).__name__
        yield f"str of {name}", str(one)
        yield f"repr of {name}", repr(one)
        yield f"traceback of {name}", "".join(traceback.format_exception(one))
        yield f"attributes of {name}", repr(vars(one))
        yield f"body of {name}", getattr(one, "body", b"").decode("utf-8", "replace")
        for text in stored(one):
            yield f"pickle of {name}", text


def all_of_log(records):
    for record in records:
        yield f"log of {record.name}", record.getMessage()
        yield f"arguments of a log of {record.name}", repr(record.args)
        if record.exc_info:
            yield f"traceback in a log of {record.name}", "".join(traceback.format_exception(*record.exc_info))


def all_of_events(events):
    for event in events:
        yield f"repr of {type(event).__name__}", repr(event)
        for text in stored(event):
            yield f"pickle of {type(event).__name__}", text


def leaks(*places):
    """Where a secret was found: (place, which ones)."""
    return {(place, name) for texts in places for place, text in texts for name in sorted(found_in(text))}


@pytest.fixture
def log(caplog):
    """Every record of every logger there is, the event loop's own about each step included."""
    with contextlib.ExitStack() as stack:
        names = [None, "asyncio", "backoff", *logging.root.manager.loggerDict]
        for name in names:
            stack.enter_context(caplog.at_level(logging.DEBUG, logger=name))
        yield caplog


def talkative(loop):
    """Let the event loop log each callback, as it does those that are slow."""
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0


async def outcome_of(call, url, events, **options):
    """The error that the call ends in, or its result."""
    talkative(asyncio.get_running_loop())
    settings = {"retry": RetryPolicy(max_attempts=2, base_delay=0.01), "timeout": Timeout(total=30.0), **options}
    async with PrintNowClient(TOKEN, KEY, base_url=url, observers=[events.append], **settings) as client:
        try:
            return await call(client)
        except PrintNowError as error:
            return error


def check(error, events, log):
    """No secret anywhere, nothing of aiohttp on the error, and the search had something to search."""
    assert leaks(all_of(error), all_of_events(events), all_of_log(log.records)) == set()
    strangers = [one for one in chain_of(error) if not type(one).__module__.startswith("printnow_async.")]
    assert strangers == []
    assert events
    assert {"asyncio", "printnow_async"} <= {record.name for record in log.records}


# ---------------------------------------------------------------- tests


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
    if expected is InvalidResponseError and operation in {"ping", "delete"}:
        assert error is None, "what has no body to read cannot find it wrong"
        return
    assert any(isinstance(one, expected) for one in chain_of(error))
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
            proxy = raw.url.replace("http://", f"http://proxyuser:{PASSWORD}@")
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


@pytest.mark.parametrize("operation", sorted(WRITES_WITH_AN_ANSWER))
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


@pytest.mark.parametrize("operation", ["create", "update", "convert", "create with an odd password"])
def test_no_password_stands_in_the_local_variables_of_a_traceback(operation):
    """Crash reporters show those of every function; the package's own must not hold what its models hide."""

    async def main():
        async with raw_server(answer(403, b"no")) as raw:
            return await outcome_of(OPERATIONS[operation], raw.url, [])

    error = run_instantly(main())
    folder = printnow_async.__path__[0]
    shown = traceback.TracebackException.from_exception(error, capture_locals=True, compact=False)
    held = {
        (frame.name, name)
        for frame in shown.stack
        if frame.filename.startswith(folder)
        for name, value in (frame.locals or {}).items()
        if found_in(value)
    }
    assert held == set()


def test_the_search_finds_what_it_is_for():
    """Each secret in each form, so that an empty result means something."""
    for name, secret in SECRETS.items():
        for form in (str, html.escape, json.dumps, repr, lambda text: json.dumps(json.dumps(text))):
            assert found_in(f"before {form(secret)} after") == {name}
    error = OutcomeUnknownError(PASSWORD)
    error.__cause__ = BadRequestError("no", body=f"token={TOKEN}".encode())
    assert {secret for _, secret in leaks(all_of(error))} == {"password", "token"}
