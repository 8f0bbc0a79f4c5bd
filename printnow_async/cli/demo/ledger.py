"""What was asked and reported, against what the sandbox holds. Pure: nothing in it sends or prints anything."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from printnow_async.sandbox import RecordedRequest, Sandbox, SandboxCustomer

__all__ = ["Ask", "Audit", "Claim", "Count", "Expectation", "Holdings", "Row", "Sending", "audit", "holdings"]


class Claim(enum.StrEnum):
    """What the SDK reported about something that was asked for."""

    CREATED = "created"
    """It is there."""
    UNKNOWN = "unknown"
    """It may be there or not."""
    REFUSED = "refused"
    """It is not there, and never was."""
    DELETED = "deleted"
    """It was there, and is gone again."""


@attrs.frozen
class Ask:
    """One customer that somebody asked for, and what the SDK reported of it."""

    claim: Claim
    """What it reported."""
    customer_id: int | None = None
    """The ID it reported, if any."""
    username: str | None = None
    """The username that was asked for; None for a guest."""
    mark: str | None = None
    """The company that was asked for. No rule keeps it unique, so two customers of one ask would both have it."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.username or f"guest {self.customer_id}"


@attrs.frozen
class Expectation:
    """A value that a customer must have in the end."""

    customer_id: int
    """Whose."""
    field: str
    """Which, by the name it has in the sandbox."""
    value: Any
    """What it must be."""


@attrs.frozen
class Sending:
    """A request that must have reached the sandbox so often in the end, neither more nor less."""

    request: str
    """Which, as "PATCH /api/v2/customer/12"."""
    times: int
    """How often."""


@attrs.frozen
class Row:
    """What a step of the demo gives back."""

    title: str
    """What the step is about."""
    asks: Sequence[Ask]
    """Every customer it asked for."""
    expectations: Sequence[Expectation] = ()
    """What else must hold."""
    sendings: Sequence[Sending] = ()
    """What must have been sent."""
    requests: Sequence[RecordedRequest] = ()
    """The requests that reached the sandbox meanwhile."""


@attrs.frozen
class Holdings:
    """What the sandbox holds, and what it did to come to that."""

    living: Sequence[SandboxCustomer]
    """The customers."""
    deleted: Sequence[SandboxCustomer]
    """Those that were deleted."""
    applied: frozenset[str]
    """The marks of every account that it made, whatever it then answered."""
    sent: Mapping[str, int] = attrs.field(factory=dict)
    """How often each request reached it, by method and path."""


def holdings(sandbox: Sandbox) -> Holdings:
    """Take stock. Once the sandbox is closed, nothing that is still on its way can change it."""
    marks = (r.json.get("company") for r in sandbox.requests if r.applied and r.json is not None)
    return Holdings(
        living=tuple(sandbox.customers.values()),
        deleted=tuple(sandbox.deleted_customers.values()),
        applied=frozenset(mark for mark in marks if isinstance(mark, str)),
        sent=Counter(f"{r.method} {r.path}" for r in sandbox.requests),
    )


@attrs.frozen
class Count:
    """A row, counted: what was asked and reported, what is held, and what does not fit."""

    title: str
    """The row's title."""
    asked: int
    """Customers asked for."""
    created: int
    """Reported as created; `deleted` of them as deleted afterwards."""
    unknown: int
    """Reported as unknown."""
    refused: int
    """Reported as not created."""
    deleted: int
    """Reported as created and then deleted."""
    held: int
    """Living customers in the sandbox that come from these asks."""
    unknown_held: int
    """Those of the unknown ones that are there, exactly once each."""
    duplicates: int
    """What is there more than once."""
    lost: int
    """What is not as it was reported."""
    requests: int
    """Requests that reached the sandbox."""
    repeats: int
    """Those that had reached it before, in the same call."""
    differences: tuple[str, ...] = ()
    """A line for each duplicate and each loss."""


@attrs.frozen
class Audit:
    """The whole comparison."""

    counts: tuple[Count, ...]
    """A row for each step, and one more for customers that nobody asked for, if there are any."""

    @property
    def duplicates(self) -> int:
        """In all rows."""
        return sum(count.duplicates for count in self.counts)

    @property
    def lost(self) -> int:
        """In all rows."""
        return sum(count.lost for count in self.counts)

    @property
    def differences(self) -> list[str]:
        """In all rows."""
        return [line for count in self.counts for line in count.differences]

    @property
    def holds(self) -> bool:
        """Whether the sandbox holds what was reported, no more and no less."""
        return not (self.duplicates or self.lost or self.differences)


def audit(rows: Iterable[Row], held: Holdings) -> Audit:
    """Compare what the steps asked for, and were told, with what the sandbox holds."""
    book = _Book(held)
    counts = [book.count(row) for row in rows]
    return Audit((*counts, *book.nobody_asked_for()))


class _Book:
    """The living customers, found by what an ask knows of them."""

    def __init__(self, held: Holdings) -> None:
        self._held = held
        self._by_id = {customer.id: customer for customer in held.deleted}
        self._found: dict[tuple[str, Any], list[int]] = defaultdict(list)
        self._claimed: set[int] = set()
        for index, customer in enumerate(held.living):
            self._by_id[customer.id] = customer
            self._found["id", customer.id].append(index)
            self._found["username", customer.username.casefold()].append(index)
            self._found["mark", customer.company].append(index)

    def count(self, row: Row) -> Count:
        """Count a row."""
        claims = Counter(ask.claim for ask in row.asks)
        held = duplicates = lost = unknown_held = 0
        differences: list[str] = []
        for ask in row.asks:
            made = self._made_from(ask)
            held += len(made)
            unknown_held += ask.claim is Claim.UNKNOWN and len(made) == 1
            if len(made) > 1:
                duplicates += len(made) - 1
                differences.append(f"{ask.name}: the sandbox holds it {len(made)} times, as {_ids(made)}")
            if wrong := self._contradicted(ask, made):
                lost += 1
                differences.append(f"{ask.name}: {wrong}")
        for expectation in row.expectations:
            surplus, missing = self._off(expectation)
            duplicates += surplus
            lost += missing
            if surplus or missing:
                differences.append(self._described(expectation))
        for sending in row.sendings:
            sent = self._held.sent.get(sending.request, 0)
            duplicates += max(sent - sending.times, 0)
            lost += max(sending.times - sent, 0)
            if sent != sending.times:
                differences.append(f"{sending.request}: reached the sandbox {sent} times and should {sending.times}")
        return Count(
            title=row.title,
            asked=len(row.asks),
            created=claims[Claim.CREATED] + claims[Claim.DELETED],
            unknown=claims[Claim.UNKNOWN],
            refused=claims[Claim.REFUSED],
            deleted=claims[Claim.DELETED],
            held=held,
            unknown_held=unknown_held,
            duplicates=duplicates,
            lost=lost,
            requests=len(row.requests),
            repeats=_repeats(row.requests),
            differences=tuple(differences),
        )

    def _made_from(self, ask: Ask) -> list[SandboxCustomer]:
        """The living customers that come from an ask: by its ID, its username or its mark."""
        keys: list[tuple[str, Any]] = [("id", ask.customer_id)]
        if ask.username is not None:
            keys.append(("username", ask.username.casefold()))
        if ask.mark:
            keys.append(("mark", ask.mark))
        indexes = sorted({index for key in keys for index in self._found.get(key, ())})
        self._claimed.update(indexes)
        return [self._held.living[index] for index in indexes]

    def _contradicted(self, ask: Ask, made: Sequence[SandboxCustomer]) -> str | None:
        """How the sandbox contradicts the claim, if it does."""
        match ask.claim:
            case Claim.CREATED if all(customer.id != ask.customer_id for customer in made):
                return f"reported as created with ID {ask.customer_id}, and the sandbox does not hold that"
            case Claim.UNKNOWN if not made and ask.mark in self._held.applied:
                return "reported as unknown; it was applied, and the sandbox does not hold it"
            case Claim.REFUSED | Claim.DELETED if made:
                return f"reported as {ask.claim}, and the sandbox holds it as {_ids(made)}"
            case _:
                return None

    def _off(self, expectation: Expectation) -> tuple[int, int]:
        """By how much a value is too high and too low; another value of another kind counts as one loss."""
        wanted, found = expectation.value, self._value(expectation)
        if found == wanted:
            return 0, 0
        if type(wanted) is int and type(found) is int:
            return max(found - wanted, 0), max(wanted - found, 0)
        return 0, 1

    def _value(self, expectation: Expectation) -> Any:
        return getattr(self._by_id.get(expectation.customer_id), expectation.field, None)

    def _described(self, wanted: Expectation) -> str:
        found = self._value(wanted)
        return f"customer {wanted.customer_id}: {wanted.field} is {found!r} and should be {wanted.value!r}"

    def nobody_asked_for(self) -> tuple[Count, ...]:
        """A row for the living customers that no ask accounts for, if there are any."""
        strays = [customer for index, customer in enumerate(self._held.living) if index not in self._claimed]
        if not strays:
            return ()
        nothing = dict.fromkeys(
            ("asked", "created", "unknown", "refused", "deleted", "unknown_held", "lost", "requests", "repeats"), 0
        )
        line = f"nobody asked for: {_ids(strays)}"
        count = Count(
            title="nobody asked for", held=len(strays), duplicates=len(strays), differences=(line,), **nothing
        )
        return (count,)


def _ids(customers: Iterable[SandboxCustomer]) -> str:
    return ", ".join(str(customer.id) for customer in customers)


def _repeats(requests: Iterable[RecordedRequest]) -> int:
    """Requests of one call (they share its X-Request-ID) that came again; a read-back after a write is one."""
    seen = Counter((r.request_id, r.method, r.path) for r in requests if r.request_id is not None)
    return sum(times - 1 for times in seen.values())
