"""One step of a guest's life, held under a lease: claimed before a request is sent, settled after.

Everything here is compare-and-swap on one record. A holder renews its lease while it works; when it has died, the
lease runs out, and whoever comes next takes the step over.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import secrets
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from printnow_async.errors import LifecycleConflictError, LifecycleNotFoundError
from printnow_async.tracking import LifecycleRecord, LifecycleState, Tracker

__all__ = ["Steps", "Transition"]

logger = logging.getLogger("printnow_async")

_POLL_SECONDS: Final = (0.02, 0.05, 0.1, 0.2)
"""Pauses between two looks at a step that another process holds; the last one repeats."""


@attrs.frozen
class Transition:
    """A guest has gone from one state to another, and it is recorded."""

    reference: str
    """The caller's own name for the guest."""
    before: LifecycleState | None
    """The state it was in; None when tracking begins."""
    after: LifecycleState
    """The state it is in."""
    at: datetime
    """When, aware, UTC."""
    record: LifecycleRecord
    """The record as it is stored now."""


class Steps:
    """The record of one guest as last seen, and the changes that may be made to it."""

    def __init__(
        self,
        tracker: Tracker,
        reference: str,
        *,
        lease: float,
        wait: float,
        on_transition: Callable[[Transition], object] | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._tracker = tracker
        self.reference = reference
        self._lease = timedelta(seconds=lease)
        self.wait = wait
        self._on_transition = on_transition
        self._clock = clock
        self.record: LifecycleRecord | None = None

    # ------------------------------------------------------------ looking

    async def load(self) -> LifecycleRecord | None:
        """The record as it is stored now, or None."""
        self.record = await self._tracker.load(self.reference)
        return self.record

    async def reload(self) -> LifecycleRecord:
        """The same, where it must exist: `LifecycleNotFoundError`."""
        record = await self.load()
        if record is None:
            raise LifecycleNotFoundError("no guest is tracked under this reference", reference=self.reference)
        return record

    def is_held(self, record: LifecycleRecord) -> bool:
        """Whether somebody who counts as alive carries the record's step out."""
        return record.lease_until is not None and record.lease_until > self._clock()

    def patience(self) -> Patience:
        """Waiting for another process, for as long as that is worth it."""
        return Patience(self, asyncio.get_running_loop().time() + self.wait)

    # ------------------------------------------------------------ changing

    async def begin(self, record: LifecycleRecord) -> bool:
        """Store a new record; False where the reference is taken."""
        if not await self._tracker.insert(record):
            return False
        await self._recorded(None, record)
        return True

    def new_lease(self) -> dict[str, Any]:
        """The fields of a lease of our own."""
        return {"lease_holder": secrets.token_hex(8), "lease_until": self._clock() + self._lease}

    async def change(self, record: LifecycleRecord, **fields: Any) -> LifecycleRecord | None:
        """Change `record`, if nobody else has meanwhile; the changed one, or None."""
        if fields.get("state", record.state) is not record.state:
            fields["updated_at"] = self._clock()
        changed = attrs.evolve(record, version=record.version + 1, **fields)
        if not await self._tracker.replace(changed, record.version):
            return None
        await self._recorded(record.state, changed)
        return changed

    async def claim(self, record: LifecycleRecord, **fields: Any) -> LifecycleRecord | None:
        """Take a step under a lease of our own, before any request is sent for it."""
        return await self.change(record, unsettled=True, **self.new_lease(), **fields)

    async def settle(self, claimed: LifecycleRecord, **fields: Any) -> bool:
        """End the step that we claimed; False where another has taken it over meanwhile."""
        return await self._change_ours(
            claimed, **{"unsettled": False, "lease_holder": None, "lease_until": None, **fields}
        )

    async def let_go(self, claimed: LifecycleRecord) -> None:
        """Leave the step open for whoever comes next, at once instead of when the lease runs out."""
        await self._change_ours(claimed, lease_holder=None, lease_until=None)

    async def _change_ours(self, claimed: LifecycleRecord, **fields: Any) -> bool:
        """Change the record for as long as we hold its lease, whatever version the renewals have made of it."""
        current: LifecycleRecord | None = claimed
        while current is not None and current.lease_holder == claimed.lease_holder:
            if await self.change(current, **fields) is not None:
                return True
            current = await self.load()
        return False

    async def _recorded(self, before: LifecycleState | None, record: LifecycleRecord) -> None:
        self.record = record
        if self._on_transition is None or before is record.state:
            return
        try:
            result = self._on_transition(Transition(self.reference, before, record.state, self._clock(), record))
            if inspect.isawaitable(result):
                await result
        except Exception:
            logger.exception("on_transition failed for a guest now %s, and is ignored", record.state)

    # ------------------------------------------------------------ holding

    @contextlib.asynccontextmanager
    async def held(self, claimed: LifecycleRecord) -> AsyncGenerator[None]:
        """Renew the lease of a claimed step for as long as the block lasts.

        However the block ends by force (cancellation, the end of the program), the step is let go, so that the next
        one need not wait for the lease to run out.
        """
        renewal = asyncio.ensure_future(self._renew(claimed))
        try:
            yield
        except Exception:
            await _end(renewal)
            raise
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._let_go_after(renewal, claimed)))
            raise
        await _end(renewal)

    async def _let_go_after(self, renewal: asyncio.Future[None], claimed: LifecycleRecord) -> None:
        await _end(renewal)
        await self.let_go(claimed)

    async def _renew(self, claimed: LifecycleRecord) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                if not await self._change_ours(claimed, lease_until=self._clock() + self._lease):
                    return
            except Exception:
                logger.exception("the lease of a guest's step could not be renewed; trying again")


class Patience:
    """One call's waiting for a step that another process holds."""

    def __init__(self, steps: Steps, ends: float) -> None:
        self._steps = steps
        self._ends = ends
        self._pauses = iter(_POLL_SECONDS)

    async def pause(self, record: LifecycleRecord) -> None:
        """Wait a moment before looking again. `LifecycleConflictError` when it has been long enough."""
        pause = next(self._pauses, _POLL_SECONDS[-1])
        if asyncio.get_running_loop().time() + pause > self._ends:
            raise LifecycleConflictError(
                f"another process has been {record.state} this guest for {self._steps.wait:g} s",
                reference=record.reference,
            )
        await asyncio.sleep(pause)


async def _end(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
