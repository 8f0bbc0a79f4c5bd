"""OpenTelemetry: what is made of the events, with exporters in memory and events made by hand."""

from __future__ import annotations

import gc
import subprocess
import sys
import time

import attrs
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from printnow_async import (
    AttemptEvent,
    CallEvent,
    ConfigurationError,
    Limits,
    LiveLimits,
    PrintNowClient,
    RetryPolicy,
    Sent,
    telemetry,
)
from printnow_async.telemetry import OpenTelemetry

ATTEMPT = AttemptEvent(
    operation="customers.convert",
    method="PATCH",
    route="/api/v2/customer/{id}",
    attempt=1,
    status=200,
    failure=None,
    sent=Sent.MAYBE,
    elapsed=0.25,
    pause=None,
    request_id="r-1",
    limit=16,
)
CALL = CallEvent(
    operation="customers.convert",
    method="PATCH",
    route="/api/v2/customer/{id}",
    attempts=1,
    status=200,
    failure=None,
    sent=Sent.MAYBE,
    elapsed=2.0,
    pause=0.0,
    request_id="r-1",
    limit=16,
)
READ = attrs.evolve(ATTEMPT, method="GET")
LOST = attrs.evolve(ATTEMPT, status=None, failure="lost", pause=1.5)


class Collected:
    """An observer with what its exporters were given."""

    def __init__(self):
        self.spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader])
        self.observer = self.another()

    def another(self):
        return OpenTelemetry(self.tracer_provider, self.meter_provider)

    def see(self, *events):
        """Let the observer see these events, and return the span of the last call."""
        for event in events:
            self.observer(event)
        return self.spans.get_finished_spans()[-1]

    def points(self, name):
        """The data points of one instrument."""
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"printnow.client.{name}"
            for point in metric.data.data_points
        ]

    def values(self, name):
        """What one counter says, by its attributes."""
        return [(dict(point.attributes), point.value) for point in self.points(name)]


@pytest.fixture
def collected():
    return Collected()


def client(host="api.example.com", **options):
    return PrintNowClient("TOKEN", "KEY", base_url=f"https://{host}", **options)


# ---------------------------------------------------------------- spans


def test_a_call_is_a_client_span_named_by_method_and_route(collected):
    span = collected.see(ATTEMPT, CALL)
    assert (span.name, span.kind) == ("PATCH /api/v2/customer/{id}", trace.SpanKind.CLIENT)
    assert span.instrumentation_scope.name == "printnow_async"
    assert dict(span.attributes) == {
        "http.request.method": "PATCH",
        "http.response.status_code": 200,
        "printnow.attempts": 1,
        "printnow.operation": "customers.convert",
        "printnow.request_id": "r-1",
        "printnow.sent": "maybe",
        "url.template": "/api/v2/customer/{id}",
    }
    assert span.status.status_code is trace.StatusCode.UNSET


def test_a_span_has_the_times_that_the_call_had(collected):
    before = time.time_ns()
    span = collected.see(ATTEMPT, CALL)
    assert span.end_time - span.start_time == 2_000_000_000
    assert before <= span.end_time <= time.time_ns()
    (attempt,) = span.events
    assert span.start_time <= attempt.timestamp <= span.end_time


def test_each_attempt_is_an_event_of_the_span(collected):
    span = collected.see(LOST, attrs.evolve(ATTEMPT, attempt=2), CALL)
    assert [event.name for event in span.events] == ["attempt", "attempt"]
    first, second = (dict(event.attributes) for event in span.events)
    assert first == {
        "error.type": "lost",
        "http.request.method": "PATCH",
        "printnow.attempt": 1,
        "printnow.elapsed": 0.25,
        "printnow.pause": 1.5,
        "printnow.sent": "maybe",
        "url.template": "/api/v2/customer/{id}",
    }
    assert (second["printnow.attempt"], second["http.response.status_code"]) == (2, 200)
    assert second.keys().isdisjoint({"error.type", "printnow.pause"})


@pytest.mark.parametrize(
    ("attempts", "resends"),
    [((ATTEMPT,), None), ((READ, ATTEMPT, READ), None), ((READ, LOST, READ, LOST, READ, ATTEMPT), 2), ((READ,), None)],
    ids=["once", "with reads", "repeated", "not at all"],
)
def test_the_reads_that_a_write_needs_are_no_resends(collected, attempts, resends):
    assert collected.see(*attempts, CALL).attributes.get("http.request.resend_count") == resends


def test_a_failure_has_an_error_status_and_says_which(collected):
    call = attrs.evolve(CALL, status=None, failure="OutcomeUnknownError", pause=1.5)
    span = collected.see(LOST, call)
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description is None
    assert span.attributes["error.type"] == "OutcomeUnknownError"
    assert span.attributes["printnow.paused"] == 1.5
    assert "http.response.status_code" not in span.attributes


def test_a_repeated_delete_that_found_nothing_left_is_no_failure(collected):
    """The last status is 404, and the call succeeded all the same."""
    span = collected.see(LOST, attrs.evolve(ATTEMPT, status=404), attrs.evolve(CALL, status=404))
    assert span.attributes["http.response.status_code"] == 404
    assert span.status.status_code is trace.StatusCode.UNSET
    assert span.events[-1].attributes["error.type"] == "404"


def test_a_call_that_made_no_attempt_is_a_span_too(collected):
    span = collected.see(attrs.evolve(CALL, attempts=0, sent=Sent.NEVER, status=None, failure="DeadlineExceededError"))
    assert span.events == ()
    assert span.attributes["printnow.sent"] == "never"


def test_calls_side_by_side_keep_their_attempts_apart(collected):
    other = {"request_id": "r-2"}
    collected.observer(ATTEMPT)
    span = collected.see(attrs.evolve(LOST, **other), attrs.evolve(ATTEMPT, **other), attrs.evolve(CALL, **other))
    assert len(span.events) == 2
    assert len(collected.see(CALL).events) == 1


def test_the_parent_is_the_span_that_is_current(collected):
    with collected.tracer_provider.get_tracer("app").start_as_current_span("checkout") as parent:
        span = collected.see(ATTEMPT, CALL)
    assert span.parent == parent.get_span_context()


# ---------------------------------------------------------------- what is kept


def test_nothing_is_kept_of_a_call_that_ended(collected):
    collected.see(LOST, ATTEMPT, CALL)
    assert collected.observer._open == {}


def test_calls_that_never_end_are_forgotten_in_the_end(collected, monkeypatch):
    monkeypatch.setattr(telemetry, "OPEN_CALLS", 3)
    for number in range(10):
        collected.observer(attrs.evolve(ATTEMPT, request_id=f"r-{number}"))
    assert list(collected.observer._open) == ["r-7", "r-8", "r-9"]
    assert collected.see(attrs.evolve(CALL, request_id="r-0")).events == ()


# ---------------------------------------------------------------- measurements


def test_a_call_is_counted_and_timed(collected):
    collected.see(ATTEMPT, CALL)
    collected.see(ATTEMPT, attrs.evolve(CALL, failure="ServerError"))
    done, failed = {"printnow.operation": "customers.convert"}, {"error.type": "ServerError"}
    assert collected.values("calls") == [
        ({**done, "printnow.sent": "maybe"}, 1),
        ({**done, **failed, "printnow.sent": "maybe"}, 1),
    ]
    points = collected.points("call.duration")
    assert [(dict(point.attributes), point.sum) for point in points] == [(done, 2.0), ({**done, **failed}, 2.0)]


def test_attempts_are_counted_and_timed_by_how_they_ended(collected):
    collected.see(LOST, attrs.evolve(ATTEMPT, status=503, pause=0.5), ATTEMPT, CALL)
    ends = [
        (point.attributes.get("http.response.status_code"), point.attributes.get("error.type"), point.value)
        for point in collected.points("attempts")
    ]
    assert ends == [(None, "lost", 1), (503, "503", 1), (200, None, 1)]
    assert [point.sum for point in collected.points("attempt.duration")] == [0.25] * 3
    assert [point.attributes["error.type"] for point in collected.points("retries")] == ["lost", "503"]


def test_the_buckets_are_seconds_up_to_what_a_call_may_take(collected):
    collected.see(ATTEMPT, CALL)
    (point,) = collected.points("call.duration")
    assert (point.explicit_bounds[0], point.explicit_bounds[-1]) == (0.005, 120.0)


def test_a_measurement_of_a_call_leads_to_its_span(collected):
    span = collected.see(ATTEMPT, CALL)
    (point,) = collected.points("call.duration")
    assert [exemplar.span_id for exemplar in point.exemplars] == [span.context.span_id]


def test_no_measurement_has_an_attribute_of_one_call_alone(collected):
    """A request id would make a series of its own for each call."""
    collected.see(LOST, ATTEMPT, CALL)
    for name in ("calls", "attempts", "retries", "call.duration", "attempt.duration"):
        points = collected.points(name)
        assert points
        assert all("printnow.request_id" not in point.attributes for point in points)


def test_without_a_sdk_it_does_nothing():
    observer = OpenTelemetry()
    observer(ATTEMPT)
    observer(CALL)
    assert observer._open == {}
    assert repr(observer) == "OpenTelemetry()"


# ---------------------------------------------------------------- places


HERE = {"server.address": "api.example.com", "server.port": 443}


def test_a_watched_client_shows_its_places(collected):
    watched = client(limits=Limits(max_concurrency=5))
    collected.observer.watch(watched)
    assert watched._caller.shared.gate.try_acquire()
    assert collected.values("limit") == [(HERE, 5)]
    assert collected.values("in_flight") == [(HERE, 1)]
    assert collected.values("waiting") == [(HERE, 0)]


async def test_clients_of_one_server_are_added_up(collected):
    """A client with other options shares the places of the first; a closed one has none."""
    first, second = client(limits=Limits(max_concurrency=5)), client(limits=Limits(max_concurrency=7))
    for watched in (first, second, first.with_options(retry=RetryPolicy.none()), second):
        collected.observer.watch(watched)
    assert collected.values("limit") == [(HERE, 12)]
    await first.aclose()
    assert collected.values("limit") == [(HERE, 7)]


def test_watching_keeps_no_client_alive(collected):
    collected.observer.watch(client())
    gc.collect()
    assert collected.values("limit") == []
    assert len(collected.observer._watched) == 0


def test_two_observers_of_one_provider_show_both_servers(collected):
    """An SDK takes an observable instrument's callback once only."""
    here, there = client(), client("other.example.com:8443")
    collected.observer.watch(here)
    collected.another().watch(there)
    assert collected.values("limit") == [(HERE, 16), ({"server.address": "other.example.com", "server.port": 8443}, 16)]


def test_providers_show_each_their_own(collected):
    other, watched = Collected(), client()
    other.observer.watch(watched)
    assert collected.values("limit") == []
    assert isinstance(watched.limits, LiveLimits)
    assert other.values("limit") == [(HERE, 16)]


def test_spans_and_measurements_name_the_server_of_a_watched_client(collected):
    watched = PrintNowClient("TOKEN", "KEY", base_url="http://127.0.0.1")
    collected.observer.watch(watched)
    span = collected.see(ATTEMPT, CALL)
    server = {"server.address": "127.0.0.1", "server.port": 80}
    assert server.items() <= span.attributes.items()
    for name in ("calls", "attempts", "call.duration", "attempt.duration"):
        (point,) = collected.points(name)
        assert server.items() <= point.attributes.items()


def test_an_observer_has_one_server(collected):
    watched = client()
    collected.observer.watch(watched)
    with pytest.raises(ConfigurationError, match="observes another server"):
        collected.observer.watch(client("other.example.com"))


def test_only_a_client_can_be_watched(collected):
    with pytest.raises(ConfigurationError, match="not Customers"):
        collected.observer.watch(client().customers)


# ---------------------------------------------------------------- the library


def test_without_the_library_the_import_says_what_to_install():
    program = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "import printnow_async\n"
        "try:\n"
        "    import printnow_async.telemetry\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "OpenTelemetry is missing: pip install 'printnow-async[otel]'\n"
