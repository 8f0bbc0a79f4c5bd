"""A server with one answer for each kind of request: `python server.py DELAY_MS`. Its first line is its port.

It reads no more of HTTP than it takes to check the credentials and to find where a request ends, so that it is the
client that limits a measurement.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from canned import AUTHORIZATION, COLLECTION, CUSTOMER, STATISTICS


def answer(status: str, body: object) -> bytes:
    content = json.dumps(body, separators=(",", ":")).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


CREDENTIALS = AUTHORIZATION.encode()
GET = f"GET {COLLECTION}/".encode()
POST, CREATED = f"POST {COLLECTION} ".encode(), answer("201 Created", CUSTOMER)
UNAUTHORIZED = answer("401 Unauthorized", {"message": "wrong credentials"})
NOT_FOUND = answer("404 Not Found", {"message": "no such endpoint"})


class Connection(asyncio.Protocol):
    """One kept-alive connection. No client here sends a request before the last is answered."""

    served = 0  # over all connections

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unread += data
        head, end, body = self.unread.partition(b"\r\n\r\n")
        if not end or len(body) < content_length(head):
            return
        self.unread = b""
        if head.startswith(b"GET " + STATISTICS.encode()):
            self.transport.write(answer("200 OK", {"served": Connection.served, "cpu": time.process_time()}))
            return
        Connection.served += 1
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, choose(head))
        else:
            self.transport.write(choose(head))


def content_length(head: bytes) -> int:
    if head.startswith(b"GET"):
        return 0
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])


def choose(head: bytes) -> bytes:
    if CREDENTIALS not in head:
        return UNAUTHORIZED
    if head.startswith(GET):  # a client may hold the answer against the ID that it asked for
        return answer("200 OK", {**CUSTOMER, "id": int(head[len(GET) :].partition(b" ")[0])})
    return CREATED if head.startswith(POST) else NOT_FOUND


async def main(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) / 1000))
