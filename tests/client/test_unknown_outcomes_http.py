"""`OutcomeUnknownError` holds what a program needs to look for a write, and an error says which operation failed."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime

import pytest

from printnow_async import (
    AuthenticationError,
    CustomerNotFoundError,
    CustomerUpdate,
    InvalidResponseError,
    NewAccount,
    OutcomeUnknownError,
    PrintNowClient,
    RawResponse,
    RetryPolicy,
    ServerError,
    WebhookEvent,
)
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.testing import run_instantly
from tests.support.raw_server import answer, raw_server
from tests.support.transports import EMPTY, LOST, FakeTransport, client_on, found

JANE = NewAccount("janesmith", "s3cret-passphrase", "jane@example.com", "Jane", "Smith")
AT_ONCE = RetryPolicy(max_attempts=2, base_delay=0, max_delay=0)
ONE = "/api/v2/customer/{id}"
WRITES = {
    "customers.create": (
        lambda client, _: client.customers.create(JANE, storefront_id=1),
        "POST /api/v2/customer",
        {"storefront_id": 1, "username": "janesmith"},
        2,
    ),
    "customers.create_temporary": (
        lambda client, _: client.customers.create_temporary(storefront_id=1),
        "POST /api/v2/customer",
        {"storefront_id": 1},
        1,
    ),
    "customers.update": (
        lambda client, ids: client.customers.update(ids["customer"], CustomerUpdate(company="Acme")),
        f"PATCH {ONE}",
        {"customer_id": "customer"},
        2,
    ),
    "customers.convert": (
        lambda client, ids: client.customers.convert(ids["guest"], JANE, check=False),
        f"PATCH {ONE}",
        {"customer_id": "guest", "username": "janesmith"},
        1,
    ),
    "customers.transfer": (
        lambda client, ids: client.customers.transfer(ids["guest"], to=ids["customer"]),
        f"PATCH {ONE}/transfer",
        {"customer_id": "guest"},
        2,
    ),
    "customers.delete": (
        lambda client, ids: client.customers.delete(ids["customer"]),
        f"DELETE {ONE}",
        {"customer_id": "customer"},
        2,
    ),
    "request": (
        lambda client, _: client.request("POST", "/api/v2/customer", json={"storefront_id": 1, "is_temporary": True}),
        "POST /api/v2/customer",
        {},
        1,
    ),
}


@pytest.mark.parametrize("operation", WRITES)
async def test_an_unknown_write_tells_what_a_program_needs_to_look_for_it(operation):
    call, route, about, sent = WRITES[operation]
    async with Sandbox() as sandbox:
        client = PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url, retry=AT_ONCE)
        async with client:
            guest = await client.customers.create_temporary(storefront_id=1)
            ids = {"guest": guest.id, "customer": sandbox.add_customer(storefront_id=1).id}
            sandbox.inject(Fault.drop(), route=route, every=1)
            if operation == "customers.convert":
                sandbox.inject(Fault.status(500), route=f"GET {ONE}", every=1)  # it cannot be read back
            before = datetime.now(UTC)
            with pytest.raises(OutcomeUnknownError) as caught:
                await call(client, ids)
            after = datetime.now(UTC)
    error = caught.value
    expected = {"storefront_id": None, "customer_id": None, "username": None}
    expected |= {name: ids.get(value, value) for name, value in about.items()}
    assert {name: getattr(error, name) for name in expected} == expected
    assert error.operation == operation
    assert len([line for line in error.evidence if line.startswith("attempt")]) == sent
    assert before <= error.first_sent_at <= error.last_sent_at <= after
    assert (error.first_sent_at < error.last_sent_at) is (sent > 1)
    assert error.first_sent_at.tzinfo is error.last_sent_at.tzinfo is UTC
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this process
    assert vars(copied) == vars(error)
    assert "s3cret" not in repr(vars(error))


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.webhooks.subscribe("https://example.com/hook", WebhookEvent.CUSTOMER_CREATED),
        lambda client: client.webhooks.unsubscribe(7),
    ],
    ids=["webhooks.subscribe", "webhooks.unsubscribe"],
)
async def test_an_unknown_write_of_a_webhook_names_no_customer(call):
    client = client_on(FakeTransport(LOST), retry=AT_ONCE)
    with pytest.raises(OutcomeUnknownError) as caught:
        await call(client)
    error = caught.value
    assert (error.storefront_id, error.customer_id, error.username) == (None, None, None)
    assert error.operation.startswith("webhooks.")
    assert error.first_sent_at <= error.last_sent_at


# Which operation failed


async def test_a_convert_whose_look_is_wrong_says_that_it_is_a_convert():
    client = client_on(transport := FakeTransport(found(id=7, is_temporary="yes")))
    with pytest.raises(InvalidResponseError) as caught:
        await client.customers.convert(7, JANE)
    assert (caught.value.operation, caught.value.path) == ("customers.convert", "$.is_temporary")
    assert "most likely applied" not in str(caught.value)
    assert [method for method, _ in transport.asked] == ["GET"]


@pytest.mark.parametrize(("status", "cls"), [(404, CustomerNotFoundError), (401, AuthenticationError)])
async def test_a_convert_whose_look_is_refused_writes_nothing_and_is_reported_as_a_convert(status, cls):
    events = []
    client = client_on(transport := FakeTransport(RawResponse(status)), observers=[events.append])
    with pytest.raises(cls) as caught:
        await client.customers.convert(7, JANE)
    assert (caught.value.method, caught.value.path) == ("GET", "/api/v2/customer/7")
    assert {event.operation for event in events} == {"customers.convert"}
    assert [method for method, _ in transport.asked] == ["GET"]


# Whether the server explained itself


@pytest.mark.parametrize(
    ("body", "explained"),
    [
        (b'{"Message": "Too bad."}', True),
        (b"Too bad.", True),
        (b"<p>Too bad.</p>", True),
        (b"", False),
        (b"  ", False),
        (b"{}", False),
    ],
)
async def test_an_error_says_whether_its_message_is_the_servers(body, explained):
    async with raw_server(answer(400, body)) as server:
        async with PrintNowClient("token", "key", base_url=server.url) as client:
            with pytest.raises(Exception, match="Too bad" if explained else "400") as caught:
                await client.ping()
    assert caught.value.explained is explained
    assert pickle.loads(pickle.dumps(caught.value)).explained is explained  # noqa: S301 - made in this process


# How long to wait


@pytest.mark.parametrize("value", ["60", "00000000000000000000060", "060.0"])
def test_a_retry_after_is_waited_for_in_full_however_it_is_written(value):
    async def main():
        import asyncio

        times = []

        async def serve(exchange):
            times.append(asyncio.get_running_loop().time())
            exchange.writer.write(answer(429, b"", Retry_After=value) if len(times) == 1 else answer(204))
            await exchange.writer.drain()

        async with raw_server(serve) as server, PrintNowClient("token", "key", base_url=server.url) as client:
            await client.ping()
        return times[1] - times[0]

    assert 60.0 <= run_instantly(main()) < 90.0


# A delete that is answered with another customer


@pytest.mark.parametrize("body", [b"", b"gone", b"[8]", b"{}", b'{"id": 7}', b'{"id": null}', b'"8"'], ids=repr)
async def test_a_delete_may_be_answered_with_anything_that_names_no_other_customer(body):
    client = client_on(transport := FakeTransport(RawResponse(200, body)))
    assert await client.customers.delete(7) is None
    assert len(transport.requests) == 1


async def test_a_delete_that_is_answered_with_another_customer_is_no_success():
    another = RawResponse(200, json.dumps({"id": 8, "username": "somebody"}).encode())
    client = client_on(transport := FakeTransport(another, EMPTY), retry=AT_ONCE)
    assert await client.customers.delete(7) is None
    assert len(transport.requests) == 2
    client = client_on(FakeTransport(another), retry=AT_ONCE)
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.customers.delete(7)
    assert "another request's answer came" in caught.value.evidence[0]
    assert "somebody" not in str(caught.value)


async def test_a_status_without_an_answer_is_the_cause_of_an_unknown_write():
    client = client_on(FakeTransport(RawResponse(524)), retry=RetryPolicy.none())
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.customers.delete(7)
    assert isinstance(caught.value.__cause__, ServerError)
