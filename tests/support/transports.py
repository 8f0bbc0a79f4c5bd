"""A transport without a socket: it gives the outcomes that a test has planned, and keeps what was asked."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from printnow_async import NoAnswer, PrintNowClient, RawResponse, Request, Sent

Outcome = RawResponse | NoAnswer | Callable[[Request], Awaitable[RawResponse | NoAnswer]]

LOST = NoAnswer("lost", Sent.MAYBE, "the connection was lost")
UNSENT = NoAnswer("connect", Sent.NEVER, "nobody listens")
EMPTY = RawResponse(204)


def found(**fields: Any) -> RawResponse:
    """An answer with these fields as JSON."""
    return RawResponse(200, json.dumps(fields).encode())


class FakeTransport:
    """Gives its outcomes in their order; the last one serves for all that follow."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[Request] = []
        self.closed = 0

    async def attempt(self, request: Request, *, ends: float | None, connect: float | None) -> RawResponse | NoAnswer:
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        return outcome if isinstance(outcome, RawResponse | NoAnswer) else await outcome(request)

    async def aclose(self) -> None:
        self.closed += 1

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The method and path of each request."""
        return [(request.endpoint.method, request.path) for request in self.requests]


def client_on(transport: FakeTransport, **options: Any) -> PrintNowClient:
    """A client that sends through this transport."""
    return PrintNowClient("token", "key", transport=transport, **options)
