"""A transport of the user's own takes the place of aiohttp: no socket is needed to see what a client does."""

from __future__ import annotations

import ssl

import aiohttp
import pytest

from printnow_async import (
    ConfigurationError,
    Customer,
    NewAccount,
    NoAnswer,
    OutcomeUnknownError,
    PrintNowClient,
    RawResponse,
    RetryPolicy,
    Sent,
    Timeout,
)
from tests.support.transports import EMPTY, LOST, FakeTransport, client_on, found

JANE = NewAccount("janesmith", "s3cret-passphrase", "jane@example.com", "Jane", "Smith")
AT_ONCE = RetryPolicy(base_delay=0, max_delay=0)


class TenLines:
    """As in the documentation."""

    def __init__(self):
        self.asked = []

    async def attempt(self, request, *, ends, connect):
        self.asked.append((request.endpoint.operation, request.endpoint.method, request.path))
        return RawResponse(200, b'{"id": 7, "is_temporary": false}')

    async def aclose(self):
        pass


async def test_a_transport_of_ten_lines_is_all_that_a_test_needs():
    transport = TenLines()
    async with PrintNowClient("token", "key", transport=transport) as client:
        assert await client.customers.get(7) == Customer(id=7, is_temporary=False)
    assert transport.asked == [("customers.get", "GET", "/api/v2/customer/7")]


async def test_the_transport_gets_the_body_the_headers_and_the_request_id():
    transport = FakeTransport(found(id=7, username="janesmith"))
    async with client_on(transport).with_options(headers={"X-Tenant": "7"}) as client:
        await client.customers.create(JANE, storefront_id=3)
    (request,) = transport.requests
    assert b'"storefront_id"' in request.body
    assert request.headers == {"X-Tenant": "7"}
    assert len(request.request_id) == 24
    assert "s3cret" not in repr(request)


async def test_the_transport_is_told_when_an_attempt_must_end_and_how_long_connecting_may_take():
    bounds = []

    class Keeps(TenLines):
        async def attempt(self, request, *, ends, connect):
            bounds.append((ends, connect))
            return await super().attempt(request, ends=ends, connect=connect)

    async with PrintNowClient("t", "k", transport=Keeps(), timeout=Timeout(None, 2.5, None)) as client:
        await client.customers.get(7)
        await client.with_options(timeout=Timeout(attempt=9.0, connect=None)).customers.get(7)
    (nothing, two_and_a_half), (ends, unlimited) = bounds
    assert (nothing, two_and_a_half, unlimited) == (None, 2.5, None)
    assert ends is not None


async def test_no_answer_of_a_transport_is_evidence_like_any_other():
    transport = FakeTransport(LOST, RawResponse(400, b"Username is already in use."))
    async with client_on(transport, retry=AT_ONCE) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.create(JANE, storefront_id=3)
    assert caught.value.evidence[0] == "attempt 1: the connection was lost"


async def test_closing_the_client_closes_the_transport():
    transport = FakeTransport(EMPTY)
    async with client_on(transport) as client:
        async with client.with_options() as other:
            await other.ping()
        assert transport.closed == 0
    assert transport.closed == 1


@pytest.mark.parametrize(
    "option",
    [
        {"proxy": "http://127.0.0.1:3128"},
        {"ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
        {"user_agent": "my-shop/2.1"},
    ],
    ids=lambda option: next(iter(option)),
)
def test_a_transport_takes_the_place_of_what_is_for_aiohttp(option):
    with pytest.raises(ConfigurationError, match="takes the place of"):
        client_on(FakeTransport(EMPTY), **option)


async def test_a_transport_takes_the_place_of_a_session():
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="takes the place of"):
            client_on(FakeTransport(EMPTY), session=session)


@pytest.mark.parametrize("value", ["aiohttp", 5, object()], ids=type)
def test_what_cannot_send_is_refused_when_the_client_is_made(value):
    with pytest.raises(ConfigurationError, match="transport must have the coroutines attempt and aclose"):
        PrintNowClient("token", "key", transport=value)


async def test_an_attempt_that_was_never_sent_says_so_in_the_error():
    transport = FakeTransport(NoAnswer("connect", Sent.NEVER, "nobody listens"))
    async with client_on(transport, retry=RetryPolicy.none()) as client:
        with pytest.raises(Exception, match="nobody listens; nothing was sent") as caught:
            await client.customers.create_temporary(storefront_id=1)
    assert caught.value.sent is Sent.NEVER
