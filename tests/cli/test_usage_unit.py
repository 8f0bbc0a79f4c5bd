"""The command line itself: help, version, and what is refused before any request."""

from __future__ import annotations

import contextlib
import importlib
import io

import click
import pytest

from printnow_async._version import __version__
from printnow_async.cli.app import printnow


def commands(group=printnow, path=()):
    """Every command and group, by the words that call it."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


NO_ID = f"is not in the range 1<=x<={2**63 - 1}."
PATHS = [path for path, _ in commands()]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_the_help_of_every_command_ends_with_an_example_of_it(path, run_alone):
    result = run_alone(*path, "--help")
    assert result.exit_code == 0
    _, _, example = result.stdout.partition("\nExample:\n")
    assert example.strip().startswith(" ".join(("printnow", *path)))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_no_option_of_any_command_takes_a_secret(path):
    command = dict(commands())[path]
    takes_value = {
        name for param in command.params for name in param.opts if isinstance(param, click.Option) and not param.is_flag
    }
    assert takes_value.isdisjoint({"--password", "--token", "--key", "--base-url"})


def test_the_version_is_the_package_s(run_alone):
    result = run_alone("--version")
    assert (result.exit_code, result.stdout) == (0, f"printnow-async {__version__}\n")


@pytest.mark.parametrize(
    "path", [(), ("customer",), ("guest",), ("webhooks",)], ids=lambda path: " ".join(path) or "printnow"
)
def test_a_group_alone_shows_its_help_and_is_bad_usage(path, run_alone):
    result = run_alone(*path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("nothing", "No such command 'nothing'."),
        ("customer get", "Missing argument 'ID'."),
        ("customer get 0", f"Invalid value for 'ID': 0 {NO_ID}"),
        (f"customer get {2**63}", f"Invalid value for 'ID': {2**63} {NO_ID}"),
        (f"customer transfer 5 --to {2**63}", f"Invalid value for '--to': {2**63} {NO_ID}"),
        ("customer transfer 5 --to 5", "ID and --to are the same customer."),
        ("customer update 5", "nothing to change: give at least one option."),
        ("customer update 5 --company A --clear-company", "--company and --clear-company contradict each other."),
        ("sandbox --storefront Shop", "Invalid value for '--storefront': must be ID=NAME, as in 1=Shop."),
        ("sandbox --storefront 0=Shop", "Invalid value for '--storefront': must be ID=NAME, as in 1=Shop."),
    ],
)
def test_bad_usage_is_one_line_that_names_the_help_and_exit_code_2(args, said, run_alone):
    result = run_alone(*args.split(), PRINTNOW_TOKEN="t", PRINTNOW_KEY="k")
    words = [word for word in args.split()[:2] if word in {"customer", "get", "transfer", "update", "sandbox"}]
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"printnow: {said} See: {' '.join(['printnow', *words])} --help\n"


@pytest.mark.parametrize(
    "args", [["--password", "hunter2"], ["--password=hunter2"], ["--token=hunter2"], ["--key", "hunter2"]]
)
def test_a_secret_as_an_option_is_refused_with_advice_and_not_shown(args, run_alone):
    result = run_alone("customer", "get", "5", *args)
    assert result.exit_code == 2
    assert "never" in result.stderr
    assert "hunter2" not in result.output


def test_an_argument_too_many_is_not_shown(run_alone):
    result = run_alone("customer", "update", "5", "--password-stdin", "hunter2")
    assert result.exit_code == 2
    assert result.stderr == "printnow: 1 argument(s) too many. See: printnow customer update --help\n"


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_the_command_says_what_to_install(missing, command):
    program = f"import sys; sys.modules[{missing!r}] = None; from printnow_async.cli import main; main()"
    done = command.run("--version", python=("-c", program))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"printnow: {missing} is missing: install printnow-async[cli]")
    assert done.stderr.count("\n") == 1


def test_another_missing_module_is_no_matter_of_the_extra(command):
    program = "import sys; sys.modules['printnow_async.cli.ping'] = None; from printnow_async.cli import main; main()"
    done = command.run(python=("-c", program))
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert "install" not in done.stderr


def test_importing_the_module_behind_python_m_runs_nothing(capsys):
    importlib.import_module("printnow_async.__main__")
    assert capsys.readouterr() == ("", "")


def test_it_can_be_called_without_exiting(capsys):
    """As click's own commands can, for whoever embeds it."""
    assert printnow.main(["--version"], standalone_mode=False) == 0
    with pytest.raises(click.UsageError):
        printnow.main(["nothing"], standalone_mode=False)
    assert capsys.readouterr().out == f"printnow-async {__version__}\n"


def test_standard_output_may_be_any_stream():
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as caught:
        printnow.main(["--version"])
    assert caught.value.code == 0
    assert out.getvalue() == f"printnow-async {__version__}\n"
