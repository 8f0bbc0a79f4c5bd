"""`printnow sandbox`: a service that behaves like the API, on this machine."""

from __future__ import annotations

import asyncio
import errno
import shlex
from collections.abc import Mapping

import click

from printnow_async.cli.commands import Command, json_option
from printnow_async.cli.failures import BadUsage
from printnow_async.cli.interruption import signals_caught
from printnow_async.cli.output import write_json
from printnow_async.sandbox import Sandbox

__all__ = ["sandbox"]


def _storefronts(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[int, str] | None:
    found: dict[int, str] = {}
    for value in values:
        number, equals, name = value.partition("=")
        if not (number.isascii() and number.isdigit() and int(number) and equals and name.strip()):
            raise click.BadParameter("must be ID=NAME, as in 1=Shop")
        found[int(number)] = name.strip()
    return found or None


@click.command(
    "sandbox",
    cls=Command,
    examples=("printnow sandbox --port 8080", "printnow sandbox --storefront 1=Shop --storefront 2=Outlet"),
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1 (default: a free port).")
@click.option(
    "--storefront",
    "storefronts",
    multiple=True,
    metavar="ID=NAME",
    callback=_storefronts,
    help="A storefront of the sandbox.",
)
@click.option("--seed", type=int, default=0, help="The credentials and random names depend on the seed (default: 0).")
@json_option
def sandbox(port: int, storefronts: Mapping[int, str] | None, seed: int, as_json: bool) -> None:  # noqa: FBT001
    """Run a service that behaves like the API, until Ctrl-C.

    The sandbox keeps everything in memory and listens on this machine alone. It prints lines for a shell in another
    terminal, or for a file that --env-file reads.
    """
    asyncio.run(_serve(Sandbox(storefronts, port=port, seed=seed), as_json=as_json))


async def _serve(service: Sandbox, *, as_json: bool) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    with signals_caught(lambda _: loop.call_soon_threadsafe(ended.set)):
        try:
            await service.start()
        except OSError as error:
            raise BadUsage(_cannot_listen(error)) from None
        try:
            _announce(service, as_json=as_json)
            await ended.wait()
        finally:
            await service.aclose()


def _cannot_listen(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken: choose another with --port, or leave --port out for a free one"
    return f"the sandbox cannot listen: {error.strerror}. Choose another port with --port"


def _announce(service: Sandbox, *, as_json: bool) -> None:
    if as_json:
        write_json({"url": service.url, "token": service.token, "key": service.key})
        return
    click.echo(f"# PrintNow sandbox at {service.url} (Ctrl-C ends it). In another terminal:")
    for name, value in (("BASE_URL", service.url), ("TOKEN", service.token), ("KEY", service.key)):
        click.echo(f"export PRINTNOW_{name}={shlex.quote(value)}")
