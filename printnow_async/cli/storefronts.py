"""`printnow storefronts …`: the storefronts of the licence."""

from __future__ import annotations

import click

from printnow_async.cli.commands import Group, json_option
from printnow_async.cli.connection import Connection, connected
from printnow_async.cli.failures import advise
from printnow_async.cli.output import show_many, show_one
from printnow_async.cli.shared_options import ID
from printnow_async.errors import NotFoundError

__all__ = ["storefronts"]


class _ListedByDefault(Group):
    """A group that runs its command `list` when no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as `Group` does, with `list` put in front where there is no command and no question for help."""
        has_own = any(arg in {*self.commands, *ctx.help_option_names} for arg in args)
        if not has_own and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("storefronts", cls=_ListedByDefault, examples=("printnow storefronts",))
def storefronts() -> None:
    """List or show storefronts; without a command, list them.

    The option --storefront of other commands takes the ID of a storefront.
    """


@storefronts.command("list", examples=("printnow storefronts list", "printnow storefronts --json"))
@json_option
@connected
def _list(connection: Connection, /, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """List every storefront of the licence.

    With --json, one object on a line for each storefront.
    """
    show_many(
        connection.call(lambda client: client.storefronts.list()), ("id", "name", "url", "is_retail"), as_json=as_json
    )


@storefronts.command("get", examples=("printnow storefronts get 1 --json",))
@click.argument("storefront_id", metavar="ID", type=ID)
@json_option
@connected
def _get(connection: Connection, /, storefront_id: int, as_json: bool) -> None:  # noqa: FBT001
    """Show a storefront."""
    advise(NotFoundError, "Check the ID. To list the storefronts: printnow storefronts.")
    show_one(connection.call(lambda client: client.storefronts.get(storefront_id)), as_json=as_json)
