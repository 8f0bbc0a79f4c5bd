"""A server that answers with exactly the bytes a test gives it, on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs

Answer = bytes | Callable[["Exchange"], Awaitable[None]]


@attrs.define
class Exchange:
    """One request as it came, and the way to answer it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter
    number: int


@attrs.define
class RawServer:
    """What was asked, and where to ask."""

    url: str
    requests: list[Exchange] = attrs.field(factory=list)
    connections: int = 0


def answer(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> bytes:
    """A whole HTTP answer; a dict is sent as JSON."""
    content_type = "text/plain"
    if isinstance(body, dict):
        body, content_type = json.dumps(body).encode(), "application/json"
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextlib.asynccontextmanager
async def raw_server(*answers: Answer) -> AsyncIterator[RawServer]:
    """Answer the first request with the first answer and so on; the last one serves for all that follow."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                exchange = Exchange(method, path, headers, body, writer, len(server.requests))
                server.requests.append(exchange)
                given = answers[min(exchange.number, len(answers) - 1)]
                if isinstance(given, bytes):
                    writer.write(given)
                    await writer.drain()
                else:
                    await given(exchange)
                if writer.is_closing():
                    break
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server = RawServer(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
