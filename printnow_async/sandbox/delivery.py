"""The end of an exchange: an answer on the socket, half of an answer, or a closed connection."""

from __future__ import annotations

import contextlib
import socket
import struct

from aiohttp import web

from printnow_async.sandbox.replies import Reply

__all__ = ["cut", "send", "send_half"]

LINGER_ZERO = struct.pack("ii", 1, 0)


def send(reply: Reply) -> web.StreamResponse:
    """Send the whole answer."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


def cut(request: web.BaseRequest, *, reset: bool) -> web.StreamResponse:
    """Close the connection without a byte: with a reset (RST), or in order (FIN)."""
    transport = request.transport
    if transport is not None and reset:
        # with a linger time of 0, closing the socket sends a reset
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        transport.abort()
    elif transport is not None:
        transport.close()
    return web.Response()  # aiohttp wants a response, and cannot write this one


async def send_half(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Announce the whole answer, send half of its body (half of its headers without a body), and close in order."""
    if request.transport is None:
        return send(reply)
    if not reply.body:
        request.transport.write(b"HTTP/1.1 %d Cut\r\nContent-Le" % reply.status)
        return cut(request, reset=False)
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
    cut(request, reset=False)
    return response
