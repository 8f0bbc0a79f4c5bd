"""The level of concurrency that brings the most answers, found by comparing neighbouring levels.

Theory of operation
-------------------
A *level* is a number of calls in flight. `Search` knows the best level so far (`level`) and names the level that the
client is to use now (`target`), which is either the best level or a level on trial.

The measure of a level is its goodput: answers per second. By Little's law that is `level / latency`, less what was
refused. The *score* of a level is the logarithm of the goodput, averaged over a *window*: a number of consecutive
answers. Latencies are averaged as logarithms too, so that a few slow answers do not decide. The *error* of a score is
the standard error of that average.

A level with more calls in flight is kept only if goodput grows by at least `LEAST_GAIN` of what growth in proportion
would be. A latency that climbs while goodput climbs too is therefore no reason to stop, and a latency that climbs
for nothing is.

At the end of each window the search is in one of three phases.

1. *Doubling*, at the start: the target doubles from one call on, while goodput follows. Two windows in a row without
   enough gain, or one that is clearly worse or at the maximum, end the phase. The best level of the phase is taken.
2. *Measuring* the best level. The score of the best level is kept up to date. A change that noise cannot explain means
   that the server has changed, and ends a rest. After the rest a level on trial is chosen: one step above the best
   level, or one step below.
3. *Comparing* a level on trial with the best level. After one window a clear difference ends the comparison, and after
   `LONGEST_COMPARISON` answers any difference does.
   a. The trial has won: it is the best level now, and the next trial goes on in the same direction, with a doubled
      step if that is upwards.
   b. The trial has lost: back to the best level, with a quarter of the step. After a trial upwards comes a trial
      downwards. After both the search rests: for 1 window, then for 3, 7, 15 and 16, until a trial wins.

Two events from outside change this. A level that the server surely refuses is a ceiling: `set_best` takes the level
below the ceiling for the best. `try_upwards` ends the rest when a ceiling has gone.
"""

from __future__ import annotations

import math
from typing import Final

LEAST_GAIN: Final = 0.15
"""Share of growth in proportion that goodput must reach: for 10 % more calls, 1.5 % more answers a second."""
NEAR: Final = 0.85
"""A call counts for a level if the call began with at least this share of the level in flight."""
SHORTEST_WINDOW: Final = 32
"""Answers in a window, at least. Twice the level if that is more: then calls begun at another level matter little."""
LONGEST_WINDOW: Final = 256
LONGEST_COMPARISON: Final = 400
"""Answers after which a comparison ends, however close the two levels are."""
CLEAR: Final = 1.5
"""Standard errors by which a comparison must be decided to end before that."""
SMALLEST_STEP: Final = 0.06
"""Share of the best level by which a trial differs at least. Latencies with more noise need larger steps."""
STEP: Final = 0.25
"""The same share after the start, and at most for steps downwards."""
LONGEST_REST: Final = 16
"""Windows between two trials, at most."""
CHANGE: Final = 0.25
"""Change of a score, about 28 % of goodput, that ends a rest."""


class Search:
    """The level of concurrency at which the most answers come. The module tells how that is found."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self.level = 1
        """The best level known."""
        self.target = 1
        """The level to use now: the best level, or the level on trial."""
        self._doubling = True
        """Whether the search is in phase 1."""
        self._best_start: tuple[int, float, float] | None = None
        """Level, score and error of the best window of phase 1."""
        self._misses = 0
        """Windows in a row, in phase 1, without enough gain."""
        self._score: float | None = None
        """The score of the best level; None where that level was not measured."""
        self._error = 0.0
        """The error of that score."""
        self._step = 1.0
        """Share of the best level by which the next trial differs."""
        self._down = False
        """Whether the next trial goes downwards."""
        self._rest = self._last_rest = 0
        """Windows until the next trial, and how many there were after the last pair of trials that lost."""
        self._begin_window()

    def add_refusal(self) -> None:
        """Count a call at the target that was refused."""
        self._refused += 1

    def add_answer(self, seconds: float, ceiling: int) -> bool:
        """Count an answer at the target. True at the end of a window, when `target` may have changed.

        Takes the seconds that the answer took, and the highest level that a trial may have.
        """
        logarithm = math.log(max(seconds, 1e-6))
        self._answers += 1
        self._sum += logarithm
        self._squares += logarithm * logarithm
        if self._answers < self._window():
            return False
        mean = self._sum / self._answers
        error = math.sqrt(max(0.0, self._squares / self._answers - mean * mean) / self._answers)
        score = math.log(self.target) - mean - math.log(1 + self._refused / self._answers)
        if self._doubling:
            self._double(score, error, ceiling)
        elif self.target == self.level:
            self._measure(score, error, ceiling)
        elif self._answers >= LONGEST_COMPARISON or abs(self._gain(score)) >= CLEAR * math.hypot(error, self._error):
            self._compare(score, error, ceiling)
        else:
            return False
        self._begin_window()
        return True

    def set_best(self, level: int) -> None:
        """Take `level` for the best level, because the next level is refused."""
        self.level = self.target = max(1, level)
        self._doubling = False
        self._score = None
        self._step = min(self._step, STEP)
        self._rest = self._last_rest = 0
        self._begin_window()

    def try_upwards(self) -> None:
        """Try a higher level at the end of this window, because the server takes more than before."""
        if self.target == self.level:
            self._rest = self._last_rest = 0
            self._down = False

    def _begin_window(self) -> None:
        self._answers = self._refused = 0
        self._sum = self._squares = 0.0

    def _window(self) -> int:
        """How many answers the window has. The first levels have short windows, since they only lead to the others."""
        if self._doubling and self.target <= 4:
            return 2 * self.target if self.target < 4 else SHORTEST_WINDOW // 2
        return max(SHORTEST_WINDOW, min(2 * self.target, LONGEST_WINDOW))

    def _double(self, score: float, error: float, ceiling: int) -> None:
        """Phase 1."""
        enough = True
        if self._best_start is not None and self.target > 4:
            level, best, best_error = self._best_start
            gain = score - best - LEAST_GAIN * math.log(self.target / level)
            enough = gain > 0
            self._misses += not enough
            clearly_worse = gain < -2 * math.hypot(error, best_error)
            if not enough and (self._misses > 1 or clearly_worse or self.target >= self._maximum):
                self._doubling = False
                self.level, self._score, self._error = self._best_start
                self._step = STEP
                self._return_to_best()
                return
        if enough:
            self._best_start = (self.target, score, error)
            self._misses = 0
        self.level, self._score, self._error = self.target, score, error
        self._doubling = self.level < self._maximum
        self._begin_trial(ceiling)

    def _measure(self, score: float, error: float, ceiling: int) -> None:
        """Phase 2."""
        if self._score is not None:
            noise = math.hypot(error, self._error)
            if abs(score - self._score) > max(CHANGE, 4 * noise):
                self._rest = self._last_rest = 0
                self._down = score < self._score
            # A score within the noise confirms the old score, and the two are averaged. Any other score replaces it.
            if abs(score - self._score) <= 2.5 * noise + 0.02:
                score = (2 * self._score + score) / 3
                error = max(0.6 * error, min(error, self._error))
        self._score, self._error = score, error
        if self._rest > 0:
            self._rest -= 1
        else:
            self._begin_trial(ceiling)

    def _gain(self, score: float) -> float:
        """By how much the level on trial is better than the best level, after what more concurrency must bring."""
        return score - (self._score or 0.0) - LEAST_GAIN * math.log(self.target / self.level)

    def _compare(self, score: float, error: float, ceiling: int) -> None:
        """Phase 3, at the end of the comparison."""
        if self._gain(score) > 0:  # case a
            self._down = self.target < self.level
            if not self._down:
                self._step = min(1.0, 2 * self._step)
            self.level, self._score, self._error = self.target, score, error
            self._last_rest = 0
            self._begin_trial(ceiling)
        else:  # case b
            self._step = max(SMALLEST_STEP, min(STEP, 4 * error), self._step / 4)
            self._return_to_best()

    def _return_to_best(self) -> None:
        """Use the best level again, and plan the next trial: the other direction, or a rest after both."""
        upwards = self.target >= self.level
        self.target = self.level
        if upwards and not self._down:
            self._down, self._rest = True, 0
        else:
            self._last_rest = min(LONGEST_REST, 2 * self._last_rest + 1)
            self._rest, self._down = self._last_rest, False

    def _begin_trial(self, ceiling: int) -> None:
        """Go one step from the best level, or plan the next trial where there is no level to go to."""
        if self._down:
            target = min(self.level - 1, round(self.level * (1 - min(self._step, STEP))))
        else:
            target = max(self.level + 1, round(self.level * (1 + self._step)))
            target = min(target, self._maximum, max(ceiling, self.level))
        if target < 1 or target == self.level:
            self.target = self.level
            self._return_to_best()
        else:
            self.target = target
