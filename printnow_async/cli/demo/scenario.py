"""The demo from beginning to end: the steps in their order, and the comparison after the last step."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from printnow_async.cli.demo.crowds import imported_spreadsheet, many_customers
from printnow_async.cli.demo.ledger import Audit, StepResult, audit
from printnow_async.cli.demo.narration import Narrator
from printnow_async.cli.demo.processes import double_submit, killed_process
from printnow_async.cli.demo.stage import Stage, new_client
from printnow_async.cli.demo.walks import one_customer, registered_guest, returning_guest
from printnow_async.cli.trackers import sql_tracker
from printnow_async.options import Limits
from printnow_async.sandbox import Sandbox

__all__ = ["STEPS", "Step", "play"]

Step: TypeAlias = Callable[[Stage], Awaitable[StepResult]]
"""A step: works on the stage, and gives back what it asked for and was told."""

STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("One customer: create, update, get, delete", one_customer),
    ("A guest who registers: temporary user, then convert", registered_guest),
    ("A guest whose e-mail is taken: convert is refused, then transfer", returning_guest),
    ("A double submit: two processes convert one guest at once", double_submit),
    ("A process killed at its convert; another one recovers it", killed_process),
    ("Many customers at once, under faults", many_customers),
    ("A spreadsheet: imported under faults, cancelled in the middle, gone on with", imported_spreadsheet),
)
"""The steps, each with its heading."""


async def play(narrator: Narrator, *, customers: int, concurrency: int, seed: int) -> Audit:
    """Play all steps against a new sandbox, and compare what was reported with what the sandbox holds."""
    make_tracker, limits = sql_tracker(), Limits(max_concurrency=concurrency)
    results: list[StepResult] = []
    with tempfile.TemporaryDirectory(prefix="printnow-demo-", ignore_cleanup_errors=True) as folder:
        tracker_url = f"sqlite+aiosqlite:///{Path(folder, 'guests.db').as_posix()}"
        async with (
            Sandbox(seed=seed) as sandbox,
            new_client(sandbox.token, sandbox.key, sandbox.url, limits=limits) as client,
            make_tracker(tracker_url) as tracker,
        ):
            chance = random.Random(f"{seed}/demo")
            stage = Stage(sandbox, client, tracker, tracker_url, narrator, customers, concurrency, chance)
            for number, (heading, step) in enumerate(STEPS, 1):
                stage.begin(number, heading)
                result = await step(stage)
                results.append(attrs.evolve(result, requests=stage.end()))
    # The sandbox is closed, so no request on its way can be applied after the counting.
    return audit(results, sandbox)
