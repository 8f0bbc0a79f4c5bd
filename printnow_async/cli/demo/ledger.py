"""The comparison at the end of the demo: what the SDK reported, and what the sandbox holds.

Each step of the demo gives back asks (one for each customer that it wanted, with what the SDK reported) and
expectations (other values that must be found in the end). A living customer belongs to an ask that has its ID, its
username or its mark. Then:

1. An ask with two or more living customers has duplicates. A living customer without an ask is a duplicate too.
2. An ask whose report contradicts the living customers is lost.
3. A number that is higher than expected counts as so many duplicates, a lower number as so many losses. Any other
   value that is not as expected is one loss.
"""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs

from printnow_async.models import NewAccount
from printnow_async.sandbox import RecordedRequest, Sandbox

__all__ = ["AskedCustomer", "Audit", "Claim", "Expectation", "StepCount", "StepResult", "audit"]


class Claim(enum.StrEnum):
    """What the SDK reported about a customer that was asked for."""

    CREATED = "created"
    UNKNOWN = "unknown"
    """The customer may exist or not."""
    REFUSED = "refused"
    DELETED = "deleted"
    """The customer was created, and then deleted."""


@attrs.frozen
class AskedCustomer:
    """One customer that a step asked for."""

    claim: Claim
    """What the SDK reported."""
    customer_id: int | None = None
    """The ID that the SDK reported, if any."""
    username: str | None = None
    """The username that was asked for; None for a guest."""
    mark: str | None = None
    """The company that was asked for. Companies need not be unique, so two customers of one ask both have the mark."""

    @classmethod
    def of(cls, account: NewAccount, claim: Claim, customer_id: int | None = None) -> AskedCustomer:
        """Make the ask for an account."""
        return cls(claim, customer_id, account.username, account.company)


@attrs.frozen
class Expectation:
    """A value that must be found in the end: a field of a customer, or how often a request was received."""

    subject: int | str
    """The ID of a customer, or a request, as "PATCH /api/v2/customer/12"."""
    what: str
    """The name of the customer's field in the sandbox; of a request, "times received"."""
    value: Any


@attrs.frozen
class StepResult:
    """What a step of the demo gives back."""

    title: str
    """The name of the step in the table."""
    asks: Sequence[AskedCustomer]
    expectations: Sequence[Expectation] = ()
    requests: Sequence[RecordedRequest] = ()
    """The requests that reached the sandbox during the step."""


@attrs.frozen
class StepCount:
    """The numbers of one step, by name.

    "asked" = "created" + "unknown" + "refused", by the report of the SDK; "deleted" are some of the created.
    "held" are the living customers that belong to the asks, "unknown_held" the unknown asks with one such customer.
    "duplicates" and "lost" are explained at the top. "requests" reached the sandbox, "repeats" of them for the second
    or a later time in the same call.
    """

    title: str
    numbers: Counter[str]
    differences: Sequence[str]
    """A line for each thing that is wrong."""


@attrs.frozen
class Audit:
    """The whole comparison: a count for each step, and one for customers that nobody asked for, if there are any."""

    counts: Sequence[StepCount]

    def total(self, name: str) -> int:
        """Add up a number of all counts."""
        return sum(count.numbers[name] for count in self.counts)

    @property
    def differences(self) -> list[str]:
        """The differences of all counts."""
        return [line for count in self.counts for line in count.differences]

    @property
    def holds(self) -> bool:
        """Whether the sandbox holds exactly what was reported."""
        return not self.differences


def audit(results: Iterable[StepResult], sandbox: Sandbox) -> Audit:
    """Compare the results of the steps with a sandbox, which is closed: no request on its way can change it."""
    book = _Book(sandbox)
    counts = [book.count(result) for result in results]
    if strays := book.unclaimed:
        numbers = Counter(held=len(strays), duplicates=len(strays))
        counts.append(StepCount("nobody asked for", numbers, [f"nobody asked for: {_listed(strays)}"]))
    return Audit(counts)


class _Book:
    """What a sandbox holds and has received, with an index of the living customers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._customers = {**sandbox.deleted_customers, **sandbox.customers}
        self._received = Counter(f"{r.method} {r.path}" for r in sandbox.requests)
        self._applied = {r.json.get("company") for r in sandbox.requests if r.applied and r.json is not None}
        self._living: dict[tuple[str, object], set[int]] = defaultdict(set)
        for customer in sandbox.customers.values():
            self._living["id", customer.id].add(customer.id)
            self._living["username", customer.username.casefold()].add(customer.id)
            self._living["mark", customer.company].add(customer.id)
        self.unclaimed = set(sandbox.customers)
        """The IDs of the living customers that belong to no ask so far."""

    def count(self, result: StepResult) -> StepCount:
        """Count a step."""
        claims = Counter(ask.claim for ask in result.asks)
        # The requests of one call have one X-Request-ID. A read after a write is no repeat.
        calls = Counter((r.request_id, r.method, r.path) for r in result.requests if r.request_id is not None)
        numbers = Counter({claim.value: claims[claim] for claim in Claim})
        numbers["asked"] = len(result.asks)
        numbers["created"] += claims[Claim.DELETED]
        numbers["requests"] = len(result.requests)
        numbers["repeats"] = calls.total() - len(calls)
        numbers.update(held=0, unknown_held=0, duplicates=0, lost=0)
        differences: list[str] = []
        for ask in result.asks:
            name, made = ask.username or f"guest {ask.customer_id}", self._made_from(ask)
            numbers["held"] += len(made)
            numbers["unknown_held"] += ask.claim is Claim.UNKNOWN and len(made) == 1
            if len(made) > 1:
                numbers["duplicates"] += len(made) - 1
                differences.append(f"{name}: the sandbox holds it {len(made)} times, as {_listed(made)}")
            if wrong := self._contradiction(ask, made):
                numbers["lost"] += 1
                differences.append(f"{name}: {wrong}")
        for wanted in result.expectations:
            name, found = self._found(wanted)
            if found != wanted.value:
                surplus = found - wanted.value if type(found) is type(wanted.value) is int else -1
                numbers["duplicates" if surplus > 0 else "lost"] += abs(surplus)
                differences.append(f"{name}: {wanted.what} is {found!r} and should be {wanted.value!r}")
        return StepCount(result.title, numbers, differences)

    def _made_from(self, ask: AskedCustomer) -> set[int]:
        """The IDs of the living customers that belong to an ask."""
        keys: list[tuple[str, object]] = [("id", ask.customer_id)]
        if ask.username is not None:
            keys.append(("username", ask.username.casefold()))
        if ask.mark:
            keys.append(("mark", ask.mark))
        made = {customer_id for key in keys for customer_id in self._living.get(key, ())}
        self.unclaimed -= made
        return made

    def _contradiction(self, ask: AskedCustomer, made: Collection[int]) -> str | None:
        """How the living customers of an ask contradict its claim, if they do."""
        match ask.claim:
            case Claim.CREATED if ask.customer_id not in made:
                return f"reported as created with ID {ask.customer_id}, and the sandbox does not hold that"
            case Claim.UNKNOWN if not made and ask.mark in self._applied:
                return "reported as unknown; it was applied, and the sandbox does not hold it"
            case Claim.REFUSED | Claim.DELETED if made:
                return f"reported as {ask.claim}, and the sandbox holds it as {_listed(made)}"
            case _:
                return None

    def _found(self, wanted: Expectation) -> tuple[str, Any]:
        """The name of the subject of an expectation, and the value that is found."""
        if isinstance(wanted.subject, str):
            return wanted.subject, self._received[wanted.subject]
        return f"customer {wanted.subject}", getattr(self._customers.get(wanted.subject), wanted.what, None)


def _listed(ids: Collection[int]) -> str:
    return ", ".join(map(str, sorted(ids)))
