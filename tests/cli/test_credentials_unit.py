"""Where credentials come from, and that they never come out."""

from __future__ import annotations

import base64

import pytest

from printnow_async import PrintNowClient


@pytest.fixture
def env_file(tmp_path):
    """Write a file for `--env-file`."""

    def write(**values):
        file = tmp_path / "some.env"
        file.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
        return str(file)

    return write


def test_the_environment_is_enough(run, sandbox):
    result = run("ping")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{sandbox.url} accepted the credentials (")


def test_a_file_is_enough(run_alone, credentials, env_file):
    result = run_alone("ping", "--env-file", env_file(**credentials))
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_environment_wins_over_the_file_and_that_is_noted_without_values(run, sandbox, env_file):
    file = env_file(PRINTNOW_KEY="hunter2hunter2", PRINTNOW_TOKEN=sandbox.token)
    result = run("ping", "--env-file", file)
    assert result.exit_code == 0
    assert result.stderr == f"printnow: note: PRINTNOW_KEY is taken from the environment, not from {file}\n"


def test_an_empty_variable_counts_as_not_set(run, sandbox, env_file):
    result = run("ping", "--env-file", env_file(PRINTNOW_KEY=sandbox.key), PRINTNOW_KEY="")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "PRINTNOW_TOKEN and PRINTNOW_KEY are not set"),
        ({"PRINTNOW_TOKEN": "t"}, "PRINTNOW_KEY is not set"),
        ({"PRINTNOW_KEY": "k", "PRINTNOW_TOKEN": ""}, "PRINTNOW_TOKEN is not set"),
    ],
)
def test_missing_credentials_are_bad_configuration(given, said, run_alone):
    result = run_alone("ping", **given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"printnow: {said}: export them, or name a file that has them with --env-file\n"


def test_an_address_that_would_show_the_credentials_is_bad_configuration(run):
    result = run("ping", PRINTNOW_BASE_URL="http://example.com")
    assert result.exit_code == 2
    assert result.stderr == "printnow: plain http would show the credentials on the way to example.com: use https\n"


def test_a_401_says_to_check_the_pair(run):
    result = run("ping", PRINTNOW_KEY="hunter2hunter2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("printnow: The API key does not match the API token. [status 401,")
    assert "Check PRINTNOW_TOKEN and PRINTNOW_KEY" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_no_secret_comes_out_even_of_an_error_that_holds_it(run, credentials, debug, monkeypatch):
    """The SDK's errors hold none; this one stands for one that does, wherever it came from."""
    token, key = credentials["PRINTNOW_TOKEN"], credentials["PRINTNOW_KEY"]
    secrets = [token, key, base64.b64encode(f"{token}:{key}".encode()).decode(), "hunter2hunter2"]

    async def fail(*_):
        raise RuntimeError("; ".join(secrets))

    monkeypatch.setattr("printnow_async.customers.Customers.update", fail)
    result = run("customer", "update", "5", "--password-stdin", *debug, stdin="hunter2hunter2\n")
    assert result.exit_code == 1
    assert "RuntimeError" in result.stderr
    assert [secret for secret in secrets if secret in result.output] == []
    assert ("***; ***; ***; ***" in result.stderr) is bool(debug)


def test_an_error_that_nobody_expected_is_one_line_that_names_its_class(run, monkeypatch):
    async def fail(_):
        raise RuntimeError("something")

    monkeypatch.setattr(PrintNowClient, "ping", fail)
    result = run("ping")
    assert result.exit_code == 1
    assert result.stderr == "printnow: unexpected RuntimeError: run it again with --debug to see where\n"


@pytest.mark.parametrize("args", [("--debug", "ping"), ("ping", "--debug"), ("--debug", "ping", "--debug")])
def test_debug_shows_the_attempts_and_the_traceback_wherever_it_stands(run, args):
    result = run(*args, PRINTNOW_KEY="hunter2hunter2")
    assert result.stderr.count("printnow: ping attempt 1: GET /api/v2/ping -> 401") == 1
    assert "Traceback (most recent call last):" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("printnow: The API key does not match the API token.")
    assert "hunter2hunter2" not in result.output


def test_without_debug_a_repeat_is_not_told(run, sandbox):
    from printnow_async.sandbox import Fault

    sandbox.inject(Fault.status(503, retry_after=0))
    result = run("ping")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(sandbox.requests) == 2
