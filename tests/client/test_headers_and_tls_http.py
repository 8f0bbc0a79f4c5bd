"""Headers of the user's own, the name of the user's program, and TLS with a private authority. On real sockets."""

from __future__ import annotations

import contextlib
import ssl
import traceback

import aiohttp
import pytest

from printnow_async import ConfigurationError, ConnectError, PrintNowClient, RetryPolicy
from tests.support.hostile_clients import tls_contexts
from tests.support.hostile_server import hostile_server
from tests.support.raw_server import answer, raw_server
from tests.support.transports import EMPTY, FakeTransport, client_on

OK = answer(204)


@contextlib.asynccontextmanager
async def server_and_client(**options):
    async with raw_server(OK) as server, PrintNowClient("token", "key", base_url=server.url, **options) as client:
        yield server, client


# Headers


async def test_headers_of_a_client_with_other_options_go_with_each_of_its_requests_and_with_no_other():
    async with server_and_client() as (server, client):
        tenant = client.with_options(headers={"X-Tenant": "7", "X-Empty": ""})
        await tenant.ping()
        await tenant.request("DELETE", "/api/v2/anything")
        await client.ping()
    one, two, other = (request.headers for request in server.requests)
    assert [one["x-tenant"], two["x-tenant"], other.get("x-tenant")] == ["7", "7", None]


async def test_headers_are_inherited_and_replaced_by_name_in_whatever_case():
    client = client_on(transport := FakeTransport(EMPTY))
    tenant = client.with_options(headers={"X-Tenant": "7", "X-Region": "eu"})
    other = tenant.with_options(headers={"x-tenant": "8"})
    await tenant.with_options(retry=RetryPolicy.none()).ping()
    await other.ping()
    await other.request("GET", "/a", headers={"X-TENANT": "9", "X-More": "1"})
    await other.ping()
    assert [dict(request.headers) for request in transport.requests] == [
        {"X-Tenant": "7", "X-Region": "eu"},
        {"x-tenant": "8", "X-Region": "eu"},
        {"X-TENANT": "9", "X-Region": "eu", "X-More": "1"},
        {"x-tenant": "8", "X-Region": "eu"},
    ]


async def test_a_header_goes_out_once_whatever_its_case():
    seen = []

    async def keep(exchange):
        seen.append(exchange)
        exchange.writer.write(OK)
        await exchange.writer.drain()

    async with raw_server(keep) as server, PrintNowClient("t", "k", base_url=server.url) as client:
        await client.with_options(headers={"X-A": "1"}).request("GET", "/a", headers={"x-a": "2"})
    assert seen[0].headers["x-a"] == "2"
    assert [name for name in seen[0].headers if name == "x-a"] == ["x-a"]


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "authorization", "Proxy-Authorization", "Host", "Cookie", "Accept", "User-Agent"),
        *("Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive"),
        *("Upgrade", "TE", "Trailer", "Expect", "X-Request-ID", "x-request-id"),
    ],
)
async def test_headers_that_the_sdk_sets_are_refused(name):
    client = client_on(transport := FakeTransport(EMPTY))
    with pytest.raises(ConfigurationError, match=f"the header {name} is set by the SDK itself"):
        client.with_options(headers={"X-A": "1", name: "c4nary"})
    with pytest.raises(ConfigurationError, match="is set by the SDK itself"):
        await client.request("GET", "/a", headers={name: "c4nary"})
    assert transport.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        "X-A: c4nary",
        [("X-A", "c4nary")],
        5,
        {"": "c4nary"},
        {"X A": "c4nary"},
        {"X-A:": "c4nary"},
        {"X-Ä": "c4nary"},
        {"X-A\r\nX-B": "c4nary"},
        {5: "c4nary"},
        {b"X-A": "c4nary"},
        {"X-A": "c4nary\r\nX-B: 1"},
        {"X-A": "c4nary\n"},
        {"X-A": "c4nary\x00"},
        {"X-A": "c4nary\t"},
        {"X-A": "c4nary-ł"},
        {"X-A": "c4nary-é"},
        {"X-A": b"c4nary"},
        {"X-A": None},
        {"X-A": 5},
        {"X-A": ["c4nary"]},
    ],
    ids=ascii,
)
async def test_headers_that_cannot_be_sent_are_refused_and_no_value_is_shown(headers):
    """Not in our frames either: a value may be the key of a gateway."""
    client = client_on(transport := FakeTransport(EMPTY))
    with pytest.raises(ConfigurationError) as caught:
        client.with_options(headers=headers)
    with pytest.raises(ConfigurationError):
        await client.request("GET", "/a", headers=headers)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame.locals for frame in shown.stack if "printnow_async/" in frame.filename]
    assert frames
    assert "c4nary" not in str(caught.value) + repr(frames)
    assert transport.requests == []


# The name of the user's program


async def test_the_name_of_the_program_stands_before_the_sdks_own():
    async with server_and_client(user_agent=" my-shop/2.1 (eu; blue) ") as (server, client):
        await client.ping()
        await client.with_options(headers={"X-A": "1"}).ping()
    for request in server.requests:
        assert request.headers["user-agent"].startswith("my-shop/2.1 (eu; blue) printnow-async/")


@pytest.mark.parametrize("value", ["", " ", "shop\n", "shop\r\nX-A: 1", "shöp", 5, b"shop"], ids=ascii)
def test_what_cannot_be_the_name_of_a_program_is_refused(value):
    with pytest.raises(ConfigurationError, match="user_agent must be"):
        PrintNowClient("token", "key", user_agent=value)


# TLS with a private authority


async def test_a_private_authority_is_trusted_by_the_context_that_says_so():
    server_context, trusting = tls_contexts()
    async with hostile_server(server_context) as server:
        async with PrintNowClient("token", "key", base_url=server.url, ssl=trusting) as client:
            guest = await client.customers.create_temporary(storefront_id=1)
            assert (await client.with_options().customers.get(guest.id)).id == guest.id


async def test_a_private_authority_is_not_trusted_without_one():
    async with hostile_server(tls_contexts()[0]) as server:
        async with PrintNowClient("token", "key", base_url=server.url, retry=RetryPolicy.none()) as client:
            with pytest.raises(ConnectError, match="the certificate is not trusted"):
                await client.customers.create_temporary(storefront_id=1)
        assert server.asked == []


@pytest.mark.parametrize("value", [True, False, "ca.pem", 5, ssl], ids=ascii)
def test_what_is_no_context_is_refused(value):
    """False would turn the check of certificates off."""
    with pytest.raises(ConfigurationError, match=r"ssl must be an ssl\.SSLContext"):
        PrintNowClient("token", "key", ssl=value)


async def test_a_borrowed_session_brings_its_own_context():
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="borrowed session brings its own TLS settings"):
            PrintNowClient("token", "key", session=session, ssl=tls_contexts()[1])
