"""The options of `start`, `resume` and `adopt`, and their checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypedDict

from printnow_async._checks import checked_seconds, checked_text
from printnow_async.lifecycle.steps import Steps, Transition
from printnow_async.tracking import Tracker
from printnow_async.tracking.clock import utc_now

__all__ = ["LifecycleOptions", "steps_of"]

LEASE_SECONDS: Final = 15.0
WAIT_SECONDS: Final = 10.0
LONGEST_REFERENCE: Final = 200


class LifecycleOptions(TypedDict, total=False):
    """The options that `start`, `resume` and `adopt` have in common."""

    lease: float
    """Seconds for which a step belongs to the process that began the step. The lease is renewed while that process
    works. 15 if not given."""
    wait: float
    """Seconds, 0 or more, that a second caller waits for the result of the first one; `LifecycleConflictError` after
    that. 10 if not given."""
    on_transition: Callable[[Transition], object] | None
    """A plain or asynchronous callable of a `Transition`, called after each recorded change of state. If the callable
    raises, the error is logged and nothing else changes."""
    clock: Callable[[], datetime]
    """Gives the time, aware, UTC; for tests. The clocks of all processes have to agree within a few seconds."""


def steps_of(tracker: Tracker, reference: str, options: LifecycleOptions) -> Steps:
    """The steps of the guest with this reference. `ValueError` names an argument that cannot be right."""
    if unknown := sorted(options.keys() - LifecycleOptions.__annotations__.keys()):
        raise ValueError(f"no such option: {', '.join(unknown)}")
    wait = options.get("wait", WAIT_SECONDS)
    return Steps(
        tracker,
        checked_text(reference, "reference", LONGEST_REFERENCE),
        lease=checked_seconds(options.get("lease", LEASE_SECONDS), "lease"),
        wait=0.0 if wait == 0 else checked_seconds(wait, "wait"),  # 0: no waiting
        on_transition=options.get("on_transition"),
        clock=options.get("clock", utc_now),
    )
