"""JSON to models and back: documented objects come through unchanged, everything else is a ShapeError."""

from __future__ import annotations

import importlib.util
import json
import sys

import attrs
import pytest
from hypothesis import given, strategies as st

from printnow_async import Customer, CustomerUpdate
from printnow_async._http import converter
from printnow_async._http.converter import ShapeError, dump, load
from tests.support.strategies import (
    FIELDS,
    accounts,
    bodies,
    changes,
    customers,
    encoded,
    ids,
    json_fields,
    json_values,
    timestamps,
)


@pytest.fixture(params=["orjson", "json"], scope="module", autouse=True)
def json_library(request):
    """Every test runs with orjson and with the standard library."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "json":
            patch.setitem(sys.modules, "orjson", None)
        elif importlib.util.find_spec("orjson") is None:
            pytest.skip("orjson is not installed here; it is where the extra `speed` is")
        converter._json.cache_clear()
        yield
        converter._json.cache_clear()


def decoded(type_, body):
    """What comes of a body: a value, or the place that does not fit. Any other exception fails the test."""
    try:
        return load(type_, body)
    except ShapeError as error:
        refusal = error
    assert refusal.path.startswith("$")
    assert refusal.reason.isprintable()
    return None


@given(customers())
def test_a_documented_customer_comes_through_with_equal_values(pair):
    written, customer = pair
    read = load(Customer, encoded(written))
    assert read == customer
    assert {name: type(value) for name, value in attrs.asdict(read, recurse=False).items()} == {
        name: type(value) for name, value in attrs.asdict(customer, recurse=False).items()
    }


@given(st.lists(customers(), max_size=4))
def test_a_list_of_customers_comes_through_in_its_order(pairs):
    body = encoded([written for written, _ in pairs])
    assert load(list[Customer], body) == [customer for _, customer in pairs]


@given(timestamps())
def test_every_way_of_writing_a_moment_is_that_moment_in_utc(pair):
    written, moment = pair
    read = load(Customer, encoded({"id": 1, "created_on": written})).created_on
    assert (read, read.utcoffset()) == (moment, moment.utcoffset())


@given(json_values)
def test_any_json_is_a_customer_or_a_shape_error(value):
    customer = decoded(Customer, encoded(value))
    assert customer is None or customer.id == value["id"]


@given(ids, st.dictionaries(st.sampled_from(list(FIELDS)), json_fields))
def test_any_values_in_the_known_fields_are_kept_or_refused(number, values):
    """What is read is what was written, in value and in type: nothing is coerced."""
    customer = decoded(Customer, encoded({"id": number, **values}))
    if customer is None:
        return
    for name, value in values.items():
        found = getattr(customer, name)
        if name == "user_groups":
            assert found == tuple(value or ())
        elif isinstance(found, str | bool | int | None):
            assert (found, type(found)) == (value, type(value))
        else:
            assert found.tzinfo is not None


@given(bodies)
def test_any_bytes_are_a_customer_or_a_shape_error(body):
    decoded(Customer, body)


@given(bodies | json_values.map(encoded))
def test_any_bytes_are_a_list_of_customers_or_a_shape_error(body):
    decoded(list[Customer], body)


@given(customers(), st.data())
def test_one_wrong_value_among_right_ones_is_named(pair, data):
    """By its own field, whichever of them it is."""
    written, _ = pair
    name = data.draw(st.sampled_from([*FIELDS, "id"]))
    with pytest.raises(ShapeError) as caught:
        load(Customer, encoded({**written, name: {"not": "of any documented type"}}))
    assert caught.value.path == f"$.{name}"


@given(accounts, ids)
def test_an_account_is_sent_with_what_it_holds(account, storefront_id):
    sent = json.loads(dump(account, storefront_id=storefront_id))
    expected = {"storefront_id": storefront_id, **attrs.asdict(account)}
    if account.company is None:
        del expected["company"]
    assert sent == expected


@given(changes)
def test_an_update_is_sent_with_what_is_given_and_nothing_else(given_):
    assert json.loads(dump(CustomerUpdate(**given_))) == given_
