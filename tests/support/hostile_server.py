"""A server on a real socket that does on the wire what a test tells it to, above a model that stays truthful.

A `Fault` is what the server does about one request: it gets the connection and the request, hands the request to the
model or not, and writes bytes or ends the connection. What comes later comes after some turns of the event loop, never
after seconds, so that a test runs the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs

from tests.support.hostile_model import Asked, Model, answer_bytes

TURNS = 4
"""Turns of the event loop in which what one side has written is read on the other side, TLS included."""


async def turns(count: int = TURNS) -> None:
    """Let everybody in this loop read what has arrived."""
    for _ in range(count):
        await asyncio.sleep(0)


class Connection(asyncio.Protocol):
    """One connection, from the server's side."""

    def __init__(self, server: HostileServer) -> None:
        self.server = server
        self.number = -1
        self.token = ""
        """The user name of the credentials of the last request: which client it is."""
        self.waiting = False
        """Whether a request is being answered."""
        self.served = 0
        self.last_answer = b""
        """The last answer that was true and whole."""
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.number = len(self.server.connections)
        self.server.connections.append(self)
        if self.server.greeting is not None:
            self.server.greeting(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._received = rest[length:]
            method, path, _ = first.split(" ")
            body = json.loads(rest[:length]) if length else None
            asked = Asked(method, path, headers, body, self.number, len(self.server.asked))
            self.token = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")[0]
            self.waiting = True
            self.served += 1
            self.server.asked.append(asked)
            self.server.fault_for(asked)(self, asked)

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting = False

    # ------------------------------------------------------------ what faults are made of

    @property
    def open(self) -> bool:
        """Whether it is still there, as far as the server has noticed."""
        return not self.transport.is_closing()

    @property
    def idle(self) -> bool:
        """Whether it is kept by the client, and nothing is being asked on it."""
        return self.open and bool(self.served) and not self.waiting

    def write(self, data: bytes) -> None:
        """Hand these bytes to the network, if there is a connection."""
        if self.open:
            self.transport.write(data)

    def finish(self, data: bytes) -> None:
        """The same, and the answer is complete."""
        self.write(data)
        self.waiting = False

    def true_answer(self, asked: Asked) -> bytes:
        """Let the model do what is asked; the bytes of its answer."""
        self.last_answer = answer_bytes(*self.server.model.apply(asked))
        return self.last_answer

    def later(self, action: Callable[[], None], after: int = TURNS) -> None:
        """Do this after so many turns of the event loop."""
        loop = asyncio.get_running_loop()
        loop.call_soon(action) if after <= 1 else loop.call_soon(self.later, action, after - 1)

    def fin(self) -> None:
        """End it in good order."""
        self.transport.close()

    def rst(self) -> None:
        """End it with a reset."""
        if self.open:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    def half_close(self) -> None:
        """Write no more, and go on reading; TLS cannot do that, and ends it."""
        if self.open:
            self.transport.write_eof() if self.transport.can_write_eof() else self.transport.close()


Fault = Callable[[Connection, Asked], None]


def honest(connection: Connection, asked: Asked) -> None:
    """Do what is asked, and say so."""
    connection.finish(connection.true_answer(asked))


@attrs.define(eq=False)
class HostileServer:
    """Where to ask, what was asked, and what happens to what is asked."""

    model: Model = attrs.field(factory=Model)
    asked: list[Asked] = attrs.field(factory=list)
    connections: list[Connection] = attrs.field(factory=list)
    faults: deque[Fault] = attrs.field(factory=deque)
    """What happens to the next requests, in order; then all are answered honestly."""
    choose: Callable[[Asked], Fault | None] = lambda _: None
    """What happens to a request for which nothing was planned; None for an honest answer."""
    greeting: Callable[[Connection], None] | None = None
    """What happens on a connection before anything was asked."""
    url: str = ""
    port: int = 0
    _listening: asyncio.Server | None = None

    async def listen(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        """Take connections, on a port of its own or on the one it had."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Connection(self), "127.0.0.1", port, ssl=context, backlog=1024
        )
        self.port = self._listening.sockets[0].getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    def deafen(self) -> None:
        """Take no more connections; those that are there stay."""
        assert self._listening is not None
        self._listening.close()

    def fault_for(self, asked: Asked) -> Fault:
        """What happens to this request."""
        return self.faults.popleft() if self.faults else self.choose(asked) or honest

    def idle(self, token: str | None = None) -> list[Connection]:
        """The connections that clients, or the client of this token, keep for later."""
        return [each for each in self.connections if each.idle and token in {None, each.token}]

    async def stray(self, data: bytes, token: str | None = None) -> int:
        """Write bytes nobody asked for on every idle connection, and let them be read; how many connections."""
        idle = self.idle(token)
        for connection in idle:
            connection.write(data)
        await turns(2 * TURNS)
        return len(idle)

    def asked_of(self, route: str) -> list[Asked]:
        """The requests of this method and path."""
        return [asked for asked in self.asked if asked.route == route]


@contextlib.asynccontextmanager
async def hostile_server(context: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[HostileServer]:
    """A server in this event loop, over TLS with a context; the options are those of `HostileServer`."""
    server = HostileServer(**options)
    await server.listen(context)
    try:
        yield server
    finally:
        server.deafen()
        await turns()
        for connection in server.connections:
            connection.transport.abort()
        await turns()
