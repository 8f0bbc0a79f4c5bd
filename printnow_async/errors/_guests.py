"""Errors about a guest who is tracked."""

from __future__ import annotations

from printnow_async.errors._base import PrintNowError


class LifecycleError(PrintNowError):
    """An error about a tracked guest; `reference` names the guest."""

    def __init__(self, message: str, *, reference: str = "") -> None:
        super().__init__(message)
        self.reference = reference
        """The caller's own name for the guest, as "cart-7f3a"."""


class TransitionError(LifecycleError):
    """The move is not allowed from the state the guest is in."""


class LifecycleConflictError(LifecycleError):
    """Another intent is already recorded for this guest, or another process holds the step."""


class LifecycleNotFoundError(LifecycleError):
    """No guest is tracked under this reference."""
