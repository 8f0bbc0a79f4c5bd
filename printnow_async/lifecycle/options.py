"""What may be said about how a guest is followed, checked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypedDict

from printnow_async.lifecycle.steps import Steps, Transition
from printnow_async.tracking import Tracker
from printnow_async.tracking.clock import utc_now

__all__ = ["LifecycleOptions", "steps_of"]

LEASE_SECONDS: Final = 15.0
WAIT_SECONDS: Final = 10.0
LONGEST_REFERENCE: Final = 200


class LifecycleOptions(TypedDict, total=False):
    """What `start`, `resume` and `adopt` take besides."""

    lease: float
    """Seconds for which a step belongs to whoever began it; renewed while it works. 15 if not given."""
    wait: float
    """Seconds that a second caller waits for the first one's result, then `LifecycleConflictError`. 10 if not given."""
    on_transition: Callable[[Transition], object] | None
    """A plain or asynchronous callable of a `Transition`, called after each recorded change of state. One that raises
    is logged and changes nothing."""
    clock: Callable[[], datetime]
    """Gives the time, aware, UTC; for tests. The clocks of all processes have to agree within a few seconds."""


def steps_of(tracker: Tracker, reference: str, options: LifecycleOptions) -> Steps:
    """The steps of the guest of this reference; `ValueError` for a reference or options that cannot be right."""
    # checked at run time too, for callers without a type checker
    if unknown := sorted(options.keys() - LifecycleOptions.__annotations__.keys()):
        raise ValueError(f"no such option: {', '.join(unknown)}")
    given: tuple[object, object, object] = (reference, options.get("lease", 1), options.get("wait", 0))
    if not isinstance(given[0], str) or not 1 <= len(given[0]) <= LONGEST_REFERENCE:
        raise ValueError(f"reference must be a string of 1 to {LONGEST_REFERENCE} characters")
    lease, wait = options.get("lease", LEASE_SECONDS), options.get("wait", WAIT_SECONDS)
    if not _is_number(given[1]) or lease <= 0:
        raise ValueError(f"lease must be a number of seconds above 0, not {lease!r}")
    if not _is_number(given[2]) or wait < 0:
        raise ValueError(f"wait must be a number of seconds, 0 or more, not {wait!r}")
    return Steps(
        tracker,
        reference,
        lease=lease,
        wait=wait,
        on_transition=options.get("on_transition"),
        clock=options.get("clock", utc_now),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
