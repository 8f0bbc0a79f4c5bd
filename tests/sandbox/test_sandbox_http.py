"""The sandbox over real sockets: the documented rules, each fault on the wire, the limits, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import gc
import json
import math
import os
import re
import socket
import struct
import subprocess
import sys
import time
import tomllib
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import attrs
import pytest

import printnow_async
from printnow_async.sandbox import Fault, FiredWebhook, Sandbox
from printnow_async.testing import run_instantly

CUSTOMER = "/api/v2/customer"
PING = "/api/v2/ping"

JANE = {
    "storefront_id": 1,
    "username": "janesmith",
    "password": "securepass123",
    "email": "jane@example.com",
    "first_name": "Jane",
    "last_name": "Smith",
    "company": "Acme Corp",
}
ACCOUNT = {name: value for name, value in JANE.items() if name != "storefront_id"}
TEMPORARY = {"storefront_id": 1, "is_temporary": True}

FIELDS = [
    "storefront",
    "storefront_id",
    "id",
    "first_name",
    "last_name",
    "email",
    "username",
    "receive_marketing_emails",
    "last_logged_in_on",
    "created_on",
    "last_updated_on",
    "company",
    "organization",
    "user_groups",
    "tax_exempt",
    "is_temporary",
]


@attrs.frozen
class Answer:
    """What came back, read to its end."""

    status: int
    raw: bytes
    headers: dict[str, str]

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def message(self):
        return self.json["Message"]


def authorization(token, key):
    return "Basic " + base64.b64encode(f"{token}:{key}".encode()).decode()


class Api:
    """A plain aiohttp client of one sandbox."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.session = aiohttp.ClientSession(
            headers={"Authorization": authorization(sandbox.token, sandbox.key)},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        )

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.session.close()

    async def ask(self, method, path, body=None, **options):
        if body is not None:
            options["json"] = body
        async with self.session.request(method, self.sandbox.url + path, **options) as response:
            return Answer(response.status, await response.read(), dict(response.headers))

    async def create(self, **fields):
        return await self.ask("POST", CUSTOMER, JANE | fields)

    async def guest(self, **fields):
        return (await self.ask("POST", CUSTOMER, TEMPORARY | fields)).json["id"]

    async def patch(self, customer_id, body):
        return await self.ask("PATCH", f"{CUSTOMER}/{customer_id}", body)

    async def transfer(self, source, target):
        return await self.ask("PATCH", f"{CUSTOMER}/{source}/transfer", {"id": target})

    async def get(self, customer_id):
        return await self.ask("GET", f"{CUSTOMER}/{customer_id}")

    async def delete(self, customer_id):
        return await self.ask("DELETE", f"{CUSTOMER}/{customer_id}")


@pytest.fixture
async def sandbox():
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def api(sandbox):
    async with Api(sandbox) as api:
        yield api


@contextlib.asynccontextmanager
async def sandbox_and_api(**options):
    async with Sandbox(**options) as sandbox, Api(sandbox) as api:
        yield sandbox, api


def request_bytes(sandbox, method, path, body=None):
    """A whole request as it stands on the wire."""
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: sandbox",
        f"Authorization: {authorization(sandbox.token, sandbox.key)}",
        f"Content-Length: {len(payload)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + payload


async def connect(sandbox):
    host, port = sandbox.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def on_the_wire(sandbox, method, path, body=None):
    """Send one request over a socket of its own; give every byte up to the FIN. An RST raises."""
    reader, writer = await connect(sandbox)
    try:
        writer.write(request_bytes(sandbox, method, path, body))
        return await reader.read()
    finally:
        writer.transport.abort()


async def until(condition):
    """Wait for something that the sandbox is about to do."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


# --- customers: get and create ---


async def test_a_created_customer_is_answered_with_exactly_the_documented_fields(api):
    """A create gives the object of "Response Fields", in its order and without the password."""
    answer = await api.create()
    assert answer.status == 201
    assert answer.headers["Content-Type"].startswith("application/json")
    assert list(answer.json) == FIELDS
    known = {"storefront": "My Print Store", "storefront_id": 1, "username": "janesmith", "company": "Acme Corp"}
    assert answer.json | known == answer.json
    assert (answer.json["receive_marketing_emails"], answer.json["is_temporary"]) == (False, False)
    assert b"securepass123" not in answer.raw


async def test_a_created_customer_can_be_read(api):
    """A get gives the object that the create gave."""
    made = (await api.create()).json
    answer = await api.get(made["id"])
    assert (answer.status, answer.json) == (200, made)


async def test_the_sandbox_shows_what_it_holds(sandbox, api):
    """A test can look at the customers, the password that was set included."""
    made = (await api.create(receive_marketing_emails=True)).json
    customer = sandbox.customers[made["id"]]
    assert (customer.username, customer.password) == ("janesmith", "securepass123")
    assert customer.receive_marketing_emails
    assert "securepass123" not in repr(customer)


async def test_a_customer_that_is_not_there_is_404(api):
    """The documented message, for an id that is free and for one that is no id."""
    for customer_id in (4711, "abc", "-1", "1" * 30):
        answer = await api.get(customer_id)
        assert (answer.status, answer.message) == (404, "Customer not found.")


@pytest.mark.parametrize("field", ["storefront_id", "username", "password", "email", "first_name", "last_name"])
async def test_a_create_without_a_required_field_is_refused(sandbox, api, field):
    """Each field that is marked as required is named when it is missing."""
    answer = await api.ask("POST", CUSTOMER, {name: value for name, value in JANE.items() if name != field})
    assert answer.status == 400
    assert field in answer.message
    assert sandbox.customers == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("storefront_id", "1"),
        ("storefront_id", True),
        ("storefront_id", 1.0),
        ("storefront_id", None),
        ("username", 12345),
        ("username", None),
        ("first_name", "  "),
        ("email", ""),
        ("company", 1),
        ("receive_marketing_emails", "false"),
        ("receive_marketing_emails", None),
        ("is_temporary", "true"),
        ("is_temporary", 1),
    ],
)
async def test_a_create_with_a_value_of_the_wrong_type_is_refused(sandbox, api, field, value):
    """Nothing is coerced."""
    answer = await api.create(**{field: value})
    assert answer.status == 400
    assert field in answer.message
    assert sandbox.customers == {}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"username": "ab"}, 400),
        ({"username": "abc"}, 201),
        ({"username": "u" * 50}, 201),
        ({"username": "u" * 51}, 400),
        ({"password": "12345"}, 400),
        ({"password": "123456"}, 201),
    ],
)
async def test_lengths_are_checked(api, fields, status):
    """A username has 3 to 50 characters, a password at least 6."""
    assert (await api.create(**fields)).status == status


async def test_a_storefront_that_is_not_there_is_refused(api):
    """A customer needs one of the sandbox's storefronts."""
    answer = await api.create(storefront_id=3)
    assert (answer.status, answer.message) == (400, "Storefront not found.")


async def test_a_company_may_be_null(api):
    """No company is an empty string in the answer, left out or `null`."""
    assert (await api.create(company=None)).json["company"] == ""


async def test_fields_that_the_api_does_not_set_are_ignored(api):
    """A create cannot make itself tax-exempt or join a group."""
    made = (await api.create(tax_exempt=True, user_groups=["VIP"], organization="Acme", id=5)).json
    assert (made["tax_exempt"], made["user_groups"], made["organization"]) == (False, [], None)
    assert made["id"] != 5


@pytest.mark.parametrize("username", ["janesmith", "JaneSmith"])
async def test_a_username_is_unique_on_its_storefront(sandbox, api, username):
    """The documented message, whatever the letters' case."""
    await api.create()
    answer = await api.create(username=username, email="other@example.com")
    assert (answer.status, answer.message) == (400, "Username is already in use.")
    assert len(sandbox.customers) == 1


@pytest.mark.parametrize("email", ["jane@example.com", "Jane@Example.COM"])
async def test_an_email_is_unique_on_its_storefront(sandbox, api, email):
    """The documented message, whatever the letters' case."""
    await api.create()
    answer = await api.create(username="other", email=email)
    assert (answer.status, answer.message) == (400, "Email address is already in use.")
    assert len(sandbox.customers) == 1


async def test_another_storefront_may_have_the_same_names(api):
    """Uniqueness ends at the storefront."""
    await api.create()
    answer = await api.create(storefront_id=2)
    assert (answer.status, answer.json["storefront"]) == (201, "Second Store")


async def test_a_name_in_use_is_never_what_another_refusal_says(api):
    """Only the two documented messages speak of use: a client may look for the words."""
    for fields in ({"username": "ab"}, {"email": ""}, {"username": 1}, {"storefront_id": 9}):
        assert "in use" not in (await api.create(**fields)).message


# --- temporary users ---


async def test_a_temporary_user_gets_random_credentials(sandbox, api):
    """Everything but the storefront is ignored, even values that a permanent account could not have."""
    answer = await api.ask("POST", CUSTOMER, TEMPORARY | {"username": 1, "password": "x", "email": "a@b.c"})
    assert (answer.status, list(answer.json), answer.json["is_temporary"]) == (201, FIELDS, True)
    customer = sandbox.customers[answer.json["id"]]
    assert customer.email != "a@b.c"
    assert len(customer.username) >= 3
    assert len(customer.password) >= 6


async def test_two_temporary_users_are_two(sandbox, api):
    """A create of a temporary user that is sent twice makes a second one."""
    assert await api.guest() != await api.guest()
    assert len({customer.username for customer in sandbox.customers.values()}) == 2


async def test_a_temporary_user_cannot_be_updated(sandbox, api):
    """It cannot stay temporary while it changes."""
    guest = await api.guest()
    before = sandbox.customers[guest]
    assert (await api.patch(guest, ACCOUNT | {"is_temporary": True})).status == 400
    assert sandbox.customers[guest] == before


async def test_a_temporary_user_cannot_be_deleted(sandbox, api):
    """The endpoint refuses it and the user stays."""
    guest = await api.guest()
    assert (await api.delete(guest)).status == 400
    assert guest in sandbox.customers


# --- convert ---


@pytest.mark.parametrize("flag", [{}, {"is_temporary": False}], ids=["omitted", "false"])
async def test_a_temporary_user_is_converted(sandbox, api, flag):
    """With `is_temporary` false or left out the same id becomes a permanent account, its work kept."""
    guest = await api.guest()
    sandbox.add_work(guest, projects=2)
    answer = await api.patch(guest, ACCOUNT | flag)
    assert (answer.status, answer.json["id"], answer.json["is_temporary"]) == (200, guest, False)
    customer = sandbox.customers[guest]
    assert (customer.username, customer.password, customer.projects) == ("janesmith", "securepass123", 2)


@pytest.mark.parametrize("field", ["username", "password", "email", "first_name", "last_name"])
async def test_a_convert_needs_every_field_of_an_account(sandbox, api, field):
    """A part of them is refused and the user stays temporary."""
    guest = await api.guest()
    answer = await api.patch(guest, {name: value for name, value in ACCOUNT.items() if name != field})
    assert answer.status == 400
    assert field in answer.message
    assert sandbox.customers[guest].is_temporary


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"email": "other@example.com"}, "Username is already in use."),
        ({"username": "other"}, "Email address is already in use."),
    ],
)
async def test_a_convert_needs_names_that_are_free(sandbox, api, fields, message):
    """The same messages as for a create, and the user stays temporary."""
    await api.create()
    guest = await api.guest()
    answer = await api.patch(guest, ACCOUNT | fields)
    assert (answer.status, answer.message) == (400, message)
    assert sandbox.customers[guest].is_temporary


async def test_a_convert_gives_the_random_names_back(sandbox, api):
    """The names that the user had while temporary are free, and the new ones taken."""
    guest = await api.guest()
    random_names = {name: getattr(sandbox.customers[guest], name) for name in ("username", "email")}
    await api.patch(guest, ACCOUNT)
    assert (await api.create(**random_names)).status == 201
    assert (await api.create(email="other@example.com")).status == 400


# --- update ---


async def test_an_update_changes_only_what_it_brings(sandbox, api):
    """Omitted fields remain unchanged."""
    made = (await api.create()).json
    answer = await api.patch(made["id"], {"company": "Changed", "tax_exempt": True})
    changed = {"company": "Changed", "tax_exempt": True, "last_updated_on": answer.json["last_updated_on"]}
    assert (answer.status, answer.json) == (200, made | changed)
    assert sandbox.customers[made["id"]].password == "securepass123"


async def test_every_updatable_field_is_updated(sandbox, api):
    """The six fields of the vendor's table."""
    made = (await api.create()).json
    body = {"password": "another123", "first_name": "Janet", "last_name": "Smythe", "company": "New"}
    await api.patch(made["id"], body | {"receive_marketing_emails": True, "tax_exempt": True})
    customer = sandbox.customers[made["id"]]
    assert (customer.password, customer.first_name, customer.last_name) == ("another123", "Janet", "Smythe")
    assert (customer.company, customer.receive_marketing_emails, customer.tax_exempt) == ("New", True, True)


async def test_an_update_cannot_change_the_names_of_an_account(sandbox, api):
    """Username and e-mail are not updatable: they are ignored, even when they are another's."""
    await api.create()
    other = (await api.create(username="other", email="other@example.com")).json["id"]
    answer = await api.patch(other, {"username": "janesmith", "email": "jane@example.com", "company": "X"})
    assert answer.status == 200
    customer = sandbox.customers[other]
    assert (customer.username, customer.email, customer.company) == ("other", "other@example.com", "X")


async def test_a_convert_sent_to_a_permanent_account_overwrites_it(sandbox, api):
    """The danger that a client has to guard against: the password and the names are replaced."""
    victim = (await api.create(username="victim", email="victim@example.com", first_name="Vic")).json["id"]
    answer = await api.patch(victim, ACCOUNT | {"password": "overwritten", "is_temporary": False})
    assert answer.status == 200
    customer = sandbox.customers[victim]
    assert (customer.username, customer.password, customer.first_name) == ("victim", "overwritten", "Jane")


@pytest.mark.parametrize(
    "body",
    [
        {"password": "12345"},
        {"password": None},
        {"first_name": ""},
        {"last_name": 7},
        {"company": 7},
        {"tax_exempt": "yes"},
        {"receive_marketing_emails": None},
    ],
)
async def test_an_update_with_a_bad_value_changes_nothing(sandbox, api, body):
    """A refused update is refused whole."""
    made = (await api.create()).json
    answer = await api.patch(made["id"], {"company": "Changed"} | body)
    assert answer.status == 400
    assert sandbox.customers[made["id"]].company == "Acme Corp"


async def test_a_company_is_cleared_with_null(api):
    """The one field that may be `null`."""
    made = (await api.create()).json
    assert (await api.patch(made["id"], {"company": None})).json["company"] == ""


async def test_an_exemption_cascades_from_the_user_groups(sandbox, api):
    """Somebody in an exempt group is exempt whatever the account itself says; RETAIL is not shown."""
    groups = ["RETAIL", "Wholesale", "VIP"]
    cascaded = sandbox.add_customer(user_groups=groups, exempt_groups=["VIP"])
    answer = (await api.get(cascaded.id)).json
    assert (answer["tax_exempt"], answer["user_groups"]) == (True, ["Wholesale", "VIP"])
    assert (await api.patch(cascaded.id, {"tax_exempt": False})).json["tax_exempt"] is True
    assert (await api.get(sandbox.add_customer(user_groups=groups).id)).json["tax_exempt"] is False


# --- transfer ---


async def test_a_transfer_moves_all_work_to_the_destination(sandbox, api):
    """The destination is answered and owns the albums, projects and punchout sessions of both."""
    target = (await api.create()).json["id"]
    guest = await api.guest()
    sandbox.add_work(target, albums=1)
    sandbox.add_work(guest, albums=3, projects=2, punchout_sessions=1)
    answer = await api.transfer(guest, target)
    assert (answer.status, answer.json["id"]) == (200, target)
    customer = sandbox.customers[target]
    assert (customer.albums, customer.projects, customer.punchout_sessions) == (4, 2, 1)


async def test_a_transferred_user_stays_with_nothing(sandbox, api):
    """By default it can still be read, and a second transfer moves nothing twice."""
    target = (await api.create()).json["id"]
    guest = await api.guest()
    sandbox.add_work(guest, albums=3)
    await api.transfer(guest, target)
    assert (await api.transfer(guest, target)).status == 200
    assert (sandbox.customers[guest].albums, sandbox.customers[target].albums) == (0, 3)


async def test_a_transferred_user_can_be_gone():
    """With removes_transferred it answers 404, as the vendor's service may do."""
    async with sandbox_and_api(removes_transferred=True) as (sandbox, api):
        target = (await api.create()).json["id"]
        guest = await api.guest()
        sandbox.add_work(guest, albums=3)
        assert (await api.transfer(guest, target)).status == 200
        assert (await api.transfer(guest, target)).status == 404
        assert (await api.get(guest)).status == 404
        assert guest in sandbox.deleted_customers
        assert sandbox.customers[target].albums == 3


async def test_a_transfer_needs_a_temporary_source(sandbox, api):
    """Two permanent accounts are never merged."""
    source = sandbox.add_customer().id
    sandbox.add_work(source, albums=1)
    target = sandbox.add_customer().id
    assert (await api.transfer(source, target)).status == 400
    assert sandbox.customers[source].albums == 1


async def test_a_transfer_needs_a_permanent_destination(api):
    """Neither another temporary user nor the user itself."""
    guest = await api.guest()
    assert (await api.transfer(guest, await api.guest())).status == 400
    assert (await api.transfer(guest, guest)).status == 400


async def test_a_transfer_stays_on_its_storefront(sandbox, api):
    """Both users must belong to the same storefront."""
    target = sandbox.add_customer(storefront_id=2).id
    assert (await api.transfer(await api.guest(), target)).status == 400


async def test_a_transfer_needs_both_users(sandbox, api):
    """Whichever is missing, it is the documented 404."""
    for source, target in ((4711, sandbox.add_customer().id), (await api.guest(), 4711)):
        answer = await api.transfer(source, target)
        assert (answer.status, answer.message) == (404, "Customer not found.")


@pytest.mark.parametrize("body", [{}, {"id": "12"}, {"id": None}, {"id": True}])
async def test_a_transfer_needs_the_id_of_its_destination(api, body):
    """It is required and an integer."""
    guest = await api.guest()
    assert (await api.ask("PATCH", f"{CUSTOMER}/{guest}/transfer", body)).status == 400


# --- delete ---


async def test_a_deleted_customer_is_gone_for_every_endpoint(sandbox, api):
    """A delete is 204 without a body; then nobody of that id is there any more."""
    made = (await api.create()).json["id"]
    guest = await api.guest()
    answer = await api.delete(made)
    assert (answer.status, answer.raw) == (204, b"")
    for later in (
        await api.get(made),
        await api.patch(made, {"company": "X"}),
        await api.transfer(made, made),
        await api.transfer(guest, made),
        await api.delete(made),
    ):
        assert (later.status, later.message) == (404, "Customer not found.")
    assert made in sandbox.deleted_customers
    assert made not in sandbox.customers


async def test_a_delete_sets_the_names_free(api):
    """A name in use is one of a living customer; the new one has a new id."""
    made = (await api.create()).json["id"]
    await api.delete(made)
    again = await api.create()
    assert (again.status, again.json["id"] == made) == (201, False)


# --- webhooks ---


async def test_webhooks_are_recorded_for_permanent_customers(sandbox, api):
    """Create, update and delete fire theirs, a convert fires customer_created; guests and transfers none."""
    made = (await api.create()).json["id"]
    await api.patch(made, {"company": "X"})
    guest, other = await api.guest(), await api.guest()
    await api.transfer(guest, made)
    await api.patch(other, ACCOUNT | {"username": "other", "email": "other@example.com"})
    await api.delete(made)
    assert sandbox.webhooks_fired == [
        FiredWebhook("customer_created", made),
        FiredWebhook("customer_updated", made),
        FiredWebhook("customer_created", other),
        FiredWebhook("customer_deleted", made),
    ]


async def test_a_refused_request_fires_no_webhook(sandbox, api):
    """Nothing happened, so nothing is told."""
    await api.create(username="ab")
    await api.patch(4711, {"company": "X"})
    assert sandbox.webhooks_fired == []


# --- timestamps ---


async def test_timestamps_have_every_number_of_fractional_digits(sandbox, api):
    """0 to 7 digits and a Z, as the vendor's examples show; eight customers show them all."""
    widths = set()
    for _ in range(8):
        stamp = (await api.get(sandbox.add_customer().id)).json["created_on"]
        fraction = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,7}))?Z", stamp)
        assert fraction
        widths.add(len(fraction[1] or ""))
    assert widths == set(range(8))


async def test_timestamps_are_of_now_and_an_update_moves_one(api):
    """`created_on` stays and `last_updated_on` never goes back."""
    made = (await api.create()).json
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(made["created_on"][:19] + "Z")
    assert abs(age) < dt.timedelta(seconds=60)
    await asyncio.sleep(0.002)
    updated = (await api.patch(made["id"], {"company": "X"})).json
    assert updated["created_on"] == made["created_on"]
    assert updated["last_updated_on"] >= made["last_updated_on"]


async def test_somebody_who_never_logged_in_has_null():
    """The one timestamp that may be missing; a test can set it."""
    async with sandbox_and_api() as (sandbox, api):
        assert (await api.create()).json["last_logged_in_on"] is None
        seen = sandbox.add_customer(last_logged_in_on="2026-01-15T10:30:00Z")
        assert (await api.get(seen.id)).json["last_logged_in_on"] == "2026-01-15T10:30:00Z"


# --- credentials, routes, bodies ---


async def test_a_ping_is_204_without_a_body(api):
    """What it says is that the credentials work."""
    answer = await api.ask("GET", PING)
    assert (answer.status, answer.raw) == (204, b"")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (None, "required"),
        ("Bearer abc", "well formed"),
        ("Basic", "well formed"),
        ("Basic !!!", "well formed"),
        (authorization("", "secret"), "well formed"),
        (authorization("token", ""), "well formed"),
        (authorization("token", "wrong"), "does not match"),
        (authorization("wrong", "key"), "does not match"),
        (authorization("wrong", "wrong"), "unknown"),
    ],
)
async def test_bad_credentials_are_401_with_a_reason(header, says):
    """On every route, with a challenge and without doing anything."""
    async with Sandbox(token="token", key="key") as sandbox, aiohttp.ClientSession() as session:
        headers = {} if header is None else {"Authorization": header}
        for method, path in (("GET", PING), ("POST", CUSTOMER), ("GET", "/nowhere")):
            async with session.request(method, sandbox.url + path, headers=headers, json=JANE) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"].startswith("Basic")
                assert says in (await response.json())["Message"]
        assert sandbox.customers == {}
        assert not any(request.applied for request in sandbox.requests)


@pytest.mark.parametrize("header", [b"Basic \xe9", "Basic é".encode(), b"\xff", b"B\xe9sic dG9rZW46a2V5"])
async def test_credentials_that_are_not_ascii_are_401(sandbox, header):
    """Clients do not send such a header; a socket does."""
    reader, writer = await connect(sandbox)
    writer.write(b"GET /api/v2/ping HTTP/1.1\r\nHost: sandbox\r\nAuthorization: " + header + b"\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"WWW-Authenticate: Basic" in head


async def test_an_unknown_path_is_404(sandbox, api):
    """It is recorded without a route."""
    assert (await api.ask("GET", "/api/v2/customers")).status == 404
    assert (await api.ask("GET", "/api/v2/customer/1/2/3")).status == 404
    assert [request.route for request in sandbox.requests] == [None, None]


async def test_a_known_path_with_another_method_is_405(api):
    """The answer names the methods there are."""
    answer = await api.ask("PUT", f"{CUSTOMER}/12", JANE)
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, PATCH")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"username=janesmith", b"\xff\xfe", b'{"a": NaN}', b"[]", b'"text"', b"null", b"[" * 100_000],
    ids=["empty", "cut", "form", "no-utf-8", "nan", "list", "string", "null", "deep"],
)
async def test_a_body_that_is_no_json_object_is_400(sandbox, api, body):
    """Where an object is wanted nothing else will do; it is recorded without a body."""
    answer = await api.ask("POST", CUSTOMER, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert "JSON" in answer.message
    assert sandbox.requests[0].json is None


@pytest.mark.parametrize(
    ("envelope", "content_type", "body"),
    [
        ("Message", "application/json; charset=utf-8", b'{"Message": "Customer not found."}'),
        ("message", "application/json; charset=utf-8", b'{"message": "Customer not found."}'),
        ("string", "application/json; charset=utf-8", b'"Customer not found."'),
        ("text", "text/plain; charset=utf-8", b"Customer not found."),
        ("html", "text/html; charset=utf-8", None),
        ("empty", None, b""),
    ],
)
async def test_an_error_comes_in_the_chosen_envelope(envelope, content_type, body):
    """The vendor's page does not say which it is, so a client has to bear them all."""
    async with sandbox_and_api(error_envelope=envelope) as (_, api):
        answer = await api.get(12)
        assert answer.status == 404
        if content_type is not None:
            assert answer.headers["Content-Type"] == content_type
        if body is None:
            assert re.fullmatch(rb"<html>.*<p>Customer not found\.</p>.*</html>", answer.raw)
        else:
            assert answer.raw == body


# --- what is recorded ---


async def test_a_request_is_recorded_without_its_password(sandbox, api):
    """Everything else about it is there."""
    before = asyncio.get_running_loop().time()
    await api.ask("POST", CUSTOMER, JANE | {"more": [{"Password": "x"}]}, headers={"X-Request-ID": "abc"})
    (request,) = sandbox.requests
    assert (request.method, request.path, request.route) == ("POST", CUSTOMER, f"POST {CUSTOMER}")
    assert (request.request_id, request.status, request.applied, request.fault) == ("abc", 201, True, None)
    assert request.json == JANE | {"password": "***", "more": [{"Password": "***"}]}
    assert before <= request.started <= asyncio.get_running_loop().time()
    assert "securepass123" not in repr(sandbox.requests)


async def test_a_request_is_recorded_under_its_route(sandbox, api):
    """The path is the one that was sent, the route the endpoint's."""
    await api.transfer(12, 13)
    (request,) = sandbox.requests
    assert request.path == f"{CUSTOMER}/12/transfer"
    assert request.route == "PATCH /api/v2/customer/{id}/transfer"


async def test_a_refused_request_is_recorded_as_not_applied(sandbox, api):
    """`applied` is true for what the rules carried out, reads included."""
    made = (await api.create()).json["id"]
    await api.create()
    await api.get(made)
    await api.get(4711)
    assert [(request.status, request.applied) for request in sandbox.requests] == [
        (201, True),
        (400, False),
        (200, True),
        (404, False),
    ]


async def test_a_request_is_recorded_when_it_arrives(sandbox, api):
    """While it waits it is there without a status."""
    sandbox.inject(Fault.latency(60))
    asking = asyncio.create_task(api.ask("GET", PING))
    await until(lambda: sandbox.requests)
    assert (sandbox.requests[0].status, sandbox.requests[0].applied) == (None, False)
    asking.cancel()


async def test_a_request_that_never_arrived_whole_is_not_recorded(sandbox):
    """Half a body asks for nothing."""
    _, writer = await connect(sandbox)
    writer.write(request_bytes(sandbox, "POST", CUSTOMER, JANE)[:-10])
    await until(lambda: sandbox.in_flight == 1)
    writer.transport.abort()
    await until(lambda: sandbox.in_flight == 0)
    assert (sandbox.requests, sandbox.customers) == ([], {})


async def test_connections_are_counted(sandbox, api):
    """A client that keeps its connection has one."""
    for _ in range(3):
        await api.ask("GET", PING)
    assert sandbox.connections_opened == 1
    await on_the_wire_closing(sandbox)
    assert sandbox.connections_opened == 2


async def on_the_wire_closing(sandbox):
    reader, writer = await connect(sandbox)
    writer.write(request_bytes(sandbox, "GET", PING))
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


# --- faults on the wire ---


async def test_a_status_is_answered_without_applying(sandbox, api):
    """The answer is an error in the sandbox's envelope; the next request is served."""
    sandbox.inject(Fault.status(503, retry_after=7), "POST /api/v2/customer")
    answer = await api.create()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert answer.message == "Service Unavailable"
    assert sandbox.customers == {}
    assert (sandbox.requests[0].applied, sandbox.requests[0].fault) == (False, "status")
    assert (await api.create()).status == 201


async def test_a_status_without_retry_after_sends_none(sandbox, api):
    """A 503 that does not say when is not a refusal."""
    sandbox.inject(Fault.status(503))
    assert "Retry-After" not in (await api.create()).headers


@pytest.mark.parametrize("wanted", [0, 0.25, 1, 30])
async def test_a_retry_after_date_is_never_earlier_than_asked(sandbox, api, wanted):
    """It is a whole second, so it is rounded up."""
    sandbox.inject(Fault.status(503, retry_after=wanted, http_date=True))
    before = time.time()
    text = (await api.create()).headers["Retry-After"]
    assert text.endswith(" GMT")
    assert math.ceil(before + wanted) <= parsedate_to_datetime(text).timestamp() < time.time() + wanted + 1


async def test_a_status_can_bring_its_own_body_and_headers(sandbox, api):
    """Such as the page of a proxy, or a redirect."""
    fault = Fault.status(302, body="moved", content_type="text/x-moved", headers={"Location": "/elsewhere"})
    sandbox.inject(fault)
    answer = await api.ask("GET", PING, allow_redirects=False)
    assert (answer.status, answer.raw, answer.headers["Location"]) == (302, b"moved", "/elsewhere")
    assert answer.headers["Content-Type"] == "text/x-moved"


async def test_a_body_without_a_type_is_plain_text(sandbox, api):
    """What a test does not say is harmless."""
    sandbox.inject(Fault.status(500, body=b"\xff\xfe"))
    answer = await api.ask("GET", PING)
    assert (answer.raw, answer.headers["Content-Type"]) == (b"\xff\xfe", "text/plain; charset=utf-8")


async def test_a_status_that_http_does_not_know_is_answered_too(sandbox, api):
    """Proxies make up their own, such as 599."""
    sandbox.inject(Fault.status(599))
    answer = await api.ask("GET", PING)
    assert (answer.status, answer.message) == (599, "Error")


@pytest.mark.parametrize("kind", ["drop", "apply_then_drop"])
async def test_a_drop_closes_in_order_without_a_byte(sandbox, kind):
    """The client reads the end of the stream: a FIN."""
    sandbox.inject(getattr(Fault, kind)())
    assert await on_the_wire(sandbox, "POST", CUSTOMER, JANE) == b""
    assert len(sandbox.customers) == (0 if kind == "drop" else 1)


@pytest.mark.parametrize("kind", ["drop", "apply_then_drop"])
async def test_a_drop_with_reset_resets_the_connection(sandbox, kind):
    """The client's read fails: an RST."""
    sandbox.inject(getattr(Fault, kind)(reset=True))
    with pytest.raises(ConnectionResetError):
        await on_the_wire(sandbox, "POST", CUSTOMER, JANE)
    assert len(sandbox.customers) == (0 if kind == "drop" else 1)


@pytest.mark.parametrize("kind", ["drop", "apply_then_drop"])
async def test_a_dropped_request_is_recorded_without_a_status(sandbox, kind):
    """Whether it was applied is what the record adds."""
    sandbox.inject(getattr(Fault, kind)())
    await on_the_wire(sandbox, "POST", CUSTOMER, JANE)
    (request,) = sandbox.requests
    assert (request.status, request.applied, request.fault) == (None, kind != "drop", kind)


async def test_a_request_that_the_rules_refuse_is_dropped_unapplied(sandbox):
    """A fault that applies does not break the rules."""
    sandbox.inject(Fault.apply_then_drop())
    assert await on_the_wire(sandbox, "POST", CUSTOMER, JANE | {"username": "ab"}) == b""
    assert not sandbox.requests[0].applied


async def test_apply_then_status_does_it_and_says_otherwise(sandbox, api):
    """The customer is there, the answer is the gateway's."""
    sandbox.inject(Fault.apply_then_status(502, retry_after=3, body="Bad Gateway"))
    answer = await api.create()
    assert (answer.status, answer.raw, answer.headers["Retry-After"]) == (502, b"Bad Gateway", "3")
    assert len(sandbox.customers) == 1
    (request,) = sandbox.requests
    assert (request.status, request.applied, request.fault) == (502, True, "apply_then_status")


async def test_a_truncated_answer_promises_more_than_it_sends(sandbox):
    """Half of the body, then the end of the stream; the customer is there."""
    sandbox.inject(Fault.truncate())
    head, _, body = (await on_the_wire(sandbox, "POST", CUSTOMER, JANE)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    promised = re.search(rb"(?i)content-length: (\d+)", head)
    assert promised
    assert 0 < len(body) < int(promised[1])
    assert (len(sandbox.customers), sandbox.requests[0].status, sandbox.requests[0].applied) == (1, 201, True)


async def test_a_truncated_answer_without_a_body_ends_in_its_headers(sandbox):
    """A 204 has nothing else to cut; its status counts as not answered."""
    customer = sandbox.add_customer()
    sandbox.inject(Fault.truncate())
    raw = await on_the_wire(sandbox, "DELETE", f"{CUSTOMER}/{customer.id}")
    assert raw.startswith(b"HTTP/1.1 204 ")
    assert b"\r\n\r\n" not in raw
    assert customer.id in sandbox.deleted_customers
    assert (sandbox.requests[0].status, sandbox.requests[0].applied) == (None, True)


async def test_a_client_sees_a_truncated_answer_as_a_failure(sandbox, api):
    """With a body and without one."""
    sandbox.inject(Fault.truncate(), times=2)
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.create()
    with pytest.raises(aiohttp.ClientError):
        await api.ask("POST", CUSTOMER, data=b"")


async def test_garbage_comes_in_the_place_of_the_json(sandbox, api):
    """The request is applied and the answer is a page."""
    sandbox.inject(Fault.garbage())
    answer = await api.create()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.raw.startswith(b"<html>")
    assert len(sandbox.customers) == 1
    sandbox.inject(Fault.garbage(b'{"id": "12"}', "application/json", 201))
    answer = await api.create(username="other", email="other@example.com")
    assert (answer.status, answer.json) == (201, {"id": "12"})


async def test_a_latency_waits_before_applying(sandbox):
    """While it waits nothing has happened yet."""
    sandbox.inject(Fault.latency(60))
    asking = asyncio.create_task(on_the_wire(sandbox, "POST", CUSTOMER, JANE))
    await until(lambda: sandbox.requests)
    assert (sandbox.customers, sandbox.in_flight) == ({}, 1)
    asking.cancel()


async def test_a_latency_after_waits_with_the_answer(sandbox):
    """While it waits the customer is there and the client knows nothing."""
    sandbox.inject(Fault.latency(60, after=True))
    asking = asyncio.create_task(on_the_wire(sandbox, "POST", CUSTOMER, JANE))
    await until(lambda: sandbox.customers)
    assert (sandbox.requests[0].status, sandbox.requests[0].applied, asking.done()) == (None, True, False)
    asking.cancel()


async def test_a_slow_answer_is_the_true_one(sandbox, api):
    """A latency ends, before and after applying, and the request is answered as usual."""
    sandbox.inject(Fault.latency(0.005))
    sandbox.inject(Fault.latency(0.005, after=True))
    began = asyncio.get_running_loop().time()
    assert (await api.create()).status == 201
    assert asyncio.get_running_loop().time() - began >= 0.009
    assert sandbox.requests[0].fault == "latency+latency"


async def test_a_fault_strikes_only_its_route(sandbox, api):
    """Another endpoint is served as usual, and so is another customer."""
    one, other = sandbox.add_customer().id, sandbox.add_customer().id
    sandbox.inject(Fault.status(500), f"GET {CUSTOMER}/{one}", times=5)
    assert (await api.get(one)).status == 500
    assert (await api.get(other)).status == 200
    assert (await api.patch(one, {"company": "X"})).status == 200


@pytest.mark.parametrize("route", ["GET /api/v2/customers/{id}", "PUT /api/v2/customer/{id}", "GET api"])
async def test_a_route_that_the_sandbox_does_not_have_is_refused(sandbox, route):
    """A slip of the pen must not make a fault that never strikes."""
    with pytest.raises(ValueError, match=r"^route: "):
        sandbox.inject(Fault.drop(), route)


async def test_cleared_faults_strike_no_more(sandbox, api):
    """The service has recovered; what was injected keeps its count."""
    injection = sandbox.inject(Fault.status(500), every=1)
    await api.ask("GET", PING)
    sandbox.clear_faults()
    assert (await api.ask("GET", PING)).status == 204
    assert injection.fired == 1


# --- a client that goes away ---


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
async def test_a_request_is_applied_though_its_client_has_gone(reset):
    """Real services go on: the connection is lost while the request waits, and then it is carried out."""
    async with Sandbox(latency=0.02) as sandbox:
        _, writer = await connect(sandbox)
        writer.write(request_bytes(sandbox, "POST", CUSTOMER, JANE))
        await until(lambda: sandbox.requests)
        assert sandbox.customers == {}
        if reset:
            linger_zero = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        writer.transport.abort()
        await until(lambda: sandbox.customers)
        await until(lambda: sandbox.in_flight == 0)
        assert (sandbox.requests[0].status, sandbox.requests[0].applied) == (201, True)


async def test_a_request_is_applied_though_its_client_never_waited(sandbox):
    """The connection is gone in the moment in which the request is sent."""
    _, writer = await connect(sandbox)
    writer.write(request_bytes(sandbox, "POST", CUSTOMER, JANE))
    writer.close()
    await until(lambda: sandbox.customers)


@pytest.mark.parametrize("fault", [Fault.truncate(), Fault.apply_then_drop(), Fault.apply_then_drop(reset=True)])
async def test_a_fault_after_its_client_has_gone_is_harmless(sandbox, fault):
    """There is no connection left to disturb; the request is applied."""
    sandbox.inject(Fault.latency(0.01, after=True))
    sandbox.inject(fault)
    _, writer = await connect(sandbox)
    writer.write(request_bytes(sandbox, "POST", CUSTOMER, JANE))
    await until(lambda: sandbox.requests)
    writer.transport.abort()
    await until(lambda: sandbox.in_flight == 0)
    assert sandbox.requests[0].applied


# --- hidden limits ---


async def test_requests_beyond_the_hidden_concurrency_are_turned_away():
    """503 without Retry-After, unapplied, while the first two wait; then there is room again."""
    async with sandbox_and_api(max_concurrency=2) as (sandbox, api):
        sandbox.inject(Fault.latency(0.02), times=2)
        bodies = [JANE | {"username": f"user{n}", "email": f"user{n}@example.com"} for n in range(5)]
        answers = await asyncio.gather(*(api.ask("POST", CUSTOMER, body) for body in bodies))
        assert sorted(answer.status for answer in answers) == [201, 201, 503, 503, 503]
        assert not any("Retry-After" in answer.headers for answer in answers)
        assert len(sandbox.customers) == 2
        assert [request.applied for request in sandbox.requests].count(True) == 2
        assert (await api.ask("GET", PING)).status == 204
        assert sandbox.in_flight == 0


async def test_the_latency_of_every_request_counts_as_concurrency():
    """Requests that wait are in flight, and the peak is remembered."""
    async with sandbox_and_api(latency=0.01) as (sandbox, api):
        await asyncio.gather(*(api.ask("GET", PING) for _ in range(4)))
        assert (sandbox.peak_concurrency, sandbox.in_flight) == (4, 0)


async def test_a_request_whose_client_has_gone_still_counts():
    """An abandoned request keeps its place until it is done."""
    async with sandbox_and_api(max_concurrency=1) as (sandbox, api):
        sandbox.inject(Fault.latency(60))
        _, writer = await connect(sandbox)
        writer.write(request_bytes(sandbox, "GET", PING))
        await until(lambda: sandbox.requests)
        writer.transport.abort()
        assert (await api.ask("GET", PING)).status == 503
        assert sandbox.in_flight == 1


async def test_requests_beyond_the_hidden_rate_are_turned_away():
    """429 with Retry-After: 1, unapplied; and it does not count for the next second."""
    async with sandbox_and_api(max_rate=3) as (sandbox, api):
        answers = [await api.create(username=f"user{n}", email=f"u{n}@example.com") for n in range(5)]
        assert [answer.status for answer in answers] == [201, 201, 201, 429, 429]
        assert answers[3].headers["Retry-After"] == "1"
        assert len(sandbox.customers) == 3


def test_the_hidden_rate_looks_back_one_second():
    """Half a second is too early, a second is enough; with a clock that jumps it takes no time."""

    async def main():
        async with sandbox_and_api(max_rate=1) as (_, api):
            statuses = []
            for pause in (0, 0.5, 0.6, 1.1):
                await asyncio.sleep(pause)
                statuses.append((await api.ask("GET", PING)).status)
            return statuses

    assert run_instantly(main()) == [204, 429, 204, 204]


def test_a_clock_that_jumps_is_followed():
    """A latency of an hour passes at once; the connection outlives it, and the timestamps have moved."""

    async def main():
        async with sandbox_and_api(latency=3600) as (sandbox, api):
            made = (await api.create()).json
            updated = (await api.patch(made["id"], {"company": "X"})).json
            stamps = [made["created_on"], updated["last_updated_on"]]
            return sandbox.connections_opened, [dt.datetime.fromisoformat(text[:19]) for text in stamps]

    began = time.monotonic()
    connections, (created, updated) = run_instantly(main())
    assert time.monotonic() - began < 60
    assert connections == 1
    assert updated - created >= dt.timedelta(seconds=3599)


# --- seeds ---


async def play_by_chance(seed):
    """Thirty requests under a fault by chance, one after the other: what a run looks like."""
    async with sandbox_and_api(seed=seed) as (sandbox, api):
        sandbox.inject(Fault.status(500), probability=0.5)
        statuses = [(await api.ask("GET", PING)).status for _ in range(30)]
        sandbox.clear_faults()
        guest_id = await api.guest()
        guest = sandbox.customers[guest_id]
        return sandbox.token, sandbox.key, statuses, guest.username, guest.email, guest.password


async def test_a_run_repeats_with_its_seed():
    """Credentials, random names and the fate of every request are the same again."""
    assert await play_by_chance(11) == await play_by_chance(11)


async def test_another_seed_is_another_run():
    """Nothing random is shared."""
    for one, other in zip(await play_by_chance(11), await play_by_chance(12), strict=True):
        assert one != other


async def test_credentials_are_hexadecimal_unless_they_are_given(sandbox):
    """As the vendor's are."""
    assert re.fullmatch(r"[0-9a-f]{32}", sandbox.token)
    assert re.fullmatch(r"[0-9a-f]{64}", sandbox.key)
    given = Sandbox(token="mine", key="its key")
    assert (given.token, given.key) == ("mine", "its key")


# --- what tests put in ---


async def test_a_customer_is_put_in_without_a_request(sandbox, api):
    """It is permanent, found by the API, and fires no webhook."""
    customer = sandbox.add_customer(id=12345, storefront_id=2, username="old", company="Acme", tax_exempt=True)
    answer = (await api.get(12345)).json
    assert (answer["username"], answer["storefront"], answer["is_temporary"]) == ("old", "Second Store", False)
    assert (answer["company"], answer["tax_exempt"]) == ("Acme", True)
    assert sandbox.customers == {12345: customer}
    assert (sandbox.webhooks_fired, [request.path for request in sandbox.requests]) == ([], [f"{CUSTOMER}/12345"])


async def test_a_customer_that_is_put_in_takes_its_names(sandbox, api):
    """The rules hold for the API afterwards."""
    sandbox.add_customer(username="janesmith")
    assert (await api.create()).message == "Username is already in use."


async def test_an_id_that_is_put_in_is_not_given_again(sandbox, api):
    """The next customers go around it."""
    first = sandbox.add_customer().id
    sandbox.add_customer(id=first + 1)
    assert (await api.create()).json["id"] == first + 2


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": 5}, "id"),
        ({"username": "TAKEN"}, "Username"),
        ({"email": "taken@example.com"}, "Email"),
        ({"storefront_id": 9}, "storefront_id"),
    ],
)
async def test_what_cannot_be_put_in_is_named(sandbox, fields, named):
    """A customer that would break the rules is a ValueError."""
    sandbox.add_customer(id=5, username="taken", email="taken@example.com")
    with pytest.raises(ValueError, match=f"^{named}"):
        sandbox.add_customer(**fields)


async def test_work_needs_a_customer(sandbox):
    """A slip of the pen is a ValueError, and work adds up."""
    with pytest.raises(ValueError, match=r"^customer_id: "):
        sandbox.add_work(4711, albums=1)
    customer = sandbox.add_customer()
    sandbox.add_work(customer.id, albums=1, punchout_sessions=2)
    assert sandbox.add_work(customer.id, albums=1).albums == 2


async def test_what_it_shows_is_a_copy(sandbox, api):
    """Nobody changes the sandbox by changing what it gave."""
    await api.create()
    sandbox.customers.clear()
    sandbox.requests.clear()
    sandbox.webhooks_fired.clear()
    assert (len(sandbox.customers), len(sandbox.requests), len(sandbox.webhooks_fired)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"storefronts": {}}, "storefronts"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_rate": 1.5}, "max_rate"),
        ({"latency": -1}, "latency"),
        ({"latency": float("nan")}, "latency"),
        ({"port": 70000}, "port"),
        ({"error_envelope": "xml"}, "error_envelope"),
        ({"token": ""}, "token"),
        ({"token": "a:b"}, "token"),
        ({"key": ""}, "token, key"),
    ],
)
def test_a_bad_option_is_named(options, named):
    """A sandbox that makes no sense is a ValueError that begins with the option's name."""
    with pytest.raises(ValueError, match=f"^{named}"):
        Sandbox(**options)


def test_two_sandboxes_share_nothing():
    """The storefronts of one are not those of the other."""
    storefronts = {1: "Mine"}
    one, other = Sandbox(storefronts), Sandbox()
    storefronts[2] = "Later"
    with pytest.raises(ValueError, match="storefront_id"):
        one.add_customer(storefront_id=2)
    other.add_customer(storefront_id=2)
    assert one.customers == {}


# --- coming and going ---


async def test_it_has_no_address_before_it_starts():
    """Asking too early says what to do; its repr says as much."""
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="start"):
        _ = sandbox.url
    assert "not started" in repr(sandbox)
    assert sandbox.connections_opened == 0


async def test_starting_and_closing_twice_does_nothing():
    """Both are idempotent."""
    sandbox = Sandbox()
    await sandbox.aclose()
    assert await sandbox.start() is sandbox
    url = sandbox.url
    await sandbox.start()
    assert (sandbox.url, repr(sandbox)) == (url, f"<Sandbox {url}>")
    await sandbox.aclose()
    await sandbox.aclose()


async def test_a_closed_sandbox_refuses_connections_and_keeps_what_it_held():
    """A test reads the customers after the end."""
    async with sandbox_and_api() as (sandbox, api):
        await api.create()
        await sandbox.aclose()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await connect(sandbox)
        assert (len(sandbox.customers), sandbox.connections_opened) == (1, 1)


async def test_an_outage_ends_at_the_same_address():
    """Started again it listens where it did and holds what it held."""
    async with sandbox_and_api() as (sandbox, api):
        made, url = (await api.create()).json["id"], sandbox.url
        await sandbox.aclose()
        await sandbox.start()
        assert sandbox.url == url
        assert (await api.get(made)).status == 200
        assert sandbox.connections_opened == 2


async def test_closing_ends_at_once_while_requests_wait():
    """Their connections end, they are not applied, and no task is left."""
    before = asyncio.all_tasks()
    sandbox = await Sandbox(latency=3600).start()
    asking = [asyncio.create_task(on_the_wire(sandbox, "POST", CUSTOMER, JANE)) for _ in range(3)]
    await until(lambda: sandbox.in_flight == 3)
    async with asyncio.timeout(5):
        await sandbox.aclose()
        ends = await asyncio.gather(*asking, return_exceptions=True)
    assert all(end == b"" or isinstance(end, ConnectionError) for end in ends)
    assert (sandbox.in_flight, sandbox.customers) == (0, {})
    assert asyncio.all_tasks() == before


async def test_closing_ends_at_once_with_idle_and_abandoned_connections():
    """One that was never used, one kept alive, one whose client has gone while its request waits."""
    before = asyncio.all_tasks()
    sandbox = await Sandbox().start()
    reader, never_used = await connect(sandbox)
    kept_reader, kept = await connect(sandbox)
    kept.write(request_bytes(sandbox, "GET", PING))
    await kept_reader.readuntil(b"\r\n\r\n")
    sandbox.inject(Fault.latency(3600))
    _, gone = await connect(sandbox)
    gone.write(request_bytes(sandbox, "POST", CUSTOMER, JANE))
    await until(lambda: sandbox.in_flight == 1)
    gone.transport.abort()
    async with asyncio.timeout(5):
        await sandbox.aclose()
        for stream in (reader, kept_reader):
            with contextlib.suppress(ConnectionError):
                assert await stream.read() == b""
    for writer in (never_used, kept):
        writer.transport.abort()
    assert (sandbox.in_flight, sandbox.customers) == (0, {})
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("turns", range(8))
async def test_closing_ends_at_once_while_connections_are_being_made(turns):
    """In whatever turn of the loop it comes, no connection is left between being accepted and being served."""
    before = asyncio.all_tasks()
    sandbox = await Sandbox(latency=3600).start()
    asking = [asyncio.create_task(on_the_wire(sandbox, "POST", CUSTOMER, JANE)) for _ in range(20)]
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(4):
        await sandbox.aclose()
        await asyncio.gather(*asking, return_exceptions=True)
    gc.collect()  # a leaked socket warns when it is collected, and a warning is an error here
    assert (sandbox.in_flight, sandbox.customers) == (0, {})
    assert asyncio.all_tasks() == before


async def test_it_writes_no_log(caplog, sandbox, api):
    """Neither requests nor faults are logged."""
    caplog.set_level("DEBUG", "aiohttp")
    sandbox.inject(Fault.drop())
    await on_the_wire(sandbox, "GET", PING)
    await api.create()
    assert [record for record in caplog.records if record.name.startswith("aiohttp")] == []


# --- the pytest plugin ---

ROOT = Path(printnow_async.__file__).parents[1]
PLUGIN = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]["printnow_sandbox"]

TEST_WITHOUT_FIXTURES = f"""
import sys

def test_nothing_is_loaded(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("{PLUGIN}")
    assert not [name for name in sys.modules if name.split(".")[0] in ("aiohttp", "attrs", "printnow_async")]
"""
TESTS_OF_A_USER = """
async def test_client(printnow_client, printnow_sandbox):
    guest = await printnow_client.customers.create_temporary(storefront_id=1)
    assert printnow_sandbox.customers[guest.id].is_temporary
"""


def run_pytest(folder, *, asyncio_installed=True, tests=TESTS_OF_A_USER):
    """Run the test of a user in a pytest of its own, the plugins named one by one."""
    (folder / "test_user.py").write_text(tests, encoding="utf-8")
    hide = "" if asyncio_installed else "sys.modules['pytest_asyncio'] = None; "
    options = ["-o", "asyncio_mode=auto", "-p", "pytest_asyncio.plugin"] if asyncio_installed else []
    arguments = ["--rootdir", str(folder), "-p", "no:cacheprovider", "-q", "-p", PLUGIN, *options, str(folder)]
    program = f"import sys; {hide}import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_fixtures_give_a_sandbox_and_a_client_of_it(tmp_path):
    """A user's test needs nothing but their names."""
    run = run_pytest(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout


@pytest.mark.parametrize("asyncio_installed", [True, False])
def test_a_run_that_uses_no_fixture_loads_nothing(tmp_path, asyncio_installed):
    """Every pytest run of every project that has the package loads the plugin."""
    run = run_pytest(tmp_path, asyncio_installed=asyncio_installed, tests=TEST_WITHOUT_FIXTURES)
    assert run.returncode == 0, run.stdout + run.stderr


def test_without_pytest_asyncio_only_the_fixtures_fail(tmp_path):
    """pytest itself works, and the test that asks for a fixture is told what to install."""
    run = run_pytest(tmp_path, asyncio_installed=False)
    assert "UsageError" in run.stdout, run.stdout + run.stderr
    assert "pip install pytest-asyncio" in run.stdout
