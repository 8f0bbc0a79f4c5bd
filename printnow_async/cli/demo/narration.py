"""What the demo says while it runs: to a person at a terminal, to a pipe, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Protocol, final

import click
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from printnow_async.cli.output import console, write

__all__ = ["Line", "Narrator", "Silence", "Tally", "Voice"]

Line = tuple[str, str, str]
"""What was done, what came of it, and what went over the wire."""

_PARTS = 4  # of the whole: after each a line in a pipe


@final
class Tally:
    """Results by kind, counted as they come. Takes how many there will be, and whom to tell of each."""

    def __init__(self, total: int, tell: Callable[[Tally], None]) -> None:
        self.total = total
        self.done = 0
        self._counts: Counter[str] = Counter()
        self._tell = tell

    def add(self, kind: str) -> None:
        """One more of this kind."""
        self.done += 1
        self._counts[kind] += 1
        self._tell(self)

    def __str__(self) -> str:
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self._counts.items()))


class Narrator(Protocol):
    """Who speaks."""

    def opening(self, words: str) -> None:
        """It begins."""
        ...

    def step(self, number: int, title: str) -> None:
        """A step begins."""
        ...

    def lines(self, lines: Sequence[Line]) -> None:
        """What happened in a step."""
        ...

    @contextmanager
    def tally(self, total: int) -> Generator[Tally, None, None]:
        """Many results will come."""
        ...


@final
class Silence:
    """Says nothing: with `--json` the only thing on standard output is the object."""

    def opening(self, words: str) -> None:
        """Nothing."""

    def step(self, number: int, title: str) -> None:
        """Nothing."""

    def lines(self, lines: Sequence[Line]) -> None:
        """Nothing."""

    @contextmanager
    def tally(self, total: int) -> Generator[Tally, None, None]:
        """Nothing."""
        yield Tally(total, lambda _: None)


@final
class Voice:
    """Speaks to standard output."""

    def __init__(self) -> None:
        self._console = console()

    def opening(self, words: str) -> None:
        """Write them."""
        write(Text(words))

    def step(self, number: int, title: str) -> None:
        """Write a heading."""
        write(Text(f"\n{number}  {title}", "bold"))

    def lines(self, lines: Sequence[Line]) -> None:
        """Write the lines in three columns."""
        grid = Table.grid(padding=(0, 3, 0, 0))
        for style in ("", "", "dim"):
            grid.add_column(style=style)
        for line in lines:
            grid.add_row(*line)
        write(Padding(grid, (0, 0, 0, 3)))

    @contextmanager
    def tally(self, total: int) -> Generator[Tally, None, None]:
        """Show a bar on a terminal, which goes when all is done, and a few lines in a pipe."""
        if not self._console.is_terminal:
            yield Tally(total, _tell_a_pipe)
            return
        with Progress(
            TextColumn("  "),
            BarColumn(bar_width=20, complete_style="green", finished_style="green"),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        ) as progress:
            task = progress.add_task("", total=total)
            yield Tally(total, lambda now: progress.update(task, completed=now.done, description=str(now)))


def _tell_a_pipe(tally: Tally) -> None:
    if tally.done < tally.total and tally.done % max(tally.total // _PARTS, 1) == 0:
        click.echo(f"   {tally.done} of {tally.total}: {tally}")
