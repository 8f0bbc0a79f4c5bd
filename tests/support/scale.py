"""How much is done by the tests that do the same many times: all of it, or a tenth where PRINTNOW_TESTS is "short".

`nox` runs everything on the first Python, and the short tests on the others: what many kills and random faults find
seldom depends on the version of Python.
"""

from __future__ import annotations

import os

SHORT = os.environ.get("PRINTNOW_TESTS") == "short"


def at_scale(whole: int, *, least: int = 1) -> int:
    """How many of `whole` repetitions are made in this run."""
    return max(least, whole // 10) if SHORT else whole
