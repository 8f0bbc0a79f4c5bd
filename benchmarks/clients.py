"""The clients under comparison: each does the same requests in its own way, and hands every answer's id to `check`.

A client's library is imported inside its function: each measurement is a process that loads one client only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from canned import ACCOUNT, AUTHORIZATION, COLLECTION, CUSTOMER, KEY, NEW_CUSTOMER, STOREFRONT_ID, TOKEN

FIRST_ID = 100_000  # each request asks for another customer, so that no client gains by remembering a URL


@dataclass(frozen=True)
class Load:
    """`n` requests of one operation ("get" or "create"), never more than `window` in flight."""

    base_url: str
    operation: str
    window: int
    n: int

    @property
    def url(self) -> str:
        return self.base_url + COLLECTION

    async def drive(self, get: Callable[[int], Awaitable[None]], create: Callable[[int], Awaitable[None]]) -> None:
        """Workers that draw from one counter: the least that a bound can cost, and the same for every client."""
        call = get if self.operation == "get" else create
        numbers = iter(range(FIRST_ID, FIRST_ID + self.n))

        async def worker() -> None:
            for number in numbers:
                await call(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(self.window):
                group.create_task(worker())


def check(customer_id: object, expected: int = CUSTOMER["id"]) -> None:
    assert customer_id == expected, f"not the customer that was served: {customer_id!r}"


# ---------------------------------------------------------------- aiohttp


def aiohttp_session(load: Load):
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=load.window),
        headers={"Authorization": AUTHORIZATION, "Accept": "application/json"},
    )


async def aiohttp_json(load: Load) -> None:
    async with aiohttp_session(load) as session:

        async def get(number: int) -> None:
            async with session.get(f"{load.url}/{number}") as response:
                response.raise_for_status()
                check(json.loads(await response.read())["id"], number)

        async def create(_: int) -> None:
            async with session.post(load.url, json=NEW_CUSTOMER) as response:
                response.raise_for_status()
                check(json.loads(await response.read())["id"])

        await load.drive(get, create)


async def aiohttp_cattrs(load: Load) -> None:
    from model import Customer, NewCustomer, structure, unstructure

    async with aiohttp_session(load) as session:

        async def get(number: int) -> None:
            async with session.get(f"{load.url}/{number}") as response:
                response.raise_for_status()
                check(structure(json.loads(await response.read()), Customer).id, number)

        async def create(_: int) -> None:
            new = NewCustomer(storefront_id=STOREFRONT_ID, **ACCOUNT)
            async with session.post(load.url, json=unstructure(new)) as response:
                response.raise_for_status()
                check(structure(json.loads(await response.read()), Customer).id)

        await load.drive(get, create)


# ---------------------------------------------------------------- httpx


async def httpx_json(load: Load) -> None:
    import httpx

    # The pool is left as it comes (100 connections, 20 kept): at 32 in flight one of 32 is slower still.
    async with httpx.AsyncClient(auth=(TOKEN, KEY), timeout=60) as client:

        async def get(number: int) -> None:
            response = await client.get(f"{load.url}/{number}")
            response.raise_for_status()
            check(response.json()["id"], number)

        async def create(_: int) -> None:
            response = await client.post(load.url, json=NEW_CUSTOMER)
            response.raise_for_status()
            check(response.json()["id"])

        await load.drive(get, create)


# ---------------------------------------------------------------- printnow_async


def printnow_client(load: Load):
    from printnow_async import Limits, PrintNowClient

    return PrintNowClient(TOKEN, KEY, base_url=load.base_url, limits=Limits(max_concurrency=load.window))


async def printnow(load: Load) -> None:
    from printnow_async import NewAccount

    async with printnow_client(load) as client:

        async def get(number: int) -> None:
            check((await client.customers.get(number)).id, number)

        async def create(_: int) -> None:
            check((await client.customers.create(NewAccount(**ACCOUNT), storefront_id=STOREFRONT_ID)).id)

        await load.drive(get, create)


async def printnow_stream_bulk(load: Load) -> None:
    from printnow_async import NewAccount, stream_bulk

    async with printnow_client(load) as client:

        async def create(_: int):
            return await client.customers.create(NewAccount(**ACCOUNT), storefront_id=STOREFRONT_ID)

        operation = client.customers.get if load.operation == "get" else create
        numbers = range(FIRST_ID, FIRST_ID + load.n)
        async with stream_bulk(operation, numbers, concurrency=load.window) as outcomes:
            async for outcome in outcomes:
                check(outcome.value.id, outcome.item if load.operation == "get" else CUSTOMER["id"])


# ---------------------------------------------------------------- all of them


@dataclass(frozen=True)
class Client:
    label: str
    run: Callable[[Load], Awaitable[None]]
    imports: str  # what a program that uses it starts with; where that fails, the client is left out


YARDSTICK = "aiohttp"
CLIENTS = {
    "aiohttp": Client("aiohttp + json", aiohttp_json, "import aiohttp"),
    "cattrs": Client("aiohttp + json + cattrs", aiohttp_cattrs, "import aiohttp, attrs, cattrs"),
    "httpx": Client("httpx", httpx_json, "import httpx"),
    "printnow_async": Client("printnow_async", printnow, "import printnow_async"),
    "stream_bulk": Client(
        "printnow_async, stream_bulk", printnow_stream_bulk, "from printnow_async import stream_bulk"
    ),
}
