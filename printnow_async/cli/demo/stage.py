"""What every step of the demo works with: a sandbox, a client of it, a tracker, people, and a way to tell."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, Unpack, cast, final

import attrs
import click
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from printnow_async.cli.demo.ledger import Expectation
from printnow_async.cli.output import console, write
from printnow_async.client import PrintNowClient
from printnow_async.lifecycle import LifecycleOptions, TempUserLifecycle
from printnow_async.models import NewAccount
from printnow_async.options import RetryPolicy, Timeout
from printnow_async.sandbox import Fault, RecordedRequest, Sandbox
from printnow_async.tracking import Tracker

__all__ = [
    "DELETE_ROUTE",
    "GET_ROUTE",
    "PATCH_ROUTE",
    "POST_ROUTE",
    "STOREFRONT",
    "Stage",
    "TRANSFER_ROUTE",
    "listed",
    "new_client",
    "work_at",
]

POST_ROUTE: Final = "POST /api/v2/customer"
GET_ROUTE: Final = "GET /api/v2/customer/{id}"
PATCH_ROUTE: Final = "PATCH /api/v2/customer/{id}"
DELETE_ROUTE: Final = "DELETE /api/v2/customer/{id}"
TRANSFER_ROUTE: Final = "PATCH /api/v2/customer/{id}/transfer"

STOREFRONT: Final = 1
"""The ID of the storefront in which everything happens."""

_WORK: Final[dict[str, int]] = {"albums": 3, "projects": 2, "punchout_sessions": 1}
"""The work of every guest."""

_FIRST: Final = ("Ada", "Bela", "Chidi", "Dana", "Emil", "Farah", "Goran", "Hana", "Ines", "Jane", "Kofi", "Lena")
_LAST: Final = ("Adler", "Blum", "Costa", "Diaz", "Ekman", "Fontaine", "Grant", "Haddad", "Ito", "Jansen", "Smith")


def new_client(token: str, key: str, base_url: str, **more: Any) -> PrintNowClient:
    """Make a client that waits only briefly before it repeats a request."""
    timeout = Timeout(attempt=5.0, connect=5.0, total=60.0)
    retry = RetryPolicy(max_attempts=6, base_delay=0.02, max_delay=0.2)
    return PrintNowClient(token, key, base_url=base_url, timeout=timeout, retry=retry, **more)


def work_at(customer_id: int, times: int = 1) -> list[Expectation]:
    """Expect the work of so many guests at this customer."""
    return [Expectation(customer_id, field, times * count) for field, count in _WORK.items()]


@final
@attrs.define
class Stage:
    """What every step is given, and how a step tells what happened."""

    sandbox: Sandbox
    client: PrintNowClient
    tracker: Tracker
    tracker_url: str
    """The database of the tracker, for other processes."""
    chance: random.Random
    """The source of the people."""
    customers: int
    """How many customers are created in the step with many."""
    concurrency: int
    """How many of those requests are in flight."""
    quiet: bool
    """Whether nothing is written: with `--json` only the object is on standard output."""
    _lines: list[tuple[str, str, str]] = attrs.field(factory=list, init=False)
    _began: int = attrs.field(default=0, init=False)
    _told: int = attrs.field(default=0, init=False)

    def person(self, label: str) -> NewAccount:
        """Make up an account. Its username, e-mail address and company contain the label."""
        first, last = self.chance.choice(_FIRST), self.chance.choice(_LAST)
        username = f"{first}.{last}.{label}".lower()
        password = f"{self.chance.getrandbits(64):016x}"
        return NewAccount(username, password, f"{username}@example.com", first, last, company=f"Demo {label}")

    async def guest(self, reference: str, **options: Unpack[LifecycleOptions]) -> tuple[TempUserLifecycle, int]:
        """Start a guest who has work, although the service is busy at first. Gives the guest and its temporary ID."""
        self.sandbox.inject(Fault.status(503, retry_after=0), POST_ROUTE)
        guest = await TempUserLifecycle.start(
            self.client, self.tracker, reference=reference, storefront_id=STOREFRONT, **options
        )
        guest_id = cast("int", guest.temp_id)
        self.sandbox.add_work(guest_id, **_WORK)
        self.tell("guest", f"{guest_id}, 3 albums, 2 projects, 1 session")
        return guest, guest_id

    def begin(self, number: int, heading: str) -> None:
        """Begin a step."""
        self._began = self._told = len(self.sandbox.requests)
        self._lines = []
        if not self.quiet:
            write(Text(f"\n{number}  {heading}", "bold"))

    def tell(self, what: str, result: str) -> None:
        """Add a line with the requests that the sandbox has received since the last line."""
        requests = self.sandbox.requests
        new, self._told = requests[self._told :], len(requests)
        self._lines.append((what, result, ", ".join(map(_received, new))))

    def tell_briefly(self, what: str, result: str) -> None:
        """Add a line without requests."""
        self._lines.append((what, result, ""))

    def tell_faults(self) -> None:
        """Add a line with the number of faults of each kind since the step began."""
        requests = self.sandbox.requests[self._began :]
        faults = ((fault, request) for request in requests for fault in (request.fault or "").split("+") if fault)
        counts = Counter(_in_words(fault, request) for fault, request in faults)
        self.tell_briefly("faults", ", ".join(f"{count} {kind}" for kind, count in counts.most_common()) or "none")

    def end(self) -> list[RecordedRequest]:
        """End the step: write its lines, and give its requests."""
        if not self.quiet:
            grid = Table.grid("", "", "", padding=(0, 3, 0, 0))
            grid.columns[2].style = "dim"
            for line in self._lines:
                grid.add_row(*line)
            write(Padding(grid, (0, 0, 0, 3)))
        return self.sandbox.requests[self._began :]

    @contextmanager
    def counting(self, expected: int) -> Generator[Callable[[Counter[str]], object], None, None]:
        """Give a function that shows the results so far: as a bar on a terminal, as a few lines in a pipe."""
        out, told = console(), 0

        def tell_pipe(kinds: Counter[str]) -> None:
            nonlocal told
            quarter = kinds.total() * 4 // expected
            if told < quarter < 4:
                told = quarter
                click.echo(f"   {kinds.total()} of {expected}: {listed(kinds)}")

        if self.quiet or not out.is_terminal:
            yield listed if self.quiet else tell_pipe
            return
        bar = BarColumn(bar_width=20, complete_style="green", finished_style="green")
        columns = (TextColumn("  "), bar, MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=out, transient=True) as progress:
            task = progress.add_task("", total=expected)
            yield lambda kinds: progress.update(task, completed=kinds.total(), description=listed(kinds))


def listed(kinds: Counter[str]) -> str:
    """Write numbers by kind as text: "270 created, 30 unknown"."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))


def _in_words(fault: str, request: RecordedRequest) -> str:
    """Say what a fault did to a request."""
    answer = "turned away (429)" if request.status == 429 else str(request.status)
    words = {
        "status": answer,
        "latency": "late",
        "drop": "dropped",
        "apply_then_drop": "applied then dropped",
        "apply_then_status": f"applied then {request.status}",
        "truncate": "applied then cut short",
    }
    return words.get(fault, fault)


def _received(request: RecordedRequest) -> str:
    """Say what the sandbox saw of a request, as "POST 201" or "DELETE applied then dropped"."""
    return f"{request.method} {_in_words(request.fault, request) if request.fault else request.status}"
