"""`printnow demo`: writes through a failing service, and a proof that nothing was applied twice or lost."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import click
from rich.text import Text

from printnow_async.cli.commands import Command, json_option
from printnow_async.cli.demo import report
from printnow_async.cli.demo.crowds import imported_spreadsheet, many_customers
from printnow_async.cli.demo.ledger import Audit, StepResult, audit
from printnow_async.cli.demo.processes import double_submit, killed_process
from printnow_async.cli.demo.stage import Stage, new_client
from printnow_async.cli.demo.walks import one_customer, registered_guest, returning_guest
from printnow_async.cli.failures import CommandFailed
from printnow_async.cli.output import write, write_json
from printnow_async.cli.trackers import sql_tracker
from printnow_async.options import Limits
from printnow_async.sandbox import Sandbox

__all__ = ["STEPS", "Step", "demo", "play"]

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


@click.command("demo", cls=Command, examples=("printnow demo", "printnow demo --customers 1000 --seed 7"))
@click.option(
    "--customers", type=click.IntRange(1, 100_000), default=300, help="Customers to create at once (default: 300)."
)
@click.option("--concurrency", type=click.IntRange(1, 1000), default=16, help="Creates in flight (default: 16).")
@click.option("--seed", type=int, help="The faults and people depend on the seed (default: a random seed).")
@json_option
def demo(customers: int, concurrency: int, seed: int | None, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Watch writes come through a failing service unharmed.

    The demo needs no account and no network. It starts a sandbox on this machine, sends customers and guests to the
    sandbox while connections drop and answers get lost, and compares in the end what the SDK reported with what the
    sandbox holds. Exit code 0: no duplicates, none lost.
    """
    seed = random.randrange(1_000_000) if seed is None else seed
    began = time.perf_counter()
    if not as_json:
        right = "On the right: what it saw of each request."
        write(Text(f"A sandbox on this machine, with faults drawn from seed {seed}. {right}"))
    compared = asyncio.run(play(customers, concurrency, seed, quiet=as_json))
    elapsed = time.perf_counter() - began
    if as_json:
        settings = {"customers": customers, "concurrency": concurrency, "seed": seed, "elapsed": round(elapsed, 3)}
        write_json(report.as_json(compared, **settings))
    else:
        report.show(compared, elapsed=elapsed)
    if not compared.holds:
        raise CommandFailed(f"{report.verdict(compared)}: the sandbox does not hold what was reported (seed {seed})")


async def play(customers: int, concurrency: int, seed: int, *, quiet: bool) -> Audit:
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
            stage = Stage(sandbox, client, tracker, tracker_url, chance, customers, concurrency, quiet)
            for number, (heading, step) in enumerate(STEPS, 1):
                stage.begin(number, heading)
                result = await step(stage)
                results.append(attrs.evolve(result, requests=stage.end()))
    # The sandbox is closed, so no request on its way can be applied after the counting.
    return audit(results, sandbox)
