"""Time and memory: round by round, the clients taking turns, another one first each time."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack

from cases import Case
from clients import CLIENTS
from processes import CLIENT_CORE, python, server, work

Round = dict[str, dict[str, float | None]]  # the measurements of each client


def turns(names: list[str], turn: int) -> list[str]:
    shift = turn % len(names)
    return names[shift:] + names[:shift]


def measure(
    names: list[str], cases: list[Case], rounds: int, n: int | None, *, hide_orjson: bool
) -> dict[Case, list[Round]]:
    found: dict[Case, list[Round]] = {case: [] for case in cases}
    with ExitStack() as stack:
        urls = {delay_ms: stack.enter_context(server(delay_ms)) for delay_ms in {case.delay_ms for case in cases}}
        for name in names:
            work(name, cases[0], urls[cases[0].delay_ms], 1, CLIENT_CORE, hide_orjson=hide_orjson)  # compiles the rest
        for turn in range(rounds):
            print(f"round {turn + 1} of {rounds}", file=sys.stderr)
            for case in cases:
                url = urls[case.delay_ms]
                done = {
                    name: work(name, case, url, n, CLIENT_CORE, hide_orjson=hide_orjson) for name in turns(names, turn)
                }
                found[case].append({name: json.loads(run.stdout) for name, run in done.items()})
    return found


def measure_imports(names: list[str], rounds: int) -> list[Round]:
    """Milliseconds from the start of a Python that imports the client to its end, less those of an empty program."""

    def milliseconds(program: str) -> float:
        start = time.perf_counter()
        python("-c", program)
        return (time.perf_counter() - start) * 1000

    found = []
    for turn in range(rounds):
        empty = milliseconds("pass")
        found.append({name: {"import_ms": milliseconds(CLIENTS[name].imports) - empty} for name in turns(names, turn)})
    return found
