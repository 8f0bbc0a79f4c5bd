"""The example shop with several uvicorn workers, one sandbox, and customers who double-click."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from printnow_async.sandbox import Fault, Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
WORKERS = 3


@pytest.fixture
async def shop(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[str]:
    """The shop's URL, once all of its workers have started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PRINTNOW_TOKEN": sandbox.token,
        "PRINTNOW_KEY": sandbox.key,
        "PRINTNOW_BASE_URL": sandbox.url,
        "GUESTS_DATABASE": f"sqlite+aiosqlite:///{tmp_path}/guests.db",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "checkout_fastapi:app"),
        *("--workers", str(WORKERS), "--port", str(port)),
        cwd=EXAMPLES,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    started = 0
    while started < WORKERS:
        line = await process.stderr.readline()
        assert line, "the server ended before it had started"
        started += b"Application startup complete" in line
    draining = asyncio.ensure_future(process.stderr.read())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()
        sys.stdout.write((await draining).decode())  # shown where the test fails


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as opened:
        yield opened


def form(name: str) -> dict[str, str]:
    return {
        "username": name,
        "password": "securepass123",
        "email": f"{name}@example.com",
        "first_name": "Jane",
        "last_name": "Smith",
    }


@pytest.mark.once
async def test_double_clicks_on_many_workers_are_one_checkout(shop: str, sandbox: Sandbox) -> None:
    """Every click is answered alike, with answers being lost; the sandbox has one effect of each."""
    member = sandbox.add_customer(storefront_id=1, username="member", email="member@example.com")
    sandbox.inject(Fault.apply_then_drop(), route="PATCH /api/v2/customer/{id}", every=3)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)  # each click may meet another worker
    async with aiohttp.ClientSession(shop, connector=connector) as browser:

        async def click(path: str, body: Any = None) -> tuple[int, Any]:
            async with browser.post(path, json=body) as answer:
                assert answer.status < 500, await answer.text()
                return answer.status, await answer.json()

        async def clicks(path: str, body: Any = None) -> Any:
            answers = await asyncio.gather(*(click(path, body) for _ in range(4)))
            assert {status for status, _ in answers} == {200}, answers
            assert len({str(data) for _, data in answers}) == 1
            return answers[0][1]

        for number in range(10):
            started = await clicks(f"/carts/new-{number}")
            converted = await clicks(f"/carts/new-{number}/checkout/new", form(f"jane-{number}"))
            assert converted == {"customer": started["guest"], "username": f"jane-{number}"}

            started = await clicks(f"/carts/old-{number}")
            sandbox.add_work(started["guest"], albums=1)
            status, answer = await click(
                f"/carts/old-{number}/checkout/new", {**form(f"other-{number}"), "email": "member@example.com"}
            )
            assert (status, answer["do"]) == (409, "log in, or choose another")
            moved = await clicks(f"/carts/old-{number}/checkout/existing", {"customer_id": member.id})
            assert moved == {"customer": member.id, "username": "member"}
    assert sandbox.customers[member.id].albums == 10
    assert sum(webhook.event == "customer_created" for webhook in sandbox.webhooks_fired) == 10
    assert sum(request.route == "PATCH /api/v2/customer/{id}/transfer" for request in sandbox.requests) == 10
    assert sum(request.route == "POST /api/v2/customer" for request in sandbox.requests) == 20
