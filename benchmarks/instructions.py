"""Instructions per request, counted by valgrind: ratios that other load on the machine cannot disturb."""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from cases import Case
from processes import server, work
from timing import Round

CACHEGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")


def count(names: list[str], case: Case, n: int, *, hide_orjson: bool) -> Round:
    """The difference of 3 n requests and n: start, imports and warm-up are in both, and drop out.

    Clients are counted side by side, since they do not disturb each other; only user space is seen.
    """

    def per_request(name: str) -> dict[str, float]:
        with server(case.delay_ms) as base_url:

            def executed(requests: int) -> int:
                run = work(name, case, base_url, requests, None, hide_orjson=hide_orjson, under=CACHEGRIND)
                return int(re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)[1].replace(",", ""))

            work(name, case, base_url, 1, None, hide_orjson=hide_orjson)  # compiles the rest
            return {"instructions": (executed(3 * n) - executed(n)) / (2 * n)}

    if not shutil.which("valgrind"):
        raise SystemExit("--instructions needs valgrind, which is not installed (Debian: apt-get install valgrind)")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(per_request, names), strict=True))
