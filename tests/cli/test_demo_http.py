"""`printnow demo` from outside, and its verdict when something is wrong."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest

from printnow_async import Customer, CustomerUpdate
from printnow_async.cli import demo as scenario
from printnow_async.cli.demo import crowds, report
from printnow_async.cli.demo.crowds import imported_spreadsheet
from printnow_async.cli.demo.ledger import Audit, StepCount, audit
from printnow_async.cli.demo.processes import double_submit, killed_process
from printnow_async.customers import Customers
from printnow_async.errors import OutcomeUnknownError, RateLimitError
from printnow_async.spreadsheets import RowOutcome, sending

SMALL = ("demo", "--customers=40", "--concurrency=8", "--seed=7")


@pytest.fixture
def one_process(monkeypatch):
    """Leave out the steps that start processes, and the one with a spreadsheet, which take their time."""
    left_out = {double_submit, killed_process, imported_spreadsheet}
    steps = [(heading, step) for heading, step in scenario.STEPS if step not in left_out]
    monkeypatch.setattr(scenario, "STEPS", steps)


@pytest.fixture
def demo(run_alone, one_process):
    """Run a small demo inside this process, and give its exit code, its JSON and its errors."""

    def play():
        result = run_alone(*SMALL, "--json")
        return result.exit_code, json.loads(result.stdout), result.stderr

    return play


def test_it_ends_with_no_duplicates_and_none_lost(command):
    """The default, in a process of its own: 300 customers under faults."""
    done = command.run("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "0 duplicates, 0 lost"
    assert "\x1b" not in done.stdout
    assert "225 of 300:" in done.stdout
    out = " ".join(done.stdout.split())
    assert "300 rows, 6 wrong, such as row 18: password must have at least 6 characters" in out
    assert re.search(r"cancelled with [0-9]+ rows settled, and others on their way", out)
    assert re.search(r"once more [1-9][0-9]* rows sent, the journal knew the others", out)
    assert re.search(r"spreadsheet 294 ", out)


def test_its_spreadsheet_is_the_example():
    """The wheel has no examples: the demo has a copy."""
    example = Path(__file__).parents[2] / "examples" / "customers.xlsx"
    if not example.exists():
        pytest.skip("the examples are not here")
    assert Path(crowds.__file__).with_name("customers.xlsx").read_bytes() == example.read_bytes()


def test_an_import_that_calls_an_unknown_outcome_exists_is_caught(run_alone, monkeypatch):
    """A row that was sent before without an answer, and finds its name taken, is most likely its own."""
    steps = [step for step in scenario.STEPS if step[1] is imported_spreadsheet]
    monkeypatch.setattr(scenario, "STEPS", steps)
    monkeypatch.setattr(sending, "outcome_of", lambda _error, **_: RowOutcome.EXISTS)
    result = run_alone(*SMALL, "--json")
    printed = json.loads(result.stdout)
    assert result.exit_code == 1
    assert printed["lost"] == printed["steps"][0]["refused"] > 0


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals; planned: exit codes")
def test_two_processes_and_a_killed_one_make_one_customer_each_with_one_patch(command):
    done = command.run(*SMALL)
    out = " ".join(done.stdout.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert "process A converted: 1005 process B converted: 1005 in all 1 PATCH" in out
    assert "process C killed, signal 9" in out
    assert "record converting, until its lease runs out" in out
    assert "recover converted: 1006" in out
    assert out.count("in all 1 PATCH") == 2


def test_the_credentials_of_the_environment_do_not_matter(command):
    command.environment = {
        "PRINTNOW_BASE_URL": "https://api.example.com",
        "PRINTNOW_TOKEN": "t0ken",
        "PRINTNOW_KEY": "k3y",
    }
    done = command.run("demo", "--customers=5")
    assert (done.returncode, done.stderr) == (0, "")


def test_json_is_one_object_that_adds_up(demo):
    code, printed, err = demo()
    assert (code, err) == (0, "")
    assert (printed["ok"], printed["duplicates"], printed["lost"], printed["differences"]) == (True, 0, 0, [])
    assert (printed["customers"], printed["concurrency"], printed["seed"]) == (40, 8, 7)
    first, second, third, many = printed["steps"]
    assert (first["deleted"], first["held"], first["repeats"]) == (1, 0, 4)
    assert (second["created"], second["held"]) == (1, 1)
    assert (third["asked"], third["created"], third["refused"], third["held"]) == (3, 2, 1, 2)
    assert many["unknown"] >= 1
    assert many["asked"] == 40 == many["created"] + many["unknown"] + many["refused"]
    assert many["held"] == many["created"] + many["unknown_held"]
    assert many["requests"] == 40 + many["repeats"]


def holding_other(monkeypatch, change):
    """Change what the sandbox holds before the comparison, and not the comparison's result."""

    def changed(results, sandbox):
        customers = change(sandbox.customers)
        other = SimpleNamespace(
            customers=customers, deleted_customers=sandbox.deleted_customers, requests=sandbox.requests
        )
        return audit(results, other)

    monkeypatch.setattr(scenario, "audit", changed)


def test_what_the_sandbox_lost_is_noticed(demo, monkeypatch):
    holding_other(monkeypatch, lambda customers: dict(list(customers.items())[:-2]))
    code, printed, err = demo()
    assert code == 1
    assert (printed["duplicates"], printed["lost"], printed["ok"]) == (0, 2, False)
    assert err == "printnow: 0 duplicates, 2 lost: the sandbox does not hold what was reported (seed 7)\n"


def test_what_the_sandbox_holds_twice_is_noticed(run_alone, one_process, monkeypatch):
    holding_other(
        monkeypatch,
        lambda customers: {**customers, 99999: attrs.evolve(list(customers.values())[-1], id=99999)},
    )
    result = run_alone(*SMALL)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "1 duplicates, 0 lost"
    assert "the sandbox holds it 2 times, as " in result.stdout


def test_a_client_that_repeats_a_create_under_another_name_is_caught(demo, monkeypatch):
    """What a client would do that "resolves" a taken name by itself."""
    create = Customers.create

    async def too_helpful(self, account, *, storefront_id):
        try:
            return await create(self, account, storefront_id=storefront_id)
        except OutcomeUnknownError:
            other = attrs.evolve(account, username=f"{account.username}2", email=f"2{account.email}")
            return await create(self, other, storefront_id=storefront_id)

    monkeypatch.setattr(Customers, "create", too_helpful)
    code, printed, _ = demo()
    assert code == 1
    assert printed["duplicates"] >= 1


def test_a_client_that_calls_an_unknown_outcome_a_success_is_caught(demo, monkeypatch):
    create = Customers.create

    async def hopeful(self, account, *, storefront_id):
        try:
            return await create(self, account, storefront_id=storefront_id)
        except OutcomeUnknownError:
            return Customer(id=99999, username=account.username)

    monkeypatch.setattr(Customers, "create", hopeful)
    code, printed, _ = demo()
    assert code == 1
    assert printed["lost"] >= 1


def test_an_update_that_did_not_happen_is_noticed(demo, monkeypatch):
    async def skipped(self, customer_id, changes):
        assert isinstance(changes, CustomerUpdate)
        return await self.get(customer_id)

    monkeypatch.setattr(Customers, "update", skipped)
    code, printed, _ = demo()
    assert code == 1
    assert printed["lost"] == 2
    assert ["last_name" in line for line in printed["differences"]] == [True, False]
    assert ["tax_exempt" in line for line in printed["differences"]] == [False, True]


def test_a_create_that_was_refused_must_not_be_held(demo, monkeypatch):
    create = Customers.create

    async def turned_away(self, account, *, storefront_id):
        if account.username.endswith("7"):
            raise RateLimitError("Too many requests.", status=429)
        return await create(self, account, storefront_id=storefront_id)

    monkeypatch.setattr(Customers, "create", turned_away)
    code, printed, _ = demo()
    assert (code, printed["ok"]) == (0, True)
    assert printed["steps"][-1]["refused"] == 4


def test_a_convert_that_went_against_the_rule_is_noticed(demo, monkeypatch):
    convert = Customers.convert

    async def hopeful(self, customer_id, account):
        if account.username == "second.try":
            return Customer(id=99999)
        return await convert(self, customer_id, account)

    monkeypatch.setattr(Customers, "convert", hopeful)
    code, printed, _ = demo()
    assert (code, printed["ok"]) == (1, False)
    assert "second.try: reported as created with ID 99999, and the sandbox does not hold that" in printed["differences"]
    assert "customer 1003: albums is 0 and should be 3" in printed["differences"]


def test_a_convert_that_writes_twice_is_noticed(demo, monkeypatch):
    convert = Customers.convert

    async def eager(self, customer_id, account):
        converted = await convert(self, customer_id, account)
        await self.update(customer_id, CustomerUpdate(first_name=account.first_name))
        return converted

    monkeypatch.setattr(Customers, "convert", eager)
    code, printed, _ = demo()
    assert (code, printed["duplicates"]) == (1, 1)
    assert printed["differences"] == ["PATCH /api/v2/customer/1002: times received is 2 and should be 1"]


def test_an_error_that_no_create_should_raise_ends_the_demo(run_alone, one_process, monkeypatch):
    async def broken(self, account, *, storefront_id):
        if account.username.endswith("7"):
            raise ZeroDivisionError
        return await create(self, account, storefront_id=storefront_id)

    create = Customers.create
    monkeypatch.setattr(Customers, "create", broken)
    result = run_alone(*SMALL)
    assert result.exit_code == 1
    assert result.stderr == "printnow: unexpected ZeroDivisionError: run it again with --debug to see where\n"


def test_the_demo_leaves_nothing_behind(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert demo()[0] == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("unknown", "held", "said"),
    [
        (0, 0, ""),
        (2, 2, "The sandbox can tell: it holds 2 of the 2, each once."),
        (3, 2, "The sandbox can tell: it holds 2 of the 3, each once; 1 never applied."),
    ],
)
def test_the_report_says_what_became_of_unknown_outcomes(unknown, held, said, capsys):
    count = StepCount("a step", Counter(asked=unknown, unknown=unknown, unknown_held=held), [])
    report.show(Audit([count]), elapsed=1.0)
    out = " ".join(capsys.readouterr().out.split())
    assert ("can tell" in out) is bool(unknown)
    assert said in out
