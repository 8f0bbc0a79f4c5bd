"""OpenTelemetry (extra `otel`): a span and measurements for each call, made of the events that observers receive.

    telemetry = OpenTelemetry()
    async with PrintNowClient(observers=[telemetry]) as client:
        telemetry.watch(client)

An event tells of a call or an attempt that has ended, so a span is made when its call ends, with the times of the call.
The parent of the span is the span that was current where the call was made. Names follow OpenTelemetry's conventions
for HTTP; a name that the conventions do not have begins with `printnow.`. No attribute is secret or personal: routes
stand in the place of paths, which would show ids.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    raise ImportError("OpenTelemetry is missing: pip install 'printnow-async[otel]'") from error

from printnow_async._version import __version__
from printnow_async.client import PrintNowClient
from printnow_async.errors import ConfigurationError
from printnow_async.events import AttemptEvent, CallEvent
from printnow_async.options import LiveLimits

__all__ = ["OpenTelemetry"]

_Attributes: TypeAlias = Mapping[str, str | int | float]
_Watched: TypeAlias = WeakKeyDictionary[LiveLimits, _Attributes]

SCOPE: Final = "printnow_async"
OPEN_CALLS: Final = 10_000
"""The number of open calls whose attempts are kept. Beyond that number, the attempts of the oldest call are dropped."""
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 120.0)
"""Seconds: the buckets of the conventions for HTTP, and more up to the default deadline of a call."""

_lock: Final = threading.RLock()  # reentrant: the garbage collector may end a call inside
_watched: Final[WeakKeyDictionary[object, _Watched]] = WeakKeyDictionary()
"""The watched limits with their servers, by meter provider. An SDK takes one callback for an observable instrument, so
the instruments of the first observer of a provider report the clients of all its observers."""


class OpenTelemetry:
    """An observer that makes a span and measurements of each call: `PrintNowClient(observers=[OpenTelemetry()])`.

    One observer may serve several clients of one server, in any threads. Providers that are not given are the global
    providers.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(SCOPE, __version__, meter_provider)
        self._calls = meter.create_counter("printnow.client.calls", "{call}", "Calls that ended.")
        self._attempts = meter.create_counter("printnow.client.attempts", "{attempt}", "Attempts that ended.")
        self._retries = meter.create_counter("printnow.client.retries", "{retry}", "Attempts that were to be repeated.")
        self._call_duration = meter.create_histogram(
            "printnow.client.call.duration",
            "s",
            "Whole calls: the wait for a place, all attempts and all pauses.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._attempt_duration = meter.create_histogram(
            "printnow.client.attempt.duration",
            "s",
            "Attempts, from having a place to the end of the answer.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._watched = _watched_through(metrics if meter_provider is None else meter_provider, meter)
        self._server: _Attributes = {}
        self._open: dict[str, list[tuple[int, AttemptEvent]]] = {}

    def watch(self, client: PrintNowClient) -> None:
        """Report this client's places as well, and its server with every span and measurement.

        The client is not kept alive by this. `ConfigurationError` for a client of another server than the first one:
        make one observer for each server.
        """
        if not isinstance(client, PrintNowClient):
            raise ConfigurationError(f"only a PrintNowClient can be watched, not {type(client).__name__}")
        server = _server(client.base_url)
        with _lock:
            if self._server and self._server != server:
                raise ConfigurationError("this OpenTelemetry observes another server: make one for each")
            self._server = server
            self._watched[client.limits] = server

    def __call__(self, event: AttemptEvent | CallEvent) -> None:
        """Keep an attempt that has ended, or report a call that has ended."""
        now = time.time_ns()
        if isinstance(event, AttemptEvent):
            self._keep(now, event)
            self._measure_attempt(event)
        else:
            with _lock:
                attempts = self._open.pop(event.request_id, [])
            span = self._make_span(now, event, attempts)
            self._measure_call(event, span)

    def _keep(self, now: int, event: AttemptEvent) -> None:
        with _lock:
            self._open.setdefault(event.request_id, []).append((now, event))
            if len(self._open) > OPEN_CALLS:
                self._open.pop(next(iter(self._open)), None)

    def _make_span(self, now: int, event: CallEvent, attempts: list[tuple[int, AttemptEvent]]) -> trace.Span:
        own = sum(attempt.method == event.method and attempt.route == event.route for _, attempt in attempts)
        span = self._tracer.start_span(
            f"{event.method} {event.route}",
            kind=trace.SpanKind.CLIENT,
            start_time=now - _nanoseconds(event.elapsed),
            attributes=_present(
                {
                    "printnow.operation": event.operation,
                    "http.request.method": event.method,
                    "url.template": event.route,
                    "http.response.status_code": event.status,
                    "error.type": event.failure,
                    "http.request.resend_count": own - 1 if own > 1 else None,
                    "printnow.attempts": event.attempts,
                    "printnow.paused": event.pause or None,
                    "printnow.request_id": event.request_id,
                    "printnow.sent": event.sent.value,
                    **self._server,
                }
            ),
        )
        for ended, attempt in attempts:
            own_facts = {
                "printnow.attempt": attempt.attempt,
                "printnow.elapsed": attempt.elapsed,
                "printnow.pause": attempt.pause,
                "printnow.sent": attempt.sent.value,
            }
            span.add_event("attempt", _present({**_attempt(attempt), **own_facts}), timestamp=ended)
        if event.failure is not None:
            span.set_status(trace.StatusCode.ERROR)
        span.end(now)
        return span

    def _measure_call(self, event: CallEvent, span: trace.Span) -> None:
        attributes = _present({"printnow.operation": event.operation, "error.type": event.failure, **self._server})
        # in the context of the span, so that a backend can link a slow bucket to one of its spans
        context = trace.set_span_in_context(span)
        self._call_duration.record(event.elapsed, attributes, context)
        self._calls.add(1, {**attributes, "printnow.sent": event.sent.value}, context)

    def _measure_attempt(self, event: AttemptEvent) -> None:
        attributes = _present({"printnow.operation": event.operation, **_attempt(event), **self._server})
        self._attempt_duration.record(event.elapsed, attributes)
        self._attempts.add(1, {**attributes, "printnow.sent": event.sent.value})
        if event.pause is not None:
            self._retries.add(1, attributes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


# ---------------------------------------------------------------- places


def _watched_through(provider: object, meter: metrics.Meter) -> _Watched:
    """The watched limits of a provider. The instruments that report them are made at the first call."""
    with _lock:
        watched = _watched.get(provider)
        if watched is not None:
            return watched
        watched = _watched[provider] = WeakKeyDictionary()
    for name, what, description in (
        ("in_flight", "in_flight", "Calls that hold a place."),
        ("waiting", "waiting", "Calls that wait for a place."),
        ("limit", "current", "Calls that may hold a place; it moves with Limits(adaptive=True)."),
    ):
        meter.create_observable_up_down_counter(
            f"printnow.client.{name}", [_reader(watched, what)], "{call}", description
        )
    return watched


def _reader(watched: _Watched, what: str) -> metrics.CallbackT:
    """The callback of one instrument: the sum over the clients of each server. The SDK calls it in its own thread."""

    def read(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        with _lock:
            live = list(watched.items())
        sums: dict[tuple[tuple[str, str | int | float], ...], int] = {}
        for limits, server in live:
            if limits.current:  # 0 for a closed client
                key = tuple(server.items())
                sums[key] = sums.get(key, 0) + int(getattr(limits, what))
        return [metrics.Observation(value, dict(key)) for key, value in sums.items()]

    return read


# ---------------------------------------------------------------- attributes


def _attempt(event: AttemptEvent) -> dict[str, str | int | None]:
    return {
        "http.request.method": event.method,
        "url.template": event.route,
        "http.response.status_code": event.status,
        "error.type": _error_type(event),
    }


def _error_type(event: AttemptEvent) -> str | None:
    """The status as text, if the answer is no success; without an answer, the reason; None for success."""
    if event.status is not None:
        return str(event.status) if event.status >= 300 else None
    return event.failure


def _server(base_url: str) -> _Attributes:
    parts = urlsplit(base_url)
    return {
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }


def _present(attributes: Mapping[str, str | int | float | None]) -> dict[str, str | int | float]:
    return {name: value for name, value in attributes.items() if value is not None}


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000_000)
