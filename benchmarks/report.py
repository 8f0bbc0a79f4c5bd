"""The measurements as Markdown: medians, and ratios to the yardstick that are taken within each round first."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from clients import CLIENTS, YARDSTICK
from timing import Round

PACKAGES = ("printnow-async", "aiohttp", "attrs", "cattrs", "httpx", "orjson")
COLUMNS = {  # the heading of each measurement, its format, and whether its ratio is shown
    "requests_per_second": ("requests/s", ",.0f", True),
    "cpu_ms_per_1000": ("CPU ms per 1,000", ",.0f", True),
    "peak_rss_mib": ("peak RSS, MiB", ".1f", False),
    "server_busy": ("server busy", ".0%", False),
    "import_ms": ("import, ms", ",.0f", True),
    "instructions": ("instructions per request", ",.0f", True),
}


def environment(*, hide_orjson: bool) -> str:
    """What was measured, and on what."""

    def installed(package: str) -> str:
        if package == "orjson" and hide_orjson:
            return "none (hidden)"
        try:
            return version(package)
        except PackageNotFoundError:
            return "none"

    python = f"{platform.python_implementation()} {platform.python_version()}"
    packages = ", ".join(f"{package} {installed(package)}" for package in PACKAGES)
    return f"{python}; {packages}; {os.cpu_count()} cores, {platform.machine()}, {platform.system()}"


def table(rounds: list[Round]) -> str:
    names = [name for name in CLIENTS if name in rounds[0]]
    keys = [key for key in COLUMNS if key in rounds[0][names[0]]]
    heads = [head for key in keys for head in (COLUMNS[key][0], "× yardstick")[: 1 + COLUMNS[key][2]]]
    lines = [["client", *heads], ["---", *["--:"] * len(heads)]]
    lines += [[CLIENTS[name].label, *(cell for key in keys for cell in cells(rounds, name, key))] for name in names]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(rounds: list[Round], name: str, key: str) -> list[str]:
    """The median, and where it is shown the ratio to the yardstick."""
    _, form, shows_ratio = COLUMNS[key]
    values = [each[name][key] for each in rounds]
    found = ["–" if None in values else format(median(values), form)]
    if shows_ratio:
        ratios = [each[name][key] / each[YARDSTICK][key] for each in rounds if YARDSTICK in each]
        found.append(format(median(ratios), ".2f") if ratios else "–")
    return found
