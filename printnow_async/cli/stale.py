"""`printnow guest stale` and `printnow guest schema`: the commands that concern the whole tracker."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import click

from printnow_async.cli.commands import Command
from printnow_async.cli.connection import Connection
from printnow_async.cli.failures import BadUsage, CommandFailed
from printnow_async.cli.output import as_plain, printable, write_json, write_table
from printnow_async.cli.trackers import HELD_STEP_WAIT, ChosenTracker, sql_tracker, tracked
from printnow_async.client import PrintNowClient
from printnow_async.errors import PrintNowError, TransitionError
from printnow_async.lifecycle import TempUserLifecycle
from printnow_async.tracking import LifecycleRecord, Tracker

__all__ = ["abandoned", "schema", "stale"]


async def abandoned(client: PrintNowClient, tracker: Tracker, reference: str) -> LifecycleRecord:
    """Abandon a guest, and give the record."""
    # With recover=True a start that was cut off would be finished, which makes one more temporary user.
    found = await TempUserLifecycle.resume(client, tracker, reference=reference, recover=False, wait=HELD_STEP_WAIT)
    await found.abandon()
    return found.record


# ---------------------------------------------------------------- stale


@click.command(
    "stale",
    cls=Command,
    examples=("printnow guest stale --days 30", "printnow guest stale --days 90 --abandon --yes"),
)
@click.option(
    "--days",
    type=click.IntRange(0, 36_500),
    default=30,
    help="Guests that have not moved for so many days (default: 30).",
)
@click.option("--abandon", is_flag=True, help="Stop following these guests, after asking. Needs credentials.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on a line for each.")
@tracked
def stale(chosen: ChosenTracker, /, days: int, abandon: bool, yes: bool, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """List the guests that have not moved.

    Only live guests are listed, the oldest first. The command reads the tracker and needs no credentials, except with
    --abandon: then a step that was cut off is finished first. The API cannot delete a temporary user.
    """
    chosen.must_exist()
    if not abandon:
        asyncio.run(_list(chosen, days, as_json=as_json))
        return
    if not (yes or _is_terminal()):
        raise BadUsage("there is no terminal to confirm it on: add --yes")
    connection = chosen.connection()
    found = asyncio.run(_found(chosen, days))
    if not as_json:
        _show(found, days)
    if found:
        if not yes:
            _confirm(len(found))
        _abandon(chosen, connection, found, as_json=as_json)


async def _list(chosen: ChosenTracker, days: int, *, as_json: bool) -> None:
    if not as_json:
        _show(await _found(chosen, days), days)
        return
    async with chosen.opened() as tracker:
        async for record in tracker.stale(older_than=timedelta(days=days)):
            write_json(as_plain(record))


async def _found(chosen: ChosenTracker, days: int) -> list[LifecycleRecord]:
    async with chosen.opened() as tracker:
        return [record async for record in tracker.stale(older_than=timedelta(days=days))]


def _show(found: list[LifecycleRecord], days: int) -> None:
    if found:
        headings = ("reference", "state", "temp id", "storefront", "since")
        rows = [(r.reference, r.state, r.temp_id, r.storefront_id, r.updated_at.date()) for r in found]
        write_table(headings, rows, wrapped={"reference"})
    else:
        click.echo(f"no live guest has stood still for {days} days")


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _confirm(count: int) -> None:
    if not click.confirm(f"Abandon {_guests(count)}? The API keeps their temporary users.", err=True):
        raise CommandFailed("nothing was abandoned")


def _abandon(chosen: ChosenTracker, connection: Connection, found: list[LifecycleRecord], *, as_json: bool) -> None:
    """Abandon each guest that has not moved since it was listed. After a failure the others are still abandoned."""
    failed: list[tuple[str, PrintNowError]] = []
    done = 0

    async def run(client: PrintNowClient) -> None:
        nonlocal done
        async with chosen.opened() as tracker:
            for listed in found:
                try:
                    record = await _abandoned_unless_moved(client, tracker, listed)
                except PrintNowError as error:
                    failed.append((listed.reference, error))
                    continue
                done += record is not None
                if as_json and record is not None:
                    write_json(as_plain(record))

    connection.call(run)
    if not as_json:
        click.echo(f"{_guests(done)} abandoned")
    if moved := len(found) - done - len(failed):
        click.echo(f"printnow: note: not abandoned, having moved in the meantime: {_guests(moved)}", err=True)
    if failed:
        reference, error = failed[0]
        raise CommandFailed(
            f"{_guests(len(failed))} could not be abandoned, the first is {printable(reference)}: {error}"
        )


async def _abandoned_unless_moved(
    client: PrintNowClient, tracker: Tracker, listed: LifecycleRecord
) -> LifecycleRecord | None:
    now = await tracker.load(listed.reference)
    if now is None or now.updated_at != listed.updated_at:
        return None
    try:
        return await abandoned(client, tracker, listed.reference)
    except TransitionError:  # the step that was cut off had been applied, so the guest is live no more
        return None


def _guests(count: int) -> str:
    return f"{count} guest" if count == 1 else f"{count} guests"


# ---------------------------------------------------------------- schema


@click.command(
    "schema",
    cls=Command,
    examples=("printnow guest schema", "printnow guest schema --dialect sqlite | sqlite3 guests.db"),
)
@click.option(
    "--dialect", type=click.Choice(["postgresql", "sqlite"]), default="postgresql", help="Default: postgresql."
)
def schema(dialect: str) -> None:
    """Print the SQL that makes a tracker's tables.

    This is for a database whose tables are made by hand. The command needs no database and no credentials.
    """
    click.echo(sql_tracker().ddl(dialect), nl=False)
