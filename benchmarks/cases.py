"""What is measured: `get-32-20ms` is GET with 32 in flight on a server that answers after 20 ms."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    operation: str
    window: int
    delay_ms: int

    def __str__(self) -> str:
        delay = f", answers after {self.delay_ms} ms" if self.delay_ms else ""
        return f"{self.operation}, {self.window} in flight{delay}"


def cases(names: str) -> list[Case]:
    """The cases with these names, which commas part."""
    found = []
    for name in names.split(","):
        if not (match := re.fullmatch(r"(get|create)-([1-9]\d*)(?:-(\d+)ms)?", name)):
            raise ArgumentTypeError(f"{name!r} is not like get-1, create-32 or get-32-20ms")
        found.append(Case(match[1], int(match[2]), int(match[3] or 0)))
    return found
