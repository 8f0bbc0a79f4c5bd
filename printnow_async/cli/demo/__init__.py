"""`printnow demo`: writes through a failing service, and a proof that nothing was applied twice or lost."""

from __future__ import annotations

import asyncio
import random
import time

import click

from printnow_async.cli.commands import Command, json_option
from printnow_async.cli.demo import report
from printnow_async.cli.demo.narration import Narrator
from printnow_async.cli.demo.scenario import play
from printnow_async.cli.failures import CommandFailed
from printnow_async.cli.output import write_json

__all__ = ["demo"]


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
    narrator = Narrator(quiet=as_json)
    seed = random.randrange(1_000_000) if seed is None else seed
    began = time.perf_counter()
    narrator.say(
        f"A sandbox on this machine, with faults drawn from seed {seed}. On the right: what it saw of each request."
    )
    audit = asyncio.run(play(narrator, customers=customers, concurrency=concurrency, seed=seed))
    elapsed = time.perf_counter() - began
    if as_json:
        settings = {"customers": customers, "concurrency": concurrency, "seed": seed, "elapsed": round(elapsed, 3)}
        write_json(report.as_json(audit, **settings))
    else:
        report.show(audit, elapsed=elapsed)
    if not audit.holds:
        raise CommandFailed(f"{report.verdict(audit)}: the sandbox does not hold what was reported (seed {seed})")
