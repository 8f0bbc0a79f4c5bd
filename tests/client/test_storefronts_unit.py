"""The storefront endpoints: what is sent, what comes back, and what is refused before anything is sent."""

from __future__ import annotations

import pickle

import attrs
import pytest
from aiohttp import ServerDisconnectedError

from printnow_async import (
    ConfigurationError,
    Customer,
    InvalidResponseError,
    NotFoundError,
    PrintNowClient,
    RetryPolicy,
    Storefront,
    Storefronts,
)
from printnow_async._http.converter import load

ALL = "https://api.printnow.com/api/v2/storefront/all"
ONE = "https://api.printnow.com/api/v2/storefront/1"
SHOP = {"id": 1, "name": "My Print Store", "url": "store.example.com", "is_retail": True}
FIRST = Storefront(1, "My Print Store", "store.example.com", is_retail=True)


@pytest.fixture
async def client():
    async with PrintNowClient("token", "key", retry=RetryPolicy.none()) as client:
        yield client


def requests(mocked_api):
    return [(verb, str(url)) for (verb, url), calls in mocked_api.requests.items() for _ in calls]


async def test_a_list_asks_once_and_gives_every_storefront_in_the_server_s_order(mocked_api, client):
    mocked_api.get(ALL, payload=[{"id": 2}, SHOP])
    assert await client.storefronts.list() == (Storefront(2), FIRST)
    assert requests(mocked_api) == [("GET", ALL)]


async def test_a_list_may_be_empty(mocked_api, client):
    mocked_api.get(ALL, payload=[])
    assert await client.storefronts.list() == ()


async def test_a_get_asks_for_the_one(mocked_api, client):
    mocked_api.get(ONE, payload=SHOP)
    assert await client.storefronts.get(1) == FIRST
    assert requests(mocked_api) == [("GET", ONE)]


async def test_a_storefront_that_is_not_there_is_not_found(mocked_api, client):
    mocked_api.get(ONE, status=404)
    with pytest.raises(NotFoundError) as caught:
        await client.storefronts.get(1)
    assert type(caught.value) is NotFoundError


@pytest.mark.parametrize("call", [lambda s: s.list(), lambda s: s.get(1)], ids=["list", "get"])
async def test_what_got_no_answer_is_asked_again(mocked_api, call):
    mocked_api.get(ALL, exception=ServerDisconnectedError())
    mocked_api.get(ALL, payload=[])
    mocked_api.get(ONE, exception=ServerDisconnectedError())
    mocked_api.get(ONE, payload=SHOP)
    async with PrintNowClient("token", "key", retry=RetryPolicy(base_delay=0)) as client:
        await call(client.storefronts)
    assert len(requests(mocked_api)) == 2


@pytest.mark.parametrize("call", [lambda s: s.list(), lambda s: s.get(1)], ids=["list", "get"])
async def test_observers_are_told_of_one_read(mocked_api, call):
    mocked_api.get(ALL, payload=[])
    mocked_api.get(ONE, payload=SHOP)
    events = []
    async with PrintNowClient("token", "key", observers=[events.append]) as client:
        await call(client.storefronts)
    assert {(event.operation, event.route) for event in events} in (
        {("storefronts.list", "/api/v2/storefront/all")},
        {("storefronts.get", "/api/v2/storefront/{id}")},
    )


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, 2**63, Customer(id=1)], ids=repr)
async def test_a_wrong_id_is_a_value_error_before_any_request(mocked_api, client, value):
    with pytest.raises(ValueError, match=r"^storefront_id must be "):
        await client.storefronts.get(value)
    assert requests(mocked_api) == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([SHOP, {"id": "2"}], "$[1].id"),
        ([{"id": 1, "name": 5}], "$[0].name"),
        ([{"id": 1, "is_retail": "true"}], "$[0].is_retail"),
        ([{"name": "My Print Store"}], "$[0].id"),
        ([5], "$[0]"),
        ({"storefronts": []}, "$"),
        (None, "$"),
    ],
)
async def test_a_list_of_the_wrong_shape_names_the_field(mocked_api, client, body, path):
    mocked_api.get(ALL, payload=body)
    with pytest.raises(InvalidResponseError) as caught:
        await client.storefronts.list()
    assert (caught.value.path, caught.value.operation) == (path, "storefronts.list")


async def test_a_list_without_a_body_is_invalid_and_not_empty(mocked_api, client):
    """Nobody documents it, and to take it for "there are none" could be wrong."""
    mocked_api.get(ALL, status=204)
    with pytest.raises(InvalidResponseError):
        await client.storefronts.list()


@pytest.mark.parametrize("nothing", [{}, {"name": None, "url": None, "is_retail": None}], ids=["missing", "null"])
def test_only_the_id_is_certain(nothing):
    assert load(Storefront, b'{"id": 1}') == Storefront(1)
    assert attrs.asdict(Storefront(1, **nothing)) == {
        "id": 1, "name": None, "url": None, "is_retail": None, "extra": {},
    }  # fmt: skip


def test_null_reads_as_none():
    assert load(Storefront, b'{"id": 1, "name": null, "url": null, "is_retail": null}') == Storefront(1)


def test_unknown_fields_are_kept_and_shown_by_name_only():
    shop = load(Storefront, b'{"id": 1, "sales_rep": {"name": "Jane"}}')
    assert shop.extra == {"sales_rep": {"name": "Jane"}}
    assert repr(shop).endswith("extra=['sales_rep'])")


def test_a_storefront_is_a_value():
    """Frozen, hashable, and the same after pickling."""
    assert pickle.loads(pickle.dumps(FIRST)) == FIRST  # noqa: S301 -- made in this process
    assert {FIRST: 1}[Storefront(1, "My Print Store", "store.example.com", is_retail=True)] == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        FIRST.name = "Other"


async def test_a_client_has_one_and_a_client_with_other_options_has_its_own(mocked_api, client):
    mocked_api.get(ONE, payload=SHOP)
    other = client.with_options(retry=RetryPolicy(max_attempts=2))
    assert isinstance(client.storefronts, Storefronts)
    assert client.storefronts is client.storefronts
    assert other.storefronts is not client.storefronts
    assert await other.storefronts.get(1) == FIRST


async def test_a_client_that_is_closed_asks_nothing(mocked_api):
    client = PrintNowClient("token", "key")
    await client.aclose()
    with pytest.raises(ConfigurationError):
        await client.storefronts.list()
    assert requests(mocked_api) == []
