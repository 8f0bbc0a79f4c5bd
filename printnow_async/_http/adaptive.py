"""How many attempts in flight a server takes, found out while calling the server. No clock, no input and no output.

Theory of operation
-------------------
A *level* is a number of attempts in flight. Two questions are asked at once.

*How much brings the most?* `Search` answers with a `target`: the level to use as far as goodput is concerned.

*How much is allowed?* This module answers from *refusals*: 429, 503, and an attempt's timeout. A refusal may come from
a hard limit of the server, or from chance. One refusal does not show which of the two; the next calls at the same level
do. So a level at which a call was refused is *suspected*, and a suspicion goes through these states.

1. *Avoided*: the limit stays below the level for `hold` answers, `FIRST_HOLD` at first.
2. *On trial*: the limit is the level again. The trial lasts for `TRIAL` calls (`hold` calls, if that is less), and for
   twice the time that the refusal took, so that the refusals of those calls have arrived.
   a. Calls are refused again, more than `CHANCE` of them: back to state 1, with a doubled hold, `LONGEST_HOLD` at most.
   b. The trial ends without that: the refusal was chance, and the suspicion is dropped.
3. A level whose hold has grown to `CERTAIN_HOLD` counts as the server's limit, still avoided and tried in turn. The
   search then stays below that level. If the limit goes (2b), the search tries higher levels soon.

A hard limit is therefore kept to, and tested ever more seldom. Errors that come from chance cost little.

A refusal is one of these cases.

A. No level at or below the refusal's is suspected, and the call began after the last suspicion: a new suspicion.
B. The call began before the lowest suspicion was avoided: the refusal belongs to the same event. The lowest suspicion
   moves down to the refusal's level, if that is lower.
C. The call began later, at the lowest suspected level or above: the refusal counts for the trial.

The limit (`current`) is the lowest of three: the search's target, what the suspicions allow, and `_reach`. The reach
follows the target downwards at once, and upwards by half a call with each answer, so that no jump floods the server.

docs/bulk.md says why this is neither AIMD nor a latency gradient, with measurements.
"""

from __future__ import annotations

from typing import Final

import attrs

from printnow_async._http.search import NEAR, Search

FIRST_HOLD: Final = 8
"""Answers for which a level is avoided after one refusal; doubled each time the level is refused again."""
LONGEST_HOLD: Final = 512
CERTAIN_HOLD: Final = 128
"""A hold from which on a level counts as the server's limit, and no longer as chance."""
TRIAL: Final = 32
"""Calls at a level, at most, that decide whether the level is refused again."""
CHANCE: Final = 0.035
"""Share of refusals among those calls that is taken for chance."""
GROWTH: Final = 0.5
"""Calls by which the limit follows the target with each answer: half as much again in the time of one call."""
CAREFUL_GROWTH: Final = 3.0
"""Calls by which the limit follows in the time of one call, after a trial that had a refusal and yet was passed."""


@attrs.frozen
class Flight:
    """One attempt on its way."""

    level: int
    """Attempts in flight when this attempt began, itself included."""
    number: int
    """The number of this attempt, counted from 1."""
    began: float
    """When the attempt began, in seconds."""


@attrs.define
class _Suspicion:
    """A level at which a call was refused."""

    level: int
    hold: int = FIRST_HOLD
    """Answers for which the level is avoided."""
    until: int = 0
    """The count of answers at which that ends."""
    last_flight: int = 0
    """The number of the last attempt that had begun when the level was avoided."""
    refusal_seconds: float = 0.0
    """Seconds that the refusal took."""
    trial_began: float | None = None
    """When the first call of the trial was made."""
    calls: int = 0
    """Calls of the trial."""
    refused: int = 0
    """How many of those calls were refused."""


class AdaptiveLimit:
    """The number of attempts that may be in flight: `current`, from 1 to `maximum`.

    Each attempt is `begin()` and then one of `succeeded()`, `refused()` and `failed()`. Times are seconds of any one
    clock. While fewer attempts are made than are allowed, nothing is learnt and nothing changes.
    """

    def __init__(self, maximum: int) -> None:
        self._search = Search(maximum)
        self._maximum = maximum
        self.current = 1
        """Attempts that may be in flight now."""
        self._reach = 1.0
        """How far the limit has followed the search's target."""
        self._careful = False
        """Whether the limit follows by `CAREFUL_GROWTH`."""
        self._suspicions: dict[int, _Suspicion] = {}
        """The suspicions, by their level."""
        self._lowest: _Suspicion | None = None
        """The suspicion with the lowest level: the one that limits."""
        self._in_flight = self._begun = self._answers = 0
        self._window_began = 0
        """The number of the last attempt that had begun when the search's window began."""

    def begin(self, now: float) -> Flight:
        """An attempt begins."""
        self._in_flight += 1
        self._begun += 1
        lowest = self._lowest
        if lowest is not None and self._in_flight >= lowest.level and self._answers >= lowest.until:
            self._try(lowest, now)
        return Flight(self._in_flight, self._begun, now)

    def succeeded(self, flight: Flight, now: float) -> None:
        """The attempt was answered."""
        full = self._in_flight >= self.current
        self._in_flight -= 1
        self._answers += 1
        target = self._search.target
        if full and self._reach < target and (self._lowest is None or self._reach < self._lowest.level - 1):
            self._reach = min(target, self._reach + (CAREFUL_GROWTH / self._reach if self._careful else GROWTH))
        tells = self._tells_of_target(flight) and self._reach >= NEAR * target
        if tells and self._search.add_answer(now - flight.began, self._ceiling()):
            self._follow()
        self._update()

    def failed(self, flight: Flight) -> None:  # noqa: ARG002 - takes what the other two take
        """The attempt ended in a way that says nothing about load."""
        self._in_flight -= 1
        self._update()

    def refused(self, flight: Flight, now: float) -> None:
        """The server had too much to do: 429, 503, or no answer in time."""
        self._in_flight -= 1
        if self._tells_of_target(flight):
            self._search.add_refusal()
        # Calls that were refused are not in flight at the server. What the server held is what is still in flight, so
        # the refusal was met one above that. One call at a time is always allowed.
        level = max(2, min(flight.level, self._in_flight + 1))
        lowest = self._lowest
        if lowest is None or (flight.number > lowest.last_flight and level < lowest.level):  # case A
            self._avoid(_Suspicion(level), now - flight.began)
        elif flight.number <= lowest.last_flight:  # case B
            if level < lowest.level:
                del self._suspicions[lowest.level]
                lowest.level = level
                self._suspect(lowest)
        elif self._answers >= lowest.until:  # case C
            lowest.refused += 1
            if lowest.refused > CHANCE * max(lowest.calls, min(lowest.hold, TRIAL)):
                lowest.hold = min(2 * lowest.hold, LONGEST_HOLD)
                self._avoid(lowest, now - flight.began)
        self._update()

    def _tells_of_target(self, flight: Flight) -> bool:
        """Whether an attempt counts for the search: it began in this window, with about the target in flight."""
        return flight.number > self._window_began and flight.level >= NEAR * self._search.target

    def _ceiling(self) -> int:
        """The highest level below every level that is certainly refused."""
        certain = [suspicion.level for suspicion in self._suspicions.values() if suspicion.hold >= CERTAIN_HOLD]
        return min(certain, default=self._maximum + 1) - 1

    def _follow(self) -> None:
        """Go where the search goes at the end of a window: down at once, up step by step.

        Back to the best level is at once too, because that level is known, unless a level is suspected.
        """
        target = self._search.target
        if target == self._search.level and self._lowest is None:
            self._reach = float(target)
        self._reach = min(self._reach, float(target))
        if target != self._search.level:
            self._careful = False
        self._window_began = self._begun

    def _avoid(self, suspicion: _Suspicion, refusal_seconds: float) -> None:
        """State 1: avoid the level for `hold` answers from now on."""
        suspicion.until = self._answers + suspicion.hold
        suspicion.last_flight, suspicion.refusal_seconds = self._begun, refusal_seconds
        suspicion.trial_began, suspicion.calls, suspicion.refused = None, 0, 0
        self._suspect(suspicion)

    def _suspect(self, suspicion: _Suspicion) -> None:
        """Keep to a suspicion whose level or hold is new."""
        self._suspicions[suspicion.level] = suspicion
        self._lowest = self._suspicions[min(self._suspicions)]
        self._reach = min(self._reach, suspicion.level - 1.0)
        if suspicion.hold >= CERTAIN_HOLD and self._search.target >= suspicion.level:  # state 3
            self._search.set_best(suspicion.level - 1)
            self._window_began = self._begun

    def _try(self, suspicion: _Suspicion, now: float) -> None:
        """State 2: one more call of the trial, which may end the trial."""
        if suspicion.trial_began is None:
            suspicion.trial_began = now
        suspicion.calls += 1
        refusals_arrived = now - suspicion.trial_began > 2 * suspicion.refusal_seconds
        if suspicion.calls < min(suspicion.hold, TRIAL) or not refusals_arrived:
            return
        del self._suspicions[suspicion.level]
        self._lowest = self._suspicions[min(self._suspicions)] if self._suspicions else None
        self._reach = max(self._reach, float(min(suspicion.level, self._search.target)))
        self._careful = suspicion.refused > 0
        if suspicion.hold >= CERTAIN_HOLD:
            self._search.try_upwards()

    def _update(self) -> None:
        """Set the limit."""
        limit, lowest = min(int(self._reach), self._search.target), self._lowest
        if lowest is not None:
            if self._answers < lowest.until:
                limit = min(limit, lowest.level - 1)
            elif self._reach >= lowest.level - 1:
                # The trial takes place even where the search's target is below the level.
                limit = lowest.level
        self.current = max(1, min(limit, self._maximum))
