"""The listening socket of a sandbox: opened in the running event loop, with its connections counted."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import final

from aiohttp import web

from printnow_async.sandbox.delivery import cut

__all__ = ["Listener"]

BACKLOG = 1024
CLOSING_SECONDS = 5.0  # connections that were aborted end within a turn or two of the loop


@final
class Listener:
    """An HTTP server on one address. Takes the coroutine function that answers a request."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._handler = handler
        self._http: _CountingServer | None = None
        self._socket_server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._opened_before = 0

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._socket_server is not None

    @property
    def connections_opened(self) -> int:
        """The number of connections that were accepted so far."""
        return self._opened_before + (self._http.opened if self._http is not None else 0)

    async def open(self, host: str, port: int) -> int:
        """Accept connections from now on. Returns the port, which the system chooses when `port` is 0."""
        self._http = _CountingServer(self._handle)
        loop = asyncio.get_running_loop()
        self._socket_server = await loop.create_server(self._http, host, port, backlog=BACKLOG)
        bound: int = self._socket_server.sockets[0].getsockname()[1]
        return bound

    async def aclose(self) -> None:
        """Abort every connection, and cancel the tasks that serve connections. Idempotent."""
        socket_server, http = self._socket_server, self._http
        if socket_server is None or http is None:
            return
        self._socket_server = self._http = None
        self._opened_before += http.opened
        await _stop_accepting(socket_server)
        for task in self._serving:
            task.cancel()
        for connection in http.connections:
            if connection.transport is not None:
                connection.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving)
        await http.shutdown(CLOSING_SECONDS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(socket_server.wait_closed(), CLOSING_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self.is_open:
            return cut(request, reset=True)  # the connection was made while the listener was closing
        # this coroutine runs in the task of its connection: cancelling that task ends both
        if request.task not in self._serving:
            self._serving.add(request.task)
            request.task.add_done_callback(self._serving.discard)
        return await self._handler(request)


class _CountingServer(web.Server):
    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        # the client decides how long a connection stays open, and a test's clock may jump
        super().__init__(handler, access_log=None, keepalive_timeout=math.inf)
        self.opened = 0

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        self.opened += 1
        super().connection_made(handler, transport)


async def _stop_accepting(server: asyncio.Server) -> None:
    """Close the listening socket, after every accepted connection has its transport.

    A server that is closed between accepting a connection and making its transport leaks the connection.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        with contextlib.suppress(NotImplementedError):  # the event loop of Windows accepts in another way
            loop.remove_reader(listening.fileno())
    # one turn of the loop makes the transports, the next one tells their protocols, and the third one is for safety
    for _ in range(3):
        await asyncio.sleep(0)
    server.close()
