"""Real processes, real sockets, one store: double submits, and kill -9 wherever it hurts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from printnow_async.sandbox import Fault, Sandbox
from tests.support.guests import CREATE, PATCH, TRANSFER
from tests.support.scale import SHORT, at_scale

pytestmark = pytest.mark.heavy(20)

ROOT = Path(__file__).parents[2]
PROCESSES = 4
FAULTS = [
    Fault.drop(),
    Fault.drop(reset=True),
    Fault.apply_then_drop(),
    Fault.apply_then_drop(reset=True),
    Fault.apply_then_status(502),
    Fault.status(503),
    Fault.truncate(),
    Fault.latency(0.02),
    Fault.latency(0.02, after=True),
]


class Zygote:
    """A process that forks a worker for each job."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def run(self, **job: Any) -> tuple[bool, dict[str, Any] | None]:
        """Run a job to its end, or its death: (whether it was killed, its result)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            line = await self._process.stdout.readline()
        answer = json.loads(line)
        killed = answer["status"] == 9
        assert killed or answer["status"] == 0, answer
        return killed, answer["result"]


@pytest.fixture
async def zygotes() -> AsyncIterator[list[Zygote]]:
    """As many as run at once, ended in the end by closing their standard input."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.zygote",
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    try:
        yield [Zygote(process) for process in processes]
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in processes:
            await process.wait()


class Checkout:
    """A sandbox, a store and processes."""

    def __init__(self, sandbox: Sandbox, zygotes: list[Zygote], tracker: str) -> None:
        self.sandbox, self.zygotes, self.tracker = sandbox, zygotes, tracker
        self._numbers = itertools.count(1)

    def job(self, move: str, **more: Any) -> dict[str, Any]:
        return {
            "move": move,
            "url": self.sandbox.url,
            "token": self.sandbox.token,
            "key": self.sandbox.key,
            "tracker": self.tracker,
            **more,
        }

    def number(self) -> int:
        return next(self._numbers)

    def member(self, name: str) -> int:
        return self.sandbox.add_customer(storefront_id=1, username=name, email=f"{name}@example.com").id

    async def at_once(self, **job: Any) -> list[dict[str, Any]]:
        """The same job in all the processes; nobody may be killed."""
        ends = await asyncio.gather(*(zygote.run(**job) for zygote in self.zygotes))
        results = [result for _, result in ends if result is not None]
        assert len(results) == PROCESSES
        return results


@pytest.fixture
async def checkout(zygotes: list[Zygote], tracker_url: str) -> AsyncIterator[Checkout]:
    async with Sandbox() as sandbox:
        opened = Checkout(sandbox, zygotes, tracker_url)
        # the first one makes the tables, so that the clock of a killed one is not spent on that
        await zygotes[0].run(**opened.job("start", reference="first"))
        yield opened


@pytest.mark.once
@pytest.mark.parametrize("move", ["convert", "transfer", "checkout"])
async def test_four_processes_that_do_the_same_at_once_do_it_once(checkout: Checkout, move: str) -> None:
    """50 guests, each started and moved by all four at once: one effect, one result, no error anybody would see."""
    sandbox = checkout.sandbox
    names = [f"{move}-{number}" for number in range(50)]
    members = {name: checkout.member(f"member-{name}") for name in names}
    rounds = [
        {"reference": name, "name": name, "email": f"member-{name}@example.com", "to": members[name]} for name in names
    ]
    before = len(sandbox.requests)
    ends = await checkout.at_once(**checkout.job(move, rounds=rounds, lease=15.0))
    made = sandbox.requests[before:]
    for number, name in enumerate(names):
        results = [end["rounds"][number] for end in ends]
        assert all("error" not in result for result in results), results
        assert len({result["customer"] for result in results}) == 1
        (temp_id,) = {result["temp_id"] for result in results}
        mine = [request for request in made if f"/customer/{temp_id}" in request.path]
        if move == "convert":
            assert sum(request.route == PATCH for request in mine) == 1
            assert sandbox.customers[temp_id].username == name
        else:
            assert sum(request.route == TRANSFER for request in mine) == 1
            assert results[0]["customer"] == members[name]
    assert sum(request.route == CREATE for request in made) == len(names)


async def killed_and_recovered(checkout: Checkout, zygote: Zygote, move: str, seed: int, **death: Any) -> bool:
    """One guest: killed in a move with answers being lost, recovered, moved again; whether it was killed."""
    rng = random.Random(seed)
    sandbox, number = checkout.sandbox, checkout.number()
    name = f"guest-{number}"
    member = checkout.member(f"member-{number}")
    job = checkout.job(
        move, reference=name, name=name, email=f"member-{number}@example.com", to=member, lease=0.25, wait=30.0
    )
    killed, started = await zygote.run(**{**job, "move": "start"})
    assert started is not None
    temp_id = started["temp_id"]
    sandbox.add_work(temp_id, albums=3)
    faults = [
        sandbox.inject(rng.choice(FAULTS), route=f"{method} /api/v2/customer/{temp_id}{tail}", times=rng.choice([1, 2]))
        for method, tail in (("PATCH", ""), ("PATCH", "/transfer"), ("GET", ""))
        if rng.random() < 0.7
    ]
    killed, _ = await zygote.run(**job, **death)
    for fault in faults:
        with contextlib.suppress(ValueError):
            fault.remove()
    await asyncio.sleep(0.03 if killed else 0)  # what was on its way lands

    _, recovered = await zygote.run(**{**job, "move": "recover"})
    assert recovered is not None
    assert recovered.get("state") in {"active", "converted", "transferred"}, recovered
    assert not recovered["unsettled"]
    _agrees(sandbox, recovered, temp_id, member, name)
    _, again = await zygote.run(**job)
    assert again is not None
    assert "error" not in again, again
    assert again["customer"] == (temp_id if move == "convert" else member)
    _agrees(sandbox, again, temp_id, member, name)
    created = sum(
        webhook.event == "customer_created" and webhook.customer_id == temp_id for webhook in sandbox.webhooks_fired
    )
    assert created == (1 if move == "convert" else 0)
    assert again["temp_id"] == temp_id
    return killed


def _agrees(sandbox: Sandbox, result: dict[str, Any], temp_id: int, member: int, name: str) -> None:
    """What the process says is what the sandbox holds."""
    guest, albums = sandbox.customers[temp_id], sandbox.customers[member].albums
    if result["state"] == "converted":
        assert (guest.username, guest.is_temporary) == (name, False)
    elif result["state"] == "transferred":
        assert albums == 3
    else:
        assert guest.is_temporary
        assert albums == 0
    assert sandbox.customers[member].username.startswith("member-")


def share(checkout: Checkout, whole: int) -> int:
    """How much of a test is done on this store: PostgreSQL, the slower one, does half."""
    return whole if checkout.tracker.startswith("sqlite") else whole // 2


@pytest.mark.once
async def test_a_process_killed_at_every_step_is_recovered(checkout: Checkout) -> None:
    """kill -9 before and after each operation on the store, each request and each answer, with answers lost."""
    moves = ("convert", "transfer", "checkout")
    seeds = range(share(checkout, 2))
    jobs = iter([(move, point, seed) for move in moves for point in range(20) for seed in seeds])
    kills = 0

    async def worker(zygote: Zygote) -> None:
        nonlocal kills
        for move, point, seed in jobs:
            killed = await killed_and_recovered(checkout, zygote, move, 100 * point + seed, dies_at=point)
            kills += killed

    await asyncio.gather(*(worker(zygote) for zygote in checkout.zygotes))
    assert kills >= share(checkout, 60)


async def test_a_process_killed_at_any_moment_is_recovered(checkout: Checkout) -> None:
    """kill -9 after so many milliseconds, wherever the process is then."""
    count = share(checkout, at_scale(140))
    jobs = iter(range(count))
    kills = 0

    async def worker(zygote: Zygote) -> None:
        nonlocal kills
        for seed in jobs:
            move = ("convert", "transfer", "checkout")[seed % 3]
            after = random.Random(seed).uniform(0.0, 0.03)
            killed = await killed_and_recovered(checkout, zygote, move, seed, dies_after=after)
            kills += killed

    await asyncio.gather(*(worker(zygote) for zygote in checkout.zygotes))
    assert kills >= (0 if SHORT else 0.28 * count)
