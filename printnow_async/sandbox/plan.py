"""Which requests a fault strikes: by route, by count, or by a seeded chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import final

import attrs

from printnow_async.sandbox.arguments import at_least_one, number, require
from printnow_async.sandbox.faults import Fault
from printnow_async.sandbox.patterns import RoutePattern

__all__ = ["Decision", "FaultPlan", "Injection"]


@attrs.define(eq=False, kw_only=True)
class Injection:
    """A fault, and the requests that the fault is for. `Sandbox.inject` makes an injection."""

    fault: Fault
    """The fault."""
    route: str | None
    """The requests that match, as "PATCH /api/v2/customer/{id}"; None for all requests."""
    times: int | None
    """How often the fault strikes at most; None for no limit."""
    every: int | None
    """The fault strikes each n-th matching request; None for each matching request."""
    probability: float | None
    """The chance, 0 to 1, that a matching request is struck; None for certainty."""
    fired: int = 0
    """How often the fault has struck."""
    seen: int = 0
    """The number of matching requests, without the requests that an earlier injection has struck."""
    _pattern: RoutePattern | None = attrs.field(alias="pattern", repr=False)
    _random: random.Random = attrs.field(alias="random", repr=False)
    _take_out: Callable[[Injection], None] = attrs.field(alias="take_out", repr=False)

    @property
    def is_spent(self) -> bool:
        """Whether the fault has struck `times` times."""
        return self.times is not None and self.fired >= self.times

    def remove(self) -> None:
        """Take the injection out of the sandbox. `fired` stays readable. Idempotent."""
        self._take_out(self)

    def strikes(self, method: str, path: str) -> bool:
        """Whether the fault strikes this request, which is counted."""
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
    """The faults of one request, added up."""

    fault: Fault | None = None
    """The fault that is no latency, if one strikes."""
    before: float = 0.0
    """Seconds to wait before applying."""
    after: float = 0.0
    """Seconds to wait between applying and answering."""
    name: str | None = None
    """The names of all faults that strike, joined with "+"; None without a fault."""


@final
class FaultPlan:
    """The injections of a sandbox, in the order in which they were made.

    Each injection has random numbers of its own, made of the seed and of the injection's number, so that neither
    another injection nor a request to another route changes which requests are struck.
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
        """Add an injection after the others. `ValueError` names a bad argument.

        Without `times`, `every` and `probability` the fault strikes once. `times` may be combined with either of the
        other two.
        """
        # no `Fault` is, for one, `Fault.drop` without its parentheses
        require("fault", fault, "what a class method of Fault gives", holds=isinstance(fault, Fault))
        at_least_one("times", times)
        at_least_one("every", every)
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
        """Remove every injection."""
        self._injections.clear()

    def decide(self, method: str, path: str) -> Decision:
        """Ask the injections in their order. Latencies add up, and the first other fault that strikes is the last."""
        before = after = 0.0
        names: list[str] = []
        chosen: Fault | None = None
        for injection in tuple(self._injections):
            if not injection.strikes(method, path):
                continue
            fault = injection.fault
            names.append(fault.name)
            if injection.is_spent:
                injection.remove()
            if fault.name != "latency":
                chosen = fault
                break
            if fault.after:
                after += fault.seconds
            else:
                before += fault.seconds
        return Decision(chosen, before, after, "+".join(names) or None)

    def _take_out(self, injection: Injection) -> None:
        if injection in self._injections:
            self._injections.remove(injection)
