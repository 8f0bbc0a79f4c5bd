"""What is sent for each step of a guest, and what its answer, or the want of one, makes of the record.

A step that another process began and did not end is taken over: it reads before it writes, and what cannot be proven
stays open.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from printnow_async.customers import Customers
from printnow_async.errors import (
    APIError,
    CustomerNotFoundError,
    NoResponseError,
    NotTemporaryError,
)
from printnow_async.lifecycle.intent import ConvertIntent, digest
from printnow_async.lifecycle.steps import Steps
from printnow_async.models import Customer, NewAccount
from printnow_async.tracking import LifecycleRecord, LifecycleState

__all__ = ["Moves"]


class Moves:
    """The steps of one guest: each claims the record, sends, and settles it."""

    def __init__(self, customers: Customers, steps: Steps) -> None:
        self._customers = customers
        self._steps = steps

    # ------------------------------------------------------------ start

    async def arrive(self, record: LifecycleRecord) -> LifecycleRecord:
        """The record of a guest as somebody comes to it: a start is waited for, what was cut off is recovered."""
        patience = self._steps.patience()
        while record.state.is_step:
            held = self._steps.is_held(record)
            if not held:
                await self.recover(record)
            elif record.state is LifecycleState.CREATING:
                await patience.pause(record)
            else:
                break  # in good hands
            record = await self._steps.reload()
        return record

    async def create(self, claimed: LifecycleRecord) -> LifecycleRecord:
        """Make the temporary user of a claimed record; the record as it is then."""
        async with self._attempt(claimed, fallback={}):
            guest = await self._customers.create_temporary(storefront_id=claimed.storefront_id or 0)
        if await self._steps.settle(claimed, state=LifecycleState.ACTIVE, temp_id=guest.id) and self._steps.record:
            return self._steps.record
        # taken over meanwhile: the other one counts our temporary user among the possible orphans
        return await self._steps.reload()

    # ------------------------------------------------------------ convert

    async def convert(self, record: LifecycleRecord, account: NewAccount, intent: ConvertIntent) -> Customer | None:
        """Convert from active, or from a convert that was cut off. None where another was faster: look again."""
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
        async with self._attempt(claimed, fallback={"state": LifecycleState.ACTIVE}, keeps_open=taken_over):
            customer = await self._converted(temp_id, account, claimed)
        await self._steps.settle(claimed, state=LifecycleState.CONVERTED, account_id=customer.id)
        return customer

    async def _converted(self, temp_id: int, account: NewAccount, claimed: LifecycleRecord) -> Customer:
        try:
            return await self._customers.convert(temp_id, account)
        except (APIError, NoResponseError) as error:
            if isinstance(error, CustomerNotFoundError) or not isinstance(error, APIError) or error.status != 400:
                raise
            # "in use" may be by a PATCH of the process before us, which has landed since we read
            customer = await self._customers.get(temp_id)
            if not _is_recorded(customer, claimed):
                raise
            return customer

    async def _has_landed(self, record: LifecycleRecord, intent: ConvertIntent) -> bool:
        """Whether an earlier convert to another account, which was thought lost, has been applied after all."""
        if record.username_digest in {None, intent.username_digest}:
            return False
        customer = await self._customers.get(_temp_id(record))
        if not _is_recorded(customer, record):
            return False
        await self._steps.change(record, state=LifecycleState.CONVERTED, account_id=customer.id)
        return True

    # ------------------------------------------------------------ transfer

    async def transfer(self, record: LifecycleRecord, to: int) -> Customer | None:
        """Transfer from active, or from a transfer that was cut off. None where another was faster: look again."""
        temp_id = _temp_id(record)
        claimed = await self._steps.claim(record, state=LifecycleState.TRANSFERRING, destination_id=to)
        if claimed is None:
            return None
        taken_over = record.unsettled
        async with self._attempt(claimed, fallback={"state": LifecycleState.ACTIVE}, keeps_open=taken_over):
            customer = await self._transferred(temp_id, to, taken_over=taken_over)
        await self._steps.settle(claimed, state=LifecycleState.TRANSFERRED, account_id=customer.id)
        return customer

    async def _transferred(self, temp_id: int, to: int, *, taken_over: bool) -> Customer:
        if not taken_over:
            return await self._customers.transfer(temp_id, to=to)
        with contextlib.suppress(CustomerNotFoundError):
            await self._customers.get(temp_id)
            return await self._customers.transfer(temp_id, to=to)
        # the source is gone: with the destination there, the transfer of the process before us was applied
        return await self._customers.get(to)

    # ------------------------------------------------------------ recovery

    async def recover(self, record: LifecycleRecord) -> None:
        """Settle a step that nobody holds any more; nothing where another is faster."""
        if record.state is LifecycleState.CREATING:
            orphans = record.possible_orphans + record.unsettled
            claimed = await self._steps.claim(record, possible_orphans=orphans)
            if claimed is not None:
                await self.create(claimed)
        elif record.state is LifecycleState.TRANSFERRING and record.destination_id is not None:
            try:
                await self.transfer(record, record.destination_id)
            except APIError as error:
                if not _is_judgement(error):
                    raise  # else it is settled: refused, so active again
        elif record.state is LifecycleState.CONVERTING:
            await self._recover_convert(record)

    async def _recover_convert(self, record: LifecycleRecord) -> None:
        claimed = await self._steps.claim(record)
        if claimed is None:
            return
        async with self._attempt(claimed, fallback={}, keeps_open=True):
            try:
                customer = await self._customers.get(_temp_id(record))
            except CustomerNotFoundError:
                customer = None
        if customer is not None and _is_recorded(customer, claimed):
            await self._steps.settle(claimed, state=LifecycleState.CONVERTED, account_id=customer.id)
        else:
            await self._steps.settle(claimed, state=LifecycleState.ACTIVE)

    # ------------------------------------------------------------ failures

    @contextlib.asynccontextmanager
    async def _attempt(
        self, claimed: LifecycleRecord, *, fallback: dict[str, LifecycleState], keeps_open: bool = False
    ) -> AsyncGenerator[None]:
        """The sending of a claimed step. What fails settles it with `fallback`, or leaves it open for the next one.

        `keeps_open`: an earlier holder may have sent something, so that no answer to us closes the step unless it was
        the server's judgement of this very request.
        """
        try:
            async with self._steps.held(claimed):
                yield
        except (APIError, NoResponseError, NotTemporaryError) as error:
            if keeps_open and not _is_judgement(error):
                await self._steps.let_go(claimed)
            else:
                await self._steps.settle(claimed, **fallback)
            raise
        except Exception:  # an unknown outcome, a 2xx that cannot be read, or a fault of our own: it may be applied
            await self._steps.let_go(claimed)
            raise


def _is_judgement(error: Exception) -> bool:
    """Whether the error judges the very step, and would judge it the same again."""
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
