"""Arguments that are refused do not come out with the refusal: neither in the error nor in a local variable."""

from __future__ import annotations

import pytest

from printnow_async import (
    ConfigurationError,
    CustomerUpdate,
    InvalidAccountError,
    Limits,
    NewAccount,
    PrintNowClient,
    RetryPolicy,
)
from printnow_async._http.redaction import redact, texts_in
from tests.support.secrecy import (
    HEADER,
    JSON,
    KEY,
    PARAM,
    PASSWORD,
    PROXY_PASSWORD,
    PROXY_USER,
    TOKEN,
    UPDATE_PASSWORD,
    account,
    all_of,
    leaks,
)

PROXY = f"http://{PROXY_USER}:{PROXY_PASSWORD}@proxy.example.com:3128"
WITH_CREDENTIALS = f"https://{TOKEN}:{KEY}@api.example.com"


class Shop(PrintNowClient):
    """A client of somebody's own."""


def check(error):
    """No secret anywhere, and some frame of the package to look at."""
    assert leaks(all_of(error)) == set()
    assert any("rich's view" in place for place, _ in all_of(error))


@pytest.mark.parametrize("cls", [PrintNowClient, Shop])
@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "ftp://api.example.com"},
        {"base_url": "http://api.example.com"},
        {"base_url": "https://[::1].example.com"},
        {"base_url": "https://api.example.com:port"},
        {"base_url": "https://api.example.com/api/v2"},
        {"base_url": f"https://api.example.com/?key={KEY}"},
        {"base_url": b"https://api.example.com"},
        {"base_url": WITH_CREDENTIALS},
        {"base_url": f"ftp://{TOKEN}:{KEY}@api.example.com"},
        {"base_url": f"https://{TOKEN}:{KEY}@[::1].example.com"},
        {"proxy": f"socks5://{PROXY_USER}:{PROXY_PASSWORD}@127.0.0.1"},
        {"proxy": PROXY, "base_url": "http://127.0.0.1:8000"},
        {"proxy": PROXY, "transport": object()},
        {"proxy": PROXY, "timeout": 1},
        {"proxy": PROXY, "retry": 1},
        {"proxy": PROXY, "limits": 1},
        {"proxy": PROXY, "pacer": object()},
        {"proxy": PROXY, "session": object()},
        {"proxy": PROXY, "ssl": object()},
        {"proxy": PROXY, "user_agent": "\n"},
        {"proxy": PROXY, "observers": [1]},
    ],
    ids="+".join,
)
def test_a_client_that_cannot_work_keeps_its_credentials_to_itself(cls, options):
    with pytest.raises(ConfigurationError) as caught:
        cls(TOKEN, KEY, **options)
    check(caught.value)


@pytest.mark.parametrize("wrong", ["token", "key"])
@pytest.mark.parametrize("change", [lambda text: f" {text}", lambda text: f"{text}\n", str.encode, lambda text: [text]])
def test_credentials_that_cannot_be_are_not_told(wrong, change):
    given = {"token": TOKEN, "key": KEY}
    with pytest.raises(ConfigurationError) as caught:
        PrintNowClient(**{**given, wrong: change(given[wrong])})
    check(caught.value)


def test_a_token_with_a_colon_is_not_told():
    with pytest.raises(ConfigurationError) as caught:
        PrintNowClient(f"{TOKEN}:x", KEY)
    check(caught.value)


def test_what_stands_in_the_environment_is_not_told(monkeypatch):
    monkeypatch.setenv("PRINTNOW_TOKEN", TOKEN)
    monkeypatch.setenv("PRINTNOW_KEY", KEY)
    monkeypatch.setenv("PRINTNOW_BASE_URL", WITH_CREDENTIALS)
    with pytest.raises(ConfigurationError) as caught:
        PrintNowClient()
    check(caught.value)


@pytest.mark.parametrize("cls", [PrintNowClient, Shop])
def test_a_half_made_client_can_be_shown(cls):
    """A crash reporter asks for the `repr` of `self` in a constructor that failed."""
    for half in (cls.__new__(cls), made_by_halves(cls)):
        assert repr(half) == f"{cls.__name__}(base_url=None)"
        assert str(half) == repr(half)


def made_by_halves(cls):
    """The client whose constructor has failed."""
    with pytest.raises(ConfigurationError) as caught:
        cls(TOKEN, KEY, base_url=WITH_CREDENTIALS)
    trace = caught.value.__traceback__
    while trace.tb_next is not None and "self" not in trace.tb_frame.f_locals:
        trace = trace.tb_next
    return trace.tb_frame.f_locals["self"]


async def test_nothing_secret_is_shown_of_a_client_and_its_parts():
    """By `repr` and as rich shows it, which looks into values of attrs."""
    options = {"base_url": "https://api.example.com", "proxy": PROXY, "limits": Limits(adaptive=True)}
    async with PrintNowClient(TOKEN, KEY, **options) as client:
        other = client.with_options(headers={"X-Shop-Key": HEADER}, retry=RetryPolicy.none())
        shared = client._caller.shared
        parts = [client, other, client.customers, client._caller, other._caller, client.limits]
        parts += [shared, shared.transport, shared.gate, shared.observers, account(), CustomerUpdate(password=PASSWORD)]

        def fail(part):
            raise LookupError(type(part))

        for part in parts:
            with pytest.raises(LookupError) as caught:
                fail(part)
            assert len(views(caught.value)) == 4
            assert leaks(views(caught.value)) == set()


def views(error):
    """The local variable of the frame that raised, though that is one of the tests' own."""
    return [(place, text) for place, text in all_of(error, tests=True) if " of part in " in place]


# ---------------------------------------------------------------- accounts and updates

FIELDS = {"email": "jane@example.com", "first_name": "Jane", "last_name": "Smith"}


class Member(NewAccount):
    """An account of somebody's own."""


@pytest.mark.parametrize("cls", [NewAccount, Member])
@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "x"},
        {"username": None},
        {"email": "nobody"},
        {"company": 7},
        {"password": PASSWORD * 100},
        {"password": f"{PASSWORD}\0"},
        {"password": f"{PASSWORD}\ud800"},
        {"password": PASSWORD.encode()},
        {"password": [PASSWORD]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("way", ["constructor", "form"])
def test_an_account_that_is_refused_keeps_its_password_to_itself(cls, wrong, way):
    fields = {"username": "janesmith", "password": PASSWORD, **FIELDS, **wrong}
    make = {
        "constructor": lambda: cls(**fields),
        "form": lambda: cls.from_form(fields),
    }[way]
    with pytest.raises(InvalidAccountError) as caught:
        make()
    check(caught.value)


@pytest.mark.parametrize(
    "form",
    [None, PASSWORD, [("password", PASSWORD)], PASSWORD.encode(), account()],
    ids=["None", "str", "pairs", "bytes", "account"],
)
def test_what_is_no_form_is_not_told(form):
    with pytest.raises(ValueError, match="form must be a mapping") as caught:
        NewAccount.from_form(form)
    check(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"password": UPDATE_PASSWORD * 100},
        {"password": f"{UPDATE_PASSWORD}\0"},
        {"password": UPDATE_PASSWORD, "company": 7},
        {"password": [UPDATE_PASSWORD]},
        {"password": UPDATE_PASSWORD, "tax_exempt": "yes"},
    ],
    ids=range(5),
)
def test_an_update_that_is_refused_keeps_its_password_to_itself(fields):
    with pytest.raises(ValueError, match="must") as caught:
        CustomerUpdate(**fields)
    check(caught.value)


# ---------------------------------------------------------------- calls

PATH = "/api/v2/order"
REFUSED = {
    "create, a dict": lambda client: client.customers.create({"password": PASSWORD}, storefront_id=1),
    "create, an update": lambda client: client.customers.create(CustomerUpdate(password=PASSWORD), storefront_id=1),
    "create, a storefront": lambda client: client.customers.create(account(), storefront_id="1"),
    "convert, a dict": lambda client: client.customers.convert(7, {"password": PASSWORD}),
    "convert, an id": lambda client: client.customers.convert("7", account()),
    "update, a dict": lambda client: client.customers.update(7, {"password": UPDATE_PASSWORD}),
    "update, an id": lambda client: client.customers.update(0, CustomerUpdate(password=UPDATE_PASSWORD)),
    "with_options": lambda client: client.with_options(headers={"X-Key": f"{HEADER}\n"}),
    "with_options, ours": lambda client: client.with_options(headers={"X-Key": HEADER, "Authorization": HEADER}),
    "with_options, no mapping": lambda client: client.with_options(headers=[("X-Key", HEADER)]),
    "with_options, no retry": lambda client: client.with_options(headers={"X-Key": HEADER}, retry=3),
    "request, a method": lambda client: client.request(
        "G T", PATH, json={"a": JSON}, headers={"X-Key": HEADER}, params={"a": PARAM}
    ),
    "request, a path": lambda client: client.request(
        "POST", "order", json={"a": JSON}, headers={"X-Key": HEADER}, params={"a": PARAM}
    ),
    "request, a header": lambda client: client.request(
        "POST", PATH, json={"a": JSON}, headers={"X-Key": f"{HEADER}\n"}, params={"a": PARAM}
    ),
    "request, json": lambda client: client.request("POST", PATH, json={"a": JSON, "b": {1, 2}}),
    "request, json that is not text": lambda client: client.request("POST", PATH, json={"a": JSON, "b": float}),
    "request, params": lambda client: client.request("POST", PATH, params=f"a={PARAM}"),
    "request, params that cannot be encoded": lambda client: client.request(
        "POST", PATH, params={"a": f"{PARAM}\ud800"}
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_an_argument_that_is_refused_is_not_told(name):
    """Whichever argument is wrong, none of the others comes out either."""
    async with PrintNowClient(TOKEN, KEY, base_url="http://127.0.0.1:9") as client:
        with pytest.raises(ValueError, match=r".") as caught:
            result = REFUSED[name](client)
            await result
    check(caught.value)


@pytest.mark.parametrize("name", ["create", "request", "with options"])
async def test_a_client_that_is_closed_keeps_all_to_itself(name):
    async with PrintNowClient(TOKEN, KEY, base_url="http://127.0.0.1:9") as client:
        other = client.with_options(headers={"X-Key": HEADER})
    with pytest.raises(ConfigurationError) as caught:
        await {
            "create": lambda: client.customers.create(account(), storefront_id=1),
            "request": lambda: client.request("POST", PATH, json=JSON, headers={"X-Key": HEADER}, params={"a": PARAM}),
            "with options": lambda: other.customers.create(account(), storefront_id=1),
        }[name]()
    check(caught.value)


def test_of_a_body_that_may_hold_too_many_secrets_nothing_is_kept():
    """The search takes its time for each secret, and no answer may hold the event loop up."""
    many = tuple(texts_in([{"pin": "short", "codes": [f"{JSON}-{number}" for number in range(40)]}]))
    assert len(many) == 40
    assert redact(f"no: {many[-1]}".encode(), many) == b"[redacted]"
    assert redact(f"no: {many[7]}".encode(), many[:8] * 9) == b"no: [redacted]"
    assert redact(b"", many) == b""
