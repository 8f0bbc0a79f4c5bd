"""What a client is made of, what it refuses to be made of, and how it begins and ends."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import gc
import pickle
import socket
import warnings

import aiohttp
import pytest
from hypothesis import given, strategies as st
from yarl import URL

from printnow_async import (
    AuthenticationError,
    CallEvent,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Limits,
    NewAccount,
    OutcomeUnknownError,
    PrintNowClient,
    RetryPolicy,
    Timeout,
)
from tests.support.transports import LOST, FakeTransport, client_on, found

TOKEN, KEY = "t0ken-canary", "k3y-canary"
PING = "/api/v2/ping"
JANE = NewAccount("janesmith", "s3cret-passphrase", "jane@example.com", "Jane", "Smith")


@pytest.fixture
def nobody():
    """The URL of a loopback port at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def client_of(base_url=None, **options):
    return PrintNowClient(TOKEN, KEY, base_url=base_url, **options)


def refusal(**options):
    """The one line of the ConfigurationError that these options end in."""
    with pytest.raises(ConfigurationError) as caught:
        PrintNowClient(**{"token": TOKEN, "key": KEY, **options})
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def sent_headers(mocked_api):
    """The headers of the one request that was made."""
    ((call,),) = mocked_api.requests.values()
    return call.kwargs["headers"]


def basic(token, key):
    return "Basic " + base64.b64encode(f"{token}:{key}".encode()).decode()


def sent_to(mocked_api):
    return [str(url) for _, url in mocked_api.requests]


# Credentials


async def test_credentials_come_from_the_arguments(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204)
    async with client_of() as client:
        await client.ping()
    assert sent_headers(mocked_api)["Authorization"] == basic(TOKEN, KEY)


async def test_credentials_come_from_the_environment(mocked_api, monkeypatch):
    monkeypatch.setenv("PRINTNOW_TOKEN", "from-env")
    monkeypatch.setenv("PRINTNOW_KEY", "key-from-env")
    monkeypatch.setenv("PRINTNOW_BASE_URL", "https://env.example.com")
    mocked_api.get(f"https://env.example.com{PING}", status=204)
    async with PrintNowClient() as client:
        await client.ping()
    assert sent_headers(mocked_api)["Authorization"] == basic("from-env", "key-from-env")


async def test_arguments_win_over_the_environment(mocked_api, monkeypatch):
    monkeypatch.setenv("PRINTNOW_TOKEN", "from-env")
    monkeypatch.setenv("PRINTNOW_KEY", "key-from-env")
    monkeypatch.setenv("PRINTNOW_BASE_URL", "https://env.example.com")
    mocked_api.get(f"https://argument.example.com{PING}", status=204)
    async with client_of("https://argument.example.com") as client:
        await client.ping()
    assert sent_headers(mocked_api)["Authorization"] == basic(TOKEN, KEY)


def test_one_credential_may_come_from_each(monkeypatch):
    monkeypatch.setenv("PRINTNOW_KEY", KEY)
    assert PrintNowClient(TOKEN)


async def test_credentials_in_any_letters_are_sent_in_utf_8(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204)
    async with PrintNowClient("jeton-é", "clé-ł🔑") as client:
        await client.ping()
    assert sent_headers(mocked_api)["Authorization"] == basic("jeton-é", "clé-ł🔑")


@pytest.mark.parametrize(("name", "variable"), [("token", "PRINTNOW_TOKEN"), ("key", "PRINTNOW_KEY")])
def test_a_missing_credential_is_named_with_the_variable_that_could_hold_it(name, variable):
    message = refusal(**{name: None})
    assert name in message
    assert variable in message


@pytest.mark.parametrize("name", ["token", "key"])
def test_an_empty_credential_is_missing(name, monkeypatch):
    """An explicit one even where the environment has another: it wins."""
    monkeypatch.setenv(f"PRINTNOW_{name.upper()}", "from-env")
    assert f"no {name}" in refusal(**{name: ""})


def test_an_empty_variable_is_a_missing_credential(monkeypatch):
    monkeypatch.setenv("PRINTNOW_TOKEN", "")
    assert "no token" in refusal(token=None)


def test_a_colon_in_the_token_is_refused():
    """It would end the user name (RFC 7617)."""
    assert "colon" in refusal(token="to:ken")


def test_a_colon_in_the_key_is_fine():
    assert PrintNowClient(TOKEN, "k:e:y")


@pytest.mark.parametrize(
    "value", [f"c4nary{odd}x" for odd in "\n\r\0\x7f\u2028\udc80"] + ["c4nary ", " c4nary", "\tc4nary"], ids=ascii
)
@pytest.mark.parametrize("name", ["token", "key"])
def test_control_characters_and_white_space_at_an_end_are_refused(name, value):
    """They come from copying and from files, and would go into a header. The message does not show them."""
    message = refusal(**{name: value})
    assert f"the {name} " in message
    assert "c4nary" not in message


@pytest.mark.parametrize("value", [b"bytes", 5, ["list"]], ids=type)
@pytest.mark.parametrize("name", ["token", "key"])
def test_a_credential_that_is_not_text_is_refused(name, value):
    assert refusal(**{name: value}) == f"the {name} must be a string, not {type(value).__name__}"


# The base URL


def test_the_base_url_is_the_vendors_unless_it_is_said_otherwise():
    assert repr(client_of()) == "PrintNowClient(base_url='https://api.printnow.com')"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "http://127.0.0.1:8080",
        "http://127.8.9.1:8080",
        "http://[::1]:8080",
        "http://localhost:8080",
        "http://LOCALHOST",
        "HTTP://127.0.0.1",
    ],
)
def test_plain_http_is_for_loopback_addresses(url):
    assert client_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.printnow.com",
        "http://10.0.0.1",
        "http://192.168.1.1",
        "http://0.0.0.0",
        "http://128.0.0.1",
        "http://[::]",
        "http://[2001:db8::1]",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.",
        "http://127.1",
        "http://2130706433",
    ],
)
def test_plain_http_to_anywhere_else_is_refused(url):
    """It would show the credentials on the way."""
    assert "use https" in refusal(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "api.printnow.com",
        "api.printnow.com:443",
        "//api.printnow.com",
        "https:/api.printnow.com",
        "https://",
        "https:///path",
        "https://:443",
        "ftp://api.printnow.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "wss://api.printnow.com",
        "https://api.printnow.com:99999",
        "https://api.printnow.com:port",
        "https://[::1",
        "https://[not-an-address]",
        "http://[::1].evil.com",
        "http://[::1]evil.com",
        "http://[::1",
        "http://::1]",
        "http://[::1]:0",
        "http://127.0.0.1:0",
        "http://[::1]:x",
        "http://[]",
        "https://é..b",
        "https://exämple" + "a" * 70,
        "https://a\u200d.example",
        "https://a|b",
        "https://%61.example",
    ],
)
def test_what_is_no_http_url_is_refused(url):
    assert "must be an http or https URL" in refusal(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cret@api.printnow.com",
        "https://s3cret@api.printnow.com",
        "https://:s3cret@api.printnow.com",
        "https://@api.printnow.com",
        "http://localhost\\@evil.example.com",
    ],
)
def test_credentials_in_the_base_url_are_refused_and_not_shown(url):
    message = refusal(base_url=url)
    assert "must not hold credentials" in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    "url",
    [
        "https://api.printnow.com?tenant=1",
        "https://api.printnow.com/?tenant=1",
        "https://api.printnow.com#top",
        " https://api.printnow.com",
        "https://api.printnow.com\n",
        "https://api.print now.com",
        "https://api.printnow.com/a b",
        "https://api.printnow.com\t/x",
    ],
)
def test_a_query_a_fragment_or_white_space_is_refused(url):
    assert refusal(base_url=url)


@pytest.mark.parametrize("url", ["https://api.printnow.com/api/v2", "https://api.printnow.com/x/api/v2/"])
def test_a_base_url_that_goes_on_into_the_api_is_refused(url):
    """The paths begin there."""
    assert "must end before /api/v2" in refusal(base_url=url)


@pytest.mark.parametrize("value", [5, b"https://x.example", ["https://x.example"], URL("https://x.example")], ids=type)
def test_a_base_url_that_is_not_text_is_refused(value):
    assert refusal(base_url=value)


def test_the_environments_base_url_is_checked_as_well(monkeypatch):
    monkeypatch.setenv("PRINTNOW_BASE_URL", "http://api.printnow.com")
    assert "use https" in refusal()


@pytest.mark.parametrize(
    ("base_url", "asked"),
    [
        ("https://api.example.com", f"https://api.example.com{PING}"),
        ("https://api.example.com/", f"https://api.example.com{PING}"),
        ("https://api.example.com///", f"https://api.example.com{PING}"),
        ("https://api.example.com:8443", f"https://api.example.com:8443{PING}"),
        ("https://gateway.example.com/print/now", f"https://gateway.example.com/print/now{PING}"),
        ("https://gateway.example.com/print/now/", f"https://gateway.example.com/print/now{PING}"),
        ("https://gateway.example.com/pri%20nt", f"https://gateway.example.com/pri%20nt{PING}"),
        ("http://[::1]:8080/x", f"http://[::1]:8080/x{PING}"),
    ],
)
async def test_a_path_in_the_base_url_comes_before_every_path(mocked_api, base_url, asked):
    """And slashes at its end make no difference."""
    mocked_api.get(asked, status=204)
    async with client_of(base_url) as client:
        await client.ping()
    assert sent_to(mocked_api) == [asked]


# Other options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("timeout", "retry", "limits") for value in (None, 0, "x", Timeout, {})),
        ("timeout", RetryPolicy()),
        ("retry", Limits()),
        ("limits", Timeout()),
        ("observers", [None]),
        ("observers", ["print"]),
        ("observers", print),
        ("observers", 5),
        ("session", "session"),
        ("session", 5),
        ("proxy", 5),
        ("proxy", "not a URL"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_option_of_the_wrong_kind_is_refused_before_it_is_used(name, value):
    assert refusal(**{name: value})


@pytest.mark.parametrize("value", [0, 5, "", "x", (), False, Limits(), Timeout], ids=ascii)
@pytest.mark.parametrize("name", ["timeout", "retry"])
def test_with_options_refuses_what_the_client_refuses(name, value):
    client = client_of()
    with pytest.raises(ConfigurationError, match=f"^{name} must be a"):
        client.with_options(**{name: value})


def test_nothing_is_opened_when_a_client_is_made():
    """No event loop is needed, so that a module may make a client; nothing warns where that client is dropped."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert client_of().limits.in_flight == 0
        gc.collect()
    assert caught == []


# What it shows


def test_a_client_tells_its_base_url():
    assert client_of("https://gateway.example.com/print/").base_url == "https://gateway.example.com/print"


def test_a_client_shows_its_base_url_and_nothing_secret():
    client = client_of("https://gateway.example.com/print/")
    assert repr(client) == "PrintNowClient(base_url='https://gateway.example.com/print')"
    assert str(client) == repr(client)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_client_cannot_be_copied_or_pickled(how):
    """It would take the credentials along."""
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        how(client_of())


def test_a_client_has_no_attribute_that_shows_a_secret():
    """Nor has anything that it is made of, as far as it shows itself."""
    seen, left = set(), [client_of()]
    while left:
        part = left.pop()
        if id(part) in seen or not type(part).__module__.startswith("printnow_async"):
            continue
        seen.add(id(part))
        shown = f"{part!r}{part!s}"
        assert [secret for secret in (TOKEN, KEY, basic(TOKEN, KEY)[6:]) if secret in shown] == []
        left.extend(vars(part).values() if hasattr(part, "__dict__") else ())
    assert len(seen) > 4


# Other options for some calls


async def test_other_options_share_the_session_the_limits_and_the_observers(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204, repeat=True)
    seen = []
    async with client_of(observers=[seen.append]) as client:
        other = client.with_options(timeout=Timeout(total=1.0))
        await client.ping()
        await other.ping()
        assert other.limits is client.limits
    assert len([event for event in seen if isinstance(event, CallEvent)]) == 2


async def test_other_options_replace_what_is_given_and_keep_the_rest():
    """Seen by how long connecting may take, which the transport is told, and by how often it is asked."""
    seen = []

    class Keeps(FakeTransport):
        async def attempt(self, request, *, ends, connect):
            seen.append(connect)
            return await super().attempt(request, ends=ends, connect=connect)

    once, twice = RetryPolicy.none(), RetryPolicy(max_attempts=2, base_delay=0)
    client = client_on(Keeps(LOST), timeout=Timeout(connect=1.0), retry=once)
    other = client.with_options(retry=twice)
    third = other.with_options(timeout=Timeout(connect=3.0))
    for each in (client, other, third, client):
        with pytest.raises(ConnectionLostError):
            await each.ping()
    assert seen == [1.0, 1.0, 1.0, 3.0, 3.0, 1.0]


async def test_other_options_reach_the_rule_for_temporary_users():
    client = client_on(transport := FakeTransport(LOST, found(id=7, is_temporary=True)))
    other = client.with_options(retry=RetryPolicy(base_delay=0, repeat_temporary_creates=True))
    assert (await other.customers.create_temporary(storefront_id=1)).id == 7
    assert len(transport.requests) == 2


def test_a_client_with_other_options_shows_the_same_base_url():
    client = client_of("https://gateway.example.com/x")
    assert repr(client.with_options()) == repr(client)


async def test_closing_a_client_with_other_options_closes_nothing(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204, repeat=True)
    async with client_of() as client:
        async with client.with_options(timeout=Timeout(total=1.0)) as other:
            await other.ping()
        await other.aclose()
        await other.ping()
        await client.ping()


async def test_closing_the_client_closes_those_with_other_options(mocked_api):
    async with client_of() as client:
        other = client.with_options()
    with pytest.raises(ConfigurationError, match="closed"):
        await other.ping()


# Begin and end


async def test_a_client_can_be_used_and_closed_without_a_with_block(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204)
    client = client_of()
    assert await client.ping() is None
    await client.aclose()


async def test_entering_gives_the_client_itself():
    client = client_of()
    async with client as entered:
        assert entered is client


async def test_closing_is_idempotent(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204)
    client = client_of()
    await client.ping()
    for _ in range(3):
        await client.aclose()
    await asyncio.gather(client.aclose(), client.aclose())


async def test_a_client_that_was_never_used_can_be_closed():
    await client_of().aclose()


CALLS = {
    "ping": lambda client: client.ping(),
    "get": lambda client: client.customers.get(7),
    "create": lambda client: client.customers.create(JANE, storefront_id=1),
    "create_temporary": lambda client: client.customers.create_temporary(storefront_id=1),
    "convert": lambda client: client.customers.convert(7, JANE),
    "transfer": lambda client: client.customers.transfer(7, to=8),
    "delete": lambda client: client.customers.delete(7),
    "entering": lambda client: client.__aenter__(),
}


@pytest.mark.parametrize("call", CALLS)
async def test_use_after_close_is_a_configuration_error(mocked_api, call):
    client = client_of()
    await client.aclose()
    with pytest.raises(ConfigurationError, match="this client is closed"):
        await CALLS[call](client)
    assert sent_to(mocked_api) == []


@pytest.mark.parametrize("call", CALLS)
def test_use_from_another_event_loop_is_a_configuration_error(mocked_api, call):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204, repeat=True)
    client = client_of()

    async def use_and_leave_open():
        await client.ping()

    async def use_elsewhere():
        with pytest.raises(ConfigurationError, match="another event loop"):
            await CALLS[call](client)
        await client.aclose()

    asyncio.run(use_and_leave_open())
    asyncio.run(use_elsewhere())


async def test_an_error_in_the_block_closes_the_client_and_passes_through(mocked_api):
    client = client_of()
    with pytest.raises(LookupError):
        async with client:
            raise LookupError
    with pytest.raises(ConfigurationError, match="closed"):
        await client.ping()


async def test_an_error_of_a_call_leaves_the_client_usable(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=401)
    mocked_api.get(f"https://api.printnow.com{PING}", status=204)
    async with client_of() as client:
        with pytest.raises(AuthenticationError):
            await client.ping()
        await client.ping()


async def test_a_write_that_was_sent_is_never_silently_unknown_when_the_client_is_closed_under_it(mocked_api):
    """It may have been applied: that the client is closed by now is no answer to that."""
    mocked_api.post("https://api.printnow.com/api/v2/customer", exception=aiohttp.ServerDisconnectedError())
    closing = []

    def close_at_the_pause(event):
        if event.pause:
            closing.append(asyncio.ensure_future(client.aclose()))

    client = client_of(retry=RetryPolicy(base_delay=0.001), observers=[close_at_the_pause])
    with pytest.raises(OutcomeUnknownError):
        await client.customers.create(JANE, storefront_id=1)
    await asyncio.gather(*closing)


# Sessions


async def test_a_borrowed_session_is_used_and_never_closed(mocked_api):
    mocked_api.get(f"https://api.printnow.com{PING}", status=204, repeat=True)
    async with aiohttp.ClientSession() as session:
        async with client_of(session=session) as client:
            await client.ping()
        assert not session.closed
        assert not session.connector.closed
        async with session.get(f"https://api.printnow.com{PING}") as response:
            assert response.status == 204


async def test_the_headers_of_a_borrowed_session_stay_out(mocked_api):
    """They are meant for other servers."""
    mocked_api.get(f"https://api.printnow.com{PING}", status=204)
    headers = {"Authorization": "Bearer of-another-service", "X-Tenant": "7"}
    async with aiohttp.ClientSession(headers=headers) as session, client_of(session=session) as client:
        await client.ping()
    sent = sent_headers(mocked_api)
    assert sent["Authorization"] == basic(TOKEN, KEY)
    assert "X-Tenant" not in sent


async def test_a_borrowed_session_that_is_closed_is_a_configuration_error(mocked_api):
    session = aiohttp.ClientSession()
    await session.close()
    with pytest.raises(ConfigurationError, match="session that this client borrows is closed"):
        await client_of(session=session).ping()


def test_a_borrowed_session_of_another_event_loop_is_a_configuration_error(nobody):
    async def session_of_one_loop():
        return aiohttp.ClientSession()

    async def use_in_another(session):
        client = client_of(nobody, session=session)
        try:
            with pytest.raises(ConfigurationError, match="another event loop"):
                await client.ping()
        finally:
            await client.aclose()
            await session.close()

    asyncio.run(use_in_another(asyncio.run(session_of_one_loop())))


@pytest.mark.parametrize("borrowed", [False, True])
async def test_a_closed_client_leaves_no_warning_behind(mocked_api, borrowed):
    """As a ResourceWarning would be an error in a user's tests."""
    mocked_api.get(f"https://api.printnow.com{PING}", status=204)
    session = aiohttp.ClientSession() if borrowed else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with client_of(session=session) as client:
            await client.ping()
        del client
        if session is not None:
            await session.close()
            del session
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


async def test_a_client_that_was_never_used_leaves_no_warning_behind():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client_of()
        gc.collect()
    assert caught == []


async def test_a_client_that_is_forgotten_open_is_told_of_by_a_warning(nobody):
    """Its session tells, as everywhere in aiohttp."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.suppress(ConnectError):
            await client_of(nobody, retry=RetryPolicy.none()).ping()
        for _ in range(5):
            await asyncio.sleep(0)  # what the failed connection left for later
        gc.collect()
    assert {warning.category for warning in caught} == {ResourceWarning}


@given(
    st.one_of(
        st.text(),
        st.builds(
            "{}://{}{}{}".format,
            st.sampled_from(["http", "https"]),
            st.one_of(st.text(max_size=12), st.sampled_from(["[::1]", "127.0.0.1", "localhost", "api.example.com"])),
            st.sampled_from(["", ":", ":0", ":80", ":99999", ".evil.com", "]", "[", "@x"]),
            st.sampled_from(["", "/", "/a", "?", "#", "\\", "/%zz"]),
        ),
    )
)
def test_no_base_url_is_answered_with_anything_but_a_client_or_a_configuration_error(url):
    with contextlib.suppress(ConfigurationError):
        client_of(url)
    with contextlib.suppress(ConfigurationError):
        client_of("https://api.example.com", proxy=url)
