"""A small shop whose guests design first and say who they are at checkout: FastAPI, any number of workers.

    uvicorn checkout_fastapi:app --workers 4        (in this folder, with PRINTNOW_TOKEN and PRINTNOW_KEY set)

GUESTS_DATABASE says where guests are remembered (sqlite+aiosqlite:///guests.db; postgresql+asyncpg://… for workers on
many machines). Run as a script it starts a sandbox and one worker, and goes through a checkout of each kind.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn
from checkout_visit import visit
from fastapi import Body, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from target import STOREFRONT, connect

from printnow_async import (
    EmailInUseError,
    InvalidAccountError,
    LifecycleConflictError,
    LifecycleNotFoundError,
    NewAccount,
    NotTemporaryError,
    OutcomeUnknownError,
    PrintNowError,
    TempUserLifecycle,
    UsernameInUseError,
)
from printnow_async.tracking.sql import SQLTracker


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client and one tracker for as long as the worker runs."""
    url = os.environ.get("GUESTS_DATABASE", "sqlite+aiosqlite:///guests.db")
    async with connect() as client, SQLTracker(url) as tracker:
        app.state.client, app.state.tracker = client, tracker
        yield


app = FastAPI(lifespan=lifespan)


async def resume(request: Request, cart: str) -> TempUserLifecycle:
    return await TempUserLifecycle.resume(request.app.state.client, request.app.state.tracker, reference=cart)


@app.get("/")
async def page() -> HTMLResponse:
    """What a browser would show; the rest is for its scripts."""
    return HTMLResponse("<h1>Business cards</h1><p>Design now, tell us who you are later.</p>")


@app.post("/carts/{cart}")
async def start(request: Request, cart: str) -> dict[str, Any]:
    """A visitor has come: a temporary user to design with, the same one every time."""
    state = request.app.state
    guest = await TempUserLifecycle.start(state.client, state.tracker, reference=cart, storefront_id=STOREFRONT)
    return {"guest": guest.temp_id, "state": guest.state}


@app.post("/carts/{cart}/checkout/new")
async def checkout_new(request: Request, cart: str, form: dict[str, Any] = Body()) -> dict[str, Any]:  # noqa: B008, FAST002 - as FastAPI's guide writes it
    """The visitor registers: the guest becomes that account."""
    guest = await resume(request, cart)
    customer = await guest.convert(NewAccount.from_form(form))
    return {"customer": customer.id, "username": customer.username}


@app.post("/carts/{cart}/checkout/existing")
async def checkout_existing(request: Request, cart: str, customer_id: int = Body(embed=True)) -> dict[str, Any]:  # noqa: FAST002
    """The visitor has logged in (your own login says as whom): everything designed moves to that account."""
    guest = await resume(request, cart)
    customer = await guest.transfer(to=customer_id)
    return {"customer": customer.id, "username": customer.username}


@app.exception_handler(PrintNowError)
async def failed(_: Request, error: Exception) -> JSONResponse:
    """Each failure as what the browser's script can do about it."""
    match error:
        case InvalidAccountError():
            return JSONResponse({"do": "correct the form", "problems": error.problems}, 422)
        case UsernameInUseError() | EmailInUseError():
            return JSONResponse({"do": "log in, or choose another", "error": error.message}, 409)
        case NotTemporaryError() | LifecycleConflictError():
            return JSONResponse({"do": "log in: this cart has been checked out already"}, 409)
        case LifecycleNotFoundError():
            return JSONResponse({"do": "start a cart"}, 404)
        case OutcomeUnknownError():
            return JSONResponse({"do": "send the same again in a moment"}, 503, headers={"Retry-After": "2"})
        case _:
            return JSONResponse({"do": "try again later", "error": str(error)}, 502)


@app.exception_handler(ValueError)
async def wrong(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"do": "correct the form", "error": str(error)}, 422)


async def main() -> None:
    """One worker on a free port, and a browser."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("GUESTS_DATABASE", f"sqlite+aiosqlite:///{folder}/guests.db")
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)  # uvicorn has no event for it
        port = server.servers[0].sockets[0].getsockname()[1]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser:
            await visit(browser)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(main())
