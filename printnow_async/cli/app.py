"""The command `printnow` as a whole: its subcommands, and what happens to an error on its way out.

Each subcommand, or group of subcommands, is a file of its own and a name in `COMMANDS`.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final, TextIO

import click

from printnow_async._version import __version__
from printnow_async.cli.commands import DEBUG, Group
from printnow_async.cli.customer import customer
from printnow_async.cli.demo import demo
from printnow_async.cli.failures import Interrupted, explained, report
from printnow_async.cli.guest import guest
from printnow_async.cli.importing import importing
from printnow_async.cli.logs import unheard
from printnow_async.cli.ping import ping
from printnow_async.cli.sandbox import sandbox
from printnow_async.cli.secrecy import scrub
from printnow_async.cli.storefronts import storefronts
from printnow_async.cli.webhooks import webhooks

__all__ = ["Application", "COMMANDS", "printnow"]

COMMANDS: Final[tuple[click.Command, ...]] = (
    demo,
    sandbox,
    ping,
    customer,
    guest,
    importing,
    storefronts,
    webhooks,
)
"""The subcommands, in the order in which help lists them."""


class Application(Group):
    """A group that turns every error inside it into one line on standard error and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names in the order of `COMMANDS`, not of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand. An error that is not one of click's becomes one of click's."""
        try:
            with unheard():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place that can explain it
            debug = DEBUG in ctx.meta
            if debug:
                # format_exception shows no local variables. scrub() hides the secrets in what it shows.
                click.echo(scrub("".join(traceback.format_exception(error)), ctx), nl=False, err=True)
            failed = explained(error, debug=debug)
            raise type(failed)(scrub(failed.message, ctx)) from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run with these arguments (those of the process by default) and exit, as `click.Command.main` does."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        _show_what_cannot_be_encoded(sys.stdout)
        try:
            code = super().main(args, "printnow", complete_var, standalone_mode=False, **extra)
        except click.Abort:
            sys.exit(report(Interrupted("interrupted")))
        except click.ClickException as error:
            sys.exit(report(error))
        sys.exit(code if isinstance(code, int) else 0)


def _show_what_cannot_be_encoded(stream: TextIO) -> None:
    """Show a character that the terminal's encoding cannot write as an escape, instead of failing."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


@click.group(
    cls=Application,
    name="printnow",
    examples=("printnow demo", "printnow customer get 12345 --json"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "--version", message="printnow-async %(version)s")
def printnow() -> None:
    """Customers of a PrintNow storefront, from the command line.

    Credentials come from the environment (PRINTNOW_TOKEN, PRINTNOW_KEY and, for another address than
    https://api.printnow.com, PRINTNOW_BASE_URL) or from a file named with --env-file, never from arguments.

    Exit codes: 0 all went well; 1 the API said no, or the outcome is unknown; 2 bad usage or configuration;
    3 an import was halted; 130 interrupted.
    """


for _command in COMMANDS:
    printnow.add_command(_command)
