"""The customer endpoints: what each sends, what each answer means, and what is refused before anything is sent."""

from __future__ import annotations

import base64
import contextlib
import json
import re

import attrs
import pytest
from aiohttp import ServerDisconnectedError
from yarl import URL

from printnow_async import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    Customer,
    CustomerNotFoundError,
    Customers,
    CustomerUpdate,
    EmailInUseError,
    InvalidResponseError,
    NewAccount,
    NotFoundError,
    NotTemporaryError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PrintNowClient,
    RateLimitError,
    RetryPolicy,
    ServerError,
    UnexpectedStatusError,
    UsernameInUseError,
)
from printnow_async._http.wire import RawResponse

BASE = "https://api.printnow.com"
ALL = f"{BASE}/api/v2/customer"
SEVEN = f"{ALL}/7"
EIGHT = f"{ALL}/8"
NEW = NewAccount("janesmith", "s3cret-passphrase", "jane@example.com", "Jane", "Smith", "Acme Corp")
JANE = {"id": 7, "username": "janesmith", "email": "jane@example.com", "is_temporary": False}
GUEST = {"id": 7, "username": "guest-1", "is_temporary": True}
ACCOUNT_FIELDS = {
    "username": "janesmith",
    "password": "s3cret-passphrase",
    "email": "jane@example.com",
    "first_name": "Jane",
    "last_name": "Smith",
    "company": "Acme Corp",
    "receive_marketing_emails": False,
}


@attrs.frozen
class Route:
    """One method of `client.customers` (or the client's own ping), and the request that it must make."""

    call: object
    verb: str
    url: str
    body: object = None
    status: int = 200
    answer: object = attrs.field(factory=lambda: JANE)
    write: bool = True
    names_a_customer: bool = True


ROUTES = {
    "ping": Route(
        lambda client: client.ping(),
        "GET",
        f"{BASE}/api/v2/ping",
        status=204,
        answer=None,
        write=False,
        names_a_customer=False,
    ),
    "get": Route(lambda client: client.customers.get(7), "GET", SEVEN, write=False),
    "create": Route(
        lambda client: client.customers.create(NEW, storefront_id=3),
        "POST",
        ALL,
        {"storefront_id": 3, **ACCOUNT_FIELDS},
        names_a_customer=False,
    ),
    "create_temporary": Route(
        lambda client: client.customers.create_temporary(storefront_id=3),
        "POST",
        ALL,
        {"storefront_id": 3, "is_temporary": True},
        answer=GUEST,
        names_a_customer=False,
    ),
    "update": Route(
        lambda client: client.customers.update(7, CustomerUpdate(company=None, tax_exempt=True)),
        "PATCH",
        SEVEN,
        {"company": None, "tax_exempt": True},
    ),
    "convert": Route(
        lambda client: client.customers.convert(7, NEW, check=False),
        "PATCH",
        SEVEN,
        {"is_temporary": False, **ACCOUNT_FIELDS},
    ),
    "transfer": Route(
        lambda client: client.customers.transfer(7, to=8),
        "PATCH",
        f"{SEVEN}/transfer",
        {"id": 8},
        answer={"id": 8},
    ),
    "delete": Route(
        lambda client: client.customers.delete(7),
        "DELETE",
        SEVEN,
        status=204,
        answer=None,
    ),
}
each_route = pytest.mark.parametrize("name", ROUTES)
with_body = pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.body is not None])
IN_USE_ROUTES = ("create", "convert", "update", "transfer")


@pytest.fixture
async def client():
    async with PrintNowClient("token", "key", retry=RetryPolicy.none()) as client:
        yield client


def answer(mocked_api, route, status=None, body=None, **more):
    """Answer the route's request as it should be, or with another status and body."""
    body = route.answer if body is None and status is None else body
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    mocked_api.add(route.url, route.verb, status=status or route.status, body=raw, **more)


def requests(mocked_api):
    """Every request that was made: (verb, URL, JSON, headers)."""
    return [
        (verb, str(url), json.loads(call.kwargs["data"]) if call.kwargs["data"] else None, call.kwargs["headers"])
        for (verb, url), calls in mocked_api.requests.items()
        for call in calls
    ]


async def failure(call, cls=APIError):
    with pytest.raises(cls) as caught:
        await call
    return caught.value


# What is sent


@each_route
async def test_a_method_sends_its_verb_its_path_and_its_body(mocked_api, client, name):
    route = ROUTES[name]
    answer(mocked_api, route)
    await route.call(client)
    ((verb, url, body, _),) = requests(mocked_api)
    assert (verb, url, body) == (route.verb, route.url, route.body)


@each_route
async def test_a_request_carries_the_credentials_and_an_id_of_its_own(mocked_api, client, name):
    """HTTP Basic with the token as user name and the key as password; the id is 24 hexadecimal digits."""
    route = ROUTES[name]
    answer(mocked_api, route)
    await route.call(client)
    ((*_, headers),) = requests(mocked_api)
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"token:key").decode()
    assert re.fullmatch(r"[0-9a-f]{24}", headers["X-Request-ID"])
    assert headers["Accept"] == "application/json"
    assert headers["User-Agent"].startswith("printnow-async/")


@with_body
async def test_a_body_is_announced_as_json(mocked_api, client, name):
    route = ROUTES[name]
    answer(mocked_api, route)
    await route.call(client)
    ((*_, headers),) = requests(mocked_api)
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("name", ["ping", "get", "delete"])
async def test_a_request_without_a_body_has_no_content_type(mocked_api, client, name):
    route = ROUTES[name]
    answer(mocked_api, route)
    await route.call(client)
    ((*_, headers),) = requests(mocked_api)
    assert "Content-Type" not in headers


async def test_two_calls_have_two_request_ids(mocked_api, client):
    mocked_api.get(SEVEN, payload=JANE, repeat=True)
    await client.customers.get(7)
    await client.customers.get(7)
    one, other = (headers["X-Request-ID"] for *_, headers in requests(mocked_api))
    assert one != other


async def test_all_requests_of_one_call_have_one_request_id(mocked_api, client):
    """The read before a convert, and the convert."""
    mocked_api.get(SEVEN, payload=GUEST)
    mocked_api.patch(SEVEN, payload=JANE)
    await client.customers.convert(7, NEW)
    read, write = (headers["X-Request-ID"] for *_, headers in requests(mocked_api))
    assert read == write


async def test_redirects_are_not_followed_and_timeouts_are_our_own(mocked_api, client):
    answer(mocked_api, ROUTES["get"])
    await client.customers.get(7)
    ((call,),) = mocked_api.requests.values()
    assert call.kwargs["allow_redirects"] is False
    assert call.kwargs["timeout"].total is None


# What comes back


@pytest.mark.parametrize("name", ["get", "create", "update", "convert"])
async def test_a_method_returns_the_customer_of_the_answer(mocked_api, client, name):
    route = ROUTES[name]
    answer(mocked_api, route)
    assert await route.call(client) == Customer(
        id=7, username="janesmith", email="jane@example.com", is_temporary=False
    )


async def test_a_temporary_user_is_returned_as_one(mocked_api, client):
    answer(mocked_api, ROUTES["create_temporary"])
    guest = await client.customers.create_temporary(storefront_id=3)
    assert (guest.id, guest.is_temporary) == (7, True)


async def test_a_transfer_returns_the_destination(mocked_api, client):
    answer(mocked_api, ROUTES["transfer"])
    assert (await client.customers.transfer(7, to=8)).id == 8


@pytest.mark.parametrize("name", ["ping", "delete"])
@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_ping_and_a_delete_return_nothing(mocked_api, client, name, status):
    route = ROUTES[name]
    answer(mocked_api, route, status, b"whatever" if status == 200 else b"")
    assert await route.call(client) is None


@pytest.mark.parametrize("status", [200, 201, 202, 299])
async def test_any_2xx_with_a_customer_is_success(mocked_api, client, status):
    answer(mocked_api, ROUTES["create"], status, JANE)
    assert (await client.customers.create(NEW, storefront_id=3)).id == 7


@pytest.mark.parametrize(("name", "read"), [("update", SEVEN), ("convert", SEVEN), ("transfer", EIGHT)])
@pytest.mark.parametrize("body", [b"", b" \r\n"])
async def test_an_answer_without_a_body_is_followed_by_a_read(mocked_api, client, name, read, body):
    route = ROUTES[name]
    answer(mocked_api, route, 204, body)
    asked_for = int(read.rpartition("/")[2])
    mocked_api.get(read, payload={"id": asked_for, "company": "as it was read", "is_temporary": False})
    customer = await route.call(client)
    assert (customer.id, customer.company) == (asked_for, "as it was read")


@pytest.mark.parametrize("name", ["get", "create", "create_temporary"])
async def test_an_answer_without_a_body_is_invalid_where_a_customer_is_all_that_was_asked_for(mocked_api, client, name):
    route = ROUTES[name]
    answer(mocked_api, route, 200, b"")
    error = await failure(route.call(client), InvalidResponseError)
    assert (error.path, error.status, error.operation) == ("$", 200, f"customers.{name}")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"id": "12"}, "$.id"),
        ({"id": 7, "tax_exempt": "false"}, "$.tax_exempt"),
        ({"id": 7, "user_groups": [None]}, "$.user_groups[0]"),
        ([JANE], "$"),
        (b"<html>Welcome</html>", "$"),
    ],
)
@pytest.mark.parametrize("name", ["get", "create", "create_temporary", "update", "convert", "transfer"])
async def test_a_success_of_the_wrong_shape_names_the_field(mocked_api, client, name, body, path):
    """And says of a write that it was most likely applied."""
    route = ROUTES[name]
    answer(mocked_api, route, 200, body)
    error = await failure(route.call(client), InvalidResponseError)
    ((*_, headers),) = requests(mocked_api)
    assert (error.path, error.operation) == (path, f"customers.{name}")
    assert error.request_id == headers["X-Request-ID"]
    assert ("most likely applied" in str(error)) is route.write


# Statuses that are the server's last word

PLAIN = {
    400: BadRequestError,
    401: AuthenticationError,
    402: UnexpectedStatusError,
    403: PermissionDeniedError,
    409: ConflictError,
    410: UnexpectedStatusError,
    418: UnexpectedStatusError,
    422: UnexpectedStatusError,
    429: RateLimitError,
    301: UnexpectedStatusError,
    302: UnexpectedStatusError,
    304: UnexpectedStatusError,
    307: UnexpectedStatusError,
}


@pytest.mark.parametrize("status", PLAIN)
@each_route
async def test_a_status_is_the_error_that_is_documented(mocked_api, client, name, status):
    route = ROUTES[name]
    headers = {"Location": f"{BASE}/elsewhere"}
    answer(mocked_api, route, status, {"Message": "Too bad."}, headers=headers)
    error = await failure(route.call(client))
    ((*_, sent),) = requests(mocked_api)
    assert type(error) is PLAIN[status]
    assert (error.status, error.message, error.body) == (status, "Too bad.", b'{"Message": "Too bad."}')
    assert (error.method, error.path) == (route.verb, URL(route.url).path)
    assert (error.attempts, error.request_id) == (1, sent["X-Request-ID"])


@each_route
async def test_a_404_is_that_customer_where_the_path_names_one(mocked_api, client, name):
    route = ROUTES[name]
    answer(mocked_api, route, 404, {"Message": "Customer not found."})
    error = await failure(route.call(client))
    assert type(error) is (CustomerNotFoundError if route.names_a_customer else NotFoundError)


@pytest.mark.parametrize("status", [408, 499, 500, 501, 502, 503, 504, 505, 520, 524, 530, 599])
@each_route
async def test_an_answer_that_says_nothing_leaves_a_write_unknown(mocked_api, client, name, status):
    """The status itself is the cause of that; for a read it is the error."""
    route = ROUTES[name]
    answer(mocked_api, route, status, b"<title>Oops</title>")
    if name == "convert":
        mocked_api.get(SEVEN, status=500)  # the read-back
    expected = ServerError if status >= 500 else UnexpectedStatusError
    if not route.write:
        assert type(await failure(route.call(client))) is expected
        return
    error = await failure(route.call(client), OutcomeUnknownError)
    assert type(error.__cause__) is expected
    assert (error.operation, error.method) == (f"customers.{name}", route.verb)
    assert error.evidence[0] == f"attempt 1: {status} Oops"


@pytest.mark.parametrize("status", [429, 503])
@each_route
async def test_a_refusal_for_load_is_the_plain_error_with_the_wait(mocked_api, client, name, status):
    """Nothing was applied, so nothing is unknown."""
    route = ROUTES[name]
    answer(mocked_api, route, status, b"busy", headers={"Retry-After": "7"})
    error = await failure(route.call(client))
    assert type(error) is (RateLimitError if status == 429 else ServerError)
    assert error.retry_after == 7.0


async def test_a_retry_after_as_a_date_is_counted_from_the_date_of_the_answer(mocked_api, client):
    headers = {"Date": "Mon, 23 Nov 2020 12:00:00 GMT", "Retry-After": "Mon, 23 Nov 2020 12:00:09 GMT"}
    answer(mocked_api, ROUTES["get"], 429, b"", headers=headers)
    assert (await failure(client.customers.get(7))).retry_after == 9.0


# Username or e-mail in use

USERNAME_TAKEN = [
    "Username is already in use.",
    "username is already in use",
    "User name is already in use.",
    "The user-name has been taken.",
    "Username already exists.",
    "This login is taken!",
    "Login name not available",
    "Duplicate username",
    "Username 'jane@example.com' is already in use.",
    "Bad request. Username is already in use.",
    "The username is not unique; choose another one.",
    "Please check your e-mail address. Username is already in use.",
]
EMAIL_TAKEN = [
    "Email address is already in use.",
    "EMAIL ADDRESS IS ALREADY IN USE.",
    "E-mail is already in use.",
    "The e-mail address has already been taken.",
    "Email already exists",
    "An account with this email exists already.",
    "Duplicate email address",
    "Email address is already in use by another username.",
    "Email address 'user@example.com' is not available.",
    "Your username is fine. Email address is already in use.",
]
NEITHER = [
    "Password is too short.",
    "Username must have 3 to 50 characters.",
    "Email address is not valid.",
    "The storefront is already closed.",
    "The username is invalid. The request was already logged.",
    "Customer is not a temporary user.",
    "",
]
ENVELOPES = {
    "Message": lambda text: json.dumps({"Message": text}),
    "message": lambda text: json.dumps({"message": text}),
    "nested": lambda text: json.dumps({"error": {"code": 17, "message": text}}),
    "list": lambda text: json.dumps([{"message": text}]),
    "JSON string": json.dumps,
    "text": str,
    "a heading that names the other one": lambda text: json.dumps(
        {
            "Message": "Login failed" if "Email" in text else "Your email was not accepted",
            "errors": {"customer": [text]},
        }
    ),
    "HTML with a title of the house": lambda text: f"<title>PrintNow – My Print Store</title><p>{text}</p>",
    "text with BOM": lambda text: "\ufeff" + text,
    "HTML": lambda text: f"<html><body><p>{text}</p></body></html>",
    "HTML with a title": lambda text: (
        f"<html><head><title>400 Bad Request</title></head><body><p>{text}</p></body></html>"
    ),
    "XML": lambda text: f"<?xml version='1.0'?><Error><Message>{text}</Message></Error>",
    "cut off": lambda text: json.dumps({"Message": text, "trace": "abc"})[:-5],
    "ModelState of ASP.NET": lambda text: json.dumps(
        {"Message": "The request is invalid.", "ModelState": {"customer": [text]}}
    ),
    "problem details of ASP.NET": lambda text: json.dumps(
        {"title": "One or more validation errors occurred.", "status": 400, "errors": {"customer": [text]}}
    ),
}


async def error_of_400(mocked_api, client, name, body):
    route = ROUTES[name]
    answer(mocked_api, route, 400, body.encode())
    return await failure(route.call(client), BadRequestError)


@pytest.mark.parametrize("text", USERNAME_TAKEN)
async def test_a_400_that_says_the_username_is_in_use_is_that_error(mocked_api, client, text):
    error = await error_of_400(mocked_api, client, "create", json.dumps({"Message": text}))
    assert type(error) is UsernameInUseError
    assert error.message == text


@pytest.mark.parametrize("text", EMAIL_TAKEN)
async def test_a_400_that_says_the_email_is_in_use_is_that_error(mocked_api, client, text):
    error = await error_of_400(mocked_api, client, "create", json.dumps({"Message": text}))
    assert type(error) is EmailInUseError


@pytest.mark.parametrize("text", NEITHER)
async def test_a_400_that_names_neither_as_in_use_is_a_bad_request(mocked_api, client, text):
    error = await error_of_400(mocked_api, client, "create", json.dumps({"Message": text}))
    assert type(error) is BadRequestError


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize(
    ("text", "cls"),
    [
        ("Username is already in use.", UsernameInUseError),
        ("Email address is already in use.", EmailInUseError),
        ("Password is too short.", BadRequestError),
    ],
)
async def test_which_one_is_in_use_is_found_in_any_envelope(mocked_api, client, envelope, text, cls):
    error = await error_of_400(mocked_api, client, "create", ENVELOPES[envelope](text))
    assert type(error) is cls


@pytest.mark.parametrize("name", ["create", "convert"])
async def test_in_use_is_told_by_a_create_and_by_a_convert(mocked_api, client, name):
    error = await error_of_400(mocked_api, client, name, '{"Message": "Username is already in use."}')
    assert type(error) is UsernameInUseError


@pytest.mark.parametrize("status", [401, 404, 409, 422])
async def test_in_use_is_told_by_a_400_only(mocked_api, client, status):
    """As the vendor documents it; another status keeps its own class."""
    answer(mocked_api, ROUTES["create"], status, {"Message": "Username is already in use."})
    error = await failure(client.customers.create(NEW, storefront_id=3))
    assert not isinstance(error, UsernameInUseError)


# The convert reads first


async def test_a_convert_reads_the_customer_and_then_writes(mocked_api, client):
    mocked_api.get(SEVEN, payload=GUEST)
    mocked_api.patch(SEVEN, payload=JANE)
    assert (await client.customers.convert(7, NEW)).username == "janesmith"
    assert [verb for verb, *_ in requests(mocked_api)] == ["GET", "PATCH"]


@pytest.mark.parametrize("username", ["janesmith", "JaneSmith"])
async def test_a_convert_of_what_is_our_account_already_writes_nothing(mocked_api, client, username):
    """A server may keep names in a case of its own."""
    mocked_api.get(SEVEN, payload={**JANE, "username": username})
    assert (await client.customers.convert(7, NEW)).username == username
    assert [verb for verb, *_ in requests(mocked_api)] == ["GET"]


@pytest.mark.parametrize("username", ["someone", "", None])
async def test_a_convert_of_another_account_writes_nothing_and_says_so(mocked_api, client, username):
    mocked_api.get(SEVEN, payload={**JANE, "username": username})
    error = await failure(client.customers.convert(7, NEW), NotTemporaryError)
    assert error.customer_id == 7
    assert [verb for verb, *_ in requests(mocked_api)] == ["GET"]


async def test_a_convert_writes_nothing_where_the_read_does_not_say_what_the_customer_is(mocked_api, client):
    mocked_api.get(SEVEN, payload={"id": 7})
    error = await failure(client.customers.convert(7, NEW), InvalidResponseError)
    assert error.path == "$.is_temporary"
    assert [verb for verb, *_ in requests(mocked_api)] == ["GET"]


# What an answer means that was not to the first attempt


@pytest.fixture
async def patient():
    async with PrintNowClient("token", "key", retry=RetryPolicy(base_delay=0)) as client:
        yield client


def lose(mocked_api, route):
    """Let the route's next answer never come."""
    mocked_api.add(route.url, route.verb, exception=ServerDisconnectedError())


@pytest.mark.parametrize("name", ["ping", "get", "update", "create", "transfer", "delete"])
async def test_what_got_no_answer_is_sent_again(mocked_api, patient, name):
    route = ROUTES[name]
    lose(mocked_api, route)
    answer(mocked_api, route)
    await route.call(patient)
    assert [request[:3] for request in requests(mocked_api)] == [(route.verb, route.url, route.body)] * 2


async def test_a_temporary_user_is_not_created_again(mocked_api, patient):
    lose(mocked_api, ROUTES["create_temporary"])
    await failure(patient.customers.create_temporary(storefront_id=3), OutcomeUnknownError)
    assert len(requests(mocked_api)) == 1


@pytest.mark.parametrize("message", ["Username is already in use.", "Email address is already in use."])
async def test_in_use_on_the_repeat_of_a_create_leaves_it_unknown(mocked_api, patient, message):
    """It may be our own first attempt that took it."""
    lose(mocked_api, ROUTES["create"])
    answer(mocked_api, ROUTES["create"], 400, {"Message": message})
    error = await failure(patient.customers.create(NEW, storefront_id=3), OutcomeUnknownError)
    assert error.evidence[1:] == (f"attempt 2: 400 {message}",)


async def test_a_404_on_the_repeat_of_a_delete_is_success(mocked_api, patient):
    lose(mocked_api, ROUTES["delete"])
    answer(mocked_api, ROUTES["delete"], 404)
    assert await patient.customers.delete(7) is None


async def test_a_404_on_the_repeat_of_a_transfer_is_success_when_the_source_is_gone(mocked_api, patient):
    lose(mocked_api, ROUTES["transfer"])
    answer(mocked_api, ROUTES["transfer"], 404)
    mocked_api.get(SEVEN, status=404)
    mocked_api.get(EIGHT, payload={"id": 8})
    assert (await patient.customers.transfer(7, to=8)).id == 8


async def test_a_404_on_the_repeat_of_a_transfer_is_unknown_while_the_source_is_there(mocked_api, patient):
    lose(mocked_api, ROUTES["transfer"])
    answer(mocked_api, ROUTES["transfer"], 404)
    mocked_api.get(SEVEN, payload=GUEST)
    await failure(patient.customers.transfer(7, to=8), OutcomeUnknownError)


@pytest.mark.parametrize(("found", "writes"), [(JANE, 1), (GUEST, 2)])
async def test_a_convert_without_an_answer_is_read_back_and_repeated_only_if_it_was_not_applied(
    mocked_api, patient, found, writes
):
    lose(mocked_api, ROUTES["convert"])
    mocked_api.get(SEVEN, payload=found)
    answer(mocked_api, ROUTES["convert"])
    assert (await patient.customers.convert(7, NEW, check=False)).username == "janesmith"
    assert [verb for verb, *_ in requests(mocked_api)].count("PATCH") == writes


async def test_a_convert_that_is_answered_with_a_guest_is_invalid(mocked_api, client):
    answer(mocked_api, ROUTES["convert"], 200, GUEST)
    error = await failure(client.customers.convert(7, NEW, check=False), InvalidResponseError)
    assert error.path == "$.is_temporary"


async def test_a_write_without_a_body_whose_read_fails_says_that_it_was_applied(mocked_api, client):
    answer(mocked_api, ROUTES["update"], 204)
    mocked_api.get(SEVEN, status=500)
    error = await failure(client.customers.update(7, CustomerUpdate(tax_exempt=True)), InvalidResponseError)
    assert "most likely applied" in str(error)
    assert type(error.__cause__) is ServerError


# Wrong arguments

WRONG_IDS = [0, -1, 2**63, 2**64, True, False, 1.0, "7", b"7", None, [7], Customer(id=7)]
ids = pytest.mark.parametrize("value", WRONG_IDS, ids=repr)


async def refused(mocked_api, call, name):
    """The call ends in a ValueError that begins with the argument's name, and sends nothing."""
    with pytest.raises(ValueError, match=rf"^{name} must be "):
        await call
    assert requests(mocked_api) == []


@ids
@pytest.mark.parametrize(
    "call",
    [
        lambda c, value: c.get(value),
        lambda c, value: c.update(value, CustomerUpdate(company="Acme")),
        lambda c, value: c.delete(value),
        lambda c, value: c.convert(value, NEW),
        lambda c, value: c.transfer(value, to=8),
    ],
    ids=["get", "update", "delete", "convert", "transfer"],
)
async def test_a_wrong_id_is_a_value_error_before_any_request(mocked_api, client, call, value):
    await refused(mocked_api, call(client.customers, value), "customer_id")


@ids
async def test_a_wrong_destination_is_a_value_error_before_any_request(mocked_api, client, value):
    await refused(mocked_api, client.customers.transfer(7, to=value), "to")


@ids
async def test_a_wrong_storefront_is_a_value_error_before_any_request(mocked_api, client, value):
    await refused(mocked_api, client.customers.create(NEW, storefront_id=value), "storefront_id")
    await refused(mocked_api, client.customers.create_temporary(storefront_id=value), "storefront_id")


@pytest.mark.parametrize("value", [None, {}, ACCOUNT_FIELDS, "Jane", CustomerUpdate(company="Acme")], ids=type)
async def test_what_is_no_account_is_a_value_error_before_any_request(mocked_api, client, value):
    await refused(mocked_api, client.customers.create(value, storefront_id=3), "account")
    await refused(mocked_api, client.customers.convert(7, value), "account")


@pytest.mark.parametrize("value", [None, {}, {"company": "Acme"}, NEW], ids=type)
async def test_what_is_no_update_is_a_value_error_before_any_request(mocked_api, client, value):
    await refused(mocked_api, client.customers.update(7, value), "changes")


async def test_a_transfer_to_oneself_is_a_value_error_before_any_request(mocked_api, client):
    await refused(mocked_api, client.customers.transfer(7, to=7), "to")


async def test_the_largest_id_that_a_server_can_hold_is_sent(mocked_api, client):
    largest = 2**63 - 1
    mocked_api.get(f"{ALL}/{largest}", payload={"id": largest})
    assert (await client.customers.get(largest)).id == largest


async def test_a_wrong_argument_never_shows_a_password(mocked_api, client):
    """Not even when whole fields are given in place of an account."""
    with pytest.raises(ValueError, match="account must be") as caught:
        await client.customers.create(ACCOUNT_FIELDS, storefront_id=3)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.get(0),
        lambda c: c.create(NEW, storefront_id=0),
        lambda c: c.create_temporary(storefront_id=0),
        lambda c: c.update(0, CustomerUpdate(company="Acme")),
        lambda c: c.convert(0, NEW),
        lambda c: c.transfer(0, to=8),
        lambda c: c.delete(0),
    ],
    ids=["get", "create", "create_temporary", "update", "convert", "transfer", "delete"],
)
async def test_a_wrong_argument_is_no_call_that_observers_are_told_of(mocked_api, call):
    """Nothing was tried, so nothing failed."""
    seen = []
    async with PrintNowClient("token", "key", observers=[seen.append]) as client:
        with pytest.raises(ValueError, match="must be"):
            await call(client.customers)
    assert seen == []


# Without a socket and without a mock: a fake caller in ten lines


class FakeCaller:
    """Gives the answers it was made with, in their order, and keeps the requests: a caller and a call in one."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def operation(self, endpoint):
        return contextlib.nullcontext(self)

    async def send(self, request, rule):
        request.request_id = "r-1"
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        answer.request = request
        return rule.read(answer)


def said(request):
    return request.endpoint.operation, request.endpoint.method, request.path


async def test_a_fake_caller_is_all_that_customers_need():
    caller = FakeCaller(RawResponse(200, b'{"id": 7, "is_temporary": false}'))
    assert await Customers(caller).get(7) == Customer(id=7, is_temporary=False)
    assert [said(request) for request in caller.requests] == [("customers.get", "GET", "/api/v2/customer/7")]


async def test_a_fake_caller_shows_that_a_write_without_a_body_is_read():
    caller = FakeCaller(RawResponse(204), RawResponse(200, json.dumps(JANE).encode()))
    assert (await Customers(caller).convert(7, NEW)).username == "janesmith"
    assert [said(request)[:2] for request in caller.requests] == [
        ("customers.convert", "PATCH"),
        ("customers.convert", "GET"),
    ]
    assert json.loads(caller.requests[0].body) == {"is_temporary": False, **ACCOUNT_FIELDS}


async def test_a_fake_caller_shows_what_must_not_come_back_in_an_error():
    """The password of each request that holds one, for the transport to take out of what servers echo."""
    caller = FakeCaller(*[RawResponse(200, json.dumps(JANE).encode())] * 4)
    customers = Customers(caller)
    await customers.create(NEW, storefront_id=3)
    await customers.convert(7, NEW, check=False)
    await customers.update(7, CustomerUpdate(password="an0ther-one"))
    await customers.update(7, CustomerUpdate(password=None))
    assert [request.secrets for request in caller.requests] == [(NEW.password,)] * 2 + [("an0ther-one",), ()]


async def test_a_fake_caller_shows_a_client_that_is_closed_between_a_write_and_its_read():
    """The write was answered with success: that the customer cannot be read any more does not take it back."""
    caller = FakeCaller(RawResponse(204), ConfigurationError("this client is closed: make a new one"))
    error = await failure(Customers(caller).update(7, CustomerUpdate(tax_exempt=True)), InvalidResponseError)
    assert "most likely applied" in str(error)


async def test_a_fake_caller_shows_an_answer_that_was_longer_than_a_customer():
    caller = FakeCaller(RawResponse(200, b'{"id": 7}', whole=False))
    error = await failure(Customers(caller).get(7), InvalidResponseError)
    assert (error.path, error.request_id) == ("$", "r-1")
