"""The same shop as checkout_fastapi.py, on aiohttp.web.

Run as it is, it starts a sandbox and itself, and goes through a checkout of each kind; with --serve it stays, on
http://127.0.0.1:8000. GUESTS_DATABASE says where guests are remembered.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from checkout_visit import visit
from target import STOREFRONT, connect

from printnow_async import (
    EmailInUseError,
    InvalidAccountError,
    LifecycleConflictError,
    LifecycleNotFoundError,
    NewAccount,
    NotTemporaryError,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    TempUserLifecycle,
    UsernameInUseError,
)
from printnow_async.tracking.sql import SQLTracker

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

CLIENT = web.AppKey("CLIENT", PrintNowClient)
TRACKER = web.AppKey("TRACKER", SQLTracker)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """One client and one tracker for as long as the application runs."""
    url = os.environ.get("GUESTS_DATABASE", "sqlite+aiosqlite:///guests.db")
    async with connect() as client, SQLTracker(url) as tracker:
        app[CLIENT], app[TRACKER] = client, tracker
        yield


def problem(error: Exception) -> tuple[int, str]:
    """Each failure as a status, and what the browser's script can do about it."""
    match error:
        case UsernameInUseError() | EmailInUseError():
            return 409, "log in, or choose another"
        case NotTemporaryError() | LifecycleConflictError():
            return 409, "log in: this cart has been checked out already"
        case LifecycleNotFoundError():
            return 404, "start a cart"
        case OutcomeUnknownError():
            return 503, "send the same again in a moment"
        case PrintNowError() if not isinstance(error, InvalidAccountError):
            return 502, "try again later"
        case _:
            return 422, "correct the form"


@web.middleware
async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (PrintNowError, ValueError, TypeError, KeyError) as error:
        status, advice = problem(error)
        return web.json_response({"do": advice, "error": str(error)}, status=status)


async def resume(request: web.Request) -> TempUserLifecycle:
    return await TempUserLifecycle.resume(
        request.app[CLIENT], request.app[TRACKER], reference=request.match_info["cart"]
    )


async def start(request: web.Request) -> web.Response:
    """A visitor has come: a temporary user to design with, the same one every time."""
    guest = await TempUserLifecycle.start(
        request.app[CLIENT], request.app[TRACKER], reference=request.match_info["cart"], storefront_id=STOREFRONT
    )
    return web.json_response({"guest": guest.temp_id, "state": guest.state})


async def checkout_new(request: web.Request) -> web.Response:
    """The visitor registers: the guest becomes that account."""
    form: dict[str, Any] = json.loads(await request.read())
    customer = await (await resume(request)).convert(NewAccount.from_form(form))
    return web.json_response({"customer": customer.id, "username": customer.username})


async def checkout_existing(request: web.Request) -> web.Response:
    """The visitor has logged in: everything designed moves to that account."""
    customer_id = json.loads(await request.read())["customer_id"]
    customer = await (await resume(request)).transfer(to=customer_id)
    return web.json_response({"customer": customer.id, "username": customer.username})


def application() -> web.Application:
    """The shop: what a server runs."""
    app = web.Application(middlewares=[failures])
    app.cleanup_ctx.append(lifespan)
    app.router.add_post("/carts/{cart}", start)
    app.router.add_post("/carts/{cart}/checkout/new", checkout_new)
    app.router.add_post("/carts/{cart}/checkout/existing", checkout_existing)
    return app


async def main() -> None:
    """The shop on a free port, and a browser."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("GUESTS_DATABASE", f"sqlite+aiosqlite:///{folder}/guests.db")
        runner = web.AppRunner(application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession(f"http://{host}:{port}") as browser:
                await visit(browser)
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        web.run_app(application(), host="127.0.0.1", port=8000)
    else:
        asyncio.run(main())
