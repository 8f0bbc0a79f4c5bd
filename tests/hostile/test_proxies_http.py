"""A proxy's credentials are secrets like the token and the key, and no proxy is shown those in clear."""

from __future__ import annotations

import base64
import json
import pickle
import traceback
from urllib.parse import quote

import pytest

from printnow_async import ConfigurationError, PrintNowClient, PrintNowError, RetryPolicy
from tests.support.hostile_clients import account
from tests.support.raw_server import Exchange, answer, raw_server

USER, PASSWORD = "canary-proxy-user", "canary:proxy/p@ss"
CREDENTIALS = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
FORMS = (USER, PASSWORD, quote(PASSWORD, safe=""), PAIR, json.dumps(PASSWORD)[1:-1], PASSWORD.replace("/", "\\/"))
OPERATIONS = {
    "ping": lambda client: client.ping(),
    "get": lambda client: client.customers.get(7),
    "create": lambda client: client.customers.create(account(), storefront_id=1),
    "create_temporary": lambda client: client.customers.create_temporary(storefront_id=1),
    "delete": lambda client: client.customers.delete(7),
}


def all_of(error: BaseException) -> str:
    """Everything that somebody may see of an error, and of what hangs on it."""
    parts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        parts += [str(seen), repr(seen), repr(seen.args), repr(vars(seen)), repr(pickle.dumps(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


async def say_it_all_back(exchange: Exchange) -> None:
    """A proxy's page for developers: what it was sent, and what it made of it."""
    sent = exchange.headers.get("proxy-authorization", "")
    decoded = base64.b64decode(sent.removeprefix("Basic ")).decode() if sent else ""
    user, _, password = decoded.partition(":")
    page = {"Message": f"407 for {sent} ({decoded})", "user": user, "password": password, "url": CREDENTIALS}
    exchange.writer.write(answer(407, page, Proxy_Authenticate=f'Basic realm="{decoded}"', X_Sent=sent))
    await exchange.writer.drain()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_proxy_that_says_its_credentials_back_does_not_get_them_into_an_error(
    operation: str, scheme: str
) -> None:
    """In no form, wherever one looks: through the proxy in clear, and through a tunnel that it refuses."""
    async with raw_server(say_it_all_back) as proxy:
        url = proxy.url.replace("http://", f"http://{CREDENTIALS}@")
        client = PrintNowClient(
            "token", "key", base_url=f"{scheme}://127.0.0.1:9", proxy=url, retry=RetryPolicy(base_delay=0, max_delay=0)
        )
        async with client:
            with pytest.raises(PrintNowError) as caught:
                await OPERATIONS[operation](client)
        assert proxy.requests
        assert all(PAIR in request.headers["proxy-authorization"] for request in proxy.requests)
        shown = all_of(caught.value)
        assert [form for form in FORMS if form in shown] == []


async def test_a_proxy_that_is_not_there_does_not_get_its_credentials_into_an_error() -> None:
    """The URL of the proxy is in the exceptions below ours."""
    client = PrintNowClient(
        "token",
        "key",
        base_url="http://127.0.0.1:9",
        proxy=f"http://{CREDENTIALS}@127.0.0.1:9",
        retry=RetryPolicy.none(),
    )
    async with client:
        with pytest.raises(PrintNowError) as caught:
            await client.customers.create_temporary(storefront_id=1)
    shown = all_of(caught.value)
    assert [form for form in FORMS if form in shown] == []


@pytest.mark.parametrize(
    "host",
    [
        "proxy.example.com:3128",
        "10.0.0.1:3128",
        "[2001:db8::1]:3128",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "0.0.0.0:3128",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8000", "http://localhost:8000"])
def test_plain_http_through_a_proxy_elsewhere_is_refused(base_url: str, scheme: str, host: str) -> None:
    """The proxy, and everybody behind it, would read the Authorization header: nothing is even opened."""
    with pytest.raises(ConfigurationError) as caught:
        PrintNowClient("token", "key", base_url=base_url, proxy=f"{scheme}://{CREDENTIALS}@{host}")
    assert "proxy" in str(caught.value)
    shown = str(caught.value) + repr(caught.value) + repr(vars(caught.value))
    assert [form for form in FORMS if form in shown] == []


@pytest.mark.parametrize(
    ("base_url", "proxy"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:3128"),
        ("http://127.0.0.1:8000", "http://[::1]:3128"),
        ("http://localhost:8000", "http://localhost:3128"),
        ("https://api.example.com", "http://proxy.example.com:3128"),
        ("https://api.example.com", "https://proxy.example.com"),
    ],
)
def test_other_proxies_are_taken(base_url: str, proxy: str) -> None:
    """On loopback nobody reads along; and what is https goes through a tunnel."""
    assert PrintNowClient("token", "key", base_url=base_url, proxy=proxy).base_url == base_url


@pytest.mark.parametrize("proxy", [f"socks5://{CREDENTIALS}@127.0.0.1", f"http://{CREDENTIALS}@", CREDENTIALS])
def test_a_proxy_that_cannot_be_used_is_refused_without_its_credentials(proxy: str) -> None:
    """The message says what a proxy looks like, and not what was given."""
    with pytest.raises(ConfigurationError) as caught:
        PrintNowClient("token", "key", base_url="https://api.example.com", proxy=proxy)
    shown = str(caught.value) + repr(caught.value) + repr(vars(caught.value))
    assert [form for form in FORMS if form in shown] == []


async def test_the_credentials_of_a_proxy_are_not_in_the_repr_of_a_client() -> None:
    """Nor in that of one with other options."""
    proxy = f"http://{CREDENTIALS}@proxy.example.com:3128"
    async with PrintNowClient("token", "key", base_url="https://api.example.com", proxy=proxy) as client:
        shown = repr(client) + str(client) + repr(client.with_options(retry=RetryPolicy.none()))
    assert [form for form in FORMS if form in shown] == []
