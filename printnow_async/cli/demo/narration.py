"""The text of the demo while it runs, on standard output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import final

import click
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from printnow_async.cli.output import console, write

__all__ = ["Narrator", "listed"]

_PIPE_PARTS = 4
"""A pipe gets a line after each of so many parts of the results, except the last."""


def listed(kinds: Counter[str]) -> str:
    """Write numbers by kind as text: "270 created, 30 unknown"."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))


@final
class Narrator:
    """Tells what happens. A quiet narrator writes nothing: with `--json` only the object is on standard output."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def say(self, words: str, style: str = "") -> None:
        """Write a paragraph."""
        if not self._quiet:
            write(Text(words, style))

    def lines(self, lines: Iterable[tuple[str, str, str]]) -> None:
        """Write lines in three columns: what was done, the result, and the requests."""
        if self._quiet:
            return
        grid = Table.grid("", "", "", padding=(0, 3, 0, 0))
        grid.columns[2].style = "dim"
        for line in lines:
            grid.add_row(*line)
        write(Padding(grid, (0, 0, 0, 3)))

    @contextmanager
    def counting(self, expected: int) -> Generator[Callable[[Counter[str]], object], None, None]:
        """Give a function that shows the results so far: as a bar on a terminal, as a few lines in a pipe."""
        out, told = console(), 0

        def tell_pipe(kinds: Counter[str]) -> None:
            nonlocal told
            part = kinds.total() * _PIPE_PARTS // expected
            if told < part < _PIPE_PARTS:
                told = part
                click.echo(f"   {kinds.total()} of {expected}: {listed(kinds)}")

        if self._quiet or not out.is_terminal:
            yield listed if self._quiet else tell_pipe
            return
        bar = BarColumn(bar_width=20, complete_style="green", finished_style="green")
        columns = (TextColumn("  "), bar, MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=out, transient=True) as progress:
            task = progress.add_task("", total=expected)
            yield lambda kinds: progress.update(task, completed=kinds.total(), description=listed(kinds))
