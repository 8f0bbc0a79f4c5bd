"""The record of a guest. No record holds a password in any form, a username or an e-mail address."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Final

import attrs

__all__ = ["LifecycleRecord", "LifecycleState"]


class LifecycleState(enum.StrEnum):
    """The state of a guest.

    creating → active → converting → converted, active → transferring → transferred, active → abandoned; converting and
    transferring go back to active when the API refuses.
    """

    CREATING = "creating"
    """The temporary user is being created."""
    ACTIVE = "active"
    """The temporary user exists, and no step is under way."""
    CONVERTING = "converting"
    """The guest is being made a permanent account."""
    CONVERTED = "converted"
    """The guest is a permanent account."""
    TRANSFERRING = "transferring"
    """The guest's work is being moved to a permanent account."""
    TRANSFERRED = "transferred"
    """The guest's work has been moved."""
    ABANDONED = "abandoned"
    """The guest is not followed any more. The temporary user stays: the API cannot delete a temporary user."""

    @property
    def is_step(self) -> bool:
        """Whether a step is under way: creating, converting or transferring."""
        return self in _STEPS

    @property
    def is_final(self) -> bool:
        """Whether no other state can follow: converted, transferred or abandoned."""
        return self in _FINAL


_STEPS: Final = frozenset({LifecycleState.CREATING, LifecycleState.CONVERTING, LifecycleState.TRANSFERRING})
_FINAL: Final = frozenset({LifecycleState.CONVERTED, LifecycleState.TRANSFERRED, LifecycleState.ABANDONED})


@attrs.frozen(kw_only=True)
class LifecycleRecord:
    """One guest, as a tracker stores the guest. Every change makes a new record with the next version."""

    reference: str
    """The caller's own name for the guest, as "cart-7f3a": the key, 1 to 200 characters."""
    state: LifecycleState
    """The state of the guest."""
    version: int = 1
    """The number of the record's changes. A tracker replaces a record of the expected version only."""
    storefront_id: int | None = None
    """ID of the storefront."""
    temp_id: int | None = None
    """ID of the temporary user; None before the ID is known."""
    account_id: int | None = None
    """ID of the permanent account: the same customer after a convert, the destination after a transfer, or None."""
    salt: str
    """The key of this record's digests: random, hexadecimal, different for each record."""
    username_digest: str | None = None
    """Digest of the username of the last convert that was begun."""
    email_digest: str | None = None
    """Digest of the e-mail address of the last convert that was begun."""
    destination_id: int | None = None
    """ID of the destination of the last transfer that was begun."""
    unsettled: bool = False
    """Whether a request of the step under way may have been sent, and the step has no end yet."""
    lease_holder: str | None = None
    """A random name for the call that is at work on the step; None without a lease."""
    lease_until: datetime | None = None
    """The end of the lease, aware, UTC: after that time the holder counts as dead."""
    possible_orphans: int = 0
    """The number of temporary users that may have been created for this guest, but whose ID never arrived."""
    created_at: datetime
    """The time when tracking began, aware, UTC."""
    updated_at: datetime
    """The time of the last change of state, aware, UTC."""
