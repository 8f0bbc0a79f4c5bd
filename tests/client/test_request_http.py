"""`client.request`: any endpoint, through the same limits, deadline, repeats and errors. On real sockets."""

from __future__ import annotations

import contextlib
import json
import traceback

import pytest

from printnow_async import (
    AttemptEvent,
    BadRequestError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PrintNowClient,
    RawResponse,
    RetryPolicy,
    ServerError,
)
from printnow_async.sandbox import Fault, Sandbox
from tests.support.raw_server import answer, raw_server
from tests.support.transports import EMPTY, LOST, FakeTransport, client_on

AT_ONCE = RetryPolicy(base_delay=0, max_delay=0)
OK = answer(200, {"ok": True}, X_Kind="plain")
GUEST = {"storefront_id": 1, "is_temporary": True}


@contextlib.asynccontextmanager
async def server_and_client(*answers, **options):
    async with raw_server(*answers) as server:
        base_url = server.url + options.pop("prefix", "")
        async with PrintNowClient("token", "key", base_url=base_url, retry=AT_ONCE, **options) as client:
            yield server, client


@contextlib.asynccontextmanager
async def sandbox_and_client(**options):
    async with Sandbox() as sandbox:
        client = PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url, **{"retry": AT_ONCE, **options})
        async with client:
            yield sandbox, client


# What is sent and what comes back


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "get", "Patch"])
async def test_a_method_goes_out_in_capitals_and_the_answer_comes_back_as_it_is(method):
    async with server_and_client(OK) as (server, client):
        response = await client.request(method, "/api/v2/anything")
        (request,) = server.requests
    assert (request.method, request.path) == (method.upper(), "/api/v2/anything")
    assert (response.status, response.json(), response.ok) == (200, {"ok": True}, True)
    assert response.headers["x-kind"] == response.headers["X-Kind"] == "plain"
    assert response.request_id == request.headers["x-request-id"]
    assert request.headers["authorization"].startswith("Basic ")


async def test_an_answer_to_a_head_has_headers_and_no_body():
    """Its Content-Length is that of an answer to a GET."""
    async with server_and_client(answer(200, b"")[:-2].replace(b": 0", b": 99") + b"X-A: b\r\n\r\n") as (_, client):
        response = await client.request("HEAD", "/api/v2/anything")
        assert (response.status, response.body, response.headers["X-A"]) == (200, b"", "b")
        assert (await client.request("HEAD", "/api/v2/anything")).status == 200


@pytest.mark.parametrize(
    ("params", "query"),
    [
        (None, ""),
        ({}, ""),
        ({"page": 2, "size": 1.5}, "?page=2&size=1.5"),
        ({"id": [7, 8], "kind": ("a", "b")}, "?id=7&id=8&kind=a&kind=b"),
        ({"id": []}, ""),
        ({"active": True, "old": False}, "?active=true&old=false"),
        ({"name": "Müller & Söhne"}, "?name=M%C3%BCller+%26+S%C3%B6hne"),
        ({"näme": "=?#/%"}, "?n%C3%A4me=%3D%3F%23%2F%25"),
    ],
    ids=repr,
)
async def test_params_become_the_query(params, query):
    async with server_and_client(OK) as (server, client):
        await client.request("GET", "/api/v2/anything", params=params)
    assert server.requests[0].path == f"/api/v2/anything{query}"


@pytest.mark.parametrize(
    "params", ["a=b", [("a", "b")], {"a": None}, {"a": {"b": 1}}, {1: "a"}, {"a": "\ud800"}], ids=ascii
)
async def test_params_of_another_kind_are_refused(params):
    client = client_on(transport := FakeTransport(EMPTY))
    with pytest.raises(ValueError):  # noqa: PT011 - also the ValueError of a lone surrogate
        await client.request("GET", "/api/v2/anything", params=params)
    assert transport.requests == []


async def test_json_none_is_no_body():
    async with server_and_client(OK) as (server, client):
        await client.request("POST", "/api/v2/anything", json=None)
    assert server.requests[0].body == b""
    assert server.requests[0].headers["content-length"] == "0"
    assert server.requests[0].headers.get("content-type") != "application/json"


@pytest.mark.parametrize("value", [{}, [], 0, False, "", {"company": None}, [None], {"näme": "ł"}], ids=repr)
async def test_any_other_json_is_a_body_and_none_inside_is_null(value):
    async with server_and_client(OK) as (server, client):
        await client.request("POST", "/api/v2/anything", json=value)
    assert json.loads(server.requests[0].body) == value
    assert server.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("value", [object(), {1, 2}, b"raw", {"a": object()}], ids=["object", "set", "bytes", "inside"])
async def test_json_of_other_types_is_refused(value):
    client = client_on(transport := FakeTransport(EMPTY))
    with pytest.raises(ValueError, match="JSON's own types"):
        await client.request("POST", "/api/v2/anything", json=value)
    assert transport.requests == []


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "CONNECT", "connect", None, b"GET", "GÉT"], ids=repr)
async def test_what_is_no_method_is_refused(method):
    client = client_on(transport := FakeTransport(EMPTY))
    with pytest.raises(ValueError, match="method must be"):
        await client.request(method, "/api/v2/anything")
    assert transport.requests == []


# Paths


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/api/v2/storefront/1", "/api/v2/storefront/1"),
        ("/", "/"),
        ("/a b/ü", "/a%20b/%C3%BC"),
        ("/a%20b/%C3%BC", "/a%20b/%C3%BC"),
        ("/a..b/.well-known/x.", "/a..b/.well-known/x."),
        ("/x:y@z;v=1,2", "/x:y@z;v=1,2"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/print/now", "/print/now/"])
async def test_a_path_lies_below_the_base_url(path, sent, prefix):
    async with server_and_client(OK, prefix=prefix) as (server, client):
        await client.request("GET", path)
    assert server.requests[0].path == prefix.rstrip("/") + sent


@pytest.mark.parametrize(
    "path",
    [
        "",
        "api/v2/storefront/1",
        "https://evil.example.com/",
        "//evil.example.com/",
        "/..",
        "/../other",
        "/a/../../other",
        "/a/./b",
        "/%2e%2e/other",
        "/%2E%2e/other",
        "/.%2e/other",
        "/a/..%2fother",
        "/a/..%5cother",
        "/..;x/other",
        "/a\\..\\other",
        "/a%5Cb",
        "/a?b=c",
        "/a#b",
        "/a\r\nX: y",
        "/a\x00",
        "/a\u2028",
        "/a\ud800",
        None,
        b"/a",
        5,
    ],
    ids=ascii,
)
@pytest.mark.parametrize("prefix", ["", "/print/now"])
async def test_a_path_that_may_lie_elsewhere_is_refused(path, prefix):
    client = client_on(transport := FakeTransport(EMPTY), base_url=f"https://api.example.com{prefix}")
    with pytest.raises(ValueError, match=r"^path must"):
        await client.request("GET", path)
    assert transport.requests == []


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v2/storefront/1", "/api/v2/storefront/{id}"),
        ("/api/v3/orders/7f3a/items", "/api/v3/orders/{id}/items"),
        ("/api/v2/customer/jane@example.com", "/api/v2/customer/{id}"),
        ("/api/v2/customer/J%C3%A9r%C3%B4me", "/api/v2/customer/{id}"),
        ("/api/v2/price-lists/", "/api/v2/price-lists/"),
    ],
)
async def test_events_show_a_route_without_ids_and_without_the_query(path, route):
    events = []
    client = client_on(FakeTransport(EMPTY), observers=[events.append])
    await client.request("GET", path, params={"email": "jane@example.com"})
    assert {(event.operation, event.method, event.route) for event in events} == {("request", "GET", route)}


async def test_an_error_tells_the_path_without_the_query():
    async with server_and_client(answer(404, {"Message": "No such page."})) as (_, client):
        with pytest.raises(NotFoundError) as caught:
            await client.request("GET", "/api/v2/pages", params={"email": "jane@example.com"})
    assert (caught.value.path, caught.value.method, caught.value.message) == ("/api/v2/pages", "GET", "No such page.")
    assert "jane@" not in str(caught.value)


async def test_a_password_in_the_json_stays_out_of_an_error_and_out_of_its_frames():
    password = "c4nary-passphrase"

    async def say_it_back(exchange):
        exchange.writer.write(answer(400, exchange.body))
        await exchange.writer.drain()

    body = {"list": [{"New-Password": password}], "email": "jane@example.com"}
    async with server_and_client(say_it_back) as (_, client):
        with pytest.raises(BadRequestError) as caught:
            await client.request("PATCH", "/api/v2/customer/7", json=body)
    ours = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame.locals for frame in ours.stack if "printnow_async/" in frame.filename]
    assert frames
    assert password not in repr(caught.value.body) + str(caught.value) + repr(frames)


@pytest.mark.parametrize(
    "wrong", [{"method": "G T"}, {"path": "//x"}, {"params": 5}, {"headers": {"X-Key": "c4nary\n"}}], ids=str
)
async def test_an_argument_that_is_refused_shows_no_other_in_our_frames(wrong):
    arguments = {
        "method": "POST",
        "path": "/a",
        "json": {"password": "c4nary"},
        "headers": {"X-Key": "c4nary"},
        **wrong,
    }
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - whichever it is
        await client_on(FakeTransport(EMPTY)).request(**arguments)
    ours = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame.locals for frame in ours.stack if "printnow_async/" in frame.filename]
    assert frames
    assert "c4nary" not in repr(frames) + str(caught.value)


# What a lost answer means

LOSSES = {
    "dropped after it was applied": Fault.apply_then_drop(),
    "reset after it was applied": Fault.apply_then_drop(reset=True),
    "dropped before": Fault.drop(),
    "truncated": Fault.truncate(),
    "502": Fault.apply_then_status(502),
}
each_loss = pytest.mark.parametrize("loss", LOSSES)


@each_loss
async def test_a_write_without_an_answer_is_not_repeated_and_stays_unknown(loss):
    async with sandbox_and_client() as (sandbox, client):
        sandbox.inject(LOSSES[loss], route="POST /api/v2/customer")
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.request("POST", "/api/v2/customer", json=GUEST)
        assert len(sandbox.requests) == 1
    assert (caught.value.operation, caught.value.method, len(caught.value.evidence)) == ("request", "POST", 1)
    assert caught.value.path == "/api/v2/customer"


@each_loss
async def test_a_write_that_may_be_repeated_is(loss):
    async with sandbox_and_client() as (sandbox, client):
        sandbox.inject(LOSSES[loss], route="POST /api/v2/customer")
        response = await client.request("POST", "/api/v2/customer", json=GUEST, repeat=True)
        assert response.json()["id"] in sandbox.customers
        assert len(sandbox.requests) == 2


@each_loss
async def test_a_read_without_an_answer_is_repeated(loss):
    async with sandbox_and_client() as (sandbox, client):
        sandbox.inject(LOSSES[loss], route="GET /api/v2/storefront/all")
        assert (await client.request("GET", "/api/v2/storefront/all")).ok


async def test_a_get_that_is_said_to_be_a_write_is_treated_as_one():
    client = client_on(transport := FakeTransport(LOST, EMPTY), retry=AT_ONCE)
    with pytest.raises(OutcomeUnknownError):
        await client.request("GET", "/api/v2/export/start", write=True)
    assert len(transport.requests) == 1


async def test_a_post_that_is_said_to_be_a_read_is_treated_as_one():
    client = client_on(FakeTransport(LOST, EMPTY), retry=AT_ONCE)
    assert (await client.request("POST", "/api/v2/search", write=False)).status == 204
    lost = client_on(FakeTransport(RawResponse(502)), retry=RetryPolicy.none())
    with pytest.raises(ServerError):
        await lost.request("POST", "/api/v2/search", write=False)


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_the_refusal_of_a_repeat_proves_nothing_of_the_attempt_before_it(status):
    """It may be refused for what the first attempt did: the name is taken, the thing is gone."""
    client = client_on(FakeTransport(LOST, RawResponse(status, b"No.")), retry=AT_ONCE)
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.request("DELETE", "/api/v2/anything/7", repeat=True)
    assert caught.value.evidence == ("attempt 1: the connection was lost", f"attempt 2: {status} No.")


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_refusal_for_load_is_repeated_whatever_the_method(method):
    client = client_on(transport := FakeTransport(RawResponse(429), EMPTY), retry=AT_ONCE)
    assert (await client.request(method, "/api/v2/anything")).status == 204
    assert len(transport.requests) == 2


async def test_a_status_that_is_no_success_is_its_error():
    async with sandbox_and_client() as (_, client):
        with pytest.raises(NotFoundError):
            await client.request("GET", "/api/v2/customer/999999")


# JSON of an answer


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is empty"),
        (b" \r\n", "the body is empty"),
        (b"<html>", "the body is not JSON"),
        (b'{"a": ', "the body is not JSON"),
        (b"\xff\xfe\xfd", "the body is not JSON"),
        (b"[" * 200_000, "the body is not JSON"),
    ],
    ids=lambda value: repr(value)[:12],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_body_that_is_not_json_is_an_invalid_response(body, said, method):
    client = client_on(FakeTransport(RawResponse(201, body)))
    response = await client.request(method, "/api/v2/anything")
    with pytest.raises(InvalidResponseError, match=said) as caught:
        response.json()
    error = caught.value
    assert (error.path, error.status, error.operation) == ("$", 201, "request")
    assert error.request_id == response.request_id
    assert ("most likely applied" in str(error)) is (method == "POST")


def test_an_answer_that_a_test_has_made_can_be_read_too():
    assert RawResponse(200, b'{"id": 7}').json() == {"id": 7}
    with pytest.raises(InvalidResponseError):
        RawResponse(200, b"no").json()
    assert RawResponse(200).request_id == ""


async def test_a_request_of_a_closed_client_is_a_configuration_error():
    client = client_on(FakeTransport(EMPTY))
    await client.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await client.request("GET", "/api/v2/anything")


async def test_a_request_counts_as_an_attempt_like_any_other():
    events = []
    client = client_on(FakeTransport(LOST, EMPTY), retry=AT_ONCE, observers=[events.append])
    await client.request("GET", "/api/v2/anything")
    assert [event.attempt for event in events if isinstance(event, AttemptEvent)] == [1, 2]
