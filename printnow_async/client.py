"""The client: puts the parts together, owns the session, holds the resources."""

from __future__ import annotations

import asyncio
import functools
import ssl as tls
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from printnow_async._checks import checked_seconds
from printnow_async._http.caller import HTTPCaller
from printnow_async._http.converter import dump_json
from printnow_async._http.gate import Gate
from printnow_async._http.observe import Observers
from printnow_async._http.redaction import texts_in
from printnow_async._http.retry import RetryBudget
from printnow_async._http.rules import Reading, Unrepeated
from printnow_async._http.shared import Shared, in_time
from printnow_async._http.transport import AiohttpTransport
from printnow_async._http.wire import Endpoint, RawResponse, Request, Transport
from printnow_async._settings import (
    Settings,
    checked_method,
    checked_path,
    checked_user_agent,
    route_of,
    with_headers,
    with_query,
)
from printnow_async.customers import Customers
from printnow_async.errors import ConfigurationError
from printnow_async.events import Observer
from printnow_async.options import Limits, LiveLimits, RetryPolicy, Timeout
from printnow_async.pacing import Pacer

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from printnow_async.storefronts import Storefronts
    from printnow_async.webhooks import Webhooks

__all__ = ["PrintNowClient"]

_PING: Final = Endpoint("ping", "GET", "/api/v2/ping", write=False)
_NOTHING: Final = Reading(lambda _response: None)


class _Repeated(Unrepeated[RawResponse]):
    """A write that may be repeated; nobody knows whether the refusal of a repeat speaks of the attempts before it."""

    repeats = True


_READ: Final = Reading[RawResponse](lambda response: response)
_WRITTEN_ONCE: Final = Unrepeated[RawResponse](lambda response: response)
_WRITTEN_AGAIN: Final = _Repeated(lambda response: response)


class PrintNowClient:
    """A client of one licence's PrintNow Enterprise API.

    Use it as `async with PrintNowClient(token, key) as client:`, or call `aclose()` when done. One client serves one
    event loop; make it once and share it, it bounds the calls in flight and pools connections.

    Takes
    - `token`, `key`: the pair from Settings > API Keys; else `PRINTNOW_TOKEN` and `PRINTNOW_KEY` from the environment.
    - `base_url`: else `PRINTNOW_BASE_URL`, else `https://api.printnow.com`. Plain http only to a loopback address.
    - `timeout`, `retry`, `limits`: see `Timeout`, `RetryPolicy`, `Limits`.
    - `session`: an aiohttp session whose connection pool and traces are used; the client never closes it, and
      its headers, cookies and middlewares stay out.
    - `proxy`: URL of an HTTP proxy. Plain http to the service goes only through a proxy on loopback.
    - `ssl`: an `ssl.SSLContext`, for a private CA or a client certificate. Not together with `session`.
    - `user_agent`: the name and version of your program, put before the SDK's own, as "my-shop/2.1".
    - `transport`: what sends one attempt, in place of aiohttp (`Transport`): a test needs no socket then.
    - `pacer`: what every attempt waits for beside the client's own limits (`Pacer`), as a `SQLPacer`.
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
        ssl: tls.SSLContext | None = None,
        user_agent: str | None = None,
        transport: Transport | None = None,
        pacer: Pacer | None = None,
        observers: Iterable[Observer] = (),
    ) -> None:
        settings = Settings.of(token, key, base_url, proxy)
        del token, key, base_url, proxy  # a crash reporter shows the local variables of a frame that raises
        if settings.problem is not None:
            raise ConfigurationError(settings.problem)
        _check_options(timeout, retry)
        _check(limits, Limits, "limits")
        agent = checked_user_agent(user_agent)
        _check_methods(pacer, "pacer", "turn", "hold")
        _check_methods(transport, "transport", "attempt", "aclose")
        if transport is None:
            transport = AiohttpTransport(
                settings, user_agent=agent, connections=limits.max_concurrency, session=session, ssl=ssl
            )
        elif session is not None or ssl is not None or settings.proxy is not None or agent is not None:
            raise ConfigurationError(
                "a transport takes the place of session, proxy, ssl and user_agent: pass one of them"
            )
        self._base_url = settings.base_url
        self._owner = True
        gate = Gate(limits)
        self._limits = LiveLimits(limits, gate)
        shared = Shared(transport, gate, RetryBudget(), Observers(observers), pacer)
        self._use(HTTPCaller(shared, timeout, retry, {}))

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
            await call.send(Request(_PING, _PING.route), _NOTHING)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        write: bool | None = None,
        repeat: bool = False,
    ) -> RawResponse:
        """Send a request to any endpoint of the API, through the same limits, deadline, repeats and errors.

        Takes
        - `method` and `path`: as "GET" and "/api/v2/storefront/1". The path lies below the base URL.
        - `params`: the query, as names and strings, numbers, true and false, or lists of these.
        - `json`: what is sent as the JSON body; None for no body. Texts under a name as "password" stay out of errors.
        - `headers`: beside those of `with_options`; those that the SDK sets itself are refused.
        - `write`: whether the server changes something; everything but GET and HEAD does, unless you say otherwise.
        - `repeat`: whether a write that got no answer may be sent again: say so where a second time does no harm.

        Returns the answer, a 2xx, as a `RawResponse`. Raises what every call raises: an `APIError` for another status,
        a `NoResponseError`, and for a write that stays open an `OutcomeUnknownError`. `ValueError` for arguments that
        cannot be right, before any request.
        """
        try:
            verb = checked_method(method)
            changes = verb not in {"GET", "HEAD"} if write is None else bool(write)
            encoded = checked_path(path)
            endpoint = Endpoint("request", verb, route_of(encoded), write=changes)
            body = None if json is None else dump_json(json)
            request = Request(endpoint, with_query(encoded, params), body, secrets=(*texts_in(json), *texts_in(params)))
            caller = self._with(headers=headers)
        finally:
            body = json = params = headers = None  # a crash reporter shows the local variables of each frame
        rule = _READ if not changes else _WRITTEN_AGAIN if repeat else _WRITTEN_ONCE
        with caller.operation(endpoint) as call:
            return await call.send(request, rule)

    def with_options(
        self,
        *,
        timeout: Timeout | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> PrintNowClient:
        """A client with other options that shares this one's session, limits, pacer, retry budget and observers.

        `headers` are added to every request of the new client; those that the SDK sets itself are refused with a
        `ConfigurationError`. Closing the new client closes nothing; closing this one closes both.
        """
        try:
            _check_options(timeout if timeout is not None else Timeout(), retry if retry is not None else RetryPolicy())
            caller = self._with(timeout, retry, headers)
        finally:
            del headers  # as above
        other = object.__new__(type(self))
        other._base_url = self._base_url
        other._limits = self._limits
        other._owner = False
        other._use(caller)
        return other

    def _with(
        self,
        timeout: Timeout | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HTTPCaller:
        caller = self._caller
        try:
            merged = with_headers(caller.headers, headers)
        finally:
            headers = None  # as above
        return HTTPCaller(caller.shared, timeout or caller.timeout, retry or caller.retry, merged)

    async def aclose(self, drain: float | None = None) -> None:
        """Close the connections that are ours. Idempotent; the client cannot be used afterwards.

        `drain`: seconds that calls under way get to end; new calls are refused meanwhile with a `ConfigurationError`.
        Without it, or with 0, calls under way fail at once.
        """
        if drain is not None and drain != 0:
            checked_seconds(drain, "drain", ConfigurationError)
        if not self._owner:
            return
        shared = self._caller.shared
        shared.closing = True
        try:
            if drain and shared.calls:
                # what is still under way after so long has had its time
                await in_time(asyncio.get_running_loop().time() + drain, shared.idle.wait())
        finally:
            shared.close()
            await shared.transport.aclose()

    async def __aenter__(self) -> Self:
        self._caller.shared.check_usable()
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # A client whose construction failed has no base URL, and a crash reporter may show it all the same.
        return f"{type(self).__name__}(base_url={getattr(self, '_base_url', None)!r})"

    def __reduce__(self) -> str:
        raise TypeError("a client holds connections and credentials, and cannot be pickled or copied")


def _check_options(timeout: object, retry: object) -> None:
    _check(timeout, Timeout, "timeout")
    _check(retry, RetryPolicy, "retry")


def _check_methods(value: object, name: str, *methods: str) -> None:
    if value is not None and not all(callable(getattr(value, method, None)) for method in methods):
        raise ConfigurationError(f"{name} must have the coroutines {' and '.join(methods)}, not {type(value).__name__}")


def _check(value: object, cls: type[object], name: str) -> None:
    if not isinstance(value, cls):
        raise ConfigurationError(f"{name} must be a {cls.__name__}, not {type(value).__name__}")
