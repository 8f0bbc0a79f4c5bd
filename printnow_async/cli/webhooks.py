"""`printnow webhooks …`: the subscriptions of an API token."""

from __future__ import annotations

import click

from printnow_async.cli.commands import Group, json_option
from printnow_async.cli.connection import Connection, connected
from printnow_async.cli.failures import advise
from printnow_async.cli.output import show_many, show_one, write_json
from printnow_async.cli.shared_options import ID, values_checked
from printnow_async.errors import ConflictError, NotFoundError
from printnow_async.webhooks import checked_event, checked_target_url

__all__ = ["webhooks"]

_SEE_LIST = "See: printnow webhooks list."


@click.group("webhooks", cls=Group, examples=("printnow webhooks list",))
def webhooks() -> None:
    """Subscribe to events, and unsubscribe.

    A subscription belongs to the API token that made the subscription.
    """


@webhooks.command("list", examples=("printnow webhooks list --json",))
@json_option
@connected
def _list(connection: Connection, /, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """List the subscriptions of the API token.

    With --json, one object on a line for each subscription.
    """
    found = connection.call(lambda client: client.webhooks.list())
    if found or as_json:
        show_many(found, ("id", "event", "target_url"), as_json=as_json)
    else:
        click.echo("this API token has no subscriptions")


@webhooks.command(
    "subscribe", examples=("printnow webhooks subscribe https://example.com/webhooks/printnow customer_created",)
)
@click.argument("target_url", metavar="URL")
@click.argument("event", metavar="EVENT")
@json_option
@connected
def _subscribe(connection: Connection, /, target_url: str, event: str, as_json: bool) -> None:  # noqa: FBT001
    """Have PrintNow post to URL whenever EVENT happens.

    EVENT is one of order_created, order_updated, order_deleted, customer_created, customer_updated, customer_deleted.
    A URL can be registered once. Shows the subscription.
    """
    advise(ConflictError, _SEE_LIST)
    with values_checked():
        checked_target_url(target_url)
        checked_event(event)
    show_one(connection.call(lambda client: client.webhooks.subscribe(target_url, event)), as_json=as_json)


@webhooks.command("unsubscribe", examples=("printnow webhooks unsubscribe 101",))
@click.argument("webhook_id", metavar="ID", type=ID)
@json_option
@connected
def _unsubscribe(connection: Connection, /, webhook_id: int, as_json: bool) -> None:  # noqa: FBT001
    """End a subscription."""
    advise(NotFoundError, f"Check the ID. {_SEE_LIST}")
    connection.call(lambda client: client.webhooks.unsubscribe(webhook_id))
    if as_json:
        write_json({"id": webhook_id, "unsubscribed": True})
    else:
        click.echo(f"subscription {webhook_id} has ended")
