"""Where the examples run: a real storefront when credentials are in the environment, else a sandbox of their own."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from printnow_async import Customer, NewAccount, PrintNowClient
from printnow_async.sandbox import Sandbox

STOREFRONT = int(os.environ.get("PRINTNOW_STOREFRONT", "1"))


@asynccontextmanager
async def connect() -> AsyncIterator[PrintNowClient]:
    """A client, for as long as the block lasts."""
    if os.environ.get("PRINTNOW_TOKEN"):
        async with PrintNowClient() as client:  # PRINTNOW_TOKEN, PRINTNOW_KEY, PRINTNOW_BASE_URL
            yield client
        return
    print("no PRINTNOW_TOKEN in the environment: running against a sandbox")
    async with Sandbox() as sandbox, PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
        yield client


@asynccontextmanager
async def some_customers(client: PrintNowClient, count: int) -> AsyncIterator[list[Customer]]:
    """A few customers to work on, deleted again in the end."""
    made: list[Customer] = []
    try:
        for _ in range(count):
            name = f"jane-{secrets.token_hex(4)}"
            account = NewAccount(name, secrets.token_urlsafe(12), f"{name}@example.com", "Jane", "Smith")
            made.append(await client.customers.create(account, storefront_id=STOREFRONT))
        yield made
    finally:
        for customer in made:
            await client.customers.delete(customer.id)
