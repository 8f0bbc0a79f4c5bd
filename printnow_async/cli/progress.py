"""Shows how far an import is, on standard error: a bar on a terminal, a line from time to time in a pipe."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias, final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from printnow_async.cli.output import printable

if TYPE_CHECKING:
    from printnow_async.spreadsheets import ImportProgress

__all__ = ["InPipe", "OnTerminal", "Teller", "duration", "progress_told"]

_PARTS: Final = 10
"""A line is due in a pipe after each of so many parts of the whole."""
_LONGEST_SILENCE: Final = 15.0
"""Seconds after which a line is due in a pipe in any case."""
_SHORTEST_SILENCE: Final = 2.0
"""Seconds for which no line is due in a pipe after a line."""

_BAR: Final = range(8, 41)
"""Columns that a bar may have."""
_MARGIN: Final = 4
"""Columns that stay free: a terminal writes ^C at the cursor, and this must not move what is drawn."""
_PER_SECOND: Final = 4
"""How often a terminal is drawn, at least."""


def duration(seconds: float) -> str:
    """A time as people say it: "45 s", "1:58", "2:03:10"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _pace(now: ImportProgress) -> str:
    return f"{now.rate:,.0f}/s" if now.rate >= 10 else f"{now.rate:.1f}/s"


# ---------------------------------------------------------------- a terminal


@final
class OnTerminal:
    """Draws two lines on a terminal, and removes them at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def checking(self, name: str) -> None:
        """Say that the spreadsheet of this name is being checked."""
        self._draw(Text(f"  checking {printable(name)} …", "dim"))

    def say(self, line: str) -> None:
        """Write a line above the drawn lines."""
        self._console.print(Text(f"printnow: {line}"))

    def progress(self, now: ImportProgress) -> None:
        """Draw how far the import is."""
        width = self._console.width
        self._draw(Group(_first_line(now, width), _second_line(now, width)))

    def clear(self) -> None:
        """Remove the drawn lines, until the next call."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def _draw(self, what: RenderableType) -> None:
        if self._live is None:
            self._live = Live(
                what,
                console=self._console,
                refresh_per_second=_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(what)


def _first_line(now: ImportProgress, width: int) -> RenderableType:
    texts = [Text(f"  {now.done:,}/{now.total:,}")]
    if now.rate:
        texts.append(Text(f"  {_pace(now)}"))
    if now.remaining is not None:
        texts.append(Text(f"  {duration(now.remaining)} left", "dim"))
    room = width - _MARGIN - sum(text.cell_len for text in texts)
    bar = ProgressBar(
        max(now.total, 1),
        now.done,
        width=min(max(room, _BAR[0]), _BAR[-1]),
        complete_style="green",
        finished_style="green",
    )
    grid = Table.grid()
    grid.add_row("  ", bar, *texts)
    return grid


def _second_line(now: ImportProgress, width: int) -> Text:
    counts = ((now.created, "created", ""), (now.failed, "failed", "red"), (now.unknown, "unknown", "yellow"))
    parts = [Text(f"  {count:,} {name}", style if count else "dim") for count, name, style in counts]
    in_flight = Text(f"  {now.in_flight:,} in flight", "dim")
    line = Text().join(parts)
    return line + in_flight if line.cell_len + in_flight.cell_len <= width - _MARGIN else line


# ---------------------------------------------------------------- a pipe


@final
class InPipe:
    """Writes a line after each tenth of the whole, or after some seconds. A reader that has gone ends nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = clock()
        self._told_part: int | None = None

    def checking(self, name: str) -> None:
        """Write nothing: the result of the check follows soon."""

    def say(self, line: str) -> None:
        """Write a line."""
        with contextlib.suppress(OSError):
            click.echo(f"printnow: {line}", err=True)

    def progress(self, now: ImportProgress) -> None:
        """Write how far the import is, if a line is due."""
        part = now.done * _PARTS // max(now.total, 1)
        if self._told_part is None:  # rows of earlier runs are no news
            self._told_part = part
        passed = self._clock() - self._told_at
        due = passed >= _LONGEST_SILENCE or (part != self._told_part and passed >= _SHORTEST_SILENCE)
        if now.done == now.total or not due:
            return
        self._told_at, self._told_part = self._clock(), part
        left = "" if now.remaining is None else f", {duration(now.remaining)} left"
        self.say(
            f"{now.done:,} of {now.total:,} ({now.done * 100 // now.total} %), {_pace(now)}{left}: "
            f"{now.created:,} created, {now.failed:,} failed, {now.unknown:,} unknown"
        )

    def clear(self) -> None:
        """Nothing is drawn that could be removed."""


Teller: TypeAlias = OnTerminal | InPipe


@contextmanager
def progress_told(*, plain: bool) -> Generator[Teller, None, None]:
    """Give what shows progress on this standard error. With `plain` these are lines: other lines may come between."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    # rich takes a pipe for a terminal where FORCE_COLOR is set
    drawn = not plain and sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal
    teller = OnTerminal(console) if drawn else InPipe()
    try:
        yield teller
    finally:
        teller.clear()
