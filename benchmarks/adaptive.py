"""Compares `Limits(adaptive=True)` with every fixed limit, on servers that take only so much at once.

For each profile of `loaded.py`: the goodput at each fixed limit, over a few thousand calls, and at the adaptive one,
over 20,000 from a cold start. A table in Markdown on standard output; `--plot FILE` draws it, with the adaptive limit's
way through each run. Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from canned import KEY, STATISTICS, TOKEN
from loaded import PROFILES, Profile
from printnow_async import Limits, PrintNowClient, stream_bulk
from processes import CLIENT_CORE, ENVIRONMENT, HERE, SERVER_CORE

CALLS = 20_000
LEVELS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 60, 64, 80, 100)


@dataclass
class Run:
    """One run: what was asked and what came of it."""

    goodput: float
    """Items that succeeded, per second."""
    refused: float
    """Share of the answers that were 503."""
    lost: int
    """Items that failed."""
    way: list[tuple[int, int]]
    """Items done, and the limit then."""


@contextmanager
def server(name: str) -> Iterator[str]:
    """A server of that profile; yields its base URL."""
    command = [sys.executable, str(HERE / "loaded.py"), name]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if SERVER_CORE is not None:
                os.sched_setaffinity(process.pid, {SERVER_CORE})
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


async def run(url: str, limits: Limits, calls: int) -> Run:
    """So many GETs through `stream_bulk`, which always has more to do than the limit allows."""
    way: list[tuple[int, int]] = []
    done = lost = 0
    async with PrintNowClient(TOKEN, KEY, base_url=url, limits=limits) as client:
        started = time.perf_counter()
        bulk = stream_bulk(client.customers.get, range(1, calls + 1), concurrency=2 * limits.max_concurrency + 64)
        async with bulk as outcomes:
            async for outcome in outcomes:
                done += 1
                lost += not hasattr(outcome, "value")
                if limits.adaptive and done % 50 == 0:
                    way.append((done, client.limits.current))
        took = time.perf_counter() - started
    counts = statistics(url)
    answers = counts["served"] + counts["refused"]
    return Run((done - lost) / took, counts["refused"] / answers, lost, way)


def statistics(url: str) -> dict[str, int]:
    """What the server has counted."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", STATISTICS)
    return json.loads(connection.getresponse().read())


def measure(name: str, profile: Profile, rounds: int) -> tuple[dict[int, Run], list[Run]]:
    """Each fixed limit once, and the adaptive one so many times."""
    fixed: dict[int, Run] = {}
    # what a limit costs shows soon, but a server that changes has to be seen through
    changes = name == "halves"
    for level in (level for level in LEVELS if (16 if changes else 1) <= level <= profile.maximum):
        calls = CALLS if changes else max(200, min(6_000, int(4 * level / profile.seconds)))
        with server(name) as url:
            fixed[level] = asyncio.run(run(url, Limits(max_concurrency=level), calls))
        progress(f"{name}: {level} fixed, {fixed[level].goodput:,.0f}/s, refused {fixed[level].refused:.1%}")
    adaptive = []
    for _ in range(rounds):
        with server(name) as url:
            adaptive.append(asyncio.run(run(url, Limits(max_concurrency=profile.maximum, adaptive=True), CALLS)))
        progress(f"{name}: adaptive, {adaptive[-1].goodput:,.0f}/s, refused {adaptive[-1].refused:.2%}")
    return fixed, adaptive


def progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def table(found: dict[str, tuple[dict[int, Run], list[Run]]]) -> str:
    """The best fixed limit that loses nothing beside the adaptive one; of several rounds the median."""
    lines = [
        "| the server | best fixed limit | its calls/s | adaptive, calls/s | of the best | refused | lost |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, (fixed, adaptive) in found.items():
        best = max((level for level in fixed if not fixed[level].lost), key=lambda level: fixed[level].goodput)
        middle = sorted(adaptive, key=lambda run: run.goodput)[len(adaptive) // 2]
        lines.append(
            f"| {PROFILES[name].about} | {best} | {fixed[best].goodput:,.0f} | {middle.goodput:,.0f} "
            f"| {middle.goodput / fixed[best].goodput:.0%} | {middle.refused:.1%} "
            f"| {sum(run.lost for run in adaptive)} |"
        )
    return "\n".join(lines)


def plot(found: dict[str, tuple[dict[int, Run], list[Run]]], path: Path) -> None:
    """For each profile the sweep, with the adaptive goodput as a line, and below it the adaptive limit's way."""
    from matplotlib.figure import Figure

    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.4 * columns, 5.2 * rows), layout="constrained")
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    for number, (name, (fixed, adaptive)) in enumerate(found.items()):
        middle = sorted(adaptive, key=lambda run: run.goodput)[len(adaptive) // 2]
        row, column = divmod(number, columns)
        above, below = axes[2 * row][column], axes[2 * row + 1][column]
        for loses, marker, label in ((False, "o-", "fixed limit"), (True, "x", "fixed limit that loses items")):
            points = [(level, run.goodput) for level, run in fixed.items() if bool(run.lost) is loses]
            above.plot(*zip(*points, strict=True) if points else ((), ()), marker, color="tab:blue", ms=4, label=label)
        above.axhline(middle.goodput, color="tab:red", label="adaptive")
        above.set(
            title=PROFILES[name].about, xlabel="limit", ylim=(0, None), ylabel="" if column else "goodput, calls/s"
        )
        above.title.set_fontsize("medium")
        above.title.set_wrap(True)
        below.plot(*zip(*middle.way, strict=True), color="tab:red", linewidth=1)
        below.set(xlabel="calls done", ylim=(0, None), ylabel="" if column else "adaptive limit")
        below.set_xticks([0, 10_000, 20_000])
        if not number:
            above.legend(loc="lower right", fontsize="x-small")
    figure.savefig(path, dpi=75)


def load(path: Path) -> dict[str, tuple[dict[int, Run], list[Run]]]:
    """What `--json` has written."""
    return {
        name: (
            {int(level): Run(**run) for level, run in runs["fixed"].items()},
            [Run(**run) for run in runs["adaptive"]],
        )
        for name, runs in json.loads(path.read_text()).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", default=",".join(PROFILES), help=f"of {','.join(PROFILES)} (all)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of the adaptive limit on each (3)")
    parser.add_argument("--plot", type=Path, help="a PNG file to draw the sweep into; needs matplotlib")
    parser.add_argument("--json", type=Path, help="a file for every run")
    parser.add_argument("--again", type=Path, help="a file from --json: show that, measure nothing")
    options = parser.parse_args()
    if options.again:
        show(load(options.again), options.plot)
        return
    if CLIENT_CORE is not None:
        os.sched_setaffinity(0, {CLIENT_CORE})
    logging.getLogger("printnow_async").addHandler(logging.NullHandler())
    logging.getLogger("printnow_async").setLevel(logging.ERROR)  # refusals are what is looked for
    found = {name: measure(name, PROFILES[name], options.rounds) for name in options.profiles.split(",")}
    if options.json:
        runs = {
            name: {
                "fixed": {level: asdict(run) for level, run in fixed.items()},
                "adaptive": list(map(asdict, adaptive)),
            }
            for name, (fixed, adaptive) in found.items()
        }
        options.json.write_text(json.dumps(runs))
    show(found, options.plot)


def show(found: dict[str, tuple[dict[int, Run], list[Run]]], path: Path | None) -> None:
    print(table(found))
    if path is not None:
        plot(found, path)


if __name__ == "__main__":
    main()
