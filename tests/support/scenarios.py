"""The operations and the faults of the write-safety tests, and what must hold whatever happens.

Each scenario runs a real client against a sandbox of its own over real sockets; the sandbox, which shares no code
with the client, is the witness of what was applied.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from printnow_async import (
    AttemptEvent,
    CustomerUpdate,
    InvalidResponseError,
    NewAccount,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    RetryPolicy,
    Timeout,
    WebhookEvent,
)
from printnow_async.sandbox import Fault, Sandbox

ACCOUNT = NewAccount("janesmith", "securepass123", "jane@example.com", "Jane", "Smith", "Acme Corp")
UPDATE = CustomerUpdate(company="Changed", tax_exempt=True)
RETRY_AFTER = 2.0
TARGET = "https://example.com/webhooks/printnow"
ENVELOPES = ("Message", "message", "string", "text", "html", "empty")


@attrs.frozen
class Operation:
    """One method of the client, and how the sandbox tells how often it took effect."""

    name: str
    route: str
    write: bool
    prepare: Callable[[Sandbox, PrintNowClient], Awaitable[dict[str, int]]]
    run: Callable[[PrintNowClient, dict[str, int]], Awaitable[Any]]
    effects: Callable[[Sandbox, dict[str, int]], int]
    read_back: str = "GET /api/v2/customer/{id}"


async def _nobody(_sandbox: Sandbox, _client: PrintNowClient) -> dict[str, int]:
    return {}


async def _permanent(sandbox: Sandbox, _client: PrintNowClient) -> dict[str, int]:
    return {"id": sandbox.add_customer(storefront_id=1, username="existing", email="existing@example.com").id}


async def _temporary(sandbox: Sandbox, client: PrintNowClient) -> dict[str, int]:
    guest = await client.customers.create_temporary(storefront_id=1)
    sandbox.add_work(guest.id, albums=3, projects=2)
    return {"guest": guest.id, **await _permanent(sandbox, client)}


def _named(sandbox: Sandbox, _: dict[str, int]) -> int:
    return sum(customer.username == ACCOUNT.username for customer in sandbox.customers.values())


def _none(*_: Any) -> int:
    return 0


def _updated(sandbox: Sandbox, ids: dict[str, int]) -> int:
    return int(sandbox.customers[ids["id"]].company == "Changed")


def _deleted(sandbox: Sandbox, ids: dict[str, int]) -> int:
    return int(ids["id"] in sandbox.deleted_customers)


def _temporaries(sandbox: Sandbox, _: dict[str, int]) -> int:
    return sum(customer.is_temporary for customer in sandbox.customers.values())


def _transferred(sandbox: Sandbox, ids: dict[str, int]) -> int:
    destination = sandbox.customers[ids["id"]]
    assert (destination.albums, destination.projects) in {(0, 0), (3, 2)}
    return int(destination.albums == 3)


async def _subscription(sandbox: Sandbox, _client: PrintNowClient) -> dict[str, int]:
    sandbox.add_webhook("https://example.com/another", "order_created")
    return {"hook": sandbox.add_webhook(TARGET, "customer_deleted").id}


def _subscribed(sandbox: Sandbox, _: dict[str, int]) -> int:
    return sum(hook.target_url == TARGET for hook in sandbox.webhooks.values())


def _unsubscribed(sandbox: Sandbox, ids: dict[str, int]) -> int:
    assert len(sandbox.webhooks) in {1, 2}
    return int(ids["hook"] not in sandbox.webhooks)


async def _create(client: PrintNowClient, _: dict[str, int]) -> Any:
    return await client.customers.create(ACCOUNT, storefront_id=1)


ONE, ALL = "/api/v2/customer/{id}", "/api/v2/customer"
HOOKS = "/api/v2/hooks"

OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("ping", "GET /api/v2/ping", False, _nobody, lambda c, _: c.ping(), _none),
        Operation("get", f"GET {ONE}", False, _permanent, lambda c, ids: c.customers.get(ids["id"]), _none),
        Operation("create", f"POST {ALL}", True, _nobody, _create, _named),
        Operation(
            "create_temporary",
            f"POST {ALL}",
            True,
            _nobody,
            lambda c, _: c.customers.create_temporary(storefront_id=1),
            _temporaries,
        ),
        Operation(
            "update",
            f"PATCH {ONE}",
            True,
            _permanent,
            lambda c, ids: c.customers.update(ids["id"], UPDATE),
            _updated,
        ),
        Operation("delete", f"DELETE {ONE}", True, _permanent, lambda c, ids: c.customers.delete(ids["id"]), _deleted),
        Operation(
            "convert",
            f"PATCH {ONE}",
            True,
            _temporary,
            lambda c, ids: c.customers.convert(ids["guest"], ACCOUNT),
            _named,
        ),
        Operation(
            "transfer",
            f"PATCH {ONE}/transfer",
            True,
            _temporary,
            lambda c, ids: c.customers.transfer(ids["guest"], to=ids["id"]),
            _transferred,
        ),
        Operation(
            "subscribe",
            f"POST {HOOKS}",
            True,
            _nobody,
            lambda c, _: c.webhooks.subscribe(TARGET, WebhookEvent.CUSTOMER_CREATED),
            _subscribed,
            f"GET {HOOKS}",
        ),
        Operation(
            "unsubscribe",
            f"DELETE {HOOKS}/{{id}}",
            True,
            _subscription,
            lambda c, ids: c.webhooks.unsubscribe(ids["hook"]),
            _unsubscribed,
            f"GET {HOOKS}",
        ),
    )
}

# what a fault does to the request it strikes
UNAPPLIED = {
    "drop_fin": Fault.drop(),
    "drop_rst": Fault.drop(reset=True),
    **{f"status_{status}": Fault.status(status) for status in (408, 500, 502, 503, 504)},
}
APPLIED = {
    "apply_fin": Fault.apply_then_drop(),
    "apply_rst": Fault.apply_then_drop(reset=True),
    **{f"apply_{status}": Fault.apply_then_status(status) for status in (408, 500, 502, 503, 504)},
    "truncate": Fault.truncate(),
    "slow_answer": Fault.latency(60, after=True),
}
LATE = {"late": Fault.latency(60)}  # the attempt times out, and is applied long after
REFUSED = {
    f"refused_{status}_{'date' if http_date else 'seconds'}": Fault.status(
        status, retry_after=RETRY_AFTER, http_date=http_date
    )
    for status in (429, 503)
    for http_date in (False, True)
}
FAULTS = {**UNAPPLIED, **APPLIED, **LATE, **REFUSED}


@attrs.define
class Scenario:
    """One run of one operation, and everything that can be said of it afterwards."""

    operation: Operation
    sandbox: Sandbox
    ids: dict[str, int] = attrs.field(factory=dict)
    before: int = 0
    """Requests that the preparation made."""
    refused: bool = False
    """Whether every 503 of this run came with Retry-After."""
    events: list[Any] = attrs.field(factory=list)
    result: Any = None
    error: PrintNowError | None = None
    elapsed: float = 0.0

    @property
    def effects(self) -> int:
        """How often it took effect, by the sandbox."""
        return self.operation.effects(self.sandbox, self.ids)

    @property
    def writes(self) -> list[Any]:
        """The requests of the operation's own kind that reached the sandbox."""
        return [request for request in self.sandbox.requests[self.before :] if request.route == self.operation.route]


async def play(
    operation: Operation,
    arrange: Callable[[Sandbox], None],
    *,
    seed: int,
    refuse_first: bool = False,
    comes_back: bool = True,
    refused: bool = False,
    **options: Any,
) -> Scenario:
    """Run one operation with the faults that `arrange` injects, and check what must always hold."""
    rng = random.Random(seed)
    sandbox = Sandbox(seed=seed, error_envelope=rng.choice(ENVELOPES), removes_transferred=rng.choice([False, True]))
    async with sandbox:
        scenario = Scenario(operation, sandbox, refused=refused)
        back: list[asyncio.Task[Any]] = []

        def observe(event: Any) -> None:
            scenario.events.append(event)
            refused_now = isinstance(event, AttemptEvent) and event.failure == "connect"
            if comes_back and refused_now and not back:
                back.append(asyncio.ensure_future(sandbox.start()))

        settings: dict[str, Any] = {
            "timeout": Timeout(attempt=5.0, total=120.0),
            "retry": RetryPolicy(base_delay=0.1),
            **options,
        }
        client = PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url, observers=[observe], **settings)
        async with client:
            async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as other:
                scenario.ids = await operation.prepare(sandbox, other)
            if rng.random() < 0.5:
                await client.ping()  # so that the operation runs on a kept connection
                scenario.events.clear()
            scenario.before = len(sandbox.requests)
            arrange(sandbox)
            if refuse_first:
                await sandbox.aclose()
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                scenario.result = await operation.run(client, scenario.ids)
            except PrintNowError as error:
                scenario.error = error
            scenario.elapsed = loop.time() - began
            assert client.limits.in_flight == 0
        await asyncio.gather(*back)
        await asyncio.sleep(100)  # what is still on its way lands
        check(scenario)
        return scenario


def check(scenario: Scenario) -> None:
    """What holds for every operation under every fault."""
    error, effects = scenario.error, scenario.effects
    context = (scenario.operation.name, scenario.sandbox, error, scenario.sandbox.requests)
    assert effects <= 1, context
    if scenario.operation.write:
        if error is None:
            assert effects == 1, context
        elif isinstance(error, OutcomeUnknownError):
            assert scenario.writes, context
            assert isinstance(error.__cause__, PrintNowError), context
            assert error.evidence, context
        elif not isinstance(error, InvalidResponseError):
            assert effects == 0, context
    else:
        assert not isinstance(error, OutcomeUnknownError), context
    _check_waits(scenario)
    _check_events(scenario)


def _check_waits(scenario: Scenario) -> None:
    """A request that was told to come back after so many seconds came back no sooner, and the deadline held."""
    assert scenario.elapsed <= 120.0 + 0.05
    last_refused: float | None = None
    for request in scenario.sandbox.requests[scenario.before :]:
        if last_refused is not None:
            assert request.started - last_refused >= RETRY_AFTER
        refused = request.status == 429 or (request.status == 503 and scenario.refused)
        last_refused = request.started if refused else None


def _check_events(scenario: Scenario) -> None:
    """Every attempt ended in one event, and so did the call."""
    attempts = [event for event in scenario.events if isinstance(event, AttemptEvent)]
    (call,) = [event for event in scenario.events if not isinstance(event, AttemptEvent)]
    assert call.attempts == len(attempts)
    assert call.failure == (type(scenario.error).__name__ if scenario.error else None)
    assert {event.request_id for event in attempts} <= {call.request_id}
