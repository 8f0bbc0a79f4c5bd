"""What is seen of one attempt, and of the connection that it is sent on. aiohttp shows neither by itself.

Each attempt has a `Watch`, and `WatchedRequest`, our subclass of aiohttp's request, reports to it.

1. *Was the request sent?* aiohttp calls `send` once it has a connection, and there writes the first header. An attempt
   in which aiohttp made a request and `send` never wrote has sent nothing, whatever exception came out and however late
   a timer was. aiohttp repeats GET and DELETE by itself once when a kept connection drops: `send` then runs twice.
2. *Is the connection clean?* aiohttp's pool asks only whether a kept connection is still open. Bytes that arrived while
   the connection was idle would be served as the answer to the next request. So the arrivals on a connection are
   counted from its first request on, and `send` compares the count with the count when the last answer was complete.
   It also looks whether bytes wait in the socket that the event loop has not read yet. Where anything has arrived, the
   connection is closed with nothing sent.
"""

from __future__ import annotations

import functools
import select
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import hdrs

from printnow_async._http.wire import BODY_LIMIT, ERROR_BODY_LIMIT, retry_after_seconds
from printnow_async.errors import Sent

_CHUNK: Final = 16 * 1024


class DirtyConnectionError(aiohttp.ClientConnectionError):
    """Something had arrived on the connection before the request was written; nothing was sent."""


class Watch:
    """What was seen of one attempt: whether it was sent, how often, and how much of an answer came."""

    __slots__ = ("arrivals", "body", "dirty", "headers", "made", "once", "retry_after", "sends", "status", "whole")

    def __init__(self, *, once: bool = False) -> None:
        self.once = once
        """Whether the request must not be sent a second time, as aiohttp would by itself."""
        self.made = False
        """Whether aiohttp made a request of our class: without one there is no evidence of what was sent."""
        self.sends = 0
        """How often the request may have been sent."""
        self.dirty = False
        """Whether a connection was given up because something had arrived on it, with nothing sent."""
        self.arrivals: Arrivals | None = None
        """What arrives on the connection of the attempt."""
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.body = b""
        self.retry_after: float | None = None
        self.whole = False
        """Whether the answer was read to its end."""

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
            self.retry_after = retry_after_seconds(headers.get("Retry-After"), date=headers.get("Date"), now=_utc_now)
            limit = ERROR_BODY_LIMIT
        length = raw.content_length
        if length is not None and length <= limit and hdrs.CONTENT_ENCODING not in headers:
            self.body = await raw.read()  # no longer than it says: the parser sees to that
            self.whole = True
        else:
            await self._read_bounded(raw, limit)
        if self.arrivals is not None:
            self.arrivals.answered()

    async def _read_bounded(self, raw: aiohttp.ClientResponse, limit: int) -> None:
        chunks = bytearray()
        try:
            async for chunk in raw.content.iter_chunked(_CHUNK):
                chunks += chunk
                if len(chunks) > limit:
                    return
            self.whole = True
        finally:
            self.body = bytes(chunks[:limit])


current_watch: Final[ContextVar[Watch | None]] = ContextVar("printnow_async.watch", default=None)
"""The watch of the attempt under way in this task: aiohttp lets nothing else through to the request it makes."""


class WatchedRequest(aiohttp.ClientRequest):
    """aiohttp's request, which tells the watch of its attempt what happens."""

    _printnow_watch: Watch | None = None

    # The steps by which aiohttp makes a request, as far as they are decided here already. Each is left out for what it
    # costs; all of them together are a tenth of the instructions of a GET. Where a later aiohttp calls other steps,
    # its own are made, and without `update_version` there is no evidence, so that an attempt counts as maybe sent.

    def update_version(self, version: Any) -> None:
        """The first step: the request learns whose attempt it belongs to."""
        self.version = version
        self._printnow_watch = watch = current_watch.get()
        if watch is not None:
            watch.made = True

    def update_headers(self, headers: Any) -> None:
        """Take the headers as they are: the session made them for this one request, Host among them."""
        self.headers = headers

    def update_auto_headers(self, skip_auto_headers: Any) -> None:
        """Add none: those that aiohttp adds are among the session's."""

    def update_cookies(self, cookies: Any) -> None:
        """Send none."""

    def update_auth(self, auth: Any, trust_env: bool = False) -> None:  # noqa: FBT001, FBT002 - aiohttp's call
        """Add none: the Authorization header is among the session's."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Write the request on this connection, if nothing has arrived on it that no request asked for."""
        protocol, watch = conn.protocol, self._printnow_watch
        if watch is not None and watch.once and watch.sends:
            raise aiohttp.ClientConnectionError  # the connection was lost after the request had been sent
        arrivals = protocol.__dict__.get("data_received")
        if type(arrivals) is not Arrivals:
            arrivals = Arrivals(protocol)
        if arrivals.unasked(protocol):
            if watch is not None:
                watch.dirty = not watch.sends
            raise DirtyConnectionError
        if watch is not None:
            watch.sends += 1
            watch.arrivals = arrivals
        return await super().send(conn)


class Arrivals:
    """Counts what arrives on one connection: it stands before the protocol's own `data_received`."""

    __slots__ = ("_count", "_expected", "_receive", "_skip", "_unread")

    def __init__(self, protocol: Any) -> None:
        self._count = 0
        self._expected: int | None = None
        """The count when the last answer had been read; None while an answer is expected."""
        self._receive: Callable[[bytes], None] = protocol.data_received
        transport = protocol.transport
        sock = transport.get_extra_info("socket")
        self._unread = None if sock is None else _readable(sock.fileno())
        protocol.data_received = self
        transport.set_protocol(protocol)  # an event loop may have kept the method that it found before
        # After a TLS handshake the server's session tickets may wait in the socket: they answer nothing.
        self._skip = transport.get_extra_info("sslcontext") is not None

    def __call__(self, data: bytes) -> None:
        if data:  # aiohttp also calls with nothing, to go on with what it has
            self._count += 1
        self._receive(data)

    def answered(self) -> None:
        """The answer has been read: what has come so far was asked for."""
        self._expected = self._count

    def unasked(self, protocol: Any) -> bool:
        """Whether anything has arrived, or waits to be read, that no request asked for; or the connection failed."""
        # The pool may hand the connection on before the task that waits for the answer runs. Then nothing is expected
        # yet, and what aiohttp has read besides the answer is seen by `should_close`.
        if protocol.should_close or (self._expected is not None and self._expected != self._count):
            return True
        self._expected = None
        if self._skip or self._unread is None:
            self._skip = False
            return False
        return bool(self._unread())


def _readable(descriptor: int) -> Callable[[], object]:
    """A function that tells whether the kernel has bytes that the event loop has not read, or the end of the stream."""
    if not hasattr(select, "poll"):  # on Windows
        return lambda: select.select([descriptor], [], [], 0)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return functools.partial(poll.poll, 0)


def _utc_now() -> datetime:
    return datetime.now(UTC)
