"""One change to many customers, as fast as the service takes it, and a list of those that need another look.

    python examples/bulk_update.py ids.txt

marks the customers of a file (one id in each line) as tax exempt. With no argument the example makes a few customers,
marks them, and deletes them in the end.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from target import connect, some_customers

from printnow_async import Customer, CustomerUpdate, Failure, OutcomeUnknownError, PrintNowClient, stream_bulk

CHANGE = CustomerUpdate(tax_exempt=True)


async def update_all(client: PrintNowClient, ids: Iterable[int]) -> None:
    async def change(customer_id: int) -> Customer:
        return await client.customers.update(customer_id, CHANGE)

    counts: Counter[str] = Counter()
    # ten failures are probably no chance: stop, and let a person look
    async with stream_bulk(change, ids, concurrency=16, max_failures=10) as outcomes:
        async for outcome in outcomes:
            if not isinstance(outcome, Failure):
                counts["updated"] += 1
            elif isinstance(outcome.error, OutcomeUnknownError):
                # an update sets values, so the same update may be made again
                counts["to do again"] += 1
                print(outcome.item, "to do again:", outcome.error)
            else:
                counts["failed"] += 1
                print(outcome.item, "failed:", outcome.error)
    print(", ".join(f"{number} {name}" for name, number in counts.items()))
    if outcomes.stopped:
        print(f"stopped early: {len(await outcomes.not_started())} were not begun")


async def main() -> None:
    async with connect() as client:
        if len(sys.argv) == 2:
            await update_all(client, [int(line) for line in Path(sys.argv[1]).read_text().split()])
        else:
            async with some_customers(client, 20) as customers:
                await update_all(client, [*(customer.id for customer in customers), 987654321])


if __name__ == "__main__":
    asyncio.run(main())
