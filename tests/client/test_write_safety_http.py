"""Contract, "A write is never applied twice, and never silently unknown": every operation under every fault.

Real sockets throughout; pauses and timeouts pass at once in an event loop whose clock jumps.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from printnow_async import (
    ConflictError,
    ConnectError,
    ConnectionLostError,
    Customer,
    OutcomeUnknownError,
    PrintNowClient,
    RateLimitError,
    RetryPolicy,
    Sent,
    ServerError,
    Timeout,
    UnexpectedStatusError,
    Webhook,
    WebhookEvent,
)
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.testing import run_instantly
from tests.support.scale import at_scale
from tests.support.scenarios import APPLIED, FAULTS, LATE, OPERATIONS, REFUSED, TARGET, UNAPPLIED, Scenario, play

SEEDS = range(at_scale(12, least=2))
UNANSWERED = {**UNAPPLIED, **APPLIED, **LATE}
RESULTS = {"ping": type(None), "delete": type(None), "subscribe": Webhook, "unsubscribe": type(None)}


def play_all(operation: str, fault: Fault | None, *, times: int = 1, **options: Any) -> list[Scenario]:
    """The operation under a fault that strikes so many times, once for each seed, all at the same time."""
    op = OPERATIONS[operation]

    def arrange(sandbox: Sandbox) -> None:
        if fault is not None:
            sandbox.inject(fault, route=op.route, times=times)

    async def main() -> list[Scenario]:
        return await asyncio.gather(*(play(op, arrange, seed=seed, **options) for seed in SEEDS))

    return run_instantly(main())


def expected_after_one(operation: str, fault: str) -> type[Exception] | None:
    """The documented outcome when exactly one request is struck: an error's class, or None for success."""
    if operation == "create_temporary" and fault in UNANSWERED:
        return OutcomeUnknownError
    if operation == "create" and fault in APPLIED:
        return OutcomeUnknownError
    return None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_one_fault_ends_in_the_documented_outcome(operation: str, fault: str) -> None:
    """Whatever strikes one request, the call ends as the table says, and the sandbox agrees with it."""
    expected = expected_after_one(operation, fault)
    for scenario in play_all(operation, FAULTS[fault], refused=fault in REFUSED):
        assert type(scenario.error) is (expected or type(None)), (scenario.error, scenario.sandbox.requests)
        if expected is None:
            assert type(scenario.result) is RESULTS.get(operation, Customer)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_refused_connection_repeats_for_every_operation(operation: str) -> None:
    """Nothing was sent, so even the create of a temporary user is made again when the server is back."""
    for scenario in play_all(operation, None, refuse_first=True):
        assert scenario.error is None
        assert [event for event in scenario.events if getattr(event, "failure", None) == "connect"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_stays_away_is_a_connect_error(operation: str) -> None:
    """A write that was only ever unsent ends in the plain error: nobody need wonder."""
    for scenario in play_all(operation, None, refuse_first=True, comes_back=False):
        assert type(scenario.error) is ConnectError
        assert scenario.error.sent is Sent.NEVER
        assert scenario.error.attempts == 4
        assert scenario.writes == []


@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_only_refuses_ends_in_the_plain_error(operation: str, fault: str) -> None:
    """429, and 503 with Retry-After, say that nothing was applied: no write is left unknown by them."""
    for scenario in play_all(operation, FAULTS[fault], times=100, refused=True):
        assert type(scenario.error) is (RateLimitError if "429" in fault else ServerError)
        assert scenario.error.retry_after is not None
        assert len(scenario.writes) == 4


@pytest.mark.parametrize("fault", [fault for fault in UNANSWERED if fault != "truncate"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_never_answers_leaves_writes_unknown(operation: str, fault: str) -> None:
    """Reads end in their last failure; writes end in OutcomeUnknownError with it as the cause, unless read back."""
    failures = (UnexpectedStatusError,) if fault.endswith("408") else (ConnectionLostError, ServerError)
    for scenario in play_all(operation, FAULTS[fault], times=100):
        error = scenario.error
        if not scenario.operation.write:
            assert isinstance(error, failures), scenario.sandbox.requests
        elif operation in {"convert", "subscribe"} and fault in APPLIED:
            assert error is None
            assert len(scenario.writes) == 1
        else:
            assert isinstance(error, OutcomeUnknownError)
            assert isinstance(error.__cause__, failures)
            assert len(scenario.writes) >= (1 if operation == "create_temporary" else 4)


@pytest.mark.parametrize("fault", APPLIED)
def test_a_convert_that_was_applied_is_sent_once(fault: str) -> None:
    """The read-back finds our username on a permanent account, and nothing more is written."""
    for scenario in play_all("convert", APPLIED[fault]):
        assert len(scenario.writes) == 1
        assert scenario.result.username == "janesmith"


@pytest.mark.parametrize("fault", APPLIED)
def test_a_subscribe_that_was_applied_is_sent_once(fault: str) -> None:
    """The list has it, and nothing more is written."""
    for scenario in play_all("subscribe", APPLIED[fault]):
        assert len(scenario.writes) == 1
        assert (scenario.result.target_url, scenario.result.event) == (TARGET, WebhookEvent.CUSTOMER_CREATED)
        assert scenario.sandbox.webhooks[scenario.result.id].target_url == TARGET


@pytest.mark.parametrize("fault", [*UNAPPLIED, *LATE])
def test_a_subscribe_that_was_not_applied_yet_is_sent_again(fault: str) -> None:
    """The list has nothing; whichever of the two comes last is refused, since the URL is registered then."""
    for scenario in play_all("subscribe", {**UNAPPLIED, **LATE}[fault]):
        assert [request.status for request in scenario.writes].count(201) == 1
        assert len(scenario.writes) == 2


@pytest.mark.parametrize("fault", [*UNAPPLIED, *APPLIED])
def test_a_url_that_has_another_event_ends_in_the_409(fault: str) -> None:
    """However many attempts got no answer: the list shows what held the URL, so ours was not applied."""

    async def main() -> None:
        async with Sandbox(seed=3) as sandbox:
            held = sandbox.add_webhook(TARGET, "order_created")
            sandbox.inject(UNANSWERED[fault], route="POST /api/v2/hooks")
            async with PrintNowClient(
                sandbox.token, sandbox.key, base_url=sandbox.url, timeout=Timeout(attempt=5)
            ) as client:
                with pytest.raises(ConflictError):
                    await client.webhooks.subscribe(TARGET, WebhookEvent.CUSTOMER_CREATED)
            assert sandbox.webhooks == {held.id: held}

    run_instantly(main())


@pytest.mark.parametrize("fault", APPLIED)
def test_a_404_on_the_repeat_of_an_unsubscribe_is_success(fault: str) -> None:
    """The subscription is gone, and what took it away was the first attempt."""
    for scenario in play_all("unsubscribe", APPLIED[fault]):
        assert scenario.writes[-1].status == 404


@pytest.mark.parametrize("fault", UNANSWERED)
def test_a_temporary_user_is_created_again_only_when_asked_to(fault: str) -> None:
    """repeat_temporary_creates trades the unknown outcome for a possible orphan, and only then."""

    async def main() -> None:
        op = OPERATIONS["create_temporary"]
        async with Sandbox(seed=3) as sandbox:
            sandbox.inject(UNANSWERED[fault], route=op.route)
            retry = RetryPolicy(base_delay=0.1, repeat_temporary_creates=True)
            async with PrintNowClient(
                sandbox.token, sandbox.key, base_url=sandbox.url, retry=retry, timeout=Timeout(attempt=5)
            ) as client:
                made = await client.customers.create_temporary(storefront_id=1)
            await asyncio.sleep(100)
            assert made.is_temporary
            assert len(sandbox.customers) == (1 if fault in UNAPPLIED else 2)

    run_instantly(main())


@pytest.mark.heavy(2)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_mixture_of_faults_keeps_the_promise(operation: str) -> None:
    """Random sequences of faults, on every kind of request of the operation, many seeds: the invariants hold."""
    op = OPERATIONS[operation]

    async def one(seed: int) -> Scenario:
        rng = random.Random(f"{operation}/{seed}")

        def arrange(sandbox: Sandbox) -> None:
            for fault in rng.choices(list(FAULTS.values()), k=rng.randint(1, 5)):
                route = rng.choice([op.route, op.route, None, op.read_back])
                sandbox.inject(fault, route=route, times=rng.choice([1, 1, 2, 3]))

        return await play(op, arrange, seed=seed, refuse_first=rng.random() < 0.2)

    async def main() -> None:
        for first in range(0, at_scale(120, least=40), 40):
            await asyncio.gather(*(one(seed) for seed in range(first, first + 40)))

    run_instantly(main())
