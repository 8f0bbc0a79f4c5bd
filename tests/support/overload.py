"""A client's limit against a server that takes only so much at once, simulated: the clock is the simulation's own.

`PROFILES` are the servers: a hard limit, a knee in the latency, a limit that halves and returns, errors that say
nothing about load.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque

import attrs

CALLS = 20_000
NETWORK = 0.0005
"""Seconds from the client to the server, and back."""
LEVELS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 30, 40, 48, 60, 80, 100)
REFUSAL = 0.0005
"""Seconds in which a server refuses."""


@attrs.frozen
class Server:
    """How a server takes load."""

    seconds: float = 0.02
    limit: int | None = None
    low: int | None = None
    """The limit from the 7,000th to the 13,000th call."""
    knee: int | None = None
    slope: float = 0.0
    errors: float = 0.0
    status: int = 503
    spread: float = 0.1
    """Share by which one answer takes more or less time than another; above 1 it is exponential."""

    def most(self, served):
        """The limit, when so many have been served."""
        low = self.low is not None and 7_000 <= served < 13_000
        return self.low if low else self.limit

    def takes(self, serving, chance):
        """Seconds of one answer with so many in service."""
        slower = 1.0 if self.knee is None else 1.0 + self.slope * max(0, serving - self.knee) / self.knee
        noise = chance.expovariate(1.0) if self.spread > 1 else chance.uniform(1 - self.spread, 1 + self.spread)
        return self.seconds * slower * noise


class Fixed:
    """A limit that stays, with the face of an adaptive one."""

    def __init__(self, level):
        self.current = level

    def begin(self, now):
        return now

    def succeeded(self, flight, now): ...

    def refused(self, flight, now): ...

    def failed(self, flight): ...


@attrs.frozen
class Result:
    goodput: float
    refused: float
    lost: int


class Simulation:
    """`calls` items through a limit, with the client's own retries and retry budget, one event after the other."""

    def __init__(self, server, limit, calls, seed):
        self.server, self.limit = server, limit
        self.chance = random.Random(seed)
        self.order = itertools.count()
        self.events = []
        self.waiting = deque([0] * calls)
        self.in_flight = self.serving = self.served = self.attempts = self.refused = self.lost = 0
        self.budget = 50.0

    def run(self):
        calls, now = len(self.waiting), 0.0
        self.start(now)
        while self.events:
            now, _, what, about = heapq.heappop(self.events)
            what(now, *about)
            self.start(now)
        return Result((calls - self.lost) / now, self.refused / self.attempts, self.lost)

    def at(self, when, what, *about):
        heapq.heappush(self.events, (when, next(self.order), what, about))

    def start(self, now):
        while self.waiting and self.in_flight < self.limit.current:
            self.in_flight += 1
            self.attempts += 1
            self.at(now + NETWORK, self.arrive, self.limit.begin(now), self.waiting.popleft())

    def arrive(self, now, flight, repeats):
        most = self.server.most(self.served)
        if self.chance.random() < self.server.errors:
            self.at(now + REFUSAL + NETWORK, self.fail, flight, repeats, self.server.status)
        elif most is not None and self.serving >= most:
            self.at(now + REFUSAL + NETWORK, self.fail, flight, repeats, 503)
        else:
            self.serving += 1
            self.at(now + self.server.takes(self.serving, self.chance), self.leave, flight, repeats)

    def leave(self, now, flight, repeats):
        self.serving -= 1
        self.served += 1
        self.at(now + NETWORK, self.succeed, flight, repeats)

    def succeed(self, now, flight, repeats):
        self.in_flight -= 1
        self.limit.succeeded(flight, now)
        self.budget = min(50.0, self.budget + repeats + 0.1)

    def fail(self, now, flight, repeats, status):
        self.in_flight -= 1
        if status == 503:
            self.refused += 1
            self.limit.refused(flight, now)
        else:
            self.limit.failed(flight)
        if repeats == 3 or self.budget < 1:
            self.lost += 1
        else:
            self.budget -= 1
            self.at(now + self.chance.uniform(0, 0.5 * 2**repeats), self.again, repeats + 1)

    def again(self, _now, repeats):
        self.waiting.append(repeats)


def simulate(server, limit, calls=CALLS, seed=1):
    return Simulation(server, limit, calls, seed).run()


def best_fixed(server, maximum):
    """The best goodput, by sweep, of a fixed limit that loses nothing: what is lost takes no time."""
    calls = CALLS if server.low else 4_000
    runs = [simulate(server, Fixed(level), calls=calls) for level in LEVELS if level <= maximum]
    return max(run.goodput for run in runs if run.lost == 0)


PROFILES = {
    "limit 3": Server(limit=3),
    "limit 12": Server(limit=12),
    "limit 60": Server(0.1, limit=60),
    "limit 60, no two alike": Server(0.1, limit=60, spread=2),
    "knee": Server(knee=24, slope=1.0),
    "steep knee": Server(knee=24, slope=2.0),
    "limit that halves": Server(0.1, limit=40, low=20),
    "random 500": Server(errors=0.02, status=500),
    "random 503": Server(errors=0.02),
    "random 503 and a limit": Server(limit=12, errors=0.02),
}
