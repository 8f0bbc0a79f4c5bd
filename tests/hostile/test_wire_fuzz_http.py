"""Every operation under random faults of the wire: whatever is said of a call is true by the server's own account.

Many clients at once, each with a server of its own, in an event loop whose clock jumps: what never answers costs
nothing. `PRINTNOW_FUZZ=200000` makes so many calls instead.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter

import pytest

from printnow_async import Limits, PrintNowClient, PrintNowError, Timeout
from printnow_async.testing import run_instantly
from tests.support.hostile_calls import IDENTIFIED, OPERATIONS, Prepared, check, play, prepare
from tests.support.hostile_clients import WIRES, client_of, tls_contexts
from tests.support.hostile_faults import APPLIED, HARMLESS, UNAPPLIED, WIRE, mischief
from tests.support.hostile_model import Asked, Model, answer_bytes
from tests.support.hostile_server import Connection, Fault, HostileServer, hostile_server, turns
from tests.support.scale import at_scale

CALLS = int(os.environ.get("PRINTNOW_FUZZ", at_scale(20_900)))
ROUND = 25
"""Calls that one client makes: few, so that the retry budget does not end them all."""
AT_ONCE = 16


def the_stranger_comes_first(number: int) -> Fault:
    """Turned away for load, and meanwhile somebody else makes an account of the temporary user."""

    def fault(connection: Connection, asked: Asked) -> None:
        if asked.method == "PATCH":
            connection.server.model.register(number)
        connection.finish(answer_bytes(429, Retry_After="0"))

    return fault


def draw(call: Prepared, rng: random.Random) -> dict[str, Fault]:
    """Faults for the first requests of a call; names that differ by a number in front may be the same fault."""
    kinds = rng.choice([HARMLESS, HARMLESS, APPLIED, UNAPPLIED, WIRE])
    names = [name for name in kinds if call.operation in IDENTIFIED or "another" not in name]
    chosen = {f"{place}: {name}": kinds[name] for place, name in enumerate(rng.choices(names, k=rng.randint(0, 4)))}
    if call.operation == "convert" and rng.random() < 0.2:
        chosen["the stranger comes first"] = the_stranger_comes_first(call.subject)
    return chosen


def must_succeed(call: Prepared, faults: dict[str, Fault]) -> bool:
    """Whether nothing happened that a client cannot make good."""
    harmless = all(name.partition(": ")[2] in HARMLESS for name in faults)
    return harmless and not call.fails and sum("refused" in name for name in faults) < 4


async def one_call(
    server: HostileServer, client: PrintNowClient, operation: str, rng: random.Random, serial: int
) -> PrintNowError | None:
    call = prepare(operation, server.model, rng, serial)
    faults = draw(call, rng)
    before = len(server.asked)
    server.faults.extend(faults.values())
    result, error = await play(call, client)
    server.faults.clear()
    await turns()
    story = (operation, serial, list(faults), [asked.route for asked in server.asked[before:]])
    check(call, result, error, story)
    if must_succeed(call, faults):
        assert error is None, (error, story)
    return error


async def one_client(operation: str, serial: int, wire: str) -> Counter[str]:
    """One client and its server, for a round of calls, with strays on the idle connections between them."""
    rng = random.Random(f"{operation}/{serial}")
    ends: Counter[str] = Counter()
    model = Model(tells_storefront=rng.random() < 0.5, removes_transferred=rng.random() < 0.5)
    token = f"token-{serial}"
    async with hostile_server(tls_contexts()[0] if "TLS" in wire else None, model=model) as server:
        options = {"timeout": Timeout(attempt=10.0, total=100.0), "limits": Limits(max_concurrency=2)}
        async with client_of(server, wire, token=token, **options) as client:
            for place in range(ROUND):
                if rng.random() < 0.4:
                    await mischief(server, token, rng)
                error = await one_call(server, client, operation, rng, serial * ROUND + place)
                ends[type(error).__name__ if error else "success"] += 1
    return ends


@pytest.mark.heavy(5)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_the_wire_does_what_is_said_of_the_call_is_true(operation: str) -> None:
    """No duplicate, nobody else changed, no success of what was not applied, no error of what was."""
    clients = -(-CALLS // len(OPERATIONS) // ROUND)
    ends: Counter[str] = Counter()

    async def worker(serials: list[int]) -> None:
        for serial in serials:
            wire = WIRES[serial % 16] if serial % 16 < len(WIRES) else WIRES[serial % 2]  # a handshake is dear
            ends.update(await one_client(operation, serial, wire))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for first in range(AT_ONCE):
                group.create_task(worker(list(range(first, clients, AT_ONCE))))

    run_instantly(main())
    assert ends.total() == clients * ROUND
    assert ends["success"] > ends.total() / 4, ends
