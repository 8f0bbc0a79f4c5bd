"""Where the steps of the demo play: a sandbox, a client of it, and somebody who tells."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final, final

from printnow_async.cli.demo.narration import Line, Narrator
from printnow_async.client import PrintNowClient
from printnow_async.sandbox import RecordedRequest, Sandbox

__all__ = ["STOREFRONT", "Stage"]

STOREFRONT: Final = 1
"""The ID of the storefront on which everything happens."""


@final
class Stage:
    """What a step is given.

    Takes the sandbox and a client of it, who tells what happens, how many customers are created at most how many at
    once, and what chance is drawn from.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        client: PrintNowClient,
        narrator: Narrator,
        *,
        customers: int,
        concurrency: int,
        seed: int,
    ) -> None:
        self.sandbox = sandbox
        self.client = client
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
