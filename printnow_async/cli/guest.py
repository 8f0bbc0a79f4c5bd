"""`printnow guest …`: one guest, from the start until the guest is a customer, under a reference of the shop's own."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from printnow_async._checks import checked_text
from printnow_async.cli.commands import Group, json_option
from printnow_async.cli.connection import Connection
from printnow_async.cli.failures import TrackerFailed, advise
from printnow_async.cli.output import printable, show_one
from printnow_async.cli.shared_options import account, account_options, destination_option, storefront_option
from printnow_async.cli.stale import abandoned, schema, stale
from printnow_async.cli.trackers import HELD_STEP_WAIT, ChosenTracker, tracked
from printnow_async.client import PrintNowClient
from printnow_async.errors import EmailInUseError, LifecycleNotFoundError, OutcomeUnknownError, UsernameInUseError
from printnow_async.lifecycle import TempUserLifecycle
from printnow_async.lifecycle.options import LONGEST_REFERENCE
from printnow_async.models import Customer
from printnow_async.tracking import LifecycleRecord, Tracker

__all__ = ["guest"]

_R = TypeVar("_R")


def _reference(ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Check a reference as a tracker does, and set the advice that names the reference."""
    try:
        checked_text(value, "a reference", LONGEST_REFERENCE)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx) from None
    shown = shlex.quote(printable(value))
    advise(OutcomeUnknownError, f"find out with: printnow guest recover {shown}")
    advise(TrackerFailed, f"Check the tracker. To finish a step that was cut off: printnow guest recover {shown}.")
    advise(UsernameInUseError, "The guest is active again. Choose another username.")
    advise(
        EmailInUseError,
        f"The guest is active again. Choose another e-mail address, or move it to the account with: printnow guest "
        f"transfer {shown} --to ID.",
    )
    return value


_reference_argument = click.argument("reference", metavar="REFERENCE", callback=_reference)


@click.group("guest", cls=Group, examples=("printnow guest start cart-7f3a --storefront 1",))
def guest() -> None:
    """Follow guests until they are customers.

    A guest is a temporary user, known here by a reference of your own, such as the ID of a cart or a session. The state
    of each guest is kept in a tracker, a database that the programs of a shop can share.
    """


guest.add_command(stale)
guest.add_command(schema)


@guest.command("start", examples=("printnow guest start cart-7f3a --storefront 1",))
@_reference_argument
@storefront_option
@json_option
@tracked
def _start(chosen: ChosenTracker, /, reference: str, storefront_id: int, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Start a guest, or show a guest that is known already.

    Only a new reference makes a temporary user.
    """

    async def start(client: PrintNowClient, tracker: Tracker) -> LifecycleRecord:
        started = await TempUserLifecycle.start(client, tracker, reference=reference, storefront_id=storefront_id)
        return started.record

    show_one(_with_client(chosen, chosen.connection(), start), as_json=as_json)


@guest.command("show", examples=("printnow guest show cart-7f3a", "printnow guest show cart-7f3a --json"))
@_reference_argument
@json_option
@tracked
def _show(chosen: ChosenTracker, /, reference: str, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Show the record of a guest.

    The command reads the tracker and sends no request, so it needs no credentials.
    """
    chosen.must_exist()

    async def load() -> LifecycleRecord | None:
        async with chosen.opened() as tracker:
            return await tracker.load(reference)

    record = asyncio.run(load())
    if record is None:
        raise LifecycleNotFoundError("no guest is tracked under this reference", reference=reference)
    show_one(record, as_json=as_json)


@guest.command(
    "convert",
    examples=(
        "printnow guest convert cart-7f3a --username janesmith \\",
        "    --email jane@example.com --first-name Jane --last-name Smith",
    ),
)
@_reference_argument
@account_options
@json_option
@tracked
def _convert(chosen: ChosenTracker, /, reference: str, as_json: bool, **fields: Any) -> None:  # noqa: FBT001 - click's call
    """Make a guest a permanent account.

    Shows the customer. A second run with the same account shows the customer again and writes nothing.
    """
    chosen.must_exist()
    connection = chosen.connection()  # missing credentials are reported before anybody types a password
    wanted = account(**fields)
    made = _moved(chosen, connection, reference, lambda followed: followed.convert(wanted))
    show_one(made, as_json=as_json)


@guest.command("transfer", examples=("printnow guest transfer cart-7f3a --to 12345",))
@_reference_argument
@destination_option
@json_option
@tracked
def _transfer(chosen: ChosenTracker, /, reference: str, destination: int, as_json: bool) -> None:  # noqa: FBT001
    """Move a guest's work to a permanent customer.

    Shows that customer. A second run with the same ID shows the customer again and writes nothing.
    """
    chosen.must_exist()
    connection, context = chosen.connection(), click.get_current_context()

    def transfer(followed: TempUserLifecycle) -> Awaitable[Customer]:
        if destination == followed.temp_id:
            raise click.UsageError("the guest and --to are the same customer", context)
        return followed.transfer(to=destination)

    moved = _moved(chosen, connection, reference, transfer)
    show_one(moved, as_json=as_json)


@guest.command("recover", examples=("printnow guest recover cart-7f3a",))
@_reference_argument
@json_option
@tracked
def _recover(chosen: ChosenTracker, /, reference: str, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Finish a step that was cut off.

    Finds out whether the step was applied, and shows the guest. If another process holds the step, the command waits
    for 20 seconds at most. A process that has died cannot hold a step for longer.
    """
    chosen.must_exist()

    async def recover(client: PrintNowClient, tracker: Tracker) -> LifecycleRecord:
        found = await TempUserLifecycle.resume(client, tracker, reference=reference, wait=HELD_STEP_WAIT)
        await found.recover()
        return found.record

    show_one(_with_client(chosen, chosen.connection(), recover), as_json=as_json)


@guest.command("abandon", examples=("printnow guest abandon cart-7f3a",))
@_reference_argument
@json_option
@tracked
def _abandon(chosen: ChosenTracker, /, reference: str, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Stop following a guest.

    The API cannot delete a temporary user, so the temporary user stays in the storefront.
    """
    chosen.must_exist()

    def abandon(client: PrintNowClient, tracker: Tracker) -> Awaitable[LifecycleRecord]:
        return abandoned(client, tracker, reference)

    show_one(_with_client(chosen, chosen.connection(), abandon), as_json=as_json)


# ---------------------------------------------------------------- inside


def _moved(
    chosen: ChosenTracker,
    connection: Connection,
    reference: str,
    move: Callable[[TempUserLifecycle], Awaitable[Customer]],
) -> Customer:
    """Convert or transfer a guest, and give the customer."""

    async def run(client: PrintNowClient, tracker: Tracker) -> Customer:
        return await move(await TempUserLifecycle.resume(client, tracker, reference=reference))

    return _with_client(chosen, connection, run)


def _with_client(
    chosen: ChosenTracker, connection: Connection, operation: Callable[[PrintNowClient, Tracker], Awaitable[_R]]
) -> _R:
    """Run one operation on a new client and the opened tracker."""

    async def run(client: PrintNowClient) -> _R:
        async with chosen.opened() as tracker:
            return await operation(client, tracker)

    return connection.call(run)
