"""A process of the demo's own that submits one checkout: `python -m printnow_async.cli.demo.submit`.

It finds the sandbox and the tracker in the environment, says that it is ready, takes an order as one line of JSON from
standard input, and answers with one line of JSON: which customer the guest has become, or which error came.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any, Final

from printnow_async.client import PrintNowClient
from printnow_async.errors import PrintNowError
from printnow_async.events import AttemptEvent, CallEvent
from printnow_async.lifecycle import TempUserLifecycle
from printnow_async.models import NewAccount
from printnow_async.options import RetryPolicy, Timeout
from printnow_async.tracking import Tracker
from printnow_async.tracking.sql import SQLTracker

__all__ = ["main", "work"]

_KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no other, and it ends a process as surely


def _die_of_a_patch(event: AttemptEvent | CallEvent) -> None:
    """An observer that kills its process, as kill -9 does, once a PATCH is sent and before anybody is told."""
    if isinstance(event, AttemptEvent) and event.method == "PATCH":
        os.kill(os.getpid(), _KILL)


async def work(order: dict[str, Any], tracker: Tracker) -> dict[str, Any]:
    """Convert the guest of `order["reference"]` to `order["account"]`; with `order["dies"]`, die on the way."""
    client = PrintNowClient(
        os.environ["PRINTNOW_TOKEN"],
        os.environ["PRINTNOW_KEY"],
        base_url=os.environ["PRINTNOW_BASE_URL"],
        timeout=Timeout(attempt=5.0, connect=5.0, total=30.0),
        retry=RetryPolicy(max_attempts=6, base_delay=0.02, max_delay=0.2),
        observers=(_die_of_a_patch,) if order["dies"] else (),
    )
    async with client:
        try:
            guest = await TempUserLifecycle.resume(
                client, tracker, reference=order["reference"], lease=order["lease"], wait=30.0
            )
            customer = await guest.convert(NewAccount(**order["account"]))
        except PrintNowError as error:
            return {"error": str(error)}
    return {"customer": customer.id, "state": guest.state.value}


async def _run() -> None:
    async with SQLTracker(os.environ["PRINTNOW_TRACKER"]) as tracker:
        await tracker.load("")  # connected before it says that it is ready, so that two do start at once
        print("ready", flush=True)  # noqa: T201 - its answer
        order = json.loads(await asyncio.to_thread(sys.stdin.readline))
        print(json.dumps(await work(order, tracker)), flush=True)  # noqa: T201 - likewise


def main() -> None:
    """Take one order, and carry it out."""
    asyncio.run(_run())


if __name__ == "__main__":
    main()
