"""The client: puts the parts together, owns the session, holds the resources."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from ipaddress import ip_address
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from printnow_async._http.caller import HTTPCaller
from printnow_async._http.gate import Gate
from printnow_async._http.observe import Observers
from printnow_async._http.retry import RetryBudget
from printnow_async._http.transport import Transport, basic_authorization
from printnow_async._http.wire import Endpoint, Request
from printnow_async.customers import Customers
from printnow_async.errors import ConfigurationError
from printnow_async.events import Observer
from printnow_async.options import Limits, LiveLimits, RetryPolicy, Timeout

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from printnow_async.storefronts import Storefronts
    from printnow_async.webhooks import Webhooks

__all__ = ["PrintNowClient"]

DEFAULT_BASE_URL: Final = "https://api.printnow.com"

_PING: Final = Endpoint("ping", "GET", "/api/v2/ping", write=False)


class PrintNowClient:
    """A client of one licence's PrintNow Enterprise API.

    Use it as `async with PrintNowClient(token, key) as client:`, or call `aclose()` when done. One client serves one
    event loop; make it once and share it, it bounds the calls in flight and pools connections.

    Takes
    - `token`, `key`: the pair from Settings > API Keys; else `PRINTNOW_TOKEN` and `PRINTNOW_KEY` from the environment.
    - `base_url`: else `PRINTNOW_BASE_URL`, else `https://api.printnow.com`. Plain http only to a loopback address.
    - `timeout`, `retry`, `limits`: see `Timeout`, `RetryPolicy`, `Limits`.
    - `session`: an aiohttp session whose connection pool and traces are used; it is never closed from here, and
      its headers, cookies and middlewares stay out.
    - `proxy`: URL of an HTTP proxy.
    - `observers`: callables that receive each `AttemptEvent` and `CallEvent`.

    Raises `ConfigurationError`, before any input or output, for what cannot work. Source: vendor's page
    "Authentication" (HTTP Basic, token as user name, key as password, HTTPS only).
    """

    customers: Customers
    """The customer endpoints."""

    def __init__(
        self,
        token: str | None = None,
        key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: Timeout = Timeout(),
        retry: RetryPolicy = RetryPolicy(),
        limits: Limits = Limits(),
        session: ClientSession | None = None,
        proxy: str | None = None,
        observers: Iterable[Observer] = (),
    ) -> None:
        token = _credential(token, "token", "PRINTNOW_TOKEN")
        key = _credential(key, "key", "PRINTNOW_KEY")
        if ":" in token:
            raise ConfigurationError("the token must not contain a colon (RFC 7617)")
        self._base_url = _base_url(base_url or os.environ.get("PRINTNOW_BASE_URL") or DEFAULT_BASE_URL)
        _check_options(timeout, retry)
        _check(limits, Limits, "limits")
        transport = Transport(
            self._base_url,
            basic_authorization(token, key),
            connections=limits.max_concurrency,
            session=session,
            proxy=proxy,
            secrets=(token, key),
        )
        self._owner = True
        gate = Gate(limits)
        self._limits = LiveLimits(limits, gate)
        self._use(HTTPCaller(transport, gate, RetryBudget(), Observers(observers), timeout=timeout, retry=retry))

    def _use(self, caller: HTTPCaller) -> None:
        self._caller = caller
        self.customers = Customers(caller, repeat_temporary_creates=caller.retry.repeat_temporary_creates)

    # These two load when they are first asked for: most programs use customers alone.

    @functools.cached_property
    def storefronts(self) -> Storefronts:
        """The storefront endpoints."""
        from printnow_async.storefronts import Storefronts

        return Storefronts(self._caller)

    @functools.cached_property
    def webhooks(self) -> Webhooks:
        """The webhook endpoints."""
        from printnow_async.webhooks import Webhooks

        return Webhooks(self._caller)

    @property
    def base_url(self) -> str:
        """Where requests go, as "https://api.printnow.com"."""
        return self._base_url

    @property
    def limits(self) -> LiveLimits:
        """The limits as they are at this moment: what is in flight, what waits, and what is allowed."""
        return self._limits

    async def ping(self) -> None:
        """Ask whether the credentials work: None, or `AuthenticationError`. Unanswered: repeats.

        It needs a lower licence tier than the customer endpoints, so a good ping does not prove that those are
        licensed. Source: vendor's page "Ping".
        """
        with self._caller.operation(_PING) as call:
            await call.send(Request(_PING, _PING.route))

    def with_options(self, *, timeout: Timeout | None = None, retry: RetryPolicy | None = None) -> PrintNowClient:
        """A client with other options that shares this one's session, limits, retry budget and observers.

        Closing it closes nothing; closing this one closes both.
        """
        _check_options(timeout if timeout is not None else Timeout(), retry if retry is not None else RetryPolicy())
        other = object.__new__(type(self))
        other._base_url = self._base_url
        other._limits = self._limits
        other._owner = False
        other._use(self._caller.with_options(timeout, retry))
        return other

    async def aclose(self) -> None:
        """Close the connections that are ours. Idempotent; the client cannot be used afterwards."""
        if self._owner:
            self._caller.gate.close()
            await self._caller.transport.aclose()

    async def __aenter__(self) -> Self:
        self._caller.transport.check_usable()
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._base_url!r})"

    def __reduce__(self) -> str:
        raise TypeError("a client holds connections and credentials, and cannot be pickled or copied")


def _credential(value: str | None, name: str, variable: str) -> str:
    value = os.environ.get(variable) if value is None else value
    if not value:
        raise ConfigurationError(f"no {name}: pass {name}=… or set {variable}")
    if not isinstance(value, str):
        raise ConfigurationError(f"the {name} must be a string, not {type(value).__name__}")
    if not value.isprintable() or value != value.strip():
        raise ConfigurationError(f"the {name} holds white space at an end, or a control character")
    return value


def _base_url(url: str) -> str:
    """`url` without a slash at its end, if requests with credentials may be sent there."""
    _check(url, str, "the base URL")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError("the base URL must be an http or https URL, as in https://api.printnow.com")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the base URL must not hold credentials: pass token and key")
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ConfigurationError("the base URL must have no query, fragment or white space")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(f"plain http would show the credentials on the way to {host}: use https")
    url = url.rstrip("/")
    if url.endswith("/api/v2"):
        raise ConfigurationError("the base URL must end before /api/v2")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_options(timeout: object, retry: object) -> None:
    _check(timeout, Timeout, "timeout")
    _check(retry, RetryPolicy, "retry")


def _check(value: object, cls: type[object], name: str) -> None:
    if not isinstance(value, cls):
        raise ConfigurationError(f"{name} must be a {cls.__name__}, not {type(value).__name__}")
