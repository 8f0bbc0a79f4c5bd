"""The classes of the commands and groups of `printnow`: each has an example in its help, and takes `--debug`."""

from __future__ import annotations

from typing import Any, Final

import click

from printnow_async.cli.logs import heard

__all__ = ["Command", "DEBUG", "Group", "json_option"]

DEBUG: Final = "printnow_async.cli.debug"
"""The key of `click.Context.meta` under which `--debug` is kept."""


def _keep_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's call
    if value and not ctx.meta.get(DEBUG):
        ctx.meta[DEBUG] = True
        ctx.with_resource(heard())


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_keep_debug,
        help="Show each request as it happens, and where an error came from (without values).",
    )


class _WithExamples(click.Command):
    """A command or a group whose help ends with an example, and that takes `--debug`."""

    def __init__(self, *args: Any, examples: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        """Command lines, as a person would type them."""
        self.params.append(_debug_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the examples."""
        with formatter.section("Example"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Command(_WithExamples):
    """A command whose help ends with an example, and that takes `--debug`."""

    # Additional arguments are reported below without their text, because one of them may be a password.
    allow_extra_args = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, but report additional arguments without their text."""
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise click.UsageError(f"{len(rest)} argument(s) too many", ctx)
        return rest


class Group(_WithExamples, click.Group):
    """A group of commands. Without arguments the group shows its help and exits with 2."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does; without arguments, show the help."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
