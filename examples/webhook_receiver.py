"""A receiver of PrintNow's webhooks that believes nothing of what is posted to it but an ID.

The vendor documents which events there are, and not the body that is posted, its headers, whether it is signed, or
whether it is posted again when it is not taken. So anybody who knows the URL can post anything to it, and this
receiver

- listens on a path that cannot be guessed (WEBHOOK_SECRET), since nothing else tells PrintNow from a stranger,
- answers 204 at once, whatever the body, and does the work afterwards: a slow answer may count as none,
- takes an ID from the body where there is one, and reads that customer with the client: what is acted on comes from
  the API, under credentials, and as it is now. The same post twice, late or out of order then does no harm,
- keeps nothing on disk: what must not be missed is also looked for from time to time.

Run it as it is, and it starts a sandbox and itself, and posts made-up bodies to itself. With --serve it stays, on
http://127.0.0.1:8000, and says what to subscribe. With PRINTNOW_TOKEN and PRINTNOW_KEY in the environment it reads
from the real API.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from target import connect, some_customers

from printnow_async import CustomerNotFoundError, PrintNowClient, PrintNowError

CLIENT = web.AppKey("CLIENT", PrintNowClient)
WAITING = web.AppKey("WAITING", asyncio.Queue[int])
SECRET = os.environ.get("WEBHOOK_SECRET") or secrets.token_urlsafe(24)


def customer_id(body: object) -> int | None:
    """The ID in a body of unknown form; the names that can only mean a customer go first."""
    if not isinstance(body, dict):
        return None
    customer = body.get("customer")
    nested = customer.get("id") if isinstance(customer, dict) else None
    for value in (nested, body.get("customer_id"), body.get("customerId"), body.get("id")):
        if isinstance(value, int | str) and not isinstance(value, bool):
            digits = str(value)
            if digits.isascii() and digits.isdigit() and len(digits) <= 18 and int(digits):
                return int(digits)
    return None


async def receive(request: web.Request) -> web.Response:
    """Take note, and answer."""
    if not secrets.compare_digest(request.match_info["secret"].encode(), SECRET.encode()):
        raise web.HTTPNotFound
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        body = None
    found = customer_id(body)
    if found is None:
        print("a post without an ID that could be a customer's")
        return web.Response(status=204)
    try:
        request.app[WAITING].put_nowait(found)
    except asyncio.QueueFull:
        raise web.HTTPServiceUnavailable from None
    return web.Response(status=204)


async def read_what_waits(app: web.Application) -> None:
    """Read each customer that was spoken of; in a shop this is where its own records change."""
    waiting = app[WAITING]
    while True:
        found = await waiting.get()
        try:
            customer = await app[CLIENT].customers.get(found)
        except CustomerNotFoundError:
            print(f"customer {found}: deleted, or never there")
        except PrintNowError as error:
            print(f"customer {found}: could not be read: {error}")
        else:
            print(f"customer {found}: {customer.first_name} {customer.last_name}, changed {customer.last_updated_on}")
        finally:
            waiting.task_done()


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """One client and one reader for as long as the application runs; what was taken is read before they end."""
    async with connect() as client:
        app[CLIENT], app[WAITING] = client, asyncio.Queue(maxsize=1000)
        reader = asyncio.create_task(read_what_waits(app))
        yield
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(app[WAITING].join(), 10)
        reader.cancel()
        await asyncio.wait([reader])


def application() -> web.Application:
    """The receiver: what a server runs."""
    app = web.Application()
    app.cleanup_ctx.append(lifespan)
    app.router.add_post("/webhooks/{secret}", receive)
    return app


async def post(sender: aiohttp.ClientSession, secret: str, body: object) -> None:
    async with sender.post(f"/webhooks/{secret}", json=body) as answer:
        print("POST", json.dumps(body), answer.status)


async def visit() -> None:
    """Start the receiver on a free port, and post to it what PrintNow might."""
    app = application()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession(f"http://{host}:{port}") as sender:
            async with some_customers(app[CLIENT], 1) as (jane,):
                await post(sender, SECRET, {"event": "customer_created", "customer": {"id": jane.id, "email": "a lie"}})
                await post(sender, SECRET, {"customerId": str(jane.id)})
                await post(sender, SECRET, ["nothing", "here"])
                await post(sender, "guessed", {"id": jane.id})
                await app[WAITING].join()
            await post(sender, SECRET, {"event": "customer_deleted", "id": jane.id})
            await app[WAITING].join()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        print(f"subscribe: printnow webhooks subscribe https://YOUR-HOST/webhooks/{SECRET} customer_updated")
        web.run_app(application(), host="127.0.0.1", port=8000)
    else:
        asyncio.run(visit())
