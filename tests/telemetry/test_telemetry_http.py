"""OpenTelemetry over real sockets: calls that succeed, repeat, fail, stay unknown or are cancelled, and no secret."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import aiohttp
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from printnow_async import (
    Limits,
    NotFoundError,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    RetryPolicy,
    Timeout,
    run_bulk,
)
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.telemetry import OpenTelemetry
from tests.support.raw_server import answer, raw_server
from tests.support.scenarios import ACCOUNT, OPERATIONS

OURS = "printnow_async"


class Application:
    """A program that traces: its providers, what they were given, and an observer that is part of it."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader])
        self.observer = OpenTelemetry(self.tracer_provider, self.meter_provider)

    def client(self, server, **options):
        settings = {"retry": RetryPolicy(base_delay=0.0), **options}
        token, key = getattr(server, "token", "TOKEN"), getattr(server, "key", "KEY")
        client = PrintNowClient(token, key, base_url=server.url, observers=[self.observer], **settings)
        self.observer.watch(client)
        return client

    def working(self):
        """A span of its own, around what it does."""
        return self.tracer_provider.get_tracer("app").start_as_current_span("checkout")

    def spans(self, scope=OURS):
        """The finished spans that one library has made."""
        return [span for span in self.exporter.get_finished_spans() if span.instrumentation_scope.name == scope]

    def instrument_aiohttp(self, **options):
        AioHttpClientInstrumentor().instrument(
            tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options
        )

    def theirs(self):
        """The spans of the instrumentation of aiohttp."""
        return self.spans("opentelemetry.instrumentation.aiohttp_client")

    def measured(self):
        """Every data point there is, with the name of its instrument."""
        for resource in self.reader.get_metrics_data().resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        yield metric.name, point


@pytest.fixture
def app():
    return Application()


@pytest.fixture
def instrumented():
    """An application beside the instrumentation of aiohttp, which is taken out again."""
    app = Application()
    app.instrument_aiohttp(request_hook=name_request)
    try:
        yield app
    finally:
        AioHttpClientInstrumentor().uninstrument()


def name_request(span, params):
    """What docs/observability.md shows: the call's request id on the span of each of its requests."""
    if request_id := params.headers.get("X-Request-ID"):
        span.set_attribute("printnow.request_id", request_id)


def statuses(span):
    return [event.attributes.get("http.response.status_code") for event in span.events]


# ---------------------------------------------------------------- what becomes of a call


async def test_a_call_is_a_child_of_the_span_it_was_made_in(app):
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        customer = sandbox.add_customer(storefront_id=1)
        with app.working() as parent:
            await client.customers.get(customer.id)
        (span,) = app.spans()
        assert span.name == "GET /api/v2/customer/{id}"
        assert span.parent == parent.get_span_context()
        assert parent.start_time <= span.start_time <= span.end_time <= parent.end_time
        assert span.attributes["server.port"] == int(sandbox.url.rpartition(":")[2])
        assert span.attributes["printnow.request_id"] == sandbox.requests[-1].request_id
        assert statuses(span) == [200]


async def test_a_call_of_a_bulk_belongs_to_the_span_around_the_bulk(app):
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        ids = [sandbox.add_customer(storefront_id=1).id for _ in range(5)]
        with app.working() as parent:
            await run_bulk(client.customers.get, ids, concurrency=3)
        assert [span.parent for span in app.spans()] == [parent.get_span_context()] * 5


async def test_repeats_are_told_of(app):
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        sandbox.inject(Fault.status(500), times=2)
        await client.customers.create(ACCOUNT, storefront_id=1)
        (span,) = app.spans()
        assert statuses(span) == [500, 500, 201]
        assert span.attributes["http.request.resend_count"] == 2
        assert span.status.status_code is trace.StatusCode.UNSET
        assert sum(point.value for name, point in app.measured() if name == "printnow.client.retries") == 2


async def test_a_convert_that_was_read_back_is_one_span(app):
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        guest = await client.customers.create_temporary(storefront_id=1)
        sandbox.inject(Fault.apply_then_drop(), route="PATCH /api/v2/customer/{id}")
        await client.customers.convert(guest.id, ACCOUNT)
        span = app.spans()[-1]
        methods = [event.attributes["http.request.method"] for event in span.events]
        assert methods == ["GET", "PATCH", "GET"]
        assert "http.request.resend_count" not in span.attributes
        assert span.status.status_code is trace.StatusCode.UNSET


async def test_a_failure_is_an_error(app):
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        with pytest.raises(NotFoundError):
            await client.customers.get(4711)
        (span,) = app.spans()
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.attributes["error.type"] == "CustomerNotFoundError"
        assert span.attributes["http.response.status_code"] == 404


async def test_an_unknown_outcome_says_so(app):
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        sandbox.inject(Fault.apply_then_drop())
        with pytest.raises(OutcomeUnknownError):
            await client.customers.create_temporary(storefront_id=1)
        (span,) = app.spans()
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.attributes["error.type"] == "OutcomeUnknownError"
        assert span.attributes["printnow.sent"] == "maybe"
        assert [event.attributes["error.type"] for event in span.events] == ["lost"]


# ---------------------------------------------------------------- cancellation


async def test_a_cancelled_call_is_a_span_and_leaves_nothing(app):
    async with Sandbox(latency=30) as sandbox, app.client(sandbox) as client:
        with app.working() as parent:
            call = asyncio.ensure_future(client.ping())
            while not sandbox.in_flight:
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        (span,) = app.spans()
        assert span.parent == parent.get_span_context()
        assert span.attributes["error.type"] == "CancelledError"
        assert [event.attributes["error.type"] for event in span.events] == ["cancelled"]
        assert app.observer._open == {}


async def test_a_call_cancelled_in_its_pause_leaves_nothing(app):
    retry = RetryPolicy(base_delay=30.0, max_delay=30.0)
    async with Sandbox() as sandbox, app.client(sandbox, retry=retry) as client:
        sandbox.inject(Fault.status(500), times=9)
        call = asyncio.ensure_future(client.ping())
        while not app.observer._open:
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        (span,) = app.spans()
        assert statuses(span) == [500]
        assert app.observer._open == {}


async def test_a_call_cancelled_at_any_turn_leaves_nothing(app):
    async with Sandbox() as sandbox, app.client(sandbox, limits=Limits(max_concurrency=1)) as client:
        turns, running = 0, True
        while running:
            sandbox.inject(Fault.status(500))
            call = asyncio.ensure_future(client.ping())
            for _ in range(turns):
                await asyncio.sleep(0)
            running = call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert app.observer._open == {}
            sandbox.clear_faults()
            turns += 1
        assert turns > 5
        assert len(app.spans()) in {turns, turns - 1}  # a task that is cancelled before it began has made no call
        places = {name: point.value for name, point in app.measured() if name.endswith(("in_flight", "waiting"))}
        assert places == {"printnow.client.in_flight": 0, "printnow.client.waiting": 0}


# ---------------------------------------------------------------- beside the instrumentation of aiohttp


async def test_beside_the_instrumentation_of_aiohttp_both_are_children_of_the_application(instrumented):
    """Ours is made after theirs have ended, so it cannot be their parent; the request id joins them."""
    app = instrumented
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        sandbox.inject(Fault.status(500))
        with app.working() as parent:
            await client.ping()
        (ours,), theirs = app.spans(), app.theirs()
        assert len(theirs) == 2
        for span in (ours, *theirs):
            assert span.parent == parent.get_span_context()
            assert span.kind is trace.SpanKind.CLIENT
            assert span.attributes["printnow.request_id"] == ours.attributes["printnow.request_id"]
        assert all(ours.start_time <= span.start_time <= span.end_time <= ours.end_time for span in theirs)


async def test_the_trace_goes_on_at_the_server(instrumented):
    """Their span is the parent of what the server does: it was there when the request was sent."""
    app = instrumented
    async with raw_server(answer(204)) as server, app.client(server) as client:
        with app.working():
            await client.ping()
        (theirs,) = app.theirs()
        (request,) = server.requests
        sent = {name.lower(): value for name, value in request.headers.items()}["traceparent"]
        assert sent.startswith(f"00-{theirs.context.trace_id:032x}-{theirs.context.span_id:016x}-")


async def test_an_attempt_that_times_out_leaves_the_applications_span_current(instrumented):
    """The instrumentation puts its span into the context, and takes it out again when the attempt is cut off."""
    app = instrumented
    async with Sandbox() as sandbox, app.client(sandbox, timeout=Timeout(attempt=0.05)) as client:
        sandbox.inject(Fault.latency(5))
        with app.working() as parent:
            await client.ping()
            assert trace.get_current_span() is parent
        (ours,) = app.spans()
        assert ours.parent == parent.get_span_context()
        assert [event.attributes.get("error.type") for event in ours.events] == ["timeout", None]


async def test_a_borrowed_session_is_traced_once(instrumented):
    """The client makes a session of its own around the borrowed one's connections, and both are instrumented."""
    app = instrumented
    async with aiohttp.ClientSession() as session, Sandbox() as sandbox, app.client(sandbox, session=session) as client:
        with app.working() as parent:
            await client.ping()
            assert trace.get_current_span() is parent
    assert [span.parent for span in (*app.theirs(), *app.spans())] == [parent.get_span_context()] * 2


async def test_nothing_is_measured_twice(instrumented):
    """Its instruments and ours have no name in common."""
    app = instrumented
    async with Sandbox() as sandbox, app.client(sandbox) as client:
        await client.ping()
    names = {name for name, _ in app.measured()}
    # what it measures has had more names than one, and in early versions there was nothing of it
    assert {name for name in names if not name.startswith("printnow.client.")} <= {
        "http.client.duration",
        "http.client.request.duration",
    }


# ---------------------------------------------------------------- secrecy


def texts(app):
    """Everything that leaves the process: each span, and each data point, as text."""
    for span in app.spans():
        yield span.to_json()
        yield repr([span.events, span.links, span.resource.attributes])
    for _, point in app.measured():
        yield point.to_json()


FAULTS = {
    "none": None,
    "refused": Fault.status(400, body="token-canary, key-canary, securepass123, janesmith"),
    "broken": Fault.status(500),
    "lost": Fault.apply_then_drop(),
    "truncated": Fault.truncate(),
    "garbage": Fault.garbage(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_no_secret_and_no_id_leaves_in_a_span_or_a_measurement(app, name, fault):
    operation = OPERATIONS[name]
    async with Sandbox(token="token-canary", key="key-canary") as sandbox:
        sandbox.add_customer(storefront_id=1)
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as other:
            ids = await operation.prepare(sandbox, other)
        before = len(sandbox.requests)
        async with app.client(sandbox, retry=RetryPolicy(max_attempts=2, base_delay=0.0)) as client:
            if FAULTS[fault] is not None:
                sandbox.inject(FAULTS[fault], route=operation.route, times=2)
            with contextlib.suppress(PrintNowError):
                await operation.run(client, ids)
            told = "\n".join(texts(app))
        with_ids = {
            request.path for request in sandbox.requests[before:] if not (request.route or "").endswith(request.path)
        }
        assert app.spans()
        credentials = base64.b64encode(b"token-canary:key-canary").decode()
        for secret in ("token-canary", "key-canary", credentials, ACCOUNT.password, ACCOUNT.username, ACCOUNT.email):
            assert secret not in told
        assert [path for path in with_ids if path in told] == []
        values = set(ids.values())
        for span in app.spans():
            assert values.isdisjoint(span.attributes.values())
            assert all(values.isdisjoint(event.attributes.values()) for event in span.events)
