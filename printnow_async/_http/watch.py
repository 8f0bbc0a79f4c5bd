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

    __slots__ = ("body", "cut", "dirty", "headers", "made", "retry_after", "sends", "status")

    def __init__(self) -> None:
        self.made = False
        """Whether aiohttp made a request of our class: without one there is no evidence of what was sent."""
        self.sends = 0
        """How often the request may have been sent."""
        self.dirty = False
        """Whether a connection was given up because something had arrived on it, with nothing sent."""
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
            self.retry_after = retry_after_seconds(headers.get("Retry-After"), date=headers.get("Date"), now=_utc_now)
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


current_watch: Final[ContextVar[Watch | None]] = ContextVar("printnow_async.watch", default=None)
"""The watch of the attempt under way in this task: aiohttp lets nothing else through to the request it makes."""


class WatchedRequest(aiohttp.ClientRequest):
    """aiohttp's request, which tells the watch of its attempt what happens."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._printnow_watch = current_watch.get()
        if self._printnow_watch is not None:
            self._printnow_watch.made = True
        super().__init__(*args, **options)

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Write the request on this connection, if nothing has arrived on it that no request asked for."""
        arrivals = conn.protocol.__dict__.get("data_received")
        if not isinstance(arrivals, _Arrivals):
            arrivals = _Arrivals(conn.protocol)
        if arrivals.unasked(conn.protocol):
            if self._printnow_watch is not None:
                self._printnow_watch.dirty = not self._printnow_watch.sends
            raise DirtyConnectionError
        conn.add_callback(arrivals.on_release)
        if self._printnow_watch is not None:
            self._printnow_watch.sends += 1
        return await super().send(conn)


class _Arrivals:
    """Counts what arrives on one connection: it stands before the protocol's own `data_received`."""

    __slots__ = ("_count", "_expected", "_receive", "_used")

    def __init__(self, protocol: Any) -> None:
        self._count = self._expected = 0
        self._used = False
        self._receive: Callable[[bytes], None] = protocol.data_received
        protocol.data_received = self
        protocol.transport.set_protocol(protocol)  # an event loop may have kept the method that it found before

    def __call__(self, data: bytes) -> None:
        if data:  # aiohttp also calls with nothing, to go on with what it has
            self._count += 1
        self._receive(data)

    def on_release(self) -> None:
        """The answer is complete, and the connection goes back to the pool: what has come so far was asked for."""
        self._expected = self._count

    def unasked(self, protocol: Any) -> bool:
        """Whether anything has arrived, or waits to be read, that no request asked for."""
        if protocol.should_close or self._count != self._expected:  # or the connection has failed
            return True
        transport = protocol.transport
        # After a TLS handshake the server's session tickets may wait in the socket: no answer to anything.
        fresh_tls = not self._used and transport.get_extra_info("sslcontext") is not None
        self._used = True
        sock = None if fresh_tls else transport.get_extra_info("socket")
        return sock is not None and _readable(sock.fileno())


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


def _utc_now() -> datetime:
    return datetime.now(UTC)
