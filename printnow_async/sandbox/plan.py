"""When a fault strikes: by route, by count or by seeded chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import final

import attrs

from printnow_async.sandbox.arguments import at_least, number, require
from printnow_async.sandbox.faults import Fault
from printnow_async.sandbox.patterns import RoutePattern

__all__ = ["Decision", "FaultPlan", "Injection"]


@attrs.define(eq=False, kw_only=True)
class Injection:
    """A fault that is waiting for its requests. `Sandbox.inject` makes it."""

    fault: Fault
    """What goes wrong."""
    route: str | None
    """The requests it is for, as "PATCH /api/v2/customer/{id}"; None for all."""
    times: int | None
    """How often it strikes at most; None for no end."""
    every: int | None
    """It strikes on each n-th matching request; None for each of them."""
    probability: float | None
    """The chance, 0 to 1, with which it strikes a matching request; None for certainty."""
    fired: int = 0
    """How often it has struck."""
    seen: int = 0
    """How many matching requests it was asked about; not those that an earlier injection took."""
    _pattern: RoutePattern | None = attrs.field(alias="pattern", repr=False)
    _random: random.Random = attrs.field(alias="random", repr=False)
    _take_out: Callable[[Injection], None] = attrs.field(alias="take_out", repr=False)

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.times is not None and self.fired >= self.times

    def remove(self) -> None:
        """Take it out of the sandbox; `fired` stays readable. Once removed or spent this does nothing."""
        self._take_out(self)

    def strikes(self, method: str, path: str) -> bool:
        """Decide about one request, and count it."""
        if self.is_spent or (self._pattern is not None and not self._pattern.matches(method, path)):
            return False
        self.seen += 1
        if self.every is not None:
            hit = self.seen % self.every == 0
        else:
            hit = self.probability is None or self._random.random() < self.probability
        self.fired += hit
        return hit


@attrs.frozen
class Decision:
    """What happens to one request."""

    fault: Fault | None = None
    """What goes wrong, waiting apart."""
    before: float = 0.0
    """Seconds to wait before applying."""
    after: float = 0.0
    """Seconds to wait between applying and answering."""
    name: str | None = None
    """The names of the faults that struck, joined with "+"; None when none did."""


@final
class FaultPlan:
    """The injections in their order, and what they decide.

    Each injection draws from a random stream of its own, made of the seed and of its number, so that neither
    another injection nor a request to another route changes what it does.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._made = 0
        self._injections: list[Injection] = []

    def add(
        self,
        fault: Fault,
        route: str | None = None,
        *,
        times: int | None = None,
        every: int | None = None,
        probability: float | None = None,
    ) -> Injection:
        """Add an injection after the others; raise `ValueError` naming a bad argument.

        With none of `times`, `every` and `probability` it strikes once. `times` bounds either of the others.
        """
        require("fault", fault, "what a class method of Fault gives", holds=_is_fault(fault))
        at_least(1, "times", times)
        at_least(1, "every", every)
        is_chance = probability is None or (number(probability) and 0 <= probability <= 1)
        require("probability", probability, "a number from 0 to 1", holds=is_chance)
        is_one = every is None or probability is None
        require("every", every, "left out when there is a probability", holds=is_one)
        if every is None and probability is None and times is None:
            times = 1
        self._made += 1
        injection = Injection(
            fault=fault,
            route=route,
            times=times,
            every=every,
            probability=probability,
            pattern=None if route is None else RoutePattern.parse(route),
            random=random.Random(f"{self._seed}/fault/{self._made}"),
            take_out=self._take_out,
        )
        self._injections.append(injection)
        return injection

    def clear(self) -> None:
        """Take every injection out."""
        self._injections.clear()

    def decide(self, method: str, path: str) -> Decision:
        """Ask the injections in their order: the first that strikes settles it; latencies add up."""
        before = after = 0.0
        names: list[str] = []
        settled: Fault | None = None
        for injection in tuple(self._injections):
            if not injection.strikes(method, path):
                continue
            fault = injection.fault
            names.append(fault.name)
            if injection.is_spent:
                injection.remove()
            if fault.name != "latency":
                settled = fault
                break
            if fault.after:
                after += fault.seconds
            else:
                before += fault.seconds
        return Decision(settled, before, after, "+".join(names) or None)

    def _take_out(self, injection: Injection) -> None:
        if injection in self._injections:
            self._injections.remove(injection)


def _is_fault(value: object) -> bool:
    return isinstance(value, Fault)  # not so: `Fault.drop`, its parentheses forgotten
