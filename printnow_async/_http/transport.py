"""One attempt on the network: the only place that speaks aiohttp.

An attempt ends in a value, `RawResponse` or `NoAnswer`, never in an exception of aiohttp: those hold the Authorization
header.

Theory of operation. Two things have to be seen of each attempt, and aiohttp shows neither by itself, so each attempt
has a `_Watch`, and our subclass of aiohttp's request (`_WatchedRequest`) reports to it:

1. *Was the request sent?* aiohttp calls `send` once it has a connection, and there writes the first header. An attempt
   in which aiohttp made a request and `send` never ran has sent nothing, whatever exception came out and however late
   a timer was. aiohttp repeats GET and DELETE by itself once when a kept connection drops: `send` then runs twice.
2. *Is the connection clean?* aiohttp's pool asks only whether a kept connection is still open. Bytes that arrived while
   the connection was idle would be served as the answer to the next request. `send` looks at the connection before it
   writes: where anything has arrived, or waits in the socket, the connection is closed with nothing sent, all idle
   connections to the host with it, and the attempt begins again on a new one.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
import select
import ssl as tls
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict
from yarl import URL

from printnow_async._http.redaction import redact
from printnow_async._http.wire import (
    BODY_LIMIT,
    ERROR_BODY_LIMIT,
    NoAnswer,
    RawResponse,
    Request,
    retry_after_seconds,
)
from printnow_async._settings import Settings
from printnow_async._version import __version__
from printnow_async.errors import ConfigurationError, Sent
from printnow_async.errors._base import one_line

KEEPALIVE_SECONDS: Final = 15.0
"""How long an idle connection is kept. A POST on a connection that the server is just closing fails, so: not long."""

_CHUNK: Final = 16 * 1024


@functools.cache
def _connect_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    """aiohttp bounds the connecting alone; the attempt as a whole is bounded here, and not in whole seconds."""
    return aiohttp.ClientTimeout(total=None, connect=seconds, ceil_threshold=math.inf)


# ---------------------------------------------------------------- what is seen of one attempt


class _DirtyConnectionError(aiohttp.ClientConnectionError):
    """Something had arrived on the connection before the request was written; nothing was sent."""


class _Watch:
    """What was seen of one attempt: whether it was sent, how often, and how much of an answer came."""

    __slots__ = ("body", "cut", "headers", "made", "retry_after", "sends", "status")

    def __init__(self) -> None:
        self.made = False
        """Whether aiohttp made a request of our class: without one there is no evidence of what was sent."""
        self.sends = 0
        """How often the request may have been sent."""
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.body = b""
        self.retry_after: float | None = None
        self.cut = False

    @property
    def sent(self) -> Sent:
        """Never only with proof."""
        return Sent.NEVER if self.made and not self.sends else Sent.MAYBE

    async def read(self, raw: aiohttp.ClientResponse) -> None:
        """Read the body, but never more than its bound, counted after decompression."""
        self.status = status = raw.status
        self.headers = headers = raw.headers
        limit = BODY_LIMIT
        if status >= 300:
            self.retry_after = retry_after_seconds(headers.get("Retry-After"), date=headers.get("Date"), now=_now)
            limit = ERROR_BODY_LIMIT
        length = raw.content_length
        if length is not None and length <= limit and hdrs.CONTENT_ENCODING not in headers:
            self.body = await raw.read()  # no longer than it says: the parser sees to that
        else:
            await self._read_bounded(raw, limit)

    async def _read_bounded(self, raw: aiohttp.ClientResponse, limit: int) -> None:
        chunks = bytearray()
        try:
            async for chunk in raw.content.iter_chunked(_CHUNK):
                chunks += chunk
                if len(chunks) > limit:
                    self.cut = True
                    raw.close()
                    break
        finally:
            self.body = bytes(chunks[:limit])


_watch: Final[ContextVar[_Watch | None]] = ContextVar("printnow_async.watch", default=None)
"""The watch of the attempt under way in this task: aiohttp lets nothing else through to the request it makes."""


class _WatchedRequest(aiohttp.ClientRequest):
    """aiohttp's request, which tells the watch of its attempt what happens."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._printnow_watch = _watch.get()
        if self._printnow_watch is not None:
            self._printnow_watch.made = True
        super().__init__(*args, **options)

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Write the request on this connection, if nothing has arrived on it before."""
        if _has_input(conn.protocol):
            raise _DirtyConnectionError
        if self._printnow_watch is not None:
            self._printnow_watch.sends += 1
        return await super().send(conn)


def _has_input(protocol: Any) -> bool:
    """Whether anything was received, or can be, on a connection that waits for its next request."""
    if protocol.should_close:  # aiohttp has read something that no request asked for, or the connection has failed
        return True
    transport = protocol.transport
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None:
        return False
    return _readable(sock.fileno())


if hasattr(select, "poll"):

    def _readable(descriptor: int) -> bool:
        """Whether the kernel has bytes for us that the event loop has not read yet, or the end of the stream."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

else:  # Windows has no poll

    def _readable(descriptor: int) -> bool:
        """Whether the kernel has bytes for us that the event loop has not read yet, or the end of the stream."""
        return bool(select.select([descriptor], [], [], 0)[0])


# ---------------------------------------------------------------- the transport


def _check_session(session: object, ssl: object) -> None:
    if session is not None and not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session must be an aiohttp.ClientSession, not {type(session).__name__}")
    if ssl is not None and not isinstance(ssl, tls.SSLContext):
        raise ConfigurationError(f"ssl must be an ssl.SSLContext, not {type(ssl).__name__}")
    if ssl is not None and session is not None:
        raise ConfigurationError("a borrowed session brings its own TLS settings: give ssl to its connector")


def _now() -> datetime:
    return datetime.now(UTC)


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
        root = URL(settings.base_url)
        self._scheme, self._authority, self._prefix = root.scheme, root.raw_authority, root.raw_path.rstrip("/")
        self._host = root.raw_host
        agent = f"printnow-async/{__version__}"
        self._headers = {
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
        self._closed = False

    def _open(self) -> aiohttp.ClientSession:
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
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                raise_for_status=False,
                proxy=self._proxy,
                request_class=_WatchedRequest,
            )
        except RuntimeError:  # of a connector that belongs to another loop
            session = None
        if session is None:
            raise ConfigurationError("the session that this client borrows belongs to another event loop")
        if self._borrowed is not None:
            # set, not passed: what traces every new session has traced the borrowed one already
            session.trace_configs[:] = self._borrowed.trace_configs
        self._session = session
        return session

    async def attempt(self, request: Request, *, ends: float | None, connect: float | None) -> RawResponse | NoAnswer:
        """Send `request` once and read the answer (see `Transport`).

        Raises `ConfigurationError` where the session has been closed.
        """
        watch = _Watch()
        failure = await self._send(request, watch, ends, connect)
        if failure is not None and failure.cause == "dirty":
            # Whatever else lies idle may be like that connection. On a new connection nothing can have arrived.
            self.drop_idle()
            watch = _Watch()
            failure = await self._send(request, watch, ends, connect)
        return self._outcome(request, watch, failure)

    async def _send(
        self, request: Request, watch: _Watch, ends: float | None, connect: float | None
    ) -> NoAnswer | None:
        """Send and read once; None where an answer was read to its end."""
        session = self._session
        if session is None or session.closed or (self._borrowed is not None and self._borrowed.closed):
            session = self._open()
        _watch.set(watch)
        try:
            async with asyncio.timeout_at(ends):
                # No header and no body is a local variable here: a crash reporter may show those.
                async with session.request(
                    request.endpoint.method,
                    self._url(request.path),
                    data=request.body,
                    headers=_headers(request),
                    allow_redirects=False,
                    timeout=_connect_timeout(connect),
                ) as raw:
                    await watch.read(raw)
        except Exception as error:  # noqa: BLE001 - whatever it is, it holds the headers and must not get out
            return _no_answer(error, watch)
        except BaseException as error:  # noqa: BLE001 - it goes on
            # Cancellation and its like pass through, without the frames of aiohttp, which hold headers and body.
            error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - it is the same error
        return None

    def _url(self, path: str) -> URL:
        # paths are made here, of ids: there is nothing to quote, and parsing them again would cost three times this
        path, _, query = path.partition("?")
        return URL.build(
            scheme=self._scheme,
            authority=self._authority,
            path=self._prefix + path,
            query_string=query,
            encoded=True,
        )

    def _outcome(self, request: Request, watch: _Watch, failure: NoAnswer | None) -> RawResponse | NoAnswer:
        """An error status that was read counts, even if its body then broke off; a success does not."""
        status, body = watch.status, watch.body
        if status is None or (failure is not None and status < 300):
            return failure or NoAnswer("lost", watch.sent, "no answer came")
        whole = failure is None and not watch.cut
        if status >= 300:
            secrets = (*request.secrets, *self._secrets)
            body = redact(body, secrets, cut=not whole)[:ERROR_BODY_LIMIT]
        return RawResponse(
            status, body, watch.retry_after, whole, max(watch.sends, 1), watch.headers, request, self.drop_idle
        )

    def drop_idle(self) -> None:
        """Close every idle connection to our host, also those of a borrowed session: none of them is trusted.

        aiohttp has no public way to do that. What its pool keeps is looked at only here, and where a later version
        keeps it elsewhere, each connection is still looked at before it is used.
        """
        connector = self._session.connector if self._session is not None else None
        for key, idle in dict(getattr(connector, "_conns", {})).items():
            if key.host == self._host:
                for protocol, _ in idle:
                    protocol.close()  # aiohttp throws a connection away that is no longer connected

    async def aclose(self) -> None:
        """Close what is ours, and wait until it is closed. Idempotent."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _headers(request: Request) -> CIMultiDict[str]:
    """The headers of this one request; those that every request has are the session's."""
    headers = CIMultiDict(request.headers or ())
    headers["X-Request-ID"] = request.request_id
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Our credentials and those of the proxy, as they may come back in an answer."""
    proxy = URL(settings.proxy or "")
    pairs = [(settings.token, settings.key), (proxy.user or "", proxy.password or "")]
    both = [aiohttp.encode_basic_auth(*pair).removeprefix("Basic ") for pair in pairs if any(pair)]
    return tuple(filter(None, (settings.token, settings.key, proxy.user, proxy.password, *both)))


def _no_answer(error: BaseException, watch: _Watch) -> NoAnswer:
    """What an exception of one attempt means. Its text is kept, the exception itself is not."""
    sent = watch.sent
    if isinstance(error, _DirtyConnectionError) and sent is Sent.NEVER:
        return NoAnswer("dirty", sent, "could not connect: an answer came before the request was sent")
    if sent is Sent.NEVER:
        return NoAnswer("connect", sent, f"could not connect: {_reason(error)}")
    if isinstance(error, TimeoutError):
        return NoAnswer("timeout", sent, "no answer in time")
    return NoAnswer("lost", sent, f"the connection was lost: {_reason(error)}")


_REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (TimeoutError, "connect timeout"),
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
