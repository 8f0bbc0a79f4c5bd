"""The level of concurrency at which most answers come: found by trying, a window of answers at a time."""

from __future__ import annotations

import math
from typing import Final

WORTH: Final = 0.15
"""Share of its proportion that more concurrency must bring in goodput to be kept: 10 % more calls, 1.5 %."""
NEAR: Final = 0.85
"""A call counts for a level if it began with at least this share of it in flight."""
FEWEST: Final = 32
"""Answers in a window, at least; twice the level if that is more, so that those begun before matter little."""
MOST: Final = 256
PATIENCE: Final = 400
"""Answers after which a comparison ends, however close it is."""
CLEAR: Final = 1.5
"""Standard errors by which a comparison must be decided to end before that."""
SMALLEST_STEP: Final = 0.06
"""Share of the level by which it is varied at least; noisy latencies need larger steps."""
STEP: Final = 0.25
LONGEST_REST: Final = 16
"""Windows between two attempts to vary the level, once none was worth it."""
QUARTER: Final = 0.25
"""Change in log latency, about 28 %, after which the level is reconsidered without rest."""


class Search:
    """The level of concurrency at which the most answers come, by trying the next ones up and down.

    Goodput at a level is `level / latency` (Little's law), less what was refused. Latencies are averaged as
    logarithms, so that a few slow answers do not decide.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self.level = 1
        """The best level known."""
        self.target = 1
        """The level that is tried now."""
        self._starting = True
        """Whether it still doubles, from one call upwards."""
        self._best: tuple[int, float, float] | None = None
        """Level, score and error of the best start."""
        self._misses = 0
        self._score: float | None = None
        """Logarithm of the goodput at `level`."""
        self._error = 0.0
        self._step = 1.0
        self._down = False
        """Whether the next try goes downwards."""
        self._rest = self._pause = 0
        self.clear()

    def clear(self) -> None:
        """Begin a new window."""
        self._count = self._refused = 0
        self._sum = self._squares = 0.0

    def refuse(self) -> None:
        """Count a call at the target that was refused."""
        self._refused += 1

    def add(self, seconds: float, ceiling: int) -> bool:
        """Count an answer at the target that took so long; whether `target` may have changed. `ceiling` bounds it."""
        logarithm = math.log(max(seconds, 1e-6))
        self._count += 1
        self._sum += logarithm
        self._squares += logarithm * logarithm
        if self._count < self._enough():
            return False
        mean = self._sum / self._count
        error = math.sqrt(max(0.0, self._squares / self._count - mean * mean) / self._count)
        score = math.log(self.target) - mean - math.log(1 + self._refused / self._count)
        if self._starting:
            self._start(score, error, ceiling)
        elif self.target == self.level:
            self._measured(score, error, ceiling)
        elif self._count >= PATIENCE or abs(self._margin(score)) >= CLEAR * math.hypot(error, self._error):
            self._compare(score, error, ceiling)
        else:
            return False
        self.clear()
        return True

    def settle(self, level: int) -> None:
        """Take a level for the best, because the next one is refused."""
        self.level = self.target = max(1, level)
        self._starting = False
        self._score = None
        self._step = min(self._step, STEP)
        self._rest = self._pause = 0
        self.clear()

    def hurry(self) -> None:
        """Try upwards soon: the server takes more than before."""
        if self.target == self.level:
            self._rest = self._pause = 0
            self._down = False

    def _enough(self) -> int:
        if self._starting and self.target <= 4:
            return 2 * self.target if self.target < 4 else FEWEST // 2
        return max(FEWEST, min(2 * self.target, MOST))

    def _start(self, score: float, error: float, ceiling: int) -> None:
        """Double, until that has not paid twice, or clearly once; then go back to where it paid best."""
        paid = True
        if self._best is not None and self.target > 4:
            level, best, uncertain = self._best
            margin = score - best - WORTH * math.log(self.target / level)
            paid = margin > 0
            self._misses += not paid
            if not paid and (
                self._misses > 1 or margin < -2 * math.hypot(error, uncertain) or self.target >= self._maximum
            ):
                self._starting = False
                self.level, self._score, self._error = self._best
                self._step = STEP
                self._give_up()
                return
        if paid:
            self._best = (self.target, score, error)
            self._misses = 0
        self.level, self._score, self._error = self.target, score, error
        self._starting = self.level < self._maximum
        self._try_next(ceiling)

    def _measured(self, score: float, error: float, ceiling: int) -> None:
        """Keep what is known of the best level up to date, and leave it for a try when it is time."""
        if self._score is not None:
            both = math.hypot(error, self._error)
            if abs(score - self._score) > max(QUARTER, 4 * both):
                self._rest = self._pause = 0
                self._down = score < self._score
            if abs(score - self._score) <= 2.5 * both + 0.02:
                score = (2 * self._score + score) / 3
                error = max(0.6 * error, min(error, self._error))
        self._score, self._error = score, error
        if self._rest > 0:
            self._rest -= 1
        else:
            self._try_next(ceiling)

    def _margin(self, score: float) -> float:
        return score - (self._score or 0.0) - WORTH * math.log(self.target / self.level)

    def _compare(self, score: float, error: float, ceiling: int) -> None:
        if self._margin(score) > 0:
            down = self.target < self.level
            if not down:
                self._step = min(1.0, 2 * self._step)
            self.level, self._score, self._error = self.target, score, error
            self._pause, self._down = 0, down
            self._try_next(ceiling)
        else:
            self._step = max(SMALLEST_STEP, min(STEP, 4 * error), self._step / 4)
            self._give_up()

    def _give_up(self) -> None:
        """Back to the best level: next the other direction, and after both a rest, longer each time."""
        upwards = self.target >= self.level
        self.target = self.level
        if upwards and not self._down:
            self._down, self._rest = True, 0
        else:
            self._pause = min(LONGEST_REST, 2 * self._pause + 1)
            self._rest, self._down = self._pause, False

    def _try_next(self, ceiling: int) -> None:
        if self._down:
            target = min(self.level - 1, round(self.level * (1 - min(self._step, STEP))))
        else:
            target = max(self.level + 1, round(self.level * (1 + self._step)))
            target = min(target, self._maximum, max(ceiling, self.level))
        if target < 1 or target == self.level:
            self.target = self.level
            self._give_up()
        else:
            self.target = target
