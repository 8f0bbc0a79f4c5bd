"""Compares the adaptive limit with three known algorithms on simulated servers: `python benchmarks/rivals.py`.

AIMD, Vegas and Gradient2 are as in Netflix's concurrency-limits, with that library's default settings, and their limit
is held between 1 and 100 like ours. Every number is the median of five seeds, over 20,000 calls from a cold start.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.overload import PROFILES, Fixed, best_fixed, simulate

from printnow_async._http.adaptive import AdaptiveLimit

MAXIMUM = 100


class Rival(Fixed):
    """Counts what is in flight; each subclass says what an answer does to the limit."""

    def __init__(self, level: float) -> None:
        super().__init__(int(level))
        self.limit = float(level)
        self.in_flight = 0

    def begin(self, now: float) -> float:
        self.in_flight += 1
        return now

    def succeeded(self, flight: float, now: float) -> None:
        in_flight, self.in_flight = self.in_flight, self.in_flight - 1
        self.answered(now - flight, in_flight)
        self.bound()

    def refused(self, _flight: float, _now: float) -> None:
        self.in_flight -= 1
        self.dropped()
        self.bound()

    def failed(self, _flight: float) -> None:
        self.in_flight -= 1

    def bound(self) -> None:
        self.limit = min(float(MAXIMUM), max(1.0, self.limit))
        self.current = int(self.limit)

    def answered(self, seconds: float, in_flight: int) -> None:
        raise NotImplementedError

    def dropped(self) -> None:
        raise NotImplementedError


class AIMD(Rival):
    """One more for each answer under load, a tenth less for each refusal."""

    def answered(self, _seconds: float, in_flight: int) -> None:
        if 2 * in_flight >= self.limit:
            self.limit += 1

    def dropped(self) -> None:
        self.limit *= 0.9


class Vegas(Rival):
    """Keeps an estimated queue between 3 and 6 times log10 of the limit; a refusal takes log10 of it away."""

    best = math.inf
    probe = 0

    def answered(self, seconds: float, in_flight: int) -> None:
        self.probe += 1
        if self.probe >= 30 * self.limit:
            self.probe, self.best = 0, seconds
            return
        if seconds < self.best:
            self.best = seconds
            return
        if 2 * in_flight < self.limit:
            return
        step = max(1.0, math.log10(self.limit))
        queue = math.ceil(self.limit * (1 - self.best / seconds))
        if queue <= step:
            self.limit += 6 * step
        elif queue < 3 * step:
            self.limit += step
        elif queue > 6 * step:
            self.limit -= step

    def dropped(self) -> None:
        self.limit -= max(1.0, math.log10(self.limit))


class Gradient2(Rival):
    """Follows the ratio of a long average of latencies to each latency, with room for a queue of four."""

    long = 0.0
    seen = 0

    def answered(self, seconds: float, in_flight: int) -> None:
        self.seen += 1
        if self.seen <= 10:
            self.long += (seconds - self.long) / self.seen
        else:
            self.long += (seconds - self.long) * 2 / 601
        if self.long / seconds > 2:
            self.long *= 0.95
        if 2 * in_flight < self.limit:
            return
        gradient = max(0.5, min(1.0, 1.5 * self.long / seconds))
        self.limit = 0.8 * self.limit + 0.2 * (self.limit * gradient + 4)

    def dropped(self) -> None:
        """It knows latencies only."""


LIMITS = {
    "printnow_async": lambda: AdaptiveLimit(MAXIMUM),
    "AIMD": lambda: AIMD(20),
    "Vegas": lambda: Vegas(20),
    "Gradient2": lambda: Gradient2(20),
}


def main() -> None:
    print(f"| the server | {' | '.join(LIMITS)} |")
    print(f"|---|{'--:|' * len(LIMITS)}")
    for name, server in PROFILES.items():
        best = best_fixed(server, MAXIMUM)
        cells = []
        for make in LIMITS.values():
            runs = [simulate(server, make(), seed=seed) for seed in range(1, 6)]
            lost = median(run.lost for run in runs)
            cells.append(
                f"{median(run.goodput for run in runs) / best:.0%}, {median(run.refused for run in runs):.1%}"
                + (f", {lost:,.0f} lost" if lost else "")
            )
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
