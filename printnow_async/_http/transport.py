"""One attempt on the network: the only place that speaks aiohttp.

An attempt ends in a value, `Response` or `Failure`, never in an exception of aiohttp: those hold the
Authorization header.

Whether a request may have been sent is seen by a client middleware, which aiohttp runs around each pass of
connecting and sending. A pass that fails with one of the errors of connecting has sent nothing. The class of the
exception that comes out at the end could not prove that: aiohttp repeats GET, PUT and DELETE by itself once, and
the second pass may fail to connect after the first was sent. No evidence means: maybe sent.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
from datetime import UTC, datetime
from typing import Final

import aiohttp
from aiohttp import hdrs
from yarl import URL

from printnow_async._http.redaction import redact
from printnow_async._http.wire import BODY_LIMIT, ERROR_BODY_LIMIT, Failure, Request, Response, retry_after_seconds
from printnow_async._version import __version__
from printnow_async.errors import ConfigurationError, Sent
from printnow_async.errors._base import one_line

KEEPALIVE_SECONDS: Final = 15.0
"""How long an idle connection is kept. A POST on one that the server is just closing fails, so: not long."""

_CHUNK: Final = 16 * 1024

_CONNECTING: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
)
"""What aiohttp raises while connecting, and at no other time."""

_MARGIN: Final = 0.005
"""Seconds that connecting ends before the attempt does, so that the error says which of them took too long."""


@functools.cache
def _connect_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=seconds, ceil_threshold=math.inf)


def basic_authorization(token: str, key: str) -> str:
    """The Authorization header for a pair of credentials (vendor's page "Authentication")."""
    return aiohttp.encode_basic_auth(token, key)


def _check_borrowed(session: object, proxy: object) -> None:
    if session is not None and not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session must be an aiohttp.ClientSession, not {type(session).__name__}")
    if proxy is not None:
        try:
            sound = isinstance(proxy, str) and URL(proxy).scheme in {"http", "https"} and bool(URL(proxy).host)
        except ValueError:
            sound = False
        if not sound:
            raise ConfigurationError("proxy must be an http or https URL, as in http://proxy.example.com:3128")


def _now() -> datetime:
    return datetime.now(UTC)


class Transport:
    """The connections to one base URL, made when first used inside the running event loop.

    Of a borrowed session it uses the connection pool (with its TLS and resolver) and the traces; its headers, cookies
    and middlewares stay out, and it is never closed from here.
    """

    def __init__(
        self,
        base_url: str,
        authorization: str,
        *,
        connections: int,
        session: aiohttp.ClientSession | None,
        proxy: str | None,
        secrets: tuple[str, ...],
    ) -> None:
        _check_borrowed(session, proxy)
        root = URL(base_url)
        self._scheme, self._authority, self._prefix = root.scheme, root.raw_authority, root.raw_path.rstrip("/")
        self._headers = {
            "Authorization": authorization,
            "Accept": "application/json",
            "User-Agent": f"printnow-async/{__version__}",
        }
        self._connections = connections
        self._borrowed = session
        self._proxy = proxy
        self._secrets = (*secrets, authorization.removeprefix("Basic "))
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def check_usable(self) -> None:
        """`ConfigurationError` after close, or in another event loop than the one of the first use."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise ConfigurationError(
                    "this client was first used in another event loop: make one client per event loop"
                )
            self._loop = loop
        if self._closed:
            raise ConfigurationError("this client is closed: make a new one")
        if self._borrowed is not None and self._borrowed.closed:
            raise ConfigurationError("the session that this client borrows is closed")

    def _open(self) -> aiohttp.ClientSession:
        self.check_usable()
        if self._borrowed is None:
            connector: aiohttp.BaseConnector | None = aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=KEEPALIVE_SECONDS
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

    async def attempt(
        self, request: Request, request_id: str, ends: float | None, connect: float | None
    ) -> Response | Failure:
        """Send `request` once and read the answer, until `ends` on the event loop's clock.

        A `Failure` says "timeout" when `ends` came first; `connect` bounds the connecting, in seconds. Anything but
        an answer is a value too; only cancellation passes through.
        """
        session = self._session
        if session is None or session.closed:
            session = self._open()
        headers = {"X-Request-ID": request_id}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        seen = _Seen()
        failure: Failure | None = None
        try:
            async with asyncio.timeout_at(ends):
                async with session.request(
                    request.endpoint.method,
                    self._url(request.path),
                    data=request.body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=self._timeout(ends, connect),
                    middlewares=(seen,),
                ) as raw:
                    await seen.read(raw)
        except (aiohttp.ClientError, OSError, ValueError, EOFError) as error:
            failure = _failure(error, seen)
        return self._outcome(request, seen, failure)

    def _timeout(self, ends: float | None, connect: float | None) -> aiohttp.ClientTimeout:
        """aiohttp bounds the connecting alone; the attempt as a whole is bounded here, and not in whole seconds."""
        if ends is not None:
            left = ends - asyncio.get_running_loop().time() - _MARGIN
            if connect is None or left < connect:
                return aiohttp.ClientTimeout(total=None, connect=max(left, 0.0) or _MARGIN, ceil_threshold=math.inf)
        return _connect_timeout(connect)

    def _url(self, path: str) -> URL:
        # paths are made here, of ids: there is nothing to quote, and parsing them again would cost three times this
        return URL.build(scheme=self._scheme, authority=self._authority, path=self._prefix + path, encoded=True)

    def _outcome(self, request: Request, seen: _Seen, failure: Failure | None) -> Response | Failure:
        """An error status that was read counts, even if its body then broke off; a success does not."""
        status, body = seen.status, seen.body
        if status is None or (failure is not None and status < 300):
            return failure or Failure("lost", seen.sent, "no answer came")
        whole = failure is None and not seen.cut
        if status >= 300:
            secrets = (*request.secrets, *self._secrets)
            body = redact(body, secrets, cut=not whole)[:ERROR_BODY_LIMIT]
        return Response(status, body, seen.retry_after, whole, max(seen.sends, 1))

    async def aclose(self) -> None:
        """Close what is ours, and wait until it is closed. Idempotent."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _Seen:
    """What was seen of one attempt: how often it was sent, and how much of an answer came.

    It is the attempt's client middleware, and outlives the connection breaking.
    """

    __slots__ = ("body", "cut", "passes", "retry_after", "sends", "status")

    def __init__(self) -> None:
        self.passes = 0
        self.sends = 0
        """Passes that may have sent the request."""
        self.status: int | None = None
        self.body = b""
        self.retry_after: float | None = None
        self.cut = False

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        self.passes += 1
        self.sends += 1
        try:
            return await handler(request)
        except _CONNECTING:
            self.sends -= 1
            raise

    @property
    def sent(self) -> Sent:
        """Never only with proof: every pass was seen, and each failed to connect."""
        return Sent.NEVER if self.passes and not self.sends else Sent.MAYBE

    async def read(self, raw: aiohttp.ClientResponse) -> None:
        """Read the body, but never more than its bound, counted after decompression."""
        self.status = status = raw.status
        headers = raw.headers
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


def _failure(error: BaseException, seen: _Seen) -> Failure:
    """What an exception of one attempt means. Its text is kept, itself it is not."""
    sent = seen.sent
    if sent is Sent.NEVER:
        return Failure("connect", sent, f"could not connect: {_reason(error)}")
    if isinstance(error, TimeoutError):
        return Failure("timeout", sent, "no answer in time")
    return Failure("lost", sent, f"the connection was lost: {_reason(error)}")


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
