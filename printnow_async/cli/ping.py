"""`printnow ping`: find out whether the credentials work."""

from __future__ import annotations

import time

import click

from printnow_async.cli.commands import Command
from printnow_async.cli.connection import Connection, connected
from printnow_async.client import PrintNowClient

__all__ = ["ping"]


@click.command("ping", cls=Command, examples=("printnow ping", "printnow ping --env-file production.env"))
@connected
def ping(connection: Connection) -> None:
    """Find out whether the credentials work.

    Exit code 0: they work. A ping needs a lower licence tier than the customer commands, so an accepted ping does not
    prove that the customer commands are licensed.
    """

    async def measured(client: PrintNowClient) -> float:
        began = time.perf_counter()
        await client.ping()
        return time.perf_counter() - began

    seconds = connection.call(measured)
    click.echo(f"{connection.address} accepted the credentials ({1000 * seconds:.0f} ms)")
