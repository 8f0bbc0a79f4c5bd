"""What an import's journal costs: rows sent with a journal and without a journal, compared with `stream_bulk` alone.

The rows of a CSV file are sent to the canned server in three ways, in turns: through `stream_bulk` alone, through an
import's job with a journal that keeps nothing, and with the real journal (SQLite, WAL, synchronous=FULL). Then a whole
import is run, and run again when every row has its outcome.

The server answers after 5 ms, because a server that answers at once is as busy as the client. Client and server then
fall into step: answers arrive in groups of a dozen, and a group costs less than twelve single answers. Anything that
breaks the step, as the journal does, then loses a fifth of the throughput. `--delay 0` shows this effect.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from canned import KEY, TOKEN
from printnow_async import Limits, PrintNowClient, Timeout, stream_bulk
from printnow_async.spreadsheets import import_accounts
from printnow_async.spreadsheets.checking import Checked, check
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.entries import NEW, JournalEntry
from printnow_async.spreadsheets.job import RowJob
from printnow_async.spreadsheets.journal import Journal
from printnow_async.spreadsheets.reading import open_spreadsheet
from printnow_async.spreadsheets.sending import AccountSender
from printnow_async.spreadsheets.staging import RowStager
from printnow_async.spreadsheets.tally import RowTally
from processes import CLIENT_CORE, server

CONCURRENCY = 32


class NoJournal(Journal):
    """A journal that keeps nothing."""

    def begin(self, key: str, digest: str, _: Any) -> JournalEntry:
        return JournalEntry(0, key, digest, NEW, None, None)

    def settle(self, *_: Any) -> None: ...

    async def flush(self) -> None: ...


def write_rows(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write("Username,Password,Email,First Name,Last Name,Company\n")
        for number in range(count):
            file.write(f"user-{number},securepass{number},user-{number}@example.com,Ada,Ash,Acme {number}\n")


def client(url: str) -> PrintNowClient:
    return PrintNowClient(
        TOKEN, KEY, base_url=url, limits=Limits(max_concurrency=CONCURRENCY), timeout=Timeout(total=None)
    )


async def bulk_alone(url: str, checked: Checked, _folder: Path) -> None:
    async with client(url) as shop:
        create = partial(shop.customers.create, storefront_id=1)
        accounts = (row.account() for row in checked.rows())
        async with stream_bulk(create, accounts, concurrency=CONCURRENCY) as outcomes:
            async for _ in outcomes:
                pass


async def sent(url: str, checked: Checked, journal: Journal) -> None:
    async with client(url) as shop, journal:
        tally, stop = RowTally(checked.valid), asyncio.Event()
        stager = RowStager(checked.rows(), journal, tally, stop, concurrency=CONCURRENCY, retry_failed=False)
        sender = AccountSender(partial(shop.customers.create, storefront_id=1), tally, stop)
        job = RowJob(stager, sender.send, journal, tally, concurrency=CONCURRENCY, max_failures=None)
        halted = await job.run()
    if tally.settled != checked.valid or tally.failed:
        raise SystemExit(f"{tally}: {halted}")


async def without_journal(url: str, checked: Checked, folder: Path) -> None:
    await sent(url, checked, NoJournal(folder / "none", storefront_id=1, source="rows.csv"))


async def with_journal(url: str, checked: Checked, folder: Path) -> None:
    await sent(url, checked, Journal(folder / f"{time.time_ns()}", storefront_id=1, source="rows.csv"))


def timed(work: Any, *arguments: Any) -> tuple[float, float]:
    """Seconds of the wall and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(work(*arguments))
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="rows in each measurement (20,000)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (5)")
    parser.add_argument("--delay", type=float, default=5, help="milliseconds in which the server answers (5)")
    parser.add_argument("--whole", type=int, default=1_000_000, help="rows of the whole import; 0 for none (1,000,000)")
    options = parser.parse_args()
    if CLIENT_CORE is not None:
        os.sched_setaffinity(0, {CLIENT_CORE})
    ways = [bulk_alone, without_journal, with_journal]
    found: dict[Any, list[tuple[float, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as name, server(options.delay) as url:
        folder = Path(name)
        if options.rounds:
            source = folder / "rows.csv"
            write_rows(source, options.rows)
            with open_spreadsheet(source) as spreadsheet:
                checked = check(spreadsheet, Columns.of(spreadsheet.headings))
                for turn in range(options.rounds):
                    for way in ways[turn % 3 :] + ways[: turn % 3]:
                        found[way].append(timed(way, url, checked, folder))
                        print(way.__name__, *(f"{seconds:.2f} s" for seconds in found[way][-1]), file=sys.stderr)
            show(found, options.rows)
        if options.whole:
            whole(url, folder, options.whole)


def show(found: dict[Any, list[tuple[float, float]]], rows: int) -> None:
    """Print the medians, and the journal's cost as a share of what `stream_bulk` alone takes, by round."""
    print("| sent by | rows/s | CPU µs a row |\n|---|--:|--:|")
    for way, runs in found.items():
        wall, cpu = (median(run[at] for run in runs) for at in (0, 1))
        print(f"| {way.__name__.replace('_', ' ')} | {rows / wall:,.0f} | {cpu / rows * 1e6:,.0f} |")
    for at, what in enumerate(("wall time", "CPU time")):
        shares = [
            (with_it[at] - without[at]) / alone[at] for alone, without, with_it in zip(*found.values(), strict=True)
        ]
        print(f"\nThe journal takes {median(shares):.1%} of the {what} of stream_bulk alone (median of {len(shares)}).")


def whole(url: str, folder: Path, rows: int) -> None:
    """Run one import from beginning to end, and again when nothing is left to do."""
    source = folder / "all.csv"
    write_rows(source, rows)
    print(f"\n| an import of {rows:,} rows | seconds | sent | peak RSS, MiB |\n|---|--:|--:|--:|")
    for name in ("from the beginning", "with every row settled"):
        started = time.perf_counter()

        async def run() -> Any:
            async with client(url) as shop:
                return await import_accounts(shop, source, storefront_id=1, concurrency=CONCURRENCY)

        report = asyncio.run(run())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {name} | {time.perf_counter() - started:,.1f} | {report.sent:,} | {peak:,.0f} |", flush=True)
        if report.created != rows:
            raise SystemExit(str(report))


if __name__ == "__main__":
    main()
