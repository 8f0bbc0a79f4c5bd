"""Where the examples run: a real storefront when credentials are in the environment, else a sandbox of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from printnow_async import PrintNowClient
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
