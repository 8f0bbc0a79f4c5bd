"""The demo from beginning to end: the steps in their order, and the stock-taking after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import attrs

from printnow_async.cli.demo.bulk import many_customers
from printnow_async.cli.demo.ledger import Audit, Row, audit, holdings
from printnow_async.cli.demo.narration import Narrator
from printnow_async.cli.demo.stage import Stage
from printnow_async.cli.demo.walks import one_customer, registered_guest, returning_guest
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
    ("Many customers at once, under faults", many_customers),
)
"""The steps, each under its heading."""

_TIMEOUT: Final = Timeout(attempt=5.0, connect=5.0, total=60.0)
_RETRY: Final = RetryPolicy(max_attempts=6, base_delay=0.02, max_delay=0.2)


async def play(narrator: Narrator, *, customers: int, concurrency: int, seed: int) -> Audit:
    """Play all steps against a sandbox of their own, then compare what they were told with what it holds."""
    rows: list[Row] = []
    async with Sandbox(seed=seed) as sandbox:
        limits = Limits(max_concurrency=concurrency)
        async with PrintNowClient(
            sandbox.token, sandbox.key, base_url=sandbox.url, timeout=_TIMEOUT, retry=_RETRY, limits=limits
        ) as client:
            stage = Stage(sandbox, client, narrator, customers=customers, concurrency=concurrency, seed=seed)
            for number, (heading, step) in enumerate(STEPS, 1):
                stage.begin(number, heading)
                row = await step(stage)
                rows.append(attrs.evolve(row, requests=stage.end()))
    # The sandbox is closed: nothing that was still on its way can be applied after it was counted.
    return audit(rows, holdings(sandbox))
