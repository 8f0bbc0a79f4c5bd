"""The demo from beginning to end: the steps in their order, and the stock-taking after them."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from printnow_async.cli.demo.bulk import many_customers
from printnow_async.cli.demo.ledger import Audit, Row, audit, holdings
from printnow_async.cli.demo.narration import Narrator
from printnow_async.cli.demo.processes import double_submit, killed_process
from printnow_async.cli.demo.spreadsheet import imported_spreadsheet
from printnow_async.cli.demo.stage import Stage
from printnow_async.cli.demo.walks import one_customer, registered_guest, returning_guest
from printnow_async.cli.trackers import sql_tracker
from printnow_async.client import PrintNowClient
from printnow_async.options import Limits, RetryPolicy, Timeout
from printnow_async.sandbox import Sandbox

__all__ = ["STEPS", "Step", "play"]

Step: TypeAlias = Callable[[Stage], Awaitable[Row]]
"""Does something on the stage, and gives back what it asked for and was told."""

STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("One customer: create, update, get, delete", one_customer),
    ("A guest who registers: temporary user, then convert", registered_guest),
    ("A guest whose e-mail is taken: convert is refused, then transfer", returning_guest),
    ("A double submit: two processes convert one guest at once", double_submit),
    ("A process killed at its convert; another one recovers it", killed_process),
    ("Many customers at once, under faults", many_customers),
    ("A spreadsheet: imported under faults, cancelled in the middle, gone on with", imported_spreadsheet),
)
"""The steps, each under its heading."""

_TIMEOUT: Final = Timeout(attempt=5.0, connect=5.0, total=60.0)
_RETRY: Final = RetryPolicy(max_attempts=6, base_delay=0.02, max_delay=0.2)


async def play(narrator: Narrator, *, customers: int, concurrency: int, seed: int) -> Audit:
    """Play all steps against a sandbox of their own, then compare what they were told with what it holds."""
    make_tracker = sql_tracker()
    with tempfile.TemporaryDirectory(prefix="printnow-demo-", ignore_cleanup_errors=True) as folder:
        tracker_url = f"sqlite+aiosqlite:///{Path(folder, 'guests.db').as_posix()}"
        async with Sandbox(seed=seed) as sandbox:
            client = PrintNowClient(
                sandbox.token,
                sandbox.key,
                base_url=sandbox.url,
                timeout=_TIMEOUT,
                retry=_RETRY,
                limits=Limits(max_concurrency=concurrency),
            )
            async with client, make_tracker(tracker_url) as tracker:
                stage = Stage(
                    sandbox,
                    client,
                    tracker,
                    tracker_url,
                    narrator,
                    customers=customers,
                    concurrency=concurrency,
                    seed=seed,
                )
                rows = await _played(stage)
    # The sandbox is closed: nothing that was still on its way can be applied after it was counted.
    return audit(rows, holdings(sandbox))


async def _played(stage: Stage) -> list[Row]:
    rows: list[Row] = []
    for number, (heading, step) in enumerate(STEPS, 1):
        stage.begin(number, heading)
        row = await step(stage)
        rows.append(attrs.evolve(row, requests=stage.end()))
    return rows
