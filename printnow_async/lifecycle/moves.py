"""The requests of each step of a guest, and what an answer, or a missing answer, makes of the record.

A step that another process began and did not end is taken over. A step that was taken over reads before it writes, and
stays open as long as its result cannot be proven.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from printnow_async.customers import Customers
from printnow_async.errors import APIError, BadRequestError, CustomerNotFoundError, NoResponseError, NotTemporaryError
from printnow_async.lifecycle.intent import ConvertIntent, digest
from printnow_async.lifecycle.steps import Steps
from printnow_async.models import Customer, NewAccount
from printnow_async.tracking import LifecycleRecord, LifecycleState

__all__ = ["Moves"]


class Moves:
    """The moves of one guest: each claims the record, sends its requests, and finishes the step."""

    def __init__(self, customers: Customers, steps: Steps) -> None:
        self._customers = customers
        self._steps = steps

    # ------------------------------------------------------------ start

    async def arrive(self) -> None:
        """Settle a step that was cut off, and wait for a start that another process is at work on."""
        waiting = self._steps.waiting()
        while (record := self._steps.record).state.is_step:
            if not self._steps.is_held(record):
                await self.recover(record)
            elif record.state is LifecycleState.CREATING:
                await waiting.pause(record)
            else:
                return  # its holder finishes the step
            await self._steps.reload()

    async def create(self, claimed: LifecycleRecord) -> None:
        """Make the temporary user of a claimed record."""
        async with self._attempt(claimed, refused=LifecycleState.CREATING):
            guest = await self._customers.create_temporary(storefront_id=claimed.storefront_id or 0)
        if not await self._steps.finish(claimed, state=LifecycleState.ACTIVE, temp_id=guest.id):
            # the process that has taken the step over counts our temporary user among the possible orphans
            await self._steps.reload()

    # ------------------------------------------------------------ convert

    async def convert(self, record: LifecycleRecord, account: NewAccount, intent: ConvertIntent) -> Customer | None:
        """Convert from active, or from a convert that was cut off. None where another process was first: load again."""
        temp_id = _temp_id(record)
        if record.state is LifecycleState.ACTIVE and await self._has_landed(record, intent):
            return None
        claimed = await self._steps.claim(
            record,
            state=LifecycleState.CONVERTING,
            username_digest=intent.username_digest,
            email_digest=intent.email_digest,
        )
        if claimed is None:
            return None
        taken_over = record.unsettled
        async with self._attempt(claimed, refused=LifecycleState.ACTIVE, keeps_open=taken_over):
            customer = await self._converted(temp_id, account, claimed)
        await self._steps.finish(claimed, state=LifecycleState.CONVERTED, account_id=customer.id)
        return customer

    async def _converted(self, temp_id: int, account: NewAccount, claimed: LifecycleRecord) -> Customer:
        try:
            return await self._customers.convert(temp_id, account)
        except BadRequestError:
            # the username may be in use by this very guest: the PATCH of an earlier process was applied after our read
            customer = await self._customers.get(temp_id)
            if not _is_recorded(customer, claimed):
                raise
            return customer

    async def _has_landed(self, record: LifecycleRecord, intent: ConvertIntent) -> bool:
        """Whether an earlier convert to another account, which seemed not to be applied, has been applied after all."""
        if record.username_digest in {None, intent.username_digest}:
            return False
        customer = await self._customers.get(_temp_id(record))
        if not _is_recorded(customer, record):
            return False
        await self._steps.change(record, state=LifecycleState.CONVERTED, account_id=customer.id)
        return True

    # ------------------------------------------------------------ transfer

    async def transfer(self, record: LifecycleRecord, to: int) -> Customer | None:
        """Transfer from active, or from a cut-off transfer. None where another process was first: load again."""
        temp_id = _temp_id(record)
        claimed = await self._steps.claim(record, state=LifecycleState.TRANSFERRING, destination_id=to)
        if claimed is None:
            return None
        taken_over = record.unsettled
        async with self._attempt(claimed, refused=LifecycleState.ACTIVE, keeps_open=taken_over):
            customer = await self._transferred(temp_id, to, taken_over=taken_over)
        await self._steps.finish(claimed, state=LifecycleState.TRANSFERRED, account_id=customer.id)
        return customer

    async def _transferred(self, temp_id: int, to: int, *, taken_over: bool) -> Customer:
        if not taken_over:
            return await self._customers.transfer(temp_id, to=to)
        with contextlib.suppress(CustomerNotFoundError):
            await self._customers.get(temp_id)
            return await self._customers.transfer(temp_id, to=to)
        # the temporary user is gone: if the destination is there, the transfer of an earlier process was applied
        return await self._customers.get(to)

    # ------------------------------------------------------------ recovery

    async def recover(self, record: LifecycleRecord) -> None:
        """Settle a step that was cut off and that no process holds. Nothing where another process is first."""
        if record.state is LifecycleState.CREATING:
            orphans = record.possible_orphans + record.unsettled
            claimed = await self._steps.claim(record, possible_orphans=orphans)
            if claimed is not None:
                await self.create(claimed)
        elif record.state is LifecycleState.TRANSFERRING and record.destination_id is not None:
            try:
                await self.transfer(record, record.destination_id)
            except APIError as error:
                if not _is_refusal(error):
                    raise  # a refusal has settled the step: the guest is active again
        elif record.state is LifecycleState.CONVERTING:
            await self._recover_convert(record)

    async def _recover_convert(self, record: LifecycleRecord) -> None:
        claimed = await self._steps.claim(record)
        if claimed is None:
            return
        state, account_id = LifecycleState.ACTIVE, None
        async with self._attempt(claimed, refused=LifecycleState.CONVERTING, keeps_open=True):
            with contextlib.suppress(CustomerNotFoundError):
                customer = await self._customers.get(_temp_id(record))
                if _is_recorded(customer, claimed):
                    state, account_id = LifecycleState.CONVERTED, customer.id
        await self._steps.finish(claimed, state=state, account_id=account_id)

    # ------------------------------------------------------------ failures

    @contextlib.asynccontextmanager
    async def _attempt(
        self, claimed: LifecycleRecord, *, refused: LifecycleState, keeps_open: bool = False
    ) -> AsyncGenerator[None]:
        """The sending of a claimed step: an error finishes the step with the state `refused`, or leaves the step open.

        `keeps_open`: an earlier holder may have sent the same step, so that only the server's refusal of the step
        itself finishes the step. Other errors say nothing about what the earlier holder sent.
        """
        try:
            async with self._steps.held(claimed):
                yield
        except (APIError, NoResponseError, NotTemporaryError) as error:
            if keeps_open and not _is_refusal(error):
                await self._steps.let_go(claimed)
            else:
                await self._steps.finish(claimed, state=refused)
            raise
        except Exception:  # the outcome is unknown, the answer cannot be read, or our code failed: maybe applied
            await self._steps.let_go(claimed)
            raise


def _is_refusal(error: Exception) -> bool:
    """Whether the server refuses the step itself, and would refuse the same step again."""
    return isinstance(error, NotTemporaryError) or (isinstance(error, APIError) and error.status in {400, 404})


def _temp_id(record: LifecycleRecord) -> int:
    assert record.temp_id is not None  # noqa: S101 - only a guest that is being created has none
    return record.temp_id


def _is_recorded(customer: Customer, record: LifecycleRecord) -> bool:
    """Whether the customer is the permanent account that the record's intent asks for."""
    return (
        customer.is_temporary is False
        and customer.username is not None
        and digest(record.salt, customer.username) == record.username_digest
    )
