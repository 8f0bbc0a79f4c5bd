"""How many calls in flight a server takes, found out while calling it. No clock and no input or output of its own.

Two questions are asked at once. *How much brings the most?* is `Search`: it compares the goodput of neighbouring
levels, a window of answers each, and climbs while more calls in flight bring more answers. *How much is allowed?* is
`AdaptiveLimit`: a refusal (429, 503, a timeout) lowers the limit below the level it was met at, at once, for a while;
if the next calls at that level are refused again the while doubles, and if they are not, it was chance. So a hard limit
is kept to and touched ever more seldom, and errors that say nothing about load cost next to nothing.

docs/bulk.md tells why it is neither AIMD nor a latency gradient, with measurements.
"""

from __future__ import annotations

from typing import Final

import attrs

from printnow_async._http.search import NEAR, Search

HOLD: Final = 8
"""Answers for which a level is avoided after one refusal; doubled each time it is refused again."""
LONGEST_HOLD: Final = 512
SURE: Final = 128
"""A hold from which on a level counts as the server's limit and no longer as chance."""
TRIAL: Final = 32
"""Calls at a level, at most, that decide whether it is refused again."""
CHANCE: Final = 0.035
"""Share of refusals among those that is taken for chance."""
GROWTH: Final = 0.5
"""Calls by which the limit follows its target with each answer: half as much again in the time of one call."""
CAREFUL_GROWTH: Final = 3.0
"""The same for all the answers of that time together, where a trial was not quite without refusals."""


@attrs.frozen
class Flight:
    """One attempt on its way."""

    level: int
    """Attempts in flight when it began, itself included."""
    number: int
    """Which one it was, counted from 1."""
    began: float
    """When, in seconds."""


@attrs.define
class _Suspicion:
    """A level of concurrency at which a call was refused."""

    hold: int = HOLD
    """Answers for which it is avoided."""
    until: int = 0
    """The count of answers at which that ends."""
    number: int = 0
    """The last flight that had begun when it was found."""
    quick: float = 0.0
    """Seconds that the refusal took."""
    trial_began: float | None = None
    """When the first call was made at it again."""
    calls: int = 0
    """Calls made at it since then."""
    refused: int = 0
    """How many of those were refused."""

    def avoid(self, hold: int, answers: int, number: int, quick: float) -> None:
        """Avoid it for `hold` more answers, and try it again then."""
        self.hold, self.until, self.number, self.quick = hold, answers + hold, number, quick
        self.trial_began, self.calls, self.refused = None, 0, 0


class AdaptiveLimit:
    """The number of attempts that may be in flight: `current`, from 1 to `maximum`.

    Each attempt is `begin()` and then one of `succeeded()`, `refused()` and `failed()`. Times are seconds of any one
    clock. While fewer attempts are asked for than are allowed, nothing is learnt and nothing changes.
    """

    def __init__(self, maximum: int) -> None:
        self._search = Search(maximum)
        self._maximum = maximum
        self.current = 1
        """Attempts that may be in flight now."""
        self._reach = 1.0
        """How far the limit has followed the search's target."""
        self._careful = False
        self._suspicions: dict[int, _Suspicion] = {}
        self._lowest: int | None = None
        """The lowest level under suspicion."""
        self._in_flight = self._begun = self._answers = 0
        self._window_began = 0

    def begin(self, now: float) -> Flight:
        """An attempt begins."""
        self._in_flight += 1
        self._begun += 1
        if self._lowest is not None and self._in_flight >= self._lowest:
            suspicion = self._suspicions[self._lowest]
            if self._answers >= suspicion.until:
                self._try(self._lowest, suspicion, now)
        return Flight(self._in_flight, self._begun, now)

    def succeeded(self, flight: Flight, now: float) -> None:
        """It was answered."""
        full = self._in_flight >= self.current
        self._in_flight -= 1
        self._answers += 1
        target = self._search.target
        if full and self._reach < target and (self._lowest is None or self._reach < self._lowest - 1):
            self._reach = min(target, self._reach + (CAREFUL_GROWTH / self._reach if self._careful else GROWTH))
        tells = self._counts(flight) and self._reach >= NEAR * target
        if tells and self._search.add(now - flight.began, self._ceiling()):
            self._follow()
        self._update()

    def failed(self, flight: Flight) -> None:  # noqa: ARG002 - one of three
        """It ended in a way that says nothing about load."""
        self._in_flight -= 1
        self._update()

    def refused(self, flight: Flight, now: float) -> None:
        """The server had too much to do: 429, 503, or no answer in time."""
        self._in_flight -= 1
        if self._counts(flight):
            self._search.refuse()
        # What was refused is not in flight at the server: the level it was met at is what is left, and this one.
        level = max(2, min(flight.level, self._in_flight + 1))
        lowest = self._lowest
        known = None if lowest is None else self._suspicions[lowest]
        if lowest is not None and known is not None and flight.number <= known.number:
            if level < lowest:  # the same event, and it was met still lower
                del self._suspicions[lowest]
                self._suspect(level, known)
        elif lowest is not None and known is not None and level >= lowest:
            if self._answers >= known.until:
                known.refused += 1
                if known.refused > CHANCE * max(known.calls, min(known.hold, TRIAL)):
                    self._avoid(lowest, known, min(2 * known.hold, LONGEST_HOLD), now - flight.began)
        else:
            found = self._suspicions.get(level) or _Suspicion()
            self._avoid(level, found, found.hold, now - flight.began)
        self._update()

    def _counts(self, flight: Flight) -> bool:
        return flight.number > self._window_began and flight.level >= NEAR * self._search.target

    def _ceiling(self) -> int:
        """The highest level that is not surely refused."""
        sure = [level for level, suspicion in self._suspicions.items() if suspicion.hold >= SURE]
        return min(sure, default=self._maximum + 1) - 1

    def _follow(self) -> None:
        """Go where the search goes: up step by step, down and back at once."""
        target = self._search.target
        if target == self._search.level and self._lowest is None:
            self._reach = float(target)
        self._reach = min(self._reach, float(target))
        if target != self._search.level:
            self._careful = False
        self._window_began = self._begun

    def _avoid(self, level: int, suspicion: _Suspicion, hold: int, quick: float) -> None:
        suspicion.avoid(hold, self._answers, self._begun, quick)
        self._suspect(level, suspicion)

    def _suspect(self, level: int, suspicion: _Suspicion) -> None:
        self._suspicions[level] = suspicion
        self._lowest = min(self._suspicions)
        self._reach = min(self._reach, level - 1.0)
        if suspicion.hold >= SURE and self._search.target >= level:
            self._search.settle(level - 1)
            self._window_began = self._begun

    def _try(self, level: int, suspicion: _Suspicion, now: float) -> None:
        """One more call at a level under suspicion; enough of them, and time for their refusals, acquit it."""
        if suspicion.trial_began is None:
            suspicion.trial_began = now
        suspicion.calls += 1
        if suspicion.calls < min(suspicion.hold, TRIAL) or now - suspicion.trial_began <= 2 * suspicion.quick:
            return
        del self._suspicions[level]
        self._lowest = min(self._suspicions, default=None)
        self._reach = max(self._reach, float(min(level, self._search.target)))
        self._careful = suspicion.refused > 0
        if suspicion.hold >= SURE:
            self._search.hurry()

    def _update(self) -> None:
        limit = min(int(self._reach), self._search.target)
        if self._lowest is not None:
            if self._answers < self._suspicions[self._lowest].until:
                limit = min(limit, self._lowest - 1)
            elif self._reach >= self._lowest - 1:
                limit = self._lowest  # its trial, even where the search has settled below it
        self.current = max(1, min(limit, self._maximum))
