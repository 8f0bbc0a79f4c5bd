"""What is remembered of a guest. No password in any form, no username, no e-mail address."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Final

import attrs

__all__ = ["LifecycleRecord", "LifecycleState"]


class LifecycleState(enum.StrEnum):
    """Where a guest is in its life.

    creating → active → converting → converted, active → transferring → transferred, active → abandoned; converting and
    transferring fall back to active when the API refuses.
    """

    CREATING = "creating"
    """The temporary user is being created."""
    ACTIVE = "active"
    """It is there, and nothing else is under way."""
    CONVERTING = "converting"
    """It is being made a permanent account."""
    CONVERTED = "converted"
    """It is one."""
    TRANSFERRING = "transferring"
    """Its work is being moved to a permanent account."""
    TRANSFERRED = "transferred"
    """It is moved."""
    ABANDONED = "abandoned"
    """Nobody follows it any more. The API cannot delete it."""

    @property
    def is_step(self) -> bool:
        """Whether something is under way that has to be settled."""
        return self in _STEPS

    @property
    def is_final(self) -> bool:
        """Whether nothing can come after it."""
        return self in _FINAL


_STEPS: Final = frozenset({LifecycleState.CREATING, LifecycleState.CONVERTING, LifecycleState.TRANSFERRING})
_FINAL: Final = frozenset({LifecycleState.CONVERTED, LifecycleState.TRANSFERRED, LifecycleState.ABANDONED})


@attrs.frozen(kw_only=True)
class LifecycleRecord:
    """One guest, as a tracker stores it. Every change makes a new one, with the next version."""

    reference: str
    """The caller's own name for the guest, as "cart-7f3a": the key, 1 to 200 characters."""
    state: LifecycleState
    """Where it is in its life."""
    version: int = 1
    """Counts the changes: a tracker replaces a record only where the version is the expected one."""
    storefront_id: int | None = None
    """ID of the storefront."""
    temp_id: int | None = None
    """ID of the temporary user, once it is known."""
    account_id: int | None = None
    """ID of the permanent account in the end: the same customer after a convert, the destination after a transfer."""
    salt: str
    """Random, hexadecimal, of this record alone: what the digests are made under."""
    username_digest: str | None = None
    """Digest of the username that the guest is, or was last, to be converted to."""
    email_digest: str | None = None
    """Digest of the e-mail address that goes with it."""
    destination_id: int | None = None
    """ID of the permanent customer that the guest is, or was last, to be transferred to."""
    unsettled: bool = False
    """Whether a request of the step under way may have been sent."""
    lease_holder: str | None = None
    """Who carries the step out: random, one for each call."""
    lease_until: datetime | None = None
    """Until when the holder counts as alive, aware, UTC."""
    possible_orphans: int = 0
    """Temporary users that may have been created for this guest without their id coming back."""
    created_at: datetime
    """When tracking began, aware, UTC."""
    updated_at: datetime
    """When the state last changed, aware, UTC."""
