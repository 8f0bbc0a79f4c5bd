"""Customers by their ids, into a CSV file: any number of them, in constant memory.

    python examples/bulk_export.py ids.txt customers.csv

With no argument the example makes a few customers, prints their CSV and deletes them. No endpoint lists customers, so
the file of ids comes from you, with one id in each line.
"""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import attrs
from target import connect, some_customers

from printnow_async import Customer, CustomerNotFoundError, Failure, PrintNowClient, Progress, stream_bulk

COLUMNS = [field.name for field in attrs.fields(Customer) if field.name != "extra"]


def numbers(path: Path) -> Iterator[int]:
    """The ids in a file, read as they are needed."""
    with path.open() as lines:
        yield from (int(line) for line in lines if line.strip())


def show(progress: Progress) -> None:
    left = "" if progress.remaining is None else f", {progress.remaining:.0f} s left"
    print(f"\r{progress.done} done, {progress.rate:.0f} a second{left}  ", end="", file=sys.stderr)


async def export(client: PrintNowClient, ids: Iterable[int], file: TextIO) -> None:
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    # ordered: the rows have the order of the ids, and each run writes the same file
    async with stream_bulk(client.customers.get, ids, concurrency=16, ordered=True, on_progress=show) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Failure):
                if not isinstance(outcome.error, CustomerNotFoundError):
                    raise outcome.error
                print(f"\nno customer {outcome.item}", file=sys.stderr)
                continue
            customer = outcome.value
            writer.writerow([getattr(customer, name) for name in COLUMNS])
    print(file=sys.stderr)


async def main() -> None:
    async with connect() as client:
        if len(sys.argv) == 3:
            with Path(sys.argv[2]).open("w", newline="") as file:
                await export(client, numbers(Path(sys.argv[1])), file)
        else:
            async with some_customers(client, 5) as customers:
                await export(client, [*(customer.id for customer in customers), 987654321], sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
