"""`printnow sandbox`: the service to try things on, in a terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shlex
import signal
from collections.abc import Generator, Mapping
from typing import Final

import click

from printnow_async.cli.commands import Command, json_option
from printnow_async.cli.failures import BadUsage
from printnow_async.cli.output import write_json
from printnow_async.sandbox import Sandbox

__all__ = ["sandbox"]

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


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
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen on 127.0.0.1; else a free port."
)
@click.option(
    "--storefront", "storefronts", multiple=True, metavar="ID=NAME", callback=_storefronts, help="A storefront it has."
)
@click.option("--seed", type=int, default=0, help="Credentials and random names are drawn from it (default: 0).")
@json_option
def sandbox(port: int, storefronts: Mapping[int, str] | None, seed: int, as_json: bool) -> None:  # noqa: FBT001
    """Run a service that behaves like the API, until Ctrl-C.

    It keeps everything in memory and listens on this machine alone. What it prints are lines for another terminal, or
    for a file: --env-file reads them.
    """
    asyncio.run(_serve(Sandbox(storefronts, port=port, seed=seed), as_json=as_json))


async def _serve(service: Sandbox, *, as_json: bool) -> None:
    ended = asyncio.Event()
    with _signals_set(ended):
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
    return f"it cannot listen: {error.strerror}. Choose another port with --port"


def _announce(service: Sandbox, *, as_json: bool) -> None:
    if as_json:
        write_json({"url": service.url, "token": service.token, "key": service.key})
        return
    click.echo(f"# PrintNow sandbox at {service.url} (Ctrl-C ends it). In another terminal:")
    for name, value in (("BASE_URL", service.url), ("TOKEN", service.token), ("KEY", service.key)):
        click.echo(f"export PRINTNOW_{name}={shlex.quote(value)}")


@contextlib.contextmanager
def _signals_set(event: asyncio.Event) -> Generator[None, None, None]:
    """While this lasts, Ctrl-C and a request to terminate set `event` and do nothing else."""
    loop = asyncio.get_running_loop()
    before = {number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(event.set)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
