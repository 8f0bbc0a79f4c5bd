"""`TempUserLifecycle`: the states of a guest, and the moves that are legal from each state.

Source of the rules: vendor's page "Customers", sections "Workflow: Temporary User Lifecycle", "Converting a Temporary
User" and "Transfer Temporary User".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self, Unpack

from printnow_async._checks import checked_id
from printnow_async.client import PrintNowClient
from printnow_async.errors import (
    EmailInUseError,
    LifecycleConflictError,
    NotTemporaryError,
    TransitionError,
    UsernameInUseError,
)
from printnow_async.lifecycle.intent import ConvertIntent
from printnow_async.lifecycle.moves import Moves
from printnow_async.lifecycle.options import LifecycleOptions, steps_of
from printnow_async.lifecycle.steps import Steps
from printnow_async.models import Customer, NewAccount
from printnow_async.tracking import LifecycleRecord, LifecycleState, Tracker

__all__ = ["TempUserLifecycle"]


class TempUserLifecycle:
    """One guest, followed across requests and processes under a reference of the caller's own.

    `start`, `resume` and `adopt` give one. They take the client, the tracker, the reference (1 to 200 characters) and
    `LifecycleOptions`, and raise `ValueError` naming a wrong argument before any request. Every method may raise what
    `client.customers` raises, and what the tracker raises.
    """

    def __init__(self, client: PrintNowClient, steps: Steps) -> None:
        """Not for users: see `start`, `resume` and `adopt`."""
        self._client = client
        self._steps = steps
        self._moves = Moves(client.customers, steps)

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
        """The guest of this reference: the tracked one, in whatever state, or a new temporary user.

        Processes that start one reference at the same time make one temporary user between them. A start that got no
        answer raises `OutcomeUnknownError`. The next start makes a new temporary user then, and counts the other one
        in `record.possible_orphans`.

        Raises `LifecycleConflictError` where the reference belongs to another storefront. Source: "Create Customer",
        "Request Body (Temporary User)".
        """
        steps = steps_of(tracker, reference, options)
        checked_id(storefront_id, "storefront_id")
        guest = cls(client, steps)
        lease = steps.new_lease()
        if await steps.begin(LifecycleState.CREATING, storefront_id=storefront_id, unsettled=True, **lease):
            await guest._moves.create(steps.record)
            return guest
        tracked = (await steps.reload()).storefront_id
        if tracked not in {None, storefront_id}:
            raise LifecycleConflictError(
                f"this reference belongs to storefront {tracked}, not {storefront_id}", reference=reference
            )
        await guest._moves.arrive()
        return guest

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
        """The guest that is tracked under this reference. A step that was cut off is settled first.

        `recover=False` leaves such a step as it is and makes no request: for looking at a guest, or abandoning it.

        Raises `LifecycleNotFoundError` where no guest is tracked under this reference.
        """
        guest = cls(client, steps_of(tracker, reference, options))
        await guest._steps.reload()
        if recover:
            await guest._moves.arrive()
        return guest

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
        """Track a temporary user that was made elsewhere. A guest that is tracked already is returned as it is.

        A new one is read first: `NotTemporaryError` where the customer is permanent, `CustomerNotFoundError` where
        there is no such customer. Raises `LifecycleConflictError` where the reference belongs to another temporary
        user.
        """
        steps = steps_of(tracker, reference, options)
        checked_id(temp_id, "temp_id")
        guest = cls(client, steps)
        if await steps.load() is None:
            customer = await client.customers.get(temp_id)
            if not customer.is_temporary:
                raise NotTemporaryError(f"customer {temp_id} is not a temporary user", customer_id=temp_id)
            if await steps.begin(LifecycleState.ACTIVE, storefront_id=customer.storefront_id, temp_id=temp_id):
                return guest
            await steps.reload()
        if steps.record.temp_id != temp_id:
            raise LifecycleConflictError(
                f"this reference belongs to another temporary user than {temp_id}", reference=reference
            )
        await guest._moves.arrive()
        return guest

    # ------------------------------------------------------------ what is known of the guest

    @property
    def record(self) -> LifecycleRecord:
        """The record as it was last loaded or changed here."""
        return self._steps.record

    @property
    def reference(self) -> str:
        """The caller's own name for the guest."""
        return self._steps.reference

    @property
    def state(self) -> LifecycleState:
        """The state of the guest, as last seen."""
        return self.record.state

    @property
    def temp_id(self) -> int | None:
        """ID of the temporary user; None while the temporary user is being created."""
        return self.record.temp_id

    @property
    def account_id(self) -> int | None:
        """ID of the permanent account that the guest became or was transferred to; None before that."""
        return self.record.account_id

    def __repr__(self) -> str:
        return f"<TempUserLifecycle {self.reference!r}: {self.state}, temporary user {self.temp_id}>"

    # ------------------------------------------------------------ moving

    async def convert(self, account: NewAccount) -> Customer:
        """Make the guest this permanent account, and return the customer. The same call again makes no write.

        Callers that convert at the same time send one PATCH between them. Raises `UsernameInUseError` or
        `EmailInUseError` where the name is taken (the guest is active again), `NotTemporaryError` where the guest has
        registered elsewhere meanwhile, `LifecycleConflictError` for another intent than the recorded one,
        `TransitionError` for an abandoned guest, and `OutcomeUnknownError` where the result is not known yet: call
        again, or `recover()`.
        """
        if not isinstance(account, NewAccount):
            raise ValueError(f"account must be a NewAccount, not {type(account).__name__}")
        waiting = self._steps.waiting()
        while True:
            record = await self._steps.reload()
            intent = ConvertIntent.of(account, record)
            same = intent.is_of(record)
            match state := record.state:
                case LifecycleState.CONVERTED if same:
                    return await self._result(record)
                case LifecycleState.CONVERTING if same and self._steps.is_held(record):
                    await waiting.pause(record)
                case LifecycleState.ACTIVE | LifecycleState.CONVERTING if same or state is LifecycleState.ACTIVE:
                    if customer := await self._moves.convert(record, account, intent):
                        return customer
                case _:
                    await self._make_way(record, "converted")

    async def transfer(self, *, to: int) -> Customer:
        """Move everything of the guest to the permanent customer `to`, and return that customer.

        The same call again makes no write. Raises `CustomerNotFoundError` where the guest or `to` is missing (the guest
        is active again), and otherwise what `convert` raises.
        """
        checked_id(to, "to")
        waiting = self._steps.waiting()
        while True:
            record = await self._steps.reload()
            if to == record.temp_id:
                raise ValueError(f"to must be another customer than the guest itself, not {to}")
            same = record.destination_id == to
            match state := record.state:
                case LifecycleState.TRANSFERRED if same:
                    return await self._result(record)
                case LifecycleState.TRANSFERRING if same and self._steps.is_held(record):
                    await waiting.pause(record)
                case LifecycleState.ACTIVE | LifecycleState.TRANSFERRING if same or state is LifecycleState.ACTIVE:
                    if customer := await self._moves.transfer(record, to):
                        return customer
                case _:
                    await self._make_way(record, "transferred")

    async def checkout(
        self,
        account: NewAccount,
        *,
        existing: Callable[[UsernameInUseError | EmailInUseError], Awaitable[int | None]],
    ) -> Customer:
        """Convert. Where the username or e-mail address is taken, ask `existing` for its owner, and transfer there.

        `existing` is an asynchronous callable of the error. It returns the ID of a customer, or None: then the error
        is raised. The same checkout again returns the same customer, without asking and without a write.
        """
        waiting = self._steps.waiting()
        destination: int | None = None
        while True:
            try:
                return await (self.convert(account) if destination is None else self.transfer(to=destination))
            except (UsernameInUseError, EmailInUseError) as error:
                destination = await existing(error)
                if destination is None:
                    raise
            except LifecycleConflictError:
                # another process may be at the convert or the transfer of the same checkout
                record = await self._steps.reload()
                if not ConvertIntent.of(account, record).is_of(record):
                    raise
                if record.state in {LifecycleState.TRANSFERRING, LifecycleState.TRANSFERRED}:
                    destination = record.destination_id
                elif record.state is LifecycleState.CONVERTED:
                    destination = None
                if self._steps.is_held(record):
                    await waiting.pause(record)

    async def recover(self) -> None:
        """Settle a step that was cut off. Nothing where there is no such step.

        After a convert the customer is read: permanent with the recorded username is converted, anything else is
        active. A transfer is made again to the recorded destination. A start makes a new temporary user. A step that
        another process holds is waited for.
        """
        waiting = self._steps.waiting()
        while (record := await self._steps.reload()).state.is_step:
            if self._steps.is_held(record):
                await waiting.pause(record)
            else:
                await self._moves.recover(record)

    async def abandon(self) -> None:
        """Stop tracking the guest as live. The temporary user stays: the API cannot delete a temporary user.

        Raises `TransitionError` after a convert or transfer. Does nothing for an abandoned guest.
        """
        waiting = self._steps.waiting()
        while (record := await self._steps.reload()).state is not LifecycleState.ABANDONED:
            if record.state.is_final:
                raise TransitionError(f"a guest that is {record.state} cannot be abandoned", reference=self.reference)
            if self._steps.is_held(record):
                await waiting.pause(record)
            elif record.state in {LifecycleState.ACTIVE, LifecycleState.CREATING}:
                orphans = record.possible_orphans + record.unsettled
                await self._steps.change(
                    record, state=LifecycleState.ABANDONED, possible_orphans=orphans, unsettled=False
                )
            else:
                await self._moves.recover(record)

    async def _result(self, record: LifecycleRecord) -> Customer:
        assert record.account_id is not None  # noqa: S101 - it is recorded together with the final state
        return await self._client.customers.get(record.account_id)

    async def _make_way(self, record: LifecycleRecord, wanted: str) -> None:
        """Settle the step that keeps the guest from being `wanted`, or raise where that step or state is to stay."""
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
