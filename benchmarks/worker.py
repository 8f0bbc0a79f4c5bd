"""One measurement of one client, in a process of its own: `python worker.py JOB`, both ways in JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from canned import STATISTICS
from clients import CLIENTS, Load

WARMUP = 200  # requests
SECONDS = 0.5


async def measured(job: dict[str, Any]) -> dict[str, float | None]:
    """What `n` requests cost; where n is None, as many as take about SECONDS."""
    run = CLIENTS[job["client"]].run
    warmup = Load(job["base_url"], job["operation"], job["window"], WARMUP)
    await run(warmup)  # imports, and code that is made at the first use
    start = time.perf_counter()
    await run(warmup)
    rate = WARMUP / (time.perf_counter() - start)
    load = replace(warmup, n=job["n"] or max(WARMUP, int(rate * SECONDS)))
    gc.collect()
    before = await statistics(load.base_url)
    wall, cpu = time.perf_counter(), time.process_time()
    await run(load)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = await statistics(load.base_url)
    served = after["served"] - before["served"]
    assert served == load.n, f"{load.n} requests are claimed, and the server has answered {served}"
    return {
        "requests_per_second": load.n / wall,
        "cpu_ms_per_1000": cpu * 1_000_000 / load.n,
        "peak_rss_mib": peak_rss_mib(),
        "server_busy": (after["cpu"] - before["cpu"]) / wall,
    }


async def statistics(base_url: str) -> dict[str, float]:
    """What the server tells of itself: the requests it has answered, and the seconds of CPU time it has used."""
    server = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(server.hostname, server.port)
    writer.write(f"GET {STATISTICS} HTTP/1.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0]))
    writer.close()
    return json.loads(body)


def peak_rss_mib() -> float | None:
    """The most memory that this process has had; None without a /proc, as getrusage may tell the parent's."""
    status = Path("/proc/self/status")
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024 if status.exists() else None


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    if job["core"] is not None:
        os.sched_setaffinity(0, {job["core"]})
    if job["hide_orjson"]:
        sys.modules["orjson"] = None  # from here on, importing it is an ImportError
    print(json.dumps(asyncio.run(measured(job))))
