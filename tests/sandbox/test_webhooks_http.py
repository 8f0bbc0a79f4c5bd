"""The sandbox's storefronts and subscriptions, asked over a real socket by aiohttp alone."""

from __future__ import annotations

import json

import aiohttp
import pytest

from printnow_async.sandbox import Fault, Sandbox, SandboxWebhook

URL = "https://example.com/webhooks/printnow"
HOOKS = "/api/v2/hooks"
WANTED = {"target_url": URL, "event": "customer_created"}


@pytest.fixture
async def sandbox():
    async with Sandbox({3: "Third", 1: "First"}) as sandbox:
        yield sandbox


@pytest.fixture
async def ask(sandbox):
    async with aiohttp.ClientSession(
        headers={"Authorization": aiohttp.encode_basic_auth(sandbox.token, sandbox.key)}
    ) as session:

        async def ask(method, path, body=None):
            async with session.request(method, sandbox.url + path, json=body) as response:
                raw = await response.read()
                return response.status, json.loads(raw) if raw else None

        yield ask


async def test_every_storefront_is_listed_with_the_documented_fields(ask):
    status, storefronts = await ask("GET", "/api/v2/storefront/all")
    assert status == 200
    assert [(one["id"], one["name"]) for one in storefronts] == [(1, "First"), (3, "Third")]
    assert [list(one) for one in storefronts] == [["id", "name", "url", "is_retail"]] * 2


async def test_one_storefront_is_the_object_of_the_list(ask):
    assert await ask("GET", "/api/v2/storefront/3") == (200, (await ask("GET", "/api/v2/storefront/all"))[1][1])


@pytest.mark.parametrize("storefront", ["2", "0", "-1", "x", "3.0", "9" * 30])
async def test_a_storefront_that_is_not_there_is_404(ask, storefront):
    assert await ask("GET", f"/api/v2/storefront/{storefront}") == (404, {"Message": "Storefront not found."})


async def test_a_subscribe_answers_with_the_subscription(sandbox, ask):
    assert await ask("POST", HOOKS, WANTED) == (201, {"id": 101, **WANTED})
    assert sandbox.webhooks == {101: SandboxWebhook(101, URL, "customer_created")}
    assert await ask("GET", HOOKS) == (200, [{"id": 101, **WANTED}])


async def test_no_subscriptions_are_an_empty_list(ask):
    assert await ask("GET", HOOKS) == (200, [])


@pytest.mark.parametrize("event", ["customer_created", "order_created"])
async def test_a_url_is_registered_once(sandbox, ask, event):
    """Whatever the event."""
    await ask("POST", HOOKS, WANTED)
    status, _ = await ask("POST", HOOKS, {**WANTED, "event": event})
    assert status == 409
    assert len(sandbox.webhooks) == 1


async def test_another_url_may_have_the_same_event(sandbox, ask):
    await ask("POST", HOOKS, WANTED)
    assert (await ask("POST", HOOKS, {**WANTED, "target_url": f"{URL}/2"}))[1]["id"] == 102


@pytest.mark.parametrize(
    "body",
    [
        {"target_url": URL}, {"event": "order_created"}, {**WANTED, "target_url": ""}, {**WANTED, "event": "  "},
        {**WANTED, "event": "order_paid"}, {**WANTED, "event": 5}, {**WANTED, "target_url": None}, [], None,
    ],
)  # fmt: skip
async def test_a_subscribe_with_a_bad_value_is_refused(sandbox, ask, body):
    assert (await ask("POST", HOOKS, body))[0] == 400
    assert sandbox.webhooks == {}


@pytest.mark.parametrize(
    "event",
    [
        "order_created", "order_updated", "order_deleted",
        "customer_created", "customer_updated", "customer_deleted",
    ],
)  # fmt: skip
async def test_every_documented_event_can_be_subscribed_to(ask, event):
    assert (await ask("POST", HOOKS, {**WANTED, "event": event}))[0] == 201


async def test_an_unsubscribe_takes_one_out_and_sets_its_url_free(sandbox, ask):
    other = sandbox.add_webhook(f"{URL}/2", "order_paid")
    made = (await ask("POST", HOOKS, WANTED))[1]["id"]
    assert await ask("DELETE", f"{HOOKS}/{made}") == (204, None)
    assert sandbox.webhooks == {other.id: other}
    assert (await ask("POST", HOOKS, WANTED))[1]["id"] not in {made, other.id}


@pytest.mark.parametrize("hook", ["102", "0", "x"])
async def test_a_subscription_that_is_not_there_is_404(sandbox, ask, hook):
    sandbox.add_webhook(URL, "order_created")
    assert await ask("DELETE", f"{HOOKS}/{hook}") == (404, {"Message": "Webhook not found."})
    assert len(sandbox.webhooks) == 1


async def test_a_known_path_with_another_method_is_405(ask):
    assert (await ask("PATCH", f"{HOOKS}/101", {}))[0] == 405
    assert (await ask("GET", f"{HOOKS}/101"))[0] == 405
    assert (await ask("POST", "/api/v2/storefront/1", {}))[0] == 405


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/api/v2/storefront/all", "/api/v2/storefront/all"),
        ("GET", "/api/v2/storefront/3", "/api/v2/storefront/{id}"),
        ("GET", HOOKS, HOOKS),
        ("POST", HOOKS, HOOKS),
        ("DELETE", f"{HOOKS}/101", f"{HOOKS}/{{id}}"),
    ],
)
async def test_each_is_recorded_under_its_route_and_struck_by_faults_for_it(sandbox, ask, method, path, route):
    sandbox.inject(Fault.status(503, retry_after=1), f"{method} {route}")
    assert (await ask(method, path, WANTED))[0] == 503
    (request,) = sandbox.requests
    assert (request.route, request.fault, request.applied) == (f"{method} {route}", "status", False)
    assert sandbox.webhooks == {}


async def test_an_event_is_recorded_and_posted_nowhere(sandbox, ask):
    """Even to a URL of its own, where it would be seen."""
    sandbox.add_webhook(f"{sandbox.url}/posted", "customer_created")
    customer = {"username": "jane", "password": "hunter2", "email": "j@example.com"}
    await ask("POST", "/api/v2/customer", {**customer, "storefront_id": 1, "first_name": "J", "last_name": "S"})
    assert [fired.event for fired in sandbox.webhooks_fired] == ["customer_created"]
    assert len(sandbox.requests) == 1


async def test_what_it_shows_is_a_copy(sandbox):
    sandbox.add_webhook(URL, "order_created")
    sandbox.webhooks.clear()
    assert len(sandbox.webhooks) == 1


async def test_bad_credentials_open_neither(sandbox):
    async with aiohttp.ClientSession() as session:
        for path in (HOOKS, "/api/v2/storefront/all"):
            async with session.get(sandbox.url + path) as response:
                assert response.status == 401
