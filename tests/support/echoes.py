"""Servers that say back all that they were sent, in every form servers have, and the errors that this ends in."""

from __future__ import annotations

import asyncio
import gzip
import html
import json
import re

from printnow_async import (
    AuthenticationError,
    BadRequestError,
    ConnectionLostError,
    DeadlineExceededError,
    InvalidResponseError,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnexpectedStatusError,
)
from tests.support.raw_server import answer


def echo(exchange):
    """All that the server was sent."""
    lines = [f"{exchange.method} {exchange.path}", *(f"{k}: {v}" for k, v in exchange.headers.items())]
    return "\n".join([*lines, "", exchange.body.decode()])


def saying(status, form, **headers):
    """Answer with this status, and what was sent as the body."""

    async def serve(exchange):
        body = form(echo(exchange)).encode()
        exchange.writer.write(answer(status, body, **headers))
        await exchange.writer.drain()

    return serve


def sending(make, *, close=False):
    """Answer with the bytes that are made of what was sent."""

    async def serve(exchange):
        exchange.writer.write(make(echo(exchange)))
        await exchange.writer.drain()
        if close:
            exchange.writer.close()

    return serve


async def reset(exchange):
    exchange.writer.transport.abort()


async def silent(exchange):
    await asyncio.sleep(3600)


def hanging(status):
    """Say all back in a header and in the beginning of the body, and never come to its end."""

    async def serve(exchange):
        text = echo(exchange)
        whole = answer(status, text.encode(), X_Echo=one_header(text))
        exchange.writer.write(whole[:-5])
        await exchange.writer.drain()
        await asyncio.sleep(3600)

    return serve


def as_message(text):
    return json.dumps({"Message": f"Cannot read: {text}"})


def as_escaped_message(text):
    written = "".join(f"\\u{ord(ch):04X}" if ch in "<>&'+" else json.dumps(ch)[1:-1] for ch in text)
    return f'{{"Message": "Cannot read: {written}"}}'


def as_page(text):
    return f"<html><body><pre>{html.escape(text)}</pre></body></html>"


def as_title(text):
    return f"<html><head><title>{html.escape(text)}</title></head></html>"


def one_header(text):
    return re.sub(r"[^ -~]+", " ", text)


SERVERS = {
    "401, text": (saying(401, str), AuthenticationError),
    "400, text": (saying(400, str), BadRequestError),
    "400, JSON": (saying(400, as_message), BadRequestError),
    "400, JSON of .NET": (saying(400, as_escaped_message), BadRequestError),
    "400, JSON string": (saying(400, json.dumps), BadRequestError),
    "400, cut off JSON": (saying(400, lambda text: as_message(text)[:-3]), BadRequestError),
    "400, HTML page": (saying(400, as_page), BadRequestError),
    "400, HTML title": (saying(400, as_title), BadRequestError),
    "400, gzip": (
        sending(
            lambda text: answer(400, gzip.compress(as_message(text).encode()), Content_Encoding="gzip"),
        ),
        BadRequestError,
    ),
    "400, header": (sending(lambda text: answer(400, b"no", X_Echo=one_header(text))), BadRequestError),
    "400, reason": (
        sending(
            lambda text: f"HTTP/1.1 400 {one_header(text)}\r\nContent-Length: 2\r\n\r\nno".encode(),
        ),
        BadRequestError,
    ),
    "404, text": (saying(404, str), NotFoundError),
    "429": (saying(429, str, Retry_After="7"), RateLimitError),
    "500, text": (saying(500, str), ServerError),
    "500, JSON": (saying(500, as_message), ServerError),
    "500, truncated": (
        sending(lambda text: answer(500, (text * 2).encode())[: -len(text.encode())], close=True),
        ServerError,
    ),
    "302": (
        sending(lambda text: answer(302, b"", Location=f"http://127.0.0.1:1/?{one_header(text)}")),
        UnexpectedStatusError,
    ),
    "200, HTML": (saying(200, as_page), InvalidResponseError),
    "200, invalid JSON": (saying(200, lambda text: f'{{"id": {text}'), InvalidResponseError),
    "200, wrong type": (saying(200, lambda text: json.dumps({"id": text})), InvalidResponseError),
    "200, truncated": (
        sending(lambda text: answer(200, (text * 2).encode())[: -len(text.encode())], close=True),
        ConnectionLostError,
    ),
    "200, broken gzip": (
        sending(lambda text: answer(200, text.encode(), Content_Encoding="gzip")),
        ConnectionLostError,
    ),
    "no HTTP": (sending(lambda text: f"{one_header(text)}\r\n\r\n".encode(), close=True), ConnectionLostError),
    "broken header": (
        sending(lambda text: f"HTTP/1.1 200 OK\r\n{one_header(text)}\x00\r\n\r\n".encode(), close=True),
        ConnectionLostError,
    ),
    "reset": (reset, ConnectionLostError),
    "silence": (silent, DeadlineExceededError),
    "200, hangs": (hanging(200), DeadlineExceededError),
    "400, hangs": (hanging(400), BadRequestError),
}
