"""The webhook endpoints: what is sent, what each answer means, and what is refused before anything is sent."""

from __future__ import annotations

import copy
import json
import pickle

import attrs
import pytest
from aiohttp import ServerDisconnectedError

from printnow_async import (
    APIError,
    BadRequestError,
    ConflictError,
    Customer,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PrintNowClient,
    RetryPolicy,
    ServerError,
    Webhook,
    WebhookEvent,
    Webhooks,
)
from printnow_async._http.converter import load

ALL = "https://api.printnow.com/api/v2/hooks"
ONE = f"{ALL}/101"
URL = "https://example.com/webhooks/printnow"
CREATED = WebhookEvent.CUSTOMER_CREATED
OURS = {"id": 101, "target_url": URL, "event": "customer_created"}
ANOTHER_EVENT = {"id": 102, "target_url": URL, "event": "order_created"}
ANOTHER_URL = {"id": 103, "target_url": f"{URL}/2", "event": "customer_created"}
HOOK = Webhook(101, URL, CREATED)


@pytest.fixture
async def client():
    async with PrintNowClient("token", "key", retry=RetryPolicy.none()) as client:
        yield client


@pytest.fixture
async def patient():
    async with PrintNowClient("token", "key", retry=RetryPolicy(base_delay=0)) as client:
        yield client


def requests(mocked_api):
    """Every request that was made, verb by verb: aioresponses keeps no other order."""
    return [(verb, str(url)) for (verb, url), calls in mocked_api.requests.items() for _ in calls]


def count(mocked_api, verb):
    return sum(made == verb for made, _ in requests(mocked_api))


def lists(mocked_api, *answers):
    """Answer each list with the next of these."""
    for answer in answers:
        mocked_api.get(ALL, payload=answer)


def posts(mocked_api, *answers):
    """Answer each subscribe with the next: a subscription, a status, or None for no answer."""
    for answer in answers:
        if answer is None:
            mocked_api.post(ALL, exception=ServerDisconnectedError())
        elif isinstance(answer, int):
            mocked_api.post(ALL, status=answer)
        else:
            mocked_api.post(ALL, status=201, payload=answer)


async def failure(call, cls=APIError):
    with pytest.raises(cls) as caught:
        await call
    assert type(caught.value) is cls
    return caught.value


# What is sent, and what comes back


async def test_a_list_gives_every_subscription_in_the_server_s_order(mocked_api, client):
    lists(mocked_api, [ANOTHER_URL, OURS])
    assert await client.webhooks.list() == (Webhook(103, f"{URL}/2", CREATED), HOOK)
    assert requests(mocked_api) == [("GET", ALL)]


async def test_a_list_may_be_empty(mocked_api, client):
    lists(mocked_api, [])
    assert await client.webhooks.list() == ()


@pytest.mark.parametrize(("event", "sent"), [(CREATED, "customer_created"), ("order_paid", "order_paid")])
async def test_a_subscribe_sends_the_url_and_the_event(mocked_api, client, event, sent):
    posts(mocked_api, {"id": 101, "target_url": URL, "event": sent})
    assert await client.webhooks.subscribe(URL, event) == Webhook(101, URL, sent)
    ((call,),) = mocked_api.requests.values()
    assert json.loads(call.kwargs["data"]) == {"target_url": URL, "event": sent}
    assert call.kwargs["headers"]["Content-Type"] == "application/json"


async def test_an_unsubscribe_deletes_and_gives_nothing(mocked_api, client):
    mocked_api.delete(ONE, status=204)
    assert await client.webhooks.unsubscribe(101) is None
    assert requests(mocked_api) == [("DELETE", ONE)]


@pytest.mark.parametrize(
    ("call", "operation", "route"),
    [
        (lambda w: w.list(), "webhooks.list", "/api/v2/hooks"),
        (lambda w: w.subscribe(URL, CREATED), "webhooks.subscribe", "/api/v2/hooks"),
        (lambda w: w.unsubscribe(101), "webhooks.unsubscribe", "/api/v2/hooks/{id}"),
    ],
)
async def test_observers_are_told_of_one_operation(mocked_api, call, operation, route):
    lists(mocked_api, [OURS])
    posts(mocked_api, OURS)
    mocked_api.delete(ONE, status=204)
    events = []
    async with PrintNowClient("token", "key", observers=[events.append]) as client:
        await call(client.webhooks)
    assert {(event.operation, event.route) for event in events} == {(operation, route)}


async def test_a_client_has_one_and_a_client_with_other_options_has_its_own(client):
    other = client.with_options(retry=RetryPolicy(max_attempts=2))
    assert isinstance(client.webhooks, Webhooks)
    assert client.webhooks is client.webhooks
    assert other.webhooks is not client.webhooks


# An answer of success that holds no subscription: what it holds is not documented


@pytest.mark.parametrize("body", ["", "  ", "null", "101", '"OK"', "<html/>", '{"success": true}', '{"id": "101"}'])
async def test_a_subscribe_that_is_answered_otherwise_is_settled_by_the_list(mocked_api, client, body):
    mocked_api.post(ALL, status=200, body=body)
    lists(mocked_api, [ANOTHER_URL, OURS])
    assert await client.webhooks.subscribe(URL, CREATED) == HOOK
    assert sorted(requests(mocked_api)) == [("GET", ALL), ("POST", ALL)]


async def test_an_id_is_enough_of_an_answer(mocked_api, client):
    posts(mocked_api, {"id": 101, "secret": "s"})
    assert await client.webhooks.subscribe(URL, CREATED) == Webhook(101, extra={"secret": "s"})
    assert count(mocked_api, "GET") == 0


@pytest.mark.parametrize("found", [[], [ANOTHER_URL, ANOTHER_EVENT]], ids=["nothing", "others"])
async def test_a_success_that_the_list_does_not_have_is_invalid(mocked_api, client, found):
    mocked_api.post(ALL, status=200, payload={"success": True})
    lists(mocked_api, found)
    error = await failure(client.webhooks.subscribe(URL, CREATED), InvalidResponseError)
    assert (error.path, error.operation) == ("$.id", "webhooks.subscribe")
    assert "most likely applied" in str(error)


async def test_a_success_whose_list_fails_is_invalid_and_keeps_why(mocked_api, client):
    mocked_api.post(ALL, status=204)
    mocked_api.get(ALL, status=500)
    error = await failure(client.webhooks.subscribe(URL, CREATED), InvalidResponseError)
    assert "most likely applied" in str(error)
    assert type(error.__cause__) is ServerError


# A subscribe that got no answer


async def test_a_subscribe_without_an_answer_that_the_list_has_is_not_sent_again(mocked_api, patient):
    posts(mocked_api, None)
    lists(mocked_api, [ANOTHER_URL, OURS])
    assert await patient.webhooks.subscribe(URL, CREATED) == HOOK
    assert (count(mocked_api, "POST"), count(mocked_api, "GET")) == (1, 1)


@pytest.mark.parametrize("there", [[], [ANOTHER_URL], [{"id": 1}]])
async def test_a_subscribe_without_an_answer_that_the_list_does_not_have_is_sent_again(mocked_api, patient, there):
    posts(mocked_api, None, OURS)
    lists(mocked_api, there)
    assert await patient.webhooks.subscribe(URL, CREATED) == HOOK
    assert count(mocked_api, "POST") == 2


async def test_an_event_that_this_version_does_not_know_is_found_by_its_text(mocked_api, patient):
    posts(mocked_api, None)
    lists(mocked_api, [{**OURS, "event": "order_paid"}])
    assert (await patient.webhooks.subscribe(URL, "order_paid")).id == 101
    assert count(mocked_api, "POST") == 1


async def test_a_409_to_a_repeat_is_success_where_the_list_has_ours(mocked_api, patient):
    """The first attempt was applied between the list and the repeat."""
    posts(mocked_api, None, 409)
    lists(mocked_api, [], [OURS])
    assert await patient.webhooks.subscribe(URL, CREATED) == HOOK


async def test_a_409_to_a_repeat_stands_where_the_url_has_another_event(mocked_api, patient):
    """One URL is registered once, so ours cannot have been."""
    posts(mocked_api, None, 409)
    lists(mocked_api, [ANOTHER_EVENT], [ANOTHER_EVENT])
    await failure(patient.webhooks.subscribe(URL, CREATED), ConflictError)
    assert (count(mocked_api, "POST"), count(mocked_api, "GET")) == (2, 2)


@pytest.mark.parametrize("there", [[], [ANOTHER_URL], [{"id": 1, "target_url": URL}]])
async def test_a_409_to_a_repeat_is_unknown_where_the_list_does_not_say_why(mocked_api, patient, there):
    """It may have been ours, and be gone again, or be listed in another spelling."""
    posts(mocked_api, None, 409)
    lists(mocked_api, there, there)
    error = await failure(patient.webhooks.subscribe(URL, CREATED), OutcomeUnknownError)
    assert type(error.__cause__) is ConflictError


async def test_another_event_in_an_older_list_proves_nothing_about_a_409(mocked_api, patient):
    posts(mocked_api, None, 409)
    lists(mocked_api, [ANOTHER_EVENT], [])
    await failure(patient.webhooks.subscribe(URL, CREATED), OutcomeUnknownError)


async def test_a_400_to_a_repeat_stands(mocked_api, patient):
    """It judges the request itself, and so judged the first one."""
    posts(mocked_api, None, 400)
    lists(mocked_api, [], [])
    await failure(patient.webhooks.subscribe(URL, CREATED), BadRequestError)


async def test_a_409_to_the_first_attempt_is_the_error_and_nothing_is_listed(mocked_api, patient):
    posts(mocked_api, 409)
    await failure(patient.webhooks.subscribe(URL, CREATED), ConflictError)
    assert requests(mocked_api) == [("POST", ALL)]


async def test_a_409_after_attempts_that_were_only_refused_is_the_error(mocked_api, patient):
    posts(mocked_api, 429, 409)
    await failure(patient.webhooks.subscribe(URL, CREATED), ConflictError)
    assert count(mocked_api, "GET") == 0


async def test_a_subscribe_is_unknown_where_the_list_fails(mocked_api, patient):
    posts(mocked_api, None)
    mocked_api.get(ALL, status=401)
    error = await failure(patient.webhooks.subscribe(URL, CREATED), OutcomeUnknownError)
    assert error.operation == "webhooks.subscribe"
    assert error.evidence[-1].startswith("read: ")
    assert count(mocked_api, "POST") == 1


async def test_a_subscribe_that_may_not_repeat_is_listed_once_and_then_unknown(mocked_api, client):
    posts(mocked_api, None)
    lists(mocked_api, [])
    await failure(client.webhooks.subscribe(URL, CREATED), OutcomeUnknownError)


# An unsubscribe that got no answer


async def test_a_404_to_the_repeat_of_an_unsubscribe_is_success(mocked_api, patient):
    mocked_api.delete(ONE, exception=ServerDisconnectedError())
    mocked_api.delete(ONE, status=404)
    assert await patient.webhooks.unsubscribe(101) is None
    assert count(mocked_api, "DELETE") == 2


@pytest.mark.parametrize(
    ("status", "cls"), [(400, BadRequestError), (401, OutcomeUnknownError), (409, OutcomeUnknownError)]
)
async def test_another_refusal_of_the_repeat_of_an_unsubscribe_is_no_success(mocked_api, patient, status, cls):
    """A 400 judges the request itself, and so judged the first one; of the others nobody knows."""
    mocked_api.delete(ONE, exception=ServerDisconnectedError())
    mocked_api.delete(ONE, status=status)
    await failure(patient.webhooks.unsubscribe(101), cls)


async def test_a_404_to_the_first_unsubscribe_is_not_found(mocked_api, patient):
    mocked_api.delete(ONE, status=404)
    await failure(patient.webhooks.unsubscribe(101), NotFoundError)


async def test_a_404_after_an_unsubscribe_that_was_only_refused_is_not_found(mocked_api, patient):
    mocked_api.delete(ONE, status=429)
    mocked_api.delete(ONE, status=404)
    await failure(patient.webhooks.unsubscribe(101), NotFoundError)


async def test_an_unsubscribe_that_stays_open_is_unknown(mocked_api, client):
    mocked_api.delete(ONE, exception=ServerDisconnectedError())
    await failure(client.webhooks.unsubscribe(101), OutcomeUnknownError)


# Wrong arguments


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "101", None, 2**63, HOOK, Customer(id=1)], ids=repr)
async def test_a_wrong_id_is_a_value_error_before_any_request(mocked_api, client, value):
    with pytest.raises(ValueError, match=r"^webhook_id must be "):
        await client.webhooks.unsubscribe(value)
    assert requests(mocked_api) == []


@pytest.mark.parametrize(
    "url",
    [
        "", "/webhooks", "example.com/webhooks", "//example.com/", "https:///path", "https://", "ftp://example.com/",
        "javascript:alert(1)", "https://example.com:port/", "https://example.com:99999/", "https://[::1/",
        "https://jane:hunter2@example.com/", "https://jane@example.com/", "https://:hunter2@example.com/",
        "https://example.com/a b", " https://example.com/", "https://example.com/\n", "https://example.com/\udc80",
        None, 5, b"https://example.com/", ["https://example.com/"],
    ],
    ids=repr,
)  # fmt: skip
async def test_a_wrong_target_url_is_a_value_error_that_does_not_show_it(mocked_api, client, url):
    with pytest.raises(ValueError, match=r"^target_url must be ") as caught:
        await client.webhooks.subscribe(url, CREATED)
    assert "hunter2" not in str(caught.value)
    assert requests(mocked_api) == []


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://10.0.0.1:8080/hook?shop=1", "HTTPS://bücher.example/é", "https://[::1]/"]
)
async def test_any_other_target_url_is_sent_as_it_is(mocked_api, client, url):
    posts(mocked_api, {"id": 101})
    await client.webhooks.subscribe(url, CREATED)
    ((call,),) = mocked_api.requests.values()
    assert json.loads(call.kwargs["data"])["target_url"] == url


@pytest.mark.parametrize("event", ["", "  ", "order\ncreated", "order\udc80", None, 5, b"order_created"], ids=repr)
async def test_a_wrong_event_is_a_value_error_before_any_request(mocked_api, client, event):
    with pytest.raises(ValueError, match=r"^event must be "):
        await client.webhooks.subscribe(URL, event)
    assert requests(mocked_api) == []


# The model and its events


@pytest.mark.parametrize("event", WebhookEvent)
def test_an_event_that_is_known_is_a_member_and_equals_its_text(event):
    hook = load(Webhook, json.dumps({"id": 1, "event": event.value}).encode())
    assert hook.event is event
    assert hook.event == event.name.lower()
    assert pickle.loads(pickle.dumps(hook)).event is event  # noqa: S301 -- made in this process
    assert copy.deepcopy(hook) == hook


@pytest.mark.parametrize("event", ["order_paid", "ORDER_CREATED", "", "заказ"])
def test_an_event_that_is_not_known_keeps_its_text(event):
    hook = load(Webhook, json.dumps({"id": 1, "event": event}).encode())
    assert (hook.event, type(hook.event)) == (event, str)
    assert pickle.loads(pickle.dumps(hook)) == hook  # noqa: S301 -- made in this process


def test_the_events_are_those_of_the_vendor_s_page():
    assert {event.value for event in WebhookEvent} == {
        "order_created", "order_updated", "order_deleted",
        "customer_created", "customer_updated", "customer_deleted",
    }  # fmt: skip


@pytest.mark.parametrize("body", [b'{"id": 1}', b'{"id": 1, "target_url": null, "event": null}'])
def test_only_the_id_is_certain(body):
    assert load(Webhook, body) == Webhook(1, None, None)


def test_unknown_fields_are_kept_and_shown_by_name_only():
    hook = load(Webhook, b'{"id": 1, "secret": "hunter2"}')
    assert hook.extra == {"secret": "hunter2"}
    assert "hunter2" not in repr(hook)


def test_a_webhook_is_a_value():
    """Frozen and hashable, whichever way its event is given."""
    assert {HOOK: 1}[Webhook(101, URL, "customer_created")] == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        HOOK.event = None


@pytest.mark.parametrize(
    ("hook", "path"),
    [
        ({"id": "101"}, "$[0].id"),
        ({"id": None}, "$[0].id"),
        ({}, "$[0].id"),
        ({"id": 1, "target_url": 5}, "$[0].target_url"),
        ({"id": 1, "event": 5}, "$[0].event"),
        ({"id": 1, "event": ["order_created"]}, "$[0].event"),
        ({"id": 1, "event": True}, "$[0].event"),
    ],
)
async def test_a_value_of_the_wrong_type_names_the_field(mocked_api, client, hook, path):
    lists(mocked_api, [hook])
    error = await failure(client.webhooks.list(), InvalidResponseError)
    assert error.path == path
    assert "null" in str(error) or "missing" in str(error) or "expected" in str(error)
