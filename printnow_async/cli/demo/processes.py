"""The steps with processes of their own: two that submit one checkout at once, and one that is killed in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any, Final

import attrs

from printnow_async.cli.demo.ledger import Ask, Claim, Expectation, Row, Sending
from printnow_async.cli.demo.people import person
from printnow_async.cli.demo.stage import WORK, Stage, temp_id
from printnow_async.lifecycle import TempUserLifecycle
from printnow_async.models import NewAccount
from printnow_async.sandbox import Fault
from printnow_async.tracking import LifecycleState

__all__ = ["double_submit", "killed_process"]

_PATCH: Final = "PATCH /api/v2/customer/{id}"
_LEASE: Final = 1.0
"""Seconds for which the process that is killed holds its guest: as long as the demo waits for it."""


async def double_submit(stage: Stage) -> Row:
    """Two processes convert one guest to one account at the same moment, and the answer takes its time."""
    guest = await stage.guest("cart-3")
    account = person(stage.chance, "double")
    stage.sandbox.inject(Fault.latency(0.2), _PATCH)
    async with _submitter(stage) as one, _submitter(stage) as other:
        await asyncio.gather(one.ready(), other.ready())
        for submitter in (one, other):
            submitter.take(_order(guest, account, lease=15.0))
        ends = [await one.end(), await other.end()]
    for name, end in zip("AB", ends, strict=True):
        stage.tell(f"process {name}", end.told)
    stage.note("in all", f"{_patches(stage, guest)} PATCH")
    return _one_conversion("double submit", guest, account, ends)


async def killed_process(stage: Stage) -> Row:
    """A process dies of kill -9 when its PATCH was applied and the answer got lost; another one finds out."""
    guest = await stage.guest("cart-4", lease=_LEASE)
    account = person(stage.chance, "killed")
    stage.sandbox.inject(Fault.apply_then_drop(), _PATCH)
    async with _submitter(stage) as doomed:
        await doomed.ready()
        doomed.take(_order(guest, account, lease=_LEASE, dies=True))
        end = await doomed.end()
    stage.note("process C", end.told)
    found = await TempUserLifecycle.resume(
        stage.client, stage.tracker, reference=guest.reference, lease=_LEASE, wait=10 * _LEASE
    )
    stage.note("record", f"{found.state}{', until its lease runs out' if found.state.is_step else ''}")
    await found.recover()
    stage.note("recover", f"{found.state}: {found.account_id} {account.username}")
    settled = found.account_id if found.state is LifecycleState.CONVERTED else None
    stage.note("in all", f"{_patches(stage, guest)} PATCH")
    return _one_conversion("process killed", guest, account, [_End(settled, "")])


def _patches(stage: Stage, guest: TempUserLifecycle) -> int:
    """How many there have been for this guest, as the sandbox saw it."""
    path = f"/api/v2/customer/{guest.temp_id}"
    return sum((request.method, request.path) == ("PATCH", path) for request in stage.sandbox.requests)


def _one_conversion(title: str, guest: TempUserLifecycle, account: NewAccount, ends: list[_End]) -> Row:
    """One customer asked for, however many asked; each different report is a claim that must be true."""
    reports = dict.fromkeys(end.customer_id for end in ends)
    asks = [
        Ask(
            Claim.REFUSED if customer_id is None else Claim.CREATED,
            guest.temp_id if customer_id is None else customer_id,
            account.username,
            account.company,
        )
        for customer_id in reports
    ]
    mine = temp_id(guest)
    expected = [Expectation(mine, "is_temporary", value=False), Expectation(mine, "username", account.username)]
    work = [Expectation(mine, field, count) for field, count in WORK.items()]
    return Row(title, asks, [*expected, *work], [Sending(f"PATCH /api/v2/customer/{mine}", 1)])


# ---------------------------------------------------------------- a process


@attrs.frozen
class _End:
    """How a process ended."""

    customer_id: int | None
    """The customer that it reported, if any."""
    told: str
    """The whole in words."""


class _Submitter:
    """A process that carries out one order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ready(self) -> None:
        """Wait until it has said that it is ready, or has ended."""
        if self._process.stdout is not None:
            await self._process.stdout.readline()

    def take(self, order: dict[str, Any]) -> None:
        """Give it its order, without waiting for what comes of it."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def end(self) -> _End:
        """Wait until it has ended."""
        out, err = await self._process.communicate()
        answer: dict[str, Any] = json.loads(out) if out.strip() else {}
        if customer_id := answer.get("customer"):
            return _End(customer_id, f"{answer['state']}: {customer_id}")
        code = self._process.returncode or 0
        if code < 0:
            return _End(None, f"killed, signal {-code}")
        last = err.decode(errors="replace").strip().splitlines()[-1:]
        return _End(None, answer.get("error") or f"ended with {code} {' '.join(last)}".rstrip())


@contextlib.asynccontextmanager
async def _submitter(stage: Stage) -> AsyncGenerator[_Submitter]:
    """A process of this same Python, just started; it does not outlive the block."""
    environment = {
        **os.environ,
        "PRINTNOW_TOKEN": stage.sandbox.token,
        "PRINTNOW_KEY": stage.sandbox.key,
        "PRINTNOW_BASE_URL": stage.sandbox.url,
        "PRINTNOW_TRACKER": stage.tracker_url,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # what lies in the current directory is no part of it
        "-m",
        "printnow_async.cli.demo.submit",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield _Submitter(process)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _order(guest: TempUserLifecycle, account: NewAccount, *, lease: float, dies: bool = False) -> dict[str, Any]:
    fields = {name: value for name, value in attrs.asdict(account).items() if value is not None}
    return {"reference": guest.reference, "account": fields, "lease": lease, "dies": dies}
