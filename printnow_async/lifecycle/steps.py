"""The steps of one guest, each held under a lease: claimed before a request is sent, finished after the answer.

Every change is a compare-and-swap on one record. The holder of a lease renews the lease while it works. When the holder
has died, the lease runs out, and the next process takes the step over.
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
"""Pauses between two looks at a step that another process holds. The last pause repeats."""


@attrs.frozen
class Transition:
    """A change of a guest's state that has been recorded."""

    reference: str
    """The caller's own name for the guest."""
    before: LifecycleState | None
    """The state before the change; None when tracking begins."""
    after: LifecycleState
    """The state after the change."""
    at: datetime
    """The time of the change, aware, UTC."""
    record: LifecycleRecord
    """The record as it was stored with the change."""


class Steps:
    """The record of one guest as last seen, and the changes that may be made to the record."""

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
        self._record: LifecycleRecord | None = None

    # ------------------------------------------------------------ looking

    @property
    def record(self) -> LifecycleRecord:
        """The record as it was last loaded or changed here."""
        assert self._record is not None  # noqa: S101 - `begin` or `load` comes first
        return self._record

    async def load(self) -> LifecycleRecord | None:
        """The record as it is stored now, or None."""
        record = await self._tracker.load(self.reference)
        self._record = record or self._record
        return record

    async def reload(self) -> LifecycleRecord:
        """The record as it is stored now; `LifecycleNotFoundError` where there is none."""
        record = await self.load()
        if record is None:
            raise LifecycleNotFoundError("no guest is tracked under this reference", reference=self.reference)
        return record

    def is_held(self, record: LifecycleRecord) -> bool:
        """Whether a process that counts as alive is at work on the record's step."""
        return record.lease_until is not None and record.lease_until > self._clock()

    def waiting(self) -> Waiting:
        """The waiting of one call for other processes, `wait` seconds at most."""
        return Waiting(self, asyncio.get_running_loop().time() + self.wait)

    # ------------------------------------------------------------ changing

    async def begin(self, state: LifecycleState, **fields: Any) -> bool:
        """Store a new record of this state and these fields. False where the reference is tracked already."""
        now, salt = self._clock(), secrets.token_hex(16)
        record = LifecycleRecord(
            reference=self.reference, state=state, salt=salt, created_at=now, updated_at=now, **fields
        )
        if not await self._tracker.insert(record):
            return False
        await self._recorded(None, record)
        return True

    def new_lease(self) -> dict[str, Any]:
        """The fields of a new lease for this call."""
        return {"lease_holder": secrets.token_hex(8), "lease_until": self._clock() + self._lease}

    async def change(self, record: LifecycleRecord, **fields: Any) -> LifecycleRecord | None:
        """Store these fields over `record`. The changed record, or None where another process has changed it first."""
        if fields.get("state", record.state) is not record.state:
            fields["updated_at"] = self._clock()
        changed = attrs.evolve(record, version=record.version + 1, **fields)
        if not await self._tracker.replace(changed, record.version):
            return None
        await self._recorded(record.state, changed)
        return changed

    async def claim(self, record: LifecycleRecord, **fields: Any) -> LifecycleRecord | None:
        """Begin a step, or take a step over, under a new lease. No request may be sent for the step before that."""
        return await self.change(record, unsettled=True, **self.new_lease(), **fields)

    async def finish(self, claimed: LifecycleRecord, **fields: Any) -> bool:
        """End a step that was claimed here. False where another process has taken the step over meanwhile."""
        return await self._change_claimed(
            claimed, **{"unsettled": False, "lease_holder": None, "lease_until": None, **fields}
        )

    async def let_go(self, claimed: LifecycleRecord) -> None:
        """Give up the lease and leave the step open: the next process takes the step over at once."""
        await self._change_claimed(claimed, lease_holder=None, lease_until=None)

    async def _change_claimed(self, claimed: LifecycleRecord, **fields: Any) -> bool:
        """Change the record while the lease of `claimed` is still in it; renewals have raised its version meanwhile."""
        current: LifecycleRecord | None = claimed
        while current is not None and current.lease_holder == claimed.lease_holder:
            if await self.change(current, **fields) is not None:
                return True
            current = await self.load()
        return False

    async def _recorded(self, before: LifecycleState | None, record: LifecycleRecord) -> None:
        self._record = record
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

        If the block is ended by force (cancellation, the end of the program), the step is let go, so that the next
        process need not wait for the lease to run out.
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
                if not await self._change_claimed(claimed, lease_until=self._clock() + self._lease):
                    return
            except Exception:
                logger.exception("the lease of a guest's step could not be renewed; trying again")


class Waiting:
    """One call's waiting for a step that another process holds."""

    def __init__(self, steps: Steps, ends: float) -> None:
        self._steps = steps
        self._ends = ends
        self._pauses = iter(_POLL_SECONDS)

    async def pause(self, record: LifecycleRecord) -> None:
        """Wait a moment before the next look. `LifecycleConflictError` when the time for waiting is over."""
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
