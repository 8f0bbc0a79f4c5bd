"""A server that takes only so much at once: `python loaded.py PROFILE`; the first line it prints is its port.

What it does is a function of how many requests it is serving, and of how many it has served: `PROFILES`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass

from canned import STATISTICS
from server import FOUND, answer, content_length

REFUSED = {status: answer(f"{status} Error", {"message": "busy"}) for status in (500, 502, 503)}


@dataclass(frozen=True)
class Profile:
    """How a server takes load."""

    about: str
    """In words, for the table."""
    seconds: float
    """What one request takes when the server is idle."""
    most: Callable[[int], int | None] = lambda _served: None
    """Requests in service above which it answers 503 at once, by how many it has served."""
    slowdown: Callable[[int], float] = lambda _serving: 1.0
    """By how much longer one takes, by how many are in service."""
    errors: float = 0.0
    """Share of answers that are 500, 502 or 503 for no reason."""
    maximum: int = 100
    """`max_concurrency` of the client."""


def limit(most: int, low: int | None = None) -> Callable[[int], int]:
    """A hard limit; from the 7,000th to the 13,000th request it is `low`."""
    return lambda served: low if low is not None and 7_000 <= served < 13_000 else most


def knee(at: int, slope: float) -> Callable[[int], float]:
    """No slower up to a number in service, and then more and more."""
    return lambda serving: 1.0 + slope * max(0, serving - at) / at


PROFILES = {
    "limit-3": Profile("503 above 3", 0.005, limit(3)),
    "limit-12": Profile("503 above 12", 0.01, limit(12)),
    "limit-60": Profile("503 above 60", 0.05, limit(60)),
    "knee-24": Profile("latency climbs past 24, goodput falls", 0.02, slowdown=knee(24, 2.0)),
    "knee-24-flat": Profile("latency climbs past 24, goodput stays", 0.02, slowdown=knee(24, 1.0)),
    "halves": Profile("503 above 40, above 20 for a while, above 40 again", 0.04, limit(40, 20)),
    "errors": Profile("2 % of 500, 502, 503, whatever the load", 0.04, errors=0.02, maximum=48),
    "errors-limit": Profile("the same, and 503 above 24", 0.02, limit(24), errors=0.02),
}


class Connection(asyncio.Protocol):
    """One kept-alive connection."""

    serving = served = refused = peak = 0  # over all connections

    def __init__(self, profile: Profile, chance: random.Random) -> None:
        self.profile, self.chance = profile, chance
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unread += data
        head, end, body = self.unread.partition(b"\r\n\r\n")
        if not end or len(body) < content_length(head):
            return
        self.unread = b""
        profile, shared = self.profile, Connection
        if head.startswith(b"GET " + STATISTICS.encode()):
            counts = {"served": shared.served, "refused": shared.refused, "peak": shared.peak}
            shared.peak = 0
            self.transport.write(answer("200 OK", counts))
            return
        if self.chance.random() < profile.errors:
            status = self.chance.choice((500, 502, 503))
            shared.refused += status == 503
            self.transport.write(REFUSED[status])
            return
        most = profile.most(shared.served)
        if most is not None and shared.serving >= most:
            shared.refused += 1
            self.transport.write(REFUSED[503])
            return
        shared.serving += 1
        shared.peak = max(shared.peak, shared.serving)
        # A tenth more or less, as chance has it: no two answers of a real server take the same time.
        seconds = profile.seconds * profile.slowdown(shared.serving) * self.chance.uniform(0.9, 1.1)
        asyncio.get_running_loop().call_later(seconds, self.finish)

    def finish(self) -> None:
        Connection.serving -= 1
        Connection.served += 1
        self.transport.write(FOUND)


async def main(profile: Profile) -> None:
    loop = asyncio.get_running_loop()
    chance = random.Random(7)
    server = await loop.create_server(lambda: Connection(profile, chance), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(PROFILES[sys.argv[1]]))
