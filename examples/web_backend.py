"""A small aiohttp backend with one client for the whole application, opened and closed with it.

Run it as it is, and it starts a sandbox and itself, and asks itself a few things. With --serve it stays, on
http://127.0.0.1:8000. With PRINTNOW_TOKEN and PRINTNOW_KEY in the environment it talks to the real API.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from target import STOREFRONT, connect

from printnow_async import (
    CustomerNotFoundError,
    EmailInUseError,
    InvalidAccountError,
    NewAccount,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    UsernameInUseError,
)

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

CLIENT = web.AppKey("CLIENT", PrintNowClient)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """One client, and so one connection pool and one set of limits, for as long as the application runs."""
    async with connect() as client:
        app[CLIENT] = client
        yield


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Each kind of failure as the status that tells our own callers what they may do."""
    try:
        return await handler(request)
    except CustomerNotFoundError:
        return web.json_response({"error": "no such customer"}, status=404)
    except (UsernameInUseError, EmailInUseError) as error:
        return web.json_response({"error": error.message}, status=409)
    except (ValueError, KeyError, TypeError) as error:
        problems = error.problems if isinstance(error, InvalidAccountError) else {}
        return web.json_response({"error": str(error), "problems": problems}, status=422)
    except OutcomeUnknownError as error:
        # 202: it may have been done. The request id finds it in both sides' logs.
        return web.json_response({"error": "outcome unknown", "request_id": error.request_id}, status=202)
    except PrintNowError as error:
        return web.json_response({"error": str(error)}, status=502)


async def show(request: web.Request) -> web.Response:
    customer = await request.app[CLIENT].customers.get(int(request.match_info["id"]))
    return web.json_response({"id": customer.id, "username": customer.username, "guest": customer.is_temporary})


async def start_guest(request: web.Request) -> web.Response:
    guest = await request.app[CLIENT].customers.create_temporary(storefront_id=STOREFRONT)
    return web.json_response({"id": guest.id}, status=201)


async def register(request: web.Request) -> web.Response:
    account = NewAccount.from_form(json.loads(await request.read()))
    customer = await request.app[CLIENT].customers.convert(int(request.match_info["id"]), account)
    return web.json_response({"id": customer.id, "username": customer.username})


def application() -> web.Application:
    """The backend: what a server runs."""
    app = web.Application(middlewares=[errors])
    app.cleanup_ctx.append(lifespan)
    app.router.add_get("/customers/{id}", show)
    app.router.add_post("/guests", start_guest)
    app.router.add_post("/guests/{id}/register", register)
    return app


async def visit() -> None:
    """Start the backend on a free port, and do what a browser would."""
    runner = web.AppRunner(application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession(f"http://{host}:{port}") as browser:
            async with browser.post("/guests") as answer:
                guest = (await answer.json())["id"]
                print("POST /guests", answer.status)
            name = f"jane-{secrets.token_hex(4)}"
            form = {
                "username": name,
                "password": secrets.token_urlsafe(12),
                "email": f"{name}@example.com",
                "first_name": "Jane",
                "last_name": "Smith",
            }
            async with browser.post(f"/guests/{guest}/register", json=form) as answer:
                print("POST /guests/{id}/register", answer.status)
            async with browser.post(f"/guests/{guest}/register", json={**form, "username": "x"}) as answer:
                print("POST /guests/{id}/register", answer.status, await answer.text())
            async with browser.get(f"/customers/{guest}") as answer:
                print("GET /customers/{id}", answer.status, (await answer.json())["guest"])
            async with browser.get("/customers/987654321") as answer:
                print("GET /customers/987654321", answer.status, await answer.text())
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        web.run_app(application(), host="127.0.0.1", port=8000)
    else:
        asyncio.run(visit())
