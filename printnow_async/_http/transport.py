"""One attempt on the network, by aiohttp.

An attempt ends in a value, `RawResponse` or `NoAnswer`, never in an exception of aiohttp: those hold the Authorization
header.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import math
import os
import ssl as tls
from http.cookies import SimpleCookie
from typing import ClassVar, Final

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict, istr
from yarl import URL

from printnow_async._http.expiry import Expiry
from printnow_async._http.redaction import redact, texts_in
from printnow_async._http.watch import DirtyConnectionError, Watch, WatchedRequest, current_watch
from printnow_async._http.wire import ERROR_BODY_LIMIT, NoAnswer, RawResponse, Request
from printnow_async._settings import Settings
from printnow_async._version import __version__
from printnow_async.errors import ConfigurationError, Sent
from printnow_async.errors._base import one_line

_REQUEST_ID: Final = istr("X-Request-ID")

KEEPALIVE_SECONDS: Final = 15.0
"""How long an idle connection is kept. A POST on a connection that the server is just closing fails, so: not long."""


@functools.cache
def _connect_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    """aiohttp bounds the connecting alone; the attempt as a whole is bounded here, and not in whole seconds."""
    return aiohttp.ClientTimeout(total=None, connect=seconds, ceil_threshold=math.inf)


def _check_session(session: object, ssl: object) -> None:
    if session is not None and not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session must be an aiohttp.ClientSession, not {type(session).__name__}")
    if ssl is not None and not isinstance(ssl, tls.SSLContext):
        raise ConfigurationError(f"ssl must be an ssl.SSLContext, not {type(ssl).__name__}")
    if ssl is not None and session is not None:
        raise ConfigurationError("a borrowed session brings its own TLS settings: give ssl to its connector")


class _NoCookies(aiohttp.DummyCookieJar):
    """Keeps no cookie and sends none."""

    _none: ClassVar[SimpleCookie] = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:  # noqa: ARG002 - as of every jar
        """Give nothing: one empty object for all requests."""
        return self._none


class AiohttpTransport:
    """The connections to one base URL, made when first used inside the running event loop.

    Of a borrowed session it uses the connection pool (with its TLS and resolver) and the traces; its headers, cookies
    and middlewares stay out, and it is never closed from here.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        user_agent: str | None,
        connections: int,
        session: aiohttp.ClientSession | None,
        ssl: tls.SSLContext | None,
    ) -> None:
        _check_session(session, ssl)
        self._root = root = URL(settings.base_url)
        self._prefix = root.raw_path.rstrip("/")
        agent = f"printnow-async/{__version__}"
        self._headers: dict[str, str] = {
            "Host": root.host_port_subcomponent or "",
            **{str(name): value for name, value in aiohttp.ClientRequest.DEFAULT_HEADERS.items()},
            "Authorization": aiohttp.encode_basic_auth(settings.token, settings.key),
            "Accept": "application/json",
            "User-Agent": agent if user_agent is None else f"{user_agent} {agent}",
        }
        self._secrets = _secrets(settings)
        self._proxy = settings.proxy
        self._connections = connections
        self._borrowed = session
        self._ssl = ssl
        self._session: aiohttp.ClientSession | None = None
        self._expiry: Expiry | None = None
        self._closed = False

    def _open(self) -> tuple[aiohttp.ClientSession, Expiry]:
        if self._closed or (self._borrowed is not None and self._borrowed.closed):
            raise ConfigurationError(
                "this client is closed: make a new one"
                if self._closed
                else "the session that this client borrows is closed"
            )
        if self._borrowed is None:
            connector: aiohttp.BaseConnector | None = aiohttp.TCPConnector(
                limit=self._connections,
                keepalive_timeout=KEEPALIVE_SECONDS,
                ssl=True if self._ssl is None else self._ssl,
            )
        else:
            connector = self._borrowed.connector
        try:
            session = aiohttp.ClientSession(
                loop=asyncio.get_running_loop(),
                connector=connector,
                connector_owner=self._borrowed is None,
                headers=self._headers,
                cookie_jar=_NoCookies(),
                trust_env=False,
                raise_for_status=False,
                proxy=self._proxy,
                request_class=WatchedRequest,
            )
        except RuntimeError:  # of a connector that belongs to another loop
            session = None
        if session is None:
            raise ConfigurationError("the session that this client borrows belongs to another event loop")
        if self._borrowed is not None:
            # set, not passed: what traces every new session has traced the borrowed one already
            session.trace_configs[:] = self._borrowed.trace_configs
        self._session, self._expiry = session, Expiry(asyncio.get_running_loop())
        return self._session, self._expiry

    async def attempt(
        self, request: Request, *, ends: float | None, connect: float | None, again: bool = False
    ) -> RawResponse | NoAnswer:
        """Send `request` once and read the answer (see `Transport`).

        `again` says that a connection was given up before, with nothing sent, since something had arrived on it.
        Raises `ConfigurationError` where the session has been closed.
        """
        session = self._session
        expiry = self._expiry
        if session is None or expiry is None or session.closed or (self._borrowed and self._borrowed.closed):
            session, expiry = self._open()
        watch = Watch(once=request.once)
        current_watch.set(watch)
        bound = expiry.begin(ends)
        raw, failure = None, None
        try:
            # No header and no body is a local variable here: a crash reporter may show those.
            raw = await session.request(
                request.endpoint.method,
                self._url(request.path),
                data=request.body,
                headers=_headers(request),
                allow_redirects=False,
                timeout=_connect_timeout(connect),
            )
            await watch.read(raw)
        except Exception as error:  # noqa: BLE001 - whatever it is, it holds the headers and must not get out
            failure = _no_answer(error, watch)
        except BaseException as error:  # noqa: BLE001 - it goes on, or is told as what it means
            if not bound.caused(error):
                # Cancellation and its like pass through, without the frames of aiohttp, which hold headers and body,
                # and without the response, which shows its headers.
                error.__cause__ = error.__context__ = None
                raise error.with_traceback(None)  # noqa: B904 - it is the same error
            failure = _no_answer(TimeoutError(), watch)
        finally:
            bound.end()
            if raw is not None and not watch.whole:
                raw.close()  # else aiohttp has taken the connection back already
            raw = None
        if failure is not None and self._closed:
            return NoAnswer("lost", watch.sent, "the client was closed")
        if watch.dirty and not again:
            # Whatever else lies idle may be like that connection. On a new connection nothing can have arrived.
            self.drop_idle()
            return await self.attempt(request, ends=ends, connect=connect, again=True)
        return self._outcome(request, watch, failure)

    def _url(self, path: str) -> URL:
        # Paths come percent-encoded, so there is nothing to quote. Parsing them would cost three times this.
        path, _, query = path.partition("?")
        url = self._root.with_path(self._prefix + path, encoded=True)
        return URL(f"{url}?{query}", encoded=True) if query else url

    def _outcome(self, request: Request, watch: Watch, failure: NoAnswer | None) -> RawResponse | NoAnswer:
        """An error status that was read counts, even if its body then broke off; a success does not."""
        status, body = watch.status, watch.body
        if status is None or (failure is not None and status < 300):
            return failure or NoAnswer("lost", watch.sent, "no answer came")
        if status >= 300:
            secrets = (*request.secrets, *texts_in(request.headers), *self._secrets)
            body = redact(body, secrets, cut=not watch.whole)[:ERROR_BODY_LIMIT]
        return RawResponse(
            status, body, watch.retry_after, watch.whole, watch.sends or 1, watch.headers, request, self.drop_idle
        )

    def drop_idle(self) -> None:
        """Close every idle connection to our host, also those of a borrowed session: none of them is trusted.

        aiohttp has no public way to do that. What its pool keeps is looked at only here, and where a later version
        keeps it elsewhere, each connection is still looked at before it is used.
        """
        connector = self._session.connector if self._session is not None else None
        for key, idle in dict(getattr(connector, "_conns", {})).items():
            if key.host == self._root.raw_host:
                for protocol, _ in idle:
                    protocol.close()  # aiohttp throws a connection away that is no longer connected

    async def aclose(self) -> None:
        """Close what is ours, and wait until it is closed. Idempotent."""
        self._closed = True
        if self._expiry is not None:
            self._expiry.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _headers(request: Request) -> CIMultiDict[str]:
    """The headers of this one request; those that every request has are the session's."""
    headers = CIMultiDict(request.headers) if request.headers else CIMultiDict()
    headers[_REQUEST_ID] = request.request_id
    if request.body is not None:
        headers[hdrs.CONTENT_TYPE] = "application/json"
    return headers


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Our credentials and those of the proxy, as they may come back in an answer."""
    proxy = URL(settings.proxy or "")
    pairs = [(settings.token, settings.key), (proxy.user or "", proxy.password or "")]
    # aiohttp writes ours in UTF-8, and those of a proxy in Latin-1
    both = [
        base64.b64encode(":".join(pair).encode(coding, "replace")).decode()
        for pair in pairs
        if any(pair)
        for coding in ("utf-8", "latin-1")
    ]
    return tuple(filter(None, (settings.token, settings.key, proxy.user, proxy.password, *both)))


def _no_answer(error: BaseException, watch: Watch) -> NoAnswer:
    """What an exception of one attempt means. Its text is kept, the exception itself is not."""
    sent = watch.sent
    if sent is Sent.NEVER:
        return NoAnswer("connect", sent, f"could not connect: {_reason(error)}")
    if isinstance(error, TimeoutError):
        return NoAnswer("timeout", sent, "no answer in time")
    return NoAnswer("lost", sent, f"the connection was lost: {_reason(error)}")


_REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (TimeoutError, "connect timeout"),
    (DirtyConnectionError, "an answer came before the request was sent"),
    (aiohttp.ClientConnectorDNSError, "the name could not be looked up"),
    (aiohttp.ServerDisconnectedError, "the server closed it without an answer"),
    (aiohttp.ClientPayloadError, "the answer was cut short or could not be decompressed"),
    (aiohttp.ClientResponseError, "the answer was not valid HTTP"),
)


def _reason(error: BaseException) -> str:
    """A line about the exception, made of its class and cause: its own text may hold a URL or headers."""
    for cls, reason in _REASONS:
        if isinstance(error, cls):
            return reason
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return one_line(f"the certificate is not trusted: {error.certificate_error}")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return type(error).__name__
