"""Starts the other processes: servers, and one worker for each measurement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from cases import Case

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
CLIENT_CORE, SERVER_CORE = CORES[:2] if len(CORES) > 1 else (None, None)
# Compiled modules are always kept, in a folder of this run: no client is measured while it compiles. And no proxies.
COMPILED = tempfile.TemporaryDirectory(prefix="printnow-bench-")
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name != "PYTHONDONTWRITEBYTECODE" and not name.lower().endswith("_proxy")
} | {"PYTHONPYCACHEPREFIX": COMPILED.name}


def python(*arguments: str, under: Sequence[str] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """Run this Python to its end, under another program if one is given."""
    command = [*under, sys.executable, *arguments]
    return subprocess.run(command, env=ENVIRONMENT | variables, capture_output=True, text=True, check=False)


@contextmanager
def server(delay_ms: float) -> Iterator[str]:
    """The canned server, for as long as the block lasts; yields its base URL."""
    command = [sys.executable, str(HERE / "server.py"), str(delay_ms)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if SERVER_CORE is not None:
                os.sched_setaffinity(process.pid, {SERVER_CORE})
            port = int(process.stdout.readline())
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def work(
    client: str,
    case: Case,
    base_url: str,
    n: int | None,
    core: int | None,
    *,
    hide_orjson: bool,
    under: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Have a worker do it; it answers in JSON on standard output."""
    job = {"client": client, "base_url": base_url, "n": n, "core": core, "hide_orjson": hide_orjson}
    variables = {"PYTHONHASHSEED": "0"} if under else {}  # where instructions are counted, the same each time
    done = python(str(HERE / "worker.py"), json.dumps(job | asdict(case)), under=under, **variables)
    if done.returncode:
        raise SystemExit(f"{client}, {case}: failed\n{done.stderr}")
    return done
