"""The steps 4 and 5: two processes that convert one guest at once, and a process that is killed while converting.

A process of the demo runs `submit` of this module. It finds the sandbox and the tracker in its environment, and writes
the line "ready". It reads an order, one line of JSON, from standard input, and writes one line of JSON: the customer
that the guest has become, or the error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from typing import Any, Final, cast

import attrs

from printnow_async.cli.demo.ledger import AskedCustomer, Claim, Expectation, StepResult
from printnow_async.cli.demo.stage import PATCH_ROUTE, Stage, new_client, work_at
from printnow_async.cli.trackers import sql_tracker
from printnow_async.errors import PrintNowError
from printnow_async.events import AttemptEvent, CallEvent
from printnow_async.lifecycle import TempUserLifecycle
from printnow_async.models import NewAccount
from printnow_async.sandbox import Fault
from printnow_async.tracking import LifecycleState, Tracker

__all__ = ["carry_out", "double_submit", "killed_process", "submit"]

_LEASE: Final = 1.0
"""Seconds for which the killed process holds its guest. The demo waits for so long."""

_KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows, SIGTERM ends a process as SIGKILL does


async def double_submit(stage: Stage) -> StepResult:
    """Let two processes convert one guest to one account at the same moment. The answer is late."""
    guest, guest_id = await stage.guest("cart-3")
    account = stage.person("double")
    stage.sandbox.inject(Fault.latency(0.2), PATCH_ROUTE)
    order = _order(guest, account, lease=15.0)
    ends = await _carried_out(stage, order, order)
    for name, (_, text) in zip("AB", ends, strict=True):
        stage.tell_briefly(f"process {name}", text)
    return _one_conversion(stage, "double submit", guest_id, account, [customer_id for customer_id, _ in ends])


async def killed_process(stage: Stage) -> StepResult:
    """Kill a process when its PATCH was applied and the answer was lost. Another process recovers the guest."""
    guest, guest_id = await stage.guest("cart-4", lease=_LEASE)
    account = stage.person("killed")
    stage.sandbox.inject(Fault.apply_then_drop(), PATCH_ROUTE)
    [(_, text)] = await _carried_out(stage, _order(guest, account, lease=_LEASE, dies=True))
    stage.tell("process C", text)
    found = await TempUserLifecycle.resume(
        stage.client, stage.tracker, reference=guest.reference, lease=_LEASE, wait=10 * _LEASE
    )
    stage.tell("record", f"{found.state}{', until its lease runs out' if found.state.is_step else ''}")
    await found.recover()
    stage.tell("recover", f"{found.state}: {found.account_id} {account.username}")
    customer_id = found.account_id if found.state is LifecycleState.CONVERTED else None
    return _one_conversion(stage, "process killed", guest_id, account, [customer_id])


def _one_conversion(
    stage: Stage, title: str, guest_id: int, account: NewAccount, reports: list[int | None]
) -> StepResult:
    """Expect one customer and one PATCH, however many processes reported. Each different report is an ask."""
    patch = f"PATCH /api/v2/customer/{guest_id}"
    stage.tell("in all", f"{sum(f'{r.method} {r.path}' == patch for r in stage.sandbox.requests)} PATCH")
    asks = [
        AskedCustomer.of(account, Claim.REFUSED if report is None else Claim.CREATED, report or guest_id)
        for report in dict.fromkeys(reports)
    ]
    expectations = [
        Expectation(guest_id, "is_temporary", value=False),
        Expectation(guest_id, "username", account.username),
        Expectation(patch, "times received", 1),
        *work_at(guest_id),
    ]
    return StepResult(title, asks, expectations)


def _order(guest: TempUserLifecycle, account: NewAccount, *, lease: float, dies: bool = False) -> dict[str, Any]:
    fields = {name: value for name, value in attrs.asdict(account).items() if value is not None}
    return {"reference": guest.reference, "account": fields, "lease": lease, "dies": dies}


# ---------------------------------------------------------------- the demo's side of the processes


async def _carried_out(stage: Stage, *orders: dict[str, Any]) -> list[tuple[int | None, str]]:
    """Start a process for each order, give the orders to all processes at the same moment, and wait for their ends."""
    async with contextlib.AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(_process(stage)) for _ in orders]
        for process in processes:
            await cast("asyncio.StreamReader", process.stdout).readline()  # "ready"
        lines = [json.dumps(order).encode() + b"\n" for order in orders]
        outputs = await asyncio.gather(*map(asyncio.subprocess.Process.communicate, processes, lines))
        return [_end(process.returncode or 0, *output) for process, output in zip(processes, outputs, strict=True)]


def _end(code: int, out: bytes, err: bytes) -> tuple[int | None, str]:
    """How a process ended: the customer that it reported, if any, and the end in one line."""
    answer: dict[str, Any] = json.loads(out) if out.strip() else {}
    if customer_id := answer.get("customer"):
        return customer_id, f"{answer['state']}: {customer_id}"
    if code < 0:
        return None, f"killed, signal {-code}"
    last = err.decode(errors="replace").strip().splitlines()[-1:]
    return None, answer.get("error") or f"ended with {code} {' '.join(last)}".rstrip()


@contextlib.asynccontextmanager
async def _process(stage: Stage) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start a process of this same Python. The process does not outlive the block."""
    environment = {
        **os.environ,
        "PRINTNOW_TOKEN": stage.sandbox.token,
        "PRINTNOW_KEY": stage.sandbox.key,
        "PRINTNOW_BASE_URL": stage.sandbox.url,
        "PRINTNOW_TRACKER": stage.tracker_url,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    # -P: modules in the current directory are not imported
    command = (sys.executable, "-P", "-c", f"from {__name__} import submit; submit()")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


# ---------------------------------------------------------------- the process itself


def submit() -> None:
    """Carry out one order, in a process of its own."""

    async def run() -> None:
        async with sql_tracker()(os.environ["PRINTNOW_TRACKER"]) as tracker:
            await tracker.load("")  # connects before "ready", so that two processes start at the same moment
            print("ready", flush=True)  # noqa: T201 - the answer
            order = json.loads(await asyncio.to_thread(sys.stdin.readline))
            print(json.dumps(await carry_out(order, tracker)), flush=True)  # noqa: T201 - the answer

    asyncio.run(run())


async def carry_out(order: dict[str, Any], tracker: Tracker) -> dict[str, Any]:
    """Convert the guest of `order["reference"]` to `order["account"]`; with `order["dies"]`, die after the PATCH."""
    credentials = [os.environ[f"PRINTNOW_{name}"] for name in ("TOKEN", "KEY", "BASE_URL")]
    async with new_client(*credentials, observers=(_die_after_patch,) if order["dies"] else ()) as client:
        try:
            guest = await TempUserLifecycle.resume(
                client, tracker, reference=order["reference"], lease=order["lease"], wait=30.0
            )
            customer = await guest.convert(NewAccount(**order["account"]))
        except PrintNowError as error:
            return {"error": str(error)}
    return {"customer": customer.id, "state": guest.state.value}


def _die_after_patch(event: AttemptEvent | CallEvent) -> None:
    """An observer that kills its process, as kill -9 does, after a PATCH was sent and before the result is used."""
    if isinstance(event, AttemptEvent) and event.method == "PATCH":
        os.kill(os.getpid(), _KILL)
