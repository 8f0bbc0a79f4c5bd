"""Starts processes quickly: everything is imported once, then each job is a fork of its own.

Reads a job in JSON from standard input, forks, and writes how the child ended: {"status": …, "result": …}. A child
that is killed leaves no result. Run as `python -m tests.support.zygote`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

import attrs

from printnow_async import Limits, NewAccount, PrintNowClient, PrintNowError, RetryPolicy, TempUserLifecycle, Timeout
from printnow_async._http.transport import AiohttpTransport
from printnow_async._settings import Settings
from printnow_async.spreadsheets import import_accounts
from printnow_async.tracking.sql import SQLTracker

LEASE = 1.0


def die() -> None:
    """kill -9, by our own hand, at exactly this point."""
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """Counts the points of a process at which it may be killed, and kills it at the one that was chosen."""

    def __init__(self, dies_at: int | None) -> None:
        self.dies_at, self.point = dies_at, 0

    def pass_by(self) -> None:
        if self.point == self.dies_at:
            die()
        self.point += 1


class DeadlyTracker:
    """A tracker whose process may die before or after each operation."""

    def __init__(self, tracker: Any, deadly: Deadly) -> None:
        self._tracker, self._deadly = tracker, deadly

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._tracker, name)

        async def call(*arguments: Any) -> Any:
            self._deadly.pass_by()
            result = await operation(*arguments)
            self._deadly.pass_by()
            return result

        return call


def sockets(token: str, key: str, url: str) -> AiohttpTransport:
    """The transport that a client makes for itself."""
    settings = Settings.of(token, key, url, None)
    return AiohttpTransport(settings, user_agent=None, connections=16, session=None, ssl=None)


class DeadlyTransport:
    """A transport whose process may die before a request, or with its answer unread."""

    def __init__(self, transport: Any, deadly: Deadly) -> None:
        self._transport, self._deadly = transport, deadly

    async def attempt(self, request: Any, **bounds: Any) -> Any:
        self._deadly.pass_by()
        outcome = await self._transport.attempt(request, **bounds)
        self._deadly.pass_by()
        return outcome

    async def aclose(self) -> None:
        await self._transport.aclose()


async def work(job: dict[str, Any]) -> dict[str, Any]:
    """One job: a move of one guest, or an import, as a process of its own would make it."""
    deadly = Deadly(job.get("dies_at"))
    if "dies_after" in job:
        asyncio.get_running_loop().call_later(job["dies_after"], die)
    if "source" in job:
        return await import_rows(job)
    client = PrintNowClient(
        job["token"],
        job["key"],
        base_url=job["url"],
        retry=RetryPolicy(base_delay=0.01),
        timeout=Timeout(attempt=2.0, total=20.0),
        transport=DeadlyTransport(sockets(job["token"], job["key"], job["url"]), deadly),
    )
    async with client, SQLTracker(job["tracker"], setup=job.get("setup", "create")) as tracker:
        tracked = DeadlyTracker(tracker, deadly)
        rounds = job.get("rounds", [job])
        results = [await one(client, tracked, {**job, **more}) for more in rounds]
    return {"rounds": results} if "rounds" in job else results[0]


async def import_rows(job: dict[str, Any]) -> dict[str, Any]:
    """An import, and its report."""
    client = PrintNowClient(
        job["token"],
        job["key"],
        base_url=job["url"],
        retry=RetryPolicy(base_delay=0.01),
        timeout=Timeout(attempt=5.0, total=None),
        limits=Limits(max_concurrency=16),
    )
    async with client:
        report = await import_accounts(client, job["source"], storefront_id=1, journal=job["journal"])
    return attrs.asdict(report, value_serializer=lambda _instance, _field, value: _plain(value))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, os.PathLike) else value


async def one(client: PrintNowClient, tracker: Any, job: dict[str, Any]) -> dict[str, Any]:
    """One move, and what came of it."""
    try:
        guest = await TempUserLifecycle.start(
            client,
            tracker,
            reference=job["reference"],
            storefront_id=1,
            lease=job.get("lease", LEASE),
            wait=job.get("wait", 20.0),
        )
        customer = await move(guest, job)
    except PrintNowError as error:
        return {"error": type(error).__name__, "message": str(error)}
    record = guest.record
    return {
        "customer": customer.id if customer is not None else None,
        "state": record.state.value,
        "temp_id": record.temp_id,
        "account_id": record.account_id,
        "possible_orphans": record.possible_orphans,
        "unsettled": record.unsettled,
    }


async def move(guest: TempUserLifecycle, job: dict[str, Any]) -> Any:
    """Make the move that the job names."""

    async def find(_: object) -> int:
        return int(job["to"])

    match job["move"]:
        case "start":
            return None
        case "recover":
            return await guest.recover()
        case "convert":
            return await guest.convert(_account(job["name"]))
        case "transfer":
            return await guest.transfer(to=job["to"])
        case "checkout":
            return await guest.checkout(_account(job["name"], job["email"]), existing=find)
    raise ValueError(job["move"])


def _account(name: str, email: str | None = None) -> NewAccount:
    return NewAccount(name, "securepass123", email or f"{name}@example.com", "Jane", "Smith")


def main() -> None:
    """Fork for each line."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            code = 1
            try:
                os.write(writing, json.dumps(asyncio.run(work(json.loads(line)))).encode())
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            result = pipe.read()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps({"status": status, "result": json.loads(result) if result else None}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
