"""10,000 calls of all operations to servers that send stray, doubled, early and late answers at random.

The calls come in rounds of 16 at once on one client. Within a round come the faults that a client can tell from the
answer or from the packet that it came in; between the rounds, when every connection is idle, come strays of every kind.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from printnow_async import Limits, Timeout
from printnow_async.testing import run_instantly
from tests.support.hostile_calls import IDENTIFIED, check, play, prepare
from tests.support.hostile_clients import WIRES, client_of, tls_contexts
from tests.support.hostile_faults import followed, foreign, mischief
from tests.support.hostile_model import NOT_FOUND, STRANGER, USERNAME_IN_USE, Asked, Model, answer_bytes
from tests.support.hostile_server import Connection, Fault, HostileServer, hostile_server, turns
from tests.support.scale import at_scale

CLIENTS = {"own": 8, "borrowed": 8, "own TLS": 2, "borrowed TLS": 2}  # a handshake is dear
ROUNDS, AT_ONCE = at_scale(32, least=4), 16
UNIDENTIFIED = ("ping", "delete")


def strange_answers(rng: random.Random):
    """A choice of faults for one request: most answers are honest."""
    doubled: list[Fault] = [
        followed(),
        followed(head_first=True),
        followed(answer_bytes(204), head_first=True),
        followed(answer_bytes(*USERNAME_IN_USE), head_first=True),
        followed(answer_bytes(*NOT_FOUND)),
    ]
    anothers: list[Fault] = [foreign(apply=True, afterwards=True), foreign(apply=True), foreign(apply=False)]

    def choose(asked: Asked) -> Fault | None:
        chance = rng.random()
        if chance < 0.15:
            return rng.choice(doubled)
        if chance < 0.3 and asked.path != "/api/v2/ping" and asked.method != "DELETE":
            return rng.choice(anothers)
        return None

    return choose


def early(server: HostileServer, rng: random.Random):
    """Greets a tenth of the connections with the answer to a request that nobody has made."""

    def greet(connection: Connection) -> None:
        if rng.random() < 0.1:
            connection.write(answer_bytes(200, server.model.wire(STRANGER), Connection="close"))

    return greet


async def one_client(serial: int, wire: str, ends: Counter[str]) -> None:
    rng = random.Random(serial)
    model = Model(tells_storefront=rng.random() < 0.3, removes_transferred=rng.random() < 0.5)
    async with hostile_server(tls_contexts()[0] if "TLS" in wire else None, model=model) as server:
        server.choose = strange_answers(rng)
        operations = IDENTIFIED
        if serial % 2:
            server.greeting = early(server, rng)
        else:
            operations = (*IDENTIFIED, *UNIDENTIFIED)
        options = {"limits": Limits(max_concurrency=AT_ONCE), "timeout": Timeout(attempt=10.0, total=100.0)}
        async with client_of(server, wire, **options) as client:
            for place in range(ROUNDS):
                first = (serial * ROUNDS + place) * AT_ONCE
                calls = [
                    prepare(rng.choice(operations), model, rng, number) for number in range(first, first + AT_ONCE)
                ]
                before = len(server.asked)
                results = await asyncio.gather(*(play(call, client) for call in calls))
                await turns()
                for call, (result, error) in zip(calls, results, strict=True):
                    check(call, result, error, [asked.route for asked in server.asked[before:]])
                    ends["success" if error is None else type(error).__name__] += 1
                if rng.random() < 0.7:
                    ends[f"between rounds: {await mischief(server, 'token', rng)}"] += 1


@pytest.mark.heavy(5)
@pytest.mark.parametrize("wire", WIRES)
def test_no_answer_is_crossed_whatever_answers_come(wire: str) -> None:
    """No call gets another's answer, none is a success that was not applied, and nothing is applied twice."""
    ends: Counter[str] = Counter()

    async def main() -> None:
        for number in range(CLIENTS[wire]):
            await one_client(10 * WIRES.index(wire) + number, wire, ends)

    run_instantly(main())
    calls = sum(count for end, count in ends.items() if not end.startswith("between"))
    assert calls == CLIENTS[wire] * ROUNDS * AT_ONCE
    assert ends["success"] > calls / 2, ends
