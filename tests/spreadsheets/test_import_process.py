"""An import that is killed again and again, with answers lost at the same time, and goes on each time."""

from __future__ import annotations

import asyncio
import csv
import itertools
import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from printnow_async.sandbox import Fault, Sandbox
from tests.support.scale import at_scale

ROOT = Path(__file__).parents[2]
ROWS = 2_000
KILLS = at_scale(200)
TAKEN = range(50, ROWS, 40)
"""Rows whose username somebody else has already."""
FAULTS = [
    Fault.drop(),
    Fault.drop(reset=True),
    Fault.apply_then_drop(),
    Fault.apply_then_drop(reset=True),
    Fault.apply_then_status(502),
    Fault.status(503, retry_after=0),
    Fault.truncate(),
]


@pytest.fixture
async def zygote() -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that forks a worker for each job; closing its standard input ends it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.zygote",
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    yield process
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


async def run(zygote: asyncio.subprocess.Process, **job: Any) -> dict[str, Any] | None:
    """The report of an import; None if it was killed."""
    assert zygote.stdin is not None
    assert zygote.stdout is not None
    zygote.stdin.write(json.dumps(job).encode() + b"\n")
    answer = json.loads(await zygote.stdout.readline())
    assert answer["status"] in {0, 9}, answer
    report: dict[str, Any] | None = answer["result"]
    assert (report is None) is (answer["status"] == 9)
    return report


def write_rows(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Username", "Password", "Email", "First Name", "Last Name"])
        for number in range(ROWS):
            short = "x" if number % 100 == 99 else "securepass123"
            writer.writerow([f"user-{number}", short, f"user-{number}@example.com", "A", "B"])


def read_report(path: str) -> dict[str, dict[str, str]]:
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["Username"] for row in rows}) == len(rows)
    return {row["Username"]: row for row in rows}


def check_truth(sandbox: Sandbox, report: dict[str, Any], others: dict[str, int]) -> int:
    """Held against what the server holds; the number of rows that read `unknown`."""
    held = Counter(customer.username for customer in sandbox.customers.values())
    ids = {customer.username: customer.id for customer in sandbox.customers.values()}
    created, failed = read_report(report["created_csv"]), read_report(report["failed_csv"])
    assert created.keys().isdisjoint(failed)
    assert len(created) + len(failed) == ROWS
    assert report["unsettled"] == 0
    assert set(held.values()) == {1}
    for number in range(ROWS):
        name = f"user-{number}"
        if number % 100 == 99:
            assert failed[name]["outcome"] == "invalid"
            assert name not in held
        elif name in created:
            assert int(created[name]["id"]) == ids[name]
            assert name not in others
        elif failed[name]["outcome"] == "exists":
            assert name in others
        else:
            assert failed[name]["outcome"] == "unknown"
            assert held[name] == 1, failed[name]
    assert report["created"] == len(created)
    return int(report["unknown"])


@pytest.mark.heavy(70)
async def test_an_import_that_is_killed_at_any_moment_ends_as_if_it_had_not_been(
    zygote: asyncio.subprocess.Process, tmp_path: Path
) -> None:
    """Each valid row once at the server; no outcome is wrong; and what cannot be told stays a small part."""
    source = tmp_path / "customers.csv"
    write_rows(source)
    dice = random.Random(11)
    kills = unknown = 0
    for attempt in itertools.count():
        if kills >= KILLS:
            break
        folder = tmp_path / str(attempt)
        folder.mkdir()
        async with Sandbox(seed=attempt) as sandbox:
            others = {
                f"user-{number}": sandbox.add_customer(
                    storefront_id=1, username=f"user-{number}", email=f"other-{number}@example.com"
                ).id
                for number in TAKEN
                if number % 100 != 99
            }
            for fault in FAULTS:
                sandbox.inject(fault, probability=0.01)
            job = {
                "url": sandbox.url,
                "token": sandbox.token,
                "key": sandbox.key,
                "source": str(source),
                "journal": str(folder / "journal"),
            }
            report = None
            for _ in range(15):
                report = await run(zygote, **job, dies_after=dice.uniform(0.0, 0.3))
                kills += report is None
            while report is None or report["halted"] or report["unsettled"]:
                report = await run(zygote, **job)
                assert report is not None
            unknown += check_truth(sandbox, report, others)
            again = await run(zygote, **job)
            assert again is not None
            assert again["sent"] == 0
            assert {**again, "elapsed": 0, "sent": 0} == {**report, "elapsed": 0, "sent": 0}
    # what a killed process has not written yet is the work of a moment
    assert unknown <= 200 * kills
