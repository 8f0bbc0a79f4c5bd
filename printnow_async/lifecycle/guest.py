"""`TempUserLifecycle`: the states of a guest, and the moves that are legal from each.

Source of the rules: vendor's page "Customers", sections "Workflow: Temporary User Lifecycle", "Converting a Temporary
User" and "Transfer Temporary User".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self, Unpack

from printnow_async.client import PrintNowClient
from printnow_async.errors import (
    EmailInUseError,
    LifecycleConflictError,
    NotTemporaryError,
    TransitionError,
    UsernameInUseError,
)
from printnow_async.lifecycle.intent import ConvertIntent, new_salt
from printnow_async.lifecycle.moves import Moves
from printnow_async.lifecycle.options import LifecycleOptions, steps_of
from printnow_async.lifecycle.steps import Steps
from printnow_async.models import Customer, NewAccount
from printnow_async.tracking import LifecycleRecord, LifecycleState, Tracker
from printnow_async.tracking.clock import utc_now

__all__ = ["TempUserLifecycle"]


class TempUserLifecycle:
    """One guest, followed across requests and processes under a reference of the caller's own.

    Get one with `start`, `resume` or `adopt`, which take the client, the tracker, the reference (1 to 200 characters)
    and `LifecycleOptions`. Every method may raise what `client.customers` raises, and what the tracker raises.
    """

    def __init__(self, client: PrintNowClient, steps: Steps, record: LifecycleRecord) -> None:
        """Not for users: see `start`, `resume` and `adopt`."""
        self._client = client
        self._steps = steps
        self._moves = Moves(client.customers, steps)
        self._record = record

    # ------------------------------------------------------------ getting one

    @classmethod
    async def start(
        cls,
        client: PrintNowClient,
        tracker: Tracker,
        *,
        reference: str,
        storefront_id: int,
        **options: Unpack[LifecycleOptions],
    ) -> Self:
        """The guest of this reference: the one that is tracked, in whatever state, or a new temporary user.

        Processes that start one reference at once make one temporary user between them. A start that got no answer is
        an `OutcomeUnknownError`; the next one makes a new temporary user and counts the other in
        `record.possible_orphans`.

        Raises `LifecycleConflictError` where the reference belongs to another storefront. Source: "Create Customer",
        "Request Body (Temporary User)".
        """
        steps = steps_of(tracker, reference, options)
        if type(storefront_id) is not int or storefront_id < 1:
            raise ValueError(f"storefront_id must be a whole number, at least 1, not {storefront_id!r}")
        moves = Moves(client.customers, steps)
        now = options.get("clock", utc_now)()
        record = LifecycleRecord(
            reference=reference,
            state=LifecycleState.CREATING,
            storefront_id=storefront_id,
            salt=new_salt(),
            unsettled=True,
            created_at=now,
            updated_at=now,
            **steps.new_lease(),
        )
        if await steps.begin(record):
            return cls(client, steps, await moves.create(record))
        record = await steps.reload()
        if record.storefront_id not in {None, storefront_id}:
            raise LifecycleConflictError(
                f"this reference belongs to storefront {record.storefront_id}, not {storefront_id}", reference=reference
            )
        return cls(client, steps, await moves.arrive(record))

    @classmethod
    async def resume(
        cls,
        client: PrintNowClient,
        tracker: Tracker,
        *,
        reference: str,
        recover: bool = True,
        **options: Unpack[LifecycleOptions],
    ) -> Self:
        """The guest that is tracked under this reference; a step that was cut off is recovered on the way.

        `recover=False` leaves such a step as it is, and makes no request: for looking at a guest, or abandoning it.

        Raises `LifecycleNotFoundError` where none is.
        """
        steps = steps_of(tracker, reference, options)
        record = await steps.reload()
        if recover:
            record = await Moves(client.customers, steps).arrive(record)
        return cls(client, steps, record)

    @classmethod
    async def adopt(
        cls,
        client: PrintNowClient,
        tracker: Tracker,
        *,
        reference: str,
        temp_id: int,
        **options: Unpack[LifecycleOptions],
    ) -> Self:
        """Track a temporary user that was made elsewhere; the guest as it is, where that is tracked here already.

        A new one is read first: `NotTemporaryError` where it is permanent, `CustomerNotFoundError` where it is gone.
        Raises `LifecycleConflictError` where the reference belongs to another temporary user.
        """
        steps = steps_of(tracker, reference, options)
        record = await steps.load()
        if record is None:
            customer = await client.customers.get(temp_id)
            if not customer.is_temporary:
                raise NotTemporaryError(f"customer {temp_id} is not a temporary user", customer_id=temp_id)
            now = options.get("clock", utc_now)()
            record = LifecycleRecord(
                reference=reference,
                state=LifecycleState.ACTIVE,
                storefront_id=customer.storefront_id,
                temp_id=temp_id,
                salt=new_salt(),
                created_at=now,
                updated_at=now,
            )
            if await steps.begin(record):
                return cls(client, steps, record)
            record = await steps.reload()
        if record.temp_id != temp_id:
            raise LifecycleConflictError(
                f"this reference belongs to another temporary user than {temp_id}", reference=reference
            )
        return cls(client, steps, await Moves(client.customers, steps).arrive(record))

    # ------------------------------------------------------------ what is known of it

    @property
    def record(self) -> LifecycleRecord:
        """The record as it was last seen or changed here."""
        return self._steps.record or self._record

    @property
    def reference(self) -> str:
        """The caller's own name for the guest."""
        return self._steps.reference

    @property
    def state(self) -> LifecycleState:
        """Where it is in its life, as last seen."""
        return self.record.state

    @property
    def temp_id(self) -> int | None:
        """ID of the temporary user; None while it is being created."""
        return self.record.temp_id

    @property
    def account_id(self) -> int | None:
        """ID of the permanent account it has become or was moved to; None before that."""
        return self.record.account_id

    def __repr__(self) -> str:
        return f"<TempUserLifecycle {self.reference!r}: {self.state}, temporary user {self.temp_id}>"

    # ------------------------------------------------------------ moving

    async def convert(self, account: NewAccount) -> Customer:
        """Make the guest this permanent account, and return it. The same again returns it without a write.

        Two that convert at once send one PATCH between them. Raises `UsernameInUseError` or `EmailInUseError` where one
        is taken (the guest is active again), `NotTemporaryError` where the guest has registered elsewhere meanwhile,
        `LifecycleConflictError` for another intent than the recorded one, `TransitionError` for an abandoned guest,
        `OutcomeUnknownError` where nobody can tell yet: call again, or `recover()`.
        """
        if not isinstance(account, NewAccount):
            raise ValueError(f"account must be a NewAccount, not {type(account).__name__}")
        patience = self._steps.patience()
        while True:
            record = await self._steps.reload()
            intent = ConvertIntent.of(account, record)
            same = intent.is_of(record)
            match record.state:
                case LifecycleState.CONVERTED if same:
                    return await self._result(record)
                case LifecycleState.ACTIVE:
                    if customer := await self._moves.convert(record, account, intent):
                        return customer
                case LifecycleState.CONVERTING if same and not self._steps.is_held(record):
                    if customer := await self._moves.convert(record, account, intent):
                        return customer
                case LifecycleState.CONVERTING if same:
                    await patience.pause(record)
                case _:
                    await self._make_way(record, "converted")

    async def transfer(self, *, to: int) -> Customer:
        """Move everything of the guest to the permanent customer `to`, and return that one.

        The same again returns it without a write. Raises `CustomerNotFoundError` where either is missing (the guest is
        active again), and otherwise what `convert` does.
        """
        if type(to) is not int or to < 1:
            raise ValueError(f"to must be a whole number, at least 1, not {to!r}")
        patience = self._steps.patience()
        while True:
            record = await self._steps.reload()
            if to == record.temp_id:
                raise ValueError(f"to must be another customer than the guest itself, not {to}")
            same = record.destination_id == to
            match record.state:
                case LifecycleState.TRANSFERRED if same:
                    return await self._result(record)
                case LifecycleState.ACTIVE:
                    if customer := await self._moves.transfer(record, to):
                        return customer
                case LifecycleState.TRANSFERRING if same and not self._steps.is_held(record):
                    if customer := await self._moves.transfer(record, to):
                        return customer
                case LifecycleState.TRANSFERRING if same:
                    await patience.pause(record)
                case _:
                    await self._make_way(record, "transferred")

    async def checkout(
        self,
        account: NewAccount,
        *,
        existing: Callable[[UsernameInUseError | EmailInUseError], Awaitable[int | None]],
    ) -> Customer:
        """Convert; where the username or e-mail address is taken, ask `existing` whose it is, and transfer there.

        `existing` is an asynchronous callable of the error; it gives a customer's ID, or None to let the error through.
        The same checkout again returns the same customer, without asking and without a write.
        """
        if not isinstance(account, NewAccount):
            raise ValueError(f"account must be a NewAccount, not {type(account).__name__}")
        patience = self._steps.patience()
        destination: int | None = None
        while True:
            try:
                return await (self.convert(account) if destination is None else self.transfer(to=destination))
            except (UsernameInUseError, EmailInUseError) as error:
                destination = await existing(error)
                if destination is None:
                    raise
            except LifecycleConflictError:
                # the same checkout by another process, which may be at its convert or its transfer
                record = await self._steps.reload()
                if not ConvertIntent.of(account, record).is_of(record):
                    raise
                if record.state in {LifecycleState.TRANSFERRING, LifecycleState.TRANSFERRED}:
                    destination = record.destination_id
                elif record.state is LifecycleState.CONVERTED:
                    destination = None
                if self._steps.is_held(record):
                    await patience.pause(record)

    async def recover(self) -> None:
        """Settle a step that was cut off; nothing where there is none.

        A convert is read: permanent with the recorded username is converted, anything else active. A transfer is made
        again to the recorded destination. A start makes a new temporary user. A step that another process holds is
        waited for.
        """
        patience = self._steps.patience()
        while (record := await self._steps.reload()).state.is_step:
            if self._steps.is_held(record):
                await patience.pause(record)
            else:
                await self._moves.recover(record)

    async def abandon(self) -> None:
        """Stop tracking the guest as alive. The API cannot delete a temporary user: it stays there.

        Raises `TransitionError` after a convert or transfer. Once more does nothing.
        """
        patience = self._steps.patience()
        while (record := await self._steps.reload()).state is not LifecycleState.ABANDONED:
            if record.state.is_final:
                raise TransitionError(f"a guest that is {record.state} cannot be abandoned", reference=self.reference)
            if self._steps.is_held(record):
                await patience.pause(record)
            elif record.state in {LifecycleState.ACTIVE, LifecycleState.CREATING}:
                orphans = record.possible_orphans + record.unsettled
                await self._steps.change(
                    record, state=LifecycleState.ABANDONED, possible_orphans=orphans, unsettled=False
                )
            else:
                await self._moves.recover(record)

    # ------------------------------------------------------------ inside

    async def _result(self, record: LifecycleRecord) -> Customer:
        assert record.account_id is not None  # noqa: S101 - a settled record has one
        return await self._client.customers.get(record.account_id)

    async def _make_way(self, record: LifecycleRecord, wanted: str) -> None:
        """What stands in the way of a move: recovered where it was cut off, waited for where it is the start."""
        if record.state is LifecycleState.ABANDONED:
            raise TransitionError(f"an abandoned guest cannot be {wanted}", reference=self.reference)
        if record.state is LifecycleState.CREATING:
            await self.recover()
        elif record.state.is_step and not self._steps.is_held(record):
            await self._moves.recover(record)
        else:
            raise LifecycleConflictError(
                f"this guest is {record.state} already, with another intent: it cannot be {wanted} as well",
                reference=self.reference,
            )
