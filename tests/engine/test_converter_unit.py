"""JSON to models and back, strictly, with orjson and without."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest

from printnow_async import Customer, CustomerUpdate, NewAccount
from printnow_async._http import converter
from printnow_async._http.converter import ShapeError, dump, dump_json, load

FROM_THE_PAGE = b"""{
  "storefront": "My Print Store",
  "storefront_id": 1,
  "id": 12345,
  "first_name": "Jane",
  "last_name": "Smith",
  "email": "jane@example.com",
  "username": "janesmith",
  "receive_marketing_emails": true,
  "last_logged_in_on": "2026-01-15T10:30:00Z",
  "created_on": "2025-06-01T14:00:00Z",
  "last_updated_on": "2026-01-15T10:30:00Z",
  "company": "Acme Corp",
  "organization": "Acme Organization",
  "user_groups": ["Wholesale", "VIP"],
  "tax_exempt": true,
  "is_temporary": false
}"""

TEXTS = ["storefront", "first_name", "last_name", "email", "username", "company", "organization"]
FLAGS = ["receive_marketing_emails", "tax_exempt", "is_temporary"]
MOMENTS = ["last_logged_in_on", "created_on", "last_updated_on"]
VALUES = {
    "a string": "12",
    "the word false": "false",
    "a number": 12,
    "a fraction": 12.0,
    "zero": 0,
    "a boolean": True,
    "null": None,
    "a list": ["12"],
    "an object": {"value": "12"},
}
"""One of each JSON type; and in which fields each is right."""
RIGHT = {
    "id": {"a number", "zero"},
    "storefront_id": {"a number", "zero", "null"},
    "user_groups": {"a list", "null"},
    **{name: {"a string", "the word false", "null"} for name in TEXTS},
    **{name: {"a boolean", "null"} for name in FLAGS},
    **{name: {"null"} for name in MOMENTS},
}
WRONG = [(field, kind) for field, right in RIGHT.items() for kind in VALUES if kind not in right]


@pytest.fixture(params=["orjson", "json"], autouse=True)
def json_library(request, monkeypatch):
    """Every test runs with orjson and with the standard library."""
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "orjson", None)
    elif importlib.util.find_spec("orjson") is None:
        pytest.skip("orjson is not installed here; it is where the extra `speed` is")
    converter._json.cache_clear()
    yield request.param
    converter._json.cache_clear()


def customer_of(**fields):
    return load(Customer, json.dumps({"id": 7, **fields}).encode())


def refusal(body, type_=Customer):
    with pytest.raises(ShapeError) as caught:
        load(type_, body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


# What is right


def test_the_library_in_use_is_the_one_that_is_meant(json_library):
    with pytest.raises(ValueError, match=":") as caught:
        converter._json()[0](b"{")
    assert type(caught.value).__module__.partition(".")[0] == json_library


def test_the_customer_of_the_vendors_page_is_read_in_full():
    assert load(Customer, FROM_THE_PAGE) == Customer(
        id=12345,
        storefront="My Print Store",
        storefront_id=1,
        first_name="Jane",
        last_name="Smith",
        email="jane@example.com",
        username="janesmith",
        receive_marketing_emails=True,
        last_logged_in_on=datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
        created_on=datetime(2025, 6, 1, 14, 0, tzinfo=UTC),
        last_updated_on=datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
        company="Acme Corp",
        organization="Acme Organization",
        user_groups=("Wholesale", "VIP"),
        tax_exempt=True,
        is_temporary=False,
    )


def test_an_id_is_all_that_is_needed():
    assert load(Customer, b'{"id":7}') == Customer(id=7)


def test_null_is_none_in_every_field_but_the_id():
    names = {field.name for field in attrs.fields(Customer)} - {"id", "extra"}
    assert customer_of(**dict.fromkeys(names)) == Customer(id=7)


@pytest.mark.parametrize(
    ("field", "kind"), [(field, kind) for field, right in RIGHT.items() for kind in sorted(right - {"null"})]
)
def test_a_value_of_the_right_type_is_kept_as_it_is(field, kind):
    value = VALUES[kind]
    expected = tuple(value) if isinstance(value, list) else value
    found = getattr(customer_of(**{field: value}), field)
    assert (found, type(found)) == (expected, type(expected))


def test_text_of_any_language_is_kept():
    assert customer_of(first_name="Žofie 🎨 \u0000 'x'").first_name == "Žofie 🎨 \u0000 'x'"


def test_an_empty_list_of_groups_is_an_empty_tuple():
    assert customer_of(user_groups=[]).user_groups == ()


def test_a_list_of_customers_is_read_in_its_order():
    assert load(list[Customer], b'[{"id":2},{"id":1}]') == [Customer(id=2), Customer(id=1)]


# What is wrong


@pytest.mark.parametrize(("field", "kind"), WRONG)
def test_a_value_of_the_wrong_type_is_refused_with_its_path(field, kind):
    """Never a silent coercion: `"12"` is no number, `"false"` no boolean, `1` no `true`."""
    error = refusal({"id": 7, field: VALUES[kind]})
    assert error.path == f"$.{field}"
    assert str(error) == f"$.{field}: {error.reason}"


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ({"id": "12"}, "$.id", "expected an integer, got a string"),
        ({"id": None}, "$.id", "expected an integer, got null"),
        ({"id": True}, "$.id", "expected an integer, got a boolean"),
        ({"id": 1.0}, "$.id", "expected an integer, got a number"),
        ({}, "$.id", "required, but missing"),
        ({"ID": 7}, "$.id", "required, but missing"),
        ({"id": 7, "tax_exempt": "false"}, "$.tax_exempt", "expected a boolean, got a string"),
        ({"id": 7, "email": {}}, "$.email", "expected a string, got an object"),
        ({"id": 7, "user_groups": "VIP"}, "$.user_groups", "expected a list of strings, got a string"),
        ({"id": 7, "user_groups": ["VIP", 5]}, "$.user_groups[1]", "expected a string, got a number"),
        ({"id": 7, "user_groups": [None]}, "$.user_groups[0]", "expected a string, got null"),
        ({"id": 7, "created_on": 5}, "$.created_on", "expected a date and time, got a number"),
        (
            {"id": 7, "created_on": "soon"},
            "$.created_on",
            "expected a date and time in ISO 8601, got a string",
        ),
        ([], "$", "expected an object, got a list"),
        ("Jane", "$", "expected an object, got a string"),
        (None, "$", "expected an object, got null"),
        (7, "$", "expected an object, got a number"),
        (True, "$", "expected an object, got a boolean"),
        (b"", "$", "the body is empty"),
        (b" \r\n", "$", "the body is empty"),
        (b"<html></html>", "$", "the body is not JSON"),
        (b'{"id":7', "$", "the body is not JSON"),
        (b'{"id":7} x', "$", "the body is not JSON"),
        (b'{"id":7}{"id":8}', "$", "the body is not JSON"),
        (b'{"id":7,"email":"\xff"}', "$", "the body is not JSON"),
        (b"{'id':7}", "$", "the body is not JSON"),
        (b"\x1f\x8b\x08", "$", "the body is not JSON"),
    ],
)
def test_a_refusal_says_where_and_why(body, path, reason):
    error = refusal(body)
    assert (error.path, error.reason) == (path, reason)


@attrs.frozen
class Sample:
    """A model that needs a field of each kind, as other resources of the API may."""

    name: str
    count: int
    share: float
    is_retail: bool
    moment: datetime


SAMPLE = {"name": "store", "count": 3, "share": 0.5, "is_retail": True, "moment": "2026-01-15T10:30:00Z"}


def test_a_model_of_required_fields_is_read():
    read = load(Sample, json.dumps(SAMPLE).encode())
    assert read == Sample("store", 3, 0.5, True, datetime(2026, 1, 15, 10, 30, tzinfo=UTC))


def test_a_whole_number_is_a_number_too():
    assert load(Sample, json.dumps({**SAMPLE, "share": 1}).encode()).share == 1.0


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", 5, "expected a string, got a number"),
        ("count", "3", "expected an integer, got a string"),
        ("count", 3.0, "expected an integer, got a number"),
        ("share", True, "expected a number, got a boolean"),
        ("share", "0.5", "expected a number, got a string"),
        ("is_retail", 1, "expected a boolean, got a number"),
        ("is_retail", "true", "expected a boolean, got a string"),
        ("moment", 5, "expected a date and time, got a number"),
        *((field, None, "got null") for field in SAMPLE),
    ],
)
def test_a_required_field_is_read_as_strictly(field, value, reason):
    error = refusal({**SAMPLE, field: value}, Sample)
    assert error.path == f"$.{field}"
    assert error.reason.endswith(reason)


@pytest.mark.parametrize("field", SAMPLE)
def test_a_required_field_that_is_missing_is_named(field):
    error = refusal({name: value for name, value in SAMPLE.items() if name != field}, Sample)
    assert (error.path, error.reason) == (f"$.{field}", "required, but missing")


def test_unknown_fields_of_a_model_that_keeps_none_are_left_out():
    assert load(Sample, json.dumps({**SAMPLE, "new": 1}).encode()).name == "store"


def test_of_several_wrong_fields_one_is_named():
    assert refusal({"id": 7, "email": 1, "tax_exempt": "no"}).path in {"$.email", "$.tax_exempt"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"id": 7}, "$"),
        (None, "$"),
        ([{"id": 1}, {"id": "2"}], "$[1].id"),
        ([{"id": 1}, 5], "$[1]"),
        ([{"id": 1, "user_groups": [0]}], "$[0].user_groups[0]"),
        ([[]], "$[0]"),
    ],
)
def test_a_refused_list_says_which_item(body, path):
    assert refusal(body, list[Customer]).path == path


def test_a_refusal_never_shows_the_value():
    """It may be a secret that the server said back."""
    error = refusal({"id": "s3cret-passphrase", "created_on": "s3cret-passphrase"})
    assert "s3cret" not in str(error)


# Dates and times


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2017-04-10T04:00:00Z", 0),
        ("2017-04-10T04:00:00.8Z", 800_000),
        ("2017-04-10T04:00:00.15Z", 150_000),
        ("2017-04-10T04:00:00.157Z", 157_000),
        ("2017-04-10T04:00:00.1571Z", 157_100),
        ("2017-04-10T04:00:00.15712Z", 157_120),
        ("2017-04-10T04:00:00.157123Z", 157_123),
        ("2017-04-10T04:00:00.1571239Z", 157_123),
    ],
)
def test_seconds_have_0_to_7_fractional_digits(text, microsecond):
    """The seventh, a tenth of a microsecond, is more than a datetime holds."""
    expected = datetime(2017, 4, 10, 4, 0, 0, microsecond, tzinfo=UTC)
    assert customer_of(created_on=text).created_on == expected


@pytest.mark.parametrize("field", MOMENTS)
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15T10:30:00",
        "2026-01-15T10:30:00Z",
        "2026-01-15T10:30:00+00:00",
        "2026-01-15T12:30:00+02:00",
        "2026-01-15T05:00:00-05:30",
        "2026-01-15T10:30:00.0000000",
        "2026-01-15T10:30",
        "2026-01-15 10:30:00Z",
    ],
)
def test_every_time_is_aware_and_utc(field, text):
    """One without a zone is UTC, one of another zone is the same moment in UTC."""
    moment = getattr(customer_of(**{field: text}), field)
    assert moment == datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "null",
        "1768473000",
        "2026-01-15T10:30:00Z ",
        "2026-13-15T10:30:00Z",
        "2026-02-30T10:30:00Z",
        "2026-01-15T25:30:00Z",
        "2026-01-15T10:61:00Z",
        "2026-01-15T10:30:60Z",
        "2026-01-15T10:30:00+25:00",
        "0000-01-15T10:30:00Z",
        "10000-01-15T10:30:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "/Date(1768473000000)/",
        "Thu, 15 Jan 2026 10:30:00 GMT",
        "9" * 100_000,
    ],
    ids=lambda text: text[:30],
)
def test_a_time_that_cannot_be_is_refused(text):
    error = refusal({"id": 7, "created_on": text})
    assert (error.path, error.reason) == (
        "$.created_on",
        "expected a date and time in ISO 8601, got a string",
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0001-01-01T00:00:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_the_first_and_last_moments_of_dot_net_are_read(text, moment):
    """A default date of the server is a date, and no reason to refuse a customer."""
    assert customer_of(created_on=text).created_on == moment


def test_a_time_is_the_same_moment_whatever_its_zone():
    zone = timezone(timedelta(hours=-9, minutes=-30))
    written = datetime(2026, 1, 15, 1, 0, tzinfo=zone).isoformat()
    assert customer_of(created_on=written).created_on == datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


# Fields that are not known


def test_unknown_fields_are_kept_as_they_are():
    unknown = {"loyalty": {"points": [1, 2.5, None]}, "Email": "other", "": True}
    assert dict(customer_of(email="jane@example.com", **unknown).extra) == unknown


def test_a_field_called_extra_is_an_unknown_one():
    assert dict(customer_of(extra={"a": 1}).extra) == {"extra": {"a": 1}}


def test_a_known_customer_has_nothing_extra():
    assert dict(load(Customer, FROM_THE_PAGE).extra) == {}


def test_a_customer_with_unknown_fields_is_checked_as_strictly():
    assert refusal({"id": 7, "unknown": 1, "tax_exempt": 1}).path == "$.tax_exempt"


def test_the_last_of_two_fields_of_one_name_counts():
    assert load(Customer, b'{"id":1,"id":2}').id == 2


# Large, deep and odd JSON


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"id":' * 200_000,
        b'{"id":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id":' + b"9" * 100_000 + b"}",
        b'{"id":1e99999}',
        b'{"id":-0.0}',
    ],
    ids=["lists", "objects", "deep extra", "a long number", "a huge number", "minus zero"],
)
def test_json_that_is_deep_or_huge_is_refused_and_nothing_worse(body):
    assert refusal(body).path in {"$", "$.id"}


def test_a_customer_of_many_fields_and_long_texts_is_read():
    fields = {f"field_{number}": number for number in range(20_000)}
    customer = customer_of(company="x" * 1_000_000, **fields)
    assert len(customer.extra) == 20_000
    assert len(customer.company) == 1_000_000


def test_a_byte_order_mark_is_no_part_of_the_customer():
    """.NET writes one now and then; what is read must not depend on which library reads it."""
    assert load(Customer, b"\xef\xbb\xbf" + FROM_THE_PAGE) == load(Customer, FROM_THE_PAGE)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_have_is_refused(number):
    """By either library: a customer that only one of them reads would be a surprise after an upgrade."""
    assert refusal(f'{{"id":7,"score":{number}}}'.encode()).path == "$"


# Writing


def test_plain_values_are_written_without_spaces():
    assert dump_json({"storefront_id": 1, "is_temporary": True}) == b'{"storefront_id":1,"is_temporary":true}'


def test_what_is_written_can_be_read_as_json_whatever_its_letters():
    """The two libraries escape differently, and mean the same."""
    text = 'Žofie "🎨" \\ \u0001 \u2028 </script>'
    assert json.loads(dump(CustomerUpdate(first_name=text))) == {"first_name": text}


def test_values_beside_a_model_come_first():
    account = NewAccount("janesmith", "s3cret-passphrase", "jane@example.com", "Jane", "Smith")
    assert dump(account, storefront_id=1).startswith(b'{"storefront_id":1,')
    assert dump(account, is_temporary=False).startswith(b'{"is_temporary":false,')


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_large_id_is_written_exactly(number):
    assert dump_json({"id": number}) == f'{{"id":{number}}}'.encode()


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_large_id_is_read_exactly(number):
    assert load(Customer, f'{{"id":{number}}}'.encode()).id == number
