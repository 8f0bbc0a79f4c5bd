"""The way of one request: recorded, admitted, struck by faults, carried out by the rules, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, final

import attrs
from aiohttp import web

from printnow_async.sandbox.checks import Body, Refusal, decode
from printnow_async.sandbox.credentials import check_credentials
from printnow_async.sandbox.delivery import cut, send, send_half
from printnow_async.sandbox.faults import Fault
from printnow_async.sandbox.hidden_limits import HiddenLimits
from printnow_async.sandbox.plan import Decision, FaultPlan
from printnow_async.sandbox.records import RecordedRequest, redacted
from printnow_async.sandbox.replies import ErrorEnvelope, Reply, error_reply, fault_reply, json_reply
from printnow_async.sandbox.routes import ROUTES, Route, find_route
from printnow_async.sandbox.store import Store

__all__ = ["Exchange", "Service"]

Found = TypeVar("Found")


@attrs.define(eq=False)
class Exchange:
    """One request while it is being served."""

    record: RecordedRequest
    """The record of the request so far."""
    authorization: str | None = attrs.field(repr=False)
    """The Authorization header."""
    route: Route | Refusal
    """The endpoint, or the refusal where there is no endpoint."""
    body: Body | Refusal = attrs.field(repr=False)
    """The JSON object of the request, or the refusal where the body is not a JSON object."""

    def note(self, **changes: Any) -> None:
        """Put more into the record of the request."""
        self.record = attrs.evolve(self.record, **changes)


@final
class Service:
    """Serves requests over one store.

    The vendor documents the order of checks for credentials only. Assumed: limits and faults come first, as they stand
    for a gateway in front of the service; then credentials, address, body, and the rules. Takes the token and key that
    are accepted, the seconds that every request waits before it is applied, and the form of an error's body.
    """

    def __init__(
        self,
        store: Store,
        plan: FaultPlan,
        limits: HiddenLimits,
        *,
        credentials: tuple[str, str],
        latency: float,
        error_envelope: ErrorEnvelope,
    ) -> None:
        self.store = store
        self.plan = plan
        self.exchanges: list[Exchange] = []
        self.in_flight = 0
        self.peak_concurrency = 0
        self._limits = limits
        self._credentials = credentials
        self._latency = latency
        self._envelope: ErrorEnvelope = error_envelope

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one request to its end, even when the client has gone, as real services do."""
        self.in_flight += 1
        self.peak_concurrency = max(self.peak_concurrency, self.in_flight)
        try:
            started = asyncio.get_running_loop().time()
            try:
                raw = await request.read()
            except (ConnectionError, web.RequestPayloadError):
                return web.Response(status=400)  # the client has gone before its request was whole: nothing is recorded
            exchange = self._receive(request, raw, started)
            decision, reply = await self._serve(exchange)
            return await _answer(request, exchange, decision.fault, reply)
        finally:
            self.in_flight -= 1

    def _receive(self, request: web.BaseRequest, raw: bytes, started: float) -> Exchange:
        route = _or_refusal(lambda: find_route(ROUTES, request.method, request.path))
        body = _or_refusal(lambda: decode(raw))
        record = RecordedRequest(
            method=request.method,
            path=request.path,
            route=None if isinstance(route, Refusal) else str(route.pattern),
            request_id=request.headers.get("X-Request-ID"),
            json=None if isinstance(body, Refusal) else redacted(body),
            started=started,
        )
        exchange = Exchange(record, request.headers.get("Authorization"), route, body)
        self.exchanges.append(exchange)
        return exchange

    async def _serve(self, exchange: Exchange) -> tuple[Decision, Reply | None]:
        try:
            self._limits.enter(asyncio.get_running_loop().time())
        except Refusal as refusal:
            return Decision(), error_reply(refusal, self._envelope)
        try:
            decision = self.plan.decide(exchange.record.method, exchange.record.path)
            return decision, await self._carry_out(exchange, decision)
        finally:
            self._limits.leave()

    async def _carry_out(self, exchange: Exchange, decision: Decision) -> Reply | None:
        fault = decision.fault
        reply: Reply | None = None
        exchange.note(fault=decision.name)
        await _wait(self._latency + decision.before)
        if fault is None or fault.applies:
            reply = self._apply(exchange)
        await _wait(decision.after)
        if fault is None or fault.name == "truncate":
            return reply
        return fault_reply(fault, self._envelope) if fault.code else None

    def _apply(self, exchange: Exchange) -> Reply:
        try:
            check_credentials(exchange.authorization, *self._credentials)
            route, body = exchange.route, exchange.body
            if isinstance(route, Refusal):
                raise route
            if isinstance(body, Refusal):
                if route.takes_body:
                    raise body
                body = {}
            status, value = route.handle(self.store, route.pattern.values(exchange.record.path), body)
        except Refusal as refusal:
            return error_reply(refusal, self._envelope)
        exchange.note(applied=True)
        return json_reply(status, value)


async def _answer(
    request: web.BaseRequest, exchange: Exchange, fault: Fault | None, reply: Reply | None
) -> web.StreamResponse:
    if reply is None:
        return cut(request, reset=fault is not None and fault.reset)
    if fault is not None and fault.name == "truncate":
        exchange.note(status=reply.status if reply.body else None)
        return await send_half(request, reply)
    exchange.note(status=reply.status)
    return send(reply)


def _or_refusal(work: Callable[[], Found]) -> Found | Refusal:
    try:
        return work()
    except Refusal as refusal:
        return refusal


async def _wait(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)
