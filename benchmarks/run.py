"""Compares printnow_async with other clients that do the same work; README.md tells how to read the tables.

The tables are Markdown on standard output. Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys

from cases import cases
from clients import CLIENTS, YARDSTICK
from instructions import count
from processes import python
from report import environment, table
from timing import measure, measure_imports

TIMED = "get-1,get-32,create-1,create-32,get-32-20ms"
COUNTED = "get-1,create-1"


def main() -> None:
    options = parse()
    names = [name for name in options.clients if importable(name)]
    if not names:
        raise SystemExit("no client is left")
    chosen = options.cases or cases(COUNTED if options.instructions else TIMED)
    if options.instructions:
        found = {str(case): [count(names, case, options.n or 400, hide_orjson=options.no_orjson)] for case in chosen}
    else:
        measured = measure(names, chosen, options.rounds, options.n, hide_orjson=options.no_orjson)
        found = {str(case): rounds for case, rounds in measured.items()}
        found["import"] = measure_imports(names, 2 * options.rounds)
    measured_on = environment(hide_orjson=options.no_orjson)
    if options.json:
        print(json.dumps({"environment": measured_on, "rounds": found}, indent=1))
        return
    print(f"{measured_on}. The yardstick is {CLIENTS[YARDSTICK].label}.")
    for title, rounds in found.items():
        print(f"\n### {title}\n\n{table(rounds)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=positive, default=5, help="measurements of each client in each case (5)")
    parser.add_argument("--n", type=positive, help="requests of a measurement (0.5 s of them; 400 with --instructions)")
    parser.add_argument("--clients", type=clients, default=list(CLIENTS), help=f"of {','.join(CLIENTS)} (all)")
    parser.add_argument("--cases", type=cases, help=f"such as {TIMED} (these; {COUNTED} with --instructions)")
    parser.add_argument("--no-orjson", action="store_true", help="as if orjson were not installed")
    parser.add_argument("--instructions", action="store_true", help="count instructions with valgrind, do not time")
    parser.add_argument("--json", action="store_true", help="print every measurement as JSON, and no tables")
    return parser.parse_args()


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def clients(names: str) -> list[str]:
    if unknown := set(names.split(",")) - CLIENTS.keys():
        raise argparse.ArgumentTypeError(f"no such client: {', '.join(sorted(unknown))}")
    return names.split(",")


def importable(name: str) -> bool:
    """Whether the client's import statement works here. It also leaves the modules compiled."""
    done = python("-c", CLIENTS[name].imports)
    if done.returncode:
        print(f"left out: {CLIENTS[name].label} ({done.stderr.strip().rpartition(chr(10))[2]})", file=sys.stderr)
    return not done.returncode


if __name__ == "__main__":
    main()
