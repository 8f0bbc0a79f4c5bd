"""Where the steps of the demo play: a sandbox, a client of it, and somebody who tells."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final, Unpack, final

from printnow_async.cli.demo.narration import Line, Narrator
from printnow_async.client import PrintNowClient
from printnow_async.lifecycle import LifecycleOptions, TempUserLifecycle
from printnow_async.sandbox import Fault, RecordedRequest, Sandbox
from printnow_async.tracking import Tracker

__all__ = ["STOREFRONT", "Stage", "WORK", "temp_id"]

STOREFRONT: Final = 1
"""The ID of the storefront on which everything happens."""

WORK: Final[dict[str, int]] = {"albums": 3, "projects": 2, "punchout_sessions": 1}
"""What a guest designs."""


@final
class Stage:
    """What a step is given.

    Takes the sandbox and a client of it, the tracker of its guests and that one's URL, who tells what happens, how many
    customers are created at most how many at once, and what chance is drawn from.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        client: PrintNowClient,
        tracker: Tracker,
        tracker_url: str,
        narrator: Narrator,
        *,
        customers: int,
        concurrency: int,
        seed: int,
    ) -> None:
        self.sandbox = sandbox
        self.client = client
        self.tracker = tracker
        self.tracker_url = tracker_url
        self.narrator = narrator
        self.customers = customers
        self.concurrency = concurrency
        self.chance = random.Random(f"{seed}/demo")
        self._lines: list[Line] = []
        self._told = 0
        self._began = 0

    def begin(self, number: int, title: str) -> None:
        """A step begins."""
        self._began = self._told = len(self.sandbox.requests)
        self._lines = []
        self.narrator.step(number, title)

    def note(self, what: str, result: str) -> None:
        """Something was done with a few requests, which are added as the sandbox saw them."""
        requests = self.sandbox.requests
        new, self._told = requests[self._told :], len(requests)
        self._lines.append((what, result, ", ".join(map(_seen, new))))

    async def guest(self, reference: str, **options: Unpack[LifecycleOptions]) -> TempUserLifecycle:
        """A guest of this reference who has designed something, made although the service is busy at first."""
        self.sandbox.inject(Fault.status(503, retry_after=0), "POST /api/v2/customer")
        guest = await TempUserLifecycle.start(
            self.client, self.tracker, reference=reference, storefront_id=STOREFRONT, **options
        )
        self.sandbox.add_work(temp_id(guest), **WORK)
        self.note("guest", f"{guest.temp_id}, 3 albums, 2 projects, 1 session")
        return guest

    def tell(self, what: str, result: str) -> None:
        """Something was done with more requests than anybody would read."""
        self._lines.append((what, result, ""))

    def tell_faults(self) -> None:
        """Tell how often each kind of fault struck since the step began."""
        counts = Counter(
            _met(fault, request)
            for request in self.sandbox.requests[self._began :]
            for fault in (request.fault or "").split("+")
            if fault
        )
        met = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        self.tell("faults", met or "none")

    def end(self) -> list[RecordedRequest]:
        """The step is over: tell what was noted, and give its requests."""
        self.narrator.lines(self._lines)
        return self.sandbox.requests[self._began :]


def temp_id(guest: TempUserLifecycle) -> int:
    """The ID of a guest that has been started."""
    if guest.temp_id is None:
        raise LookupError("a guest that has been started has an ID")
    return guest.temp_id


_MET: Final = {
    "latency": "late",
    "drop": "dropped",
    "apply_then_drop": "applied then dropped",
    "truncate": "applied then cut short",
}


def _met(fault: str, request: RecordedRequest) -> str:
    """What a fault did to a request, in words."""
    answered = "turned away (429)" if request.status == 429 else str(request.status)
    status = {"status": answered, "apply_then_status": f"applied then {request.status}"}
    return status.get(fault) or _MET.get(fault, fault)


def _seen(request: RecordedRequest) -> str:
    """A request as the sandbox saw it: "POST 201", "DELETE applied then dropped"."""
    return f"{request.method} {_met(request.fault, request) if request.fault else request.status}"
