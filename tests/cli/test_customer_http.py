"""`printnow customer …` against a sandbox."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from printnow_async.sandbox import Fault

POST = "POST /api/v2/customer"
PATCH = "PATCH /api/v2/customer/{id}"
JANE = (
    "--username=janesmith", "--email=jane@example.com", "--first-name=Jane", "--last-name=Smith", "--password-stdin",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Let repeats follow at once."""
    monkeypatch.setattr("printnow_async._http.retry.random.uniform", lambda *_: 0.0)


def test_get_shows_a_table_with_every_field(run, sandbox):
    jane = sandbox.add_customer(company="Acme", user_groups=("VIP", "Trade"))
    result = run("customer", "get", str(jane.id))
    assert (result.exit_code, result.stderr) == (0, "")
    lines = {line[:24].strip(): line[24:].strip() for line in result.stdout.splitlines()}
    assert lines["customer"] == str(jane.id)
    assert lines["email"] == jane.email
    assert lines["company"] == "Acme"
    assert lines["user groups"] == "VIP, Trade"
    assert lines["last logged in on"] == "-"
    assert lines["is temporary"] == "no"
    assert lines["created on"].endswith(" UTC")


def test_a_pipe_gets_no_colour_codes_and_no_blanks_at_line_ends(run, sandbox):
    result = run("customer", "get", str(sandbox.add_customer(email=f"{'x' * 200}@example.com").id))
    assert "\x1b" not in result.stdout
    assert [line for line in result.stdout.splitlines() if line != line.rstrip()] == []
    assert f"{'x' * 200}@example.com" in result.stdout


def test_json_is_one_object_with_times_in_iso_8601(run, sandbox):
    jane = sandbox.add_customer(first_name="José", user_groups=("VIP",))
    result = run("customer", "get", str(jane.id), "--json")
    customer = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert customer["id"] == jane.id
    assert customer["first_name"] == "José"
    assert customer["user_groups"] == ["VIP"]
    assert customer["extra"] == {}
    assert customer["last_logged_in_on"] is None
    assert datetime.fromisoformat(customer["created_on"]).utcoffset() == timedelta(0)


def test_what_a_customer_typed_cannot_reach_the_terminal_as_a_command(run, sandbox):
    result = run("customer", "get", str(sandbox.add_customer(first_name="[red]\x1b[31mJane\u202e").id))
    assert r"[red]\x1b[31mJane\u202e" in result.stdout


def test_fields_that_the_sdk_does_not_know_are_named_in_the_table_and_whole_in_json(run, sandbox):
    body = '{"id": 7, "loyalty": {"level": 3}, "badge": null}'
    for args in ((), ("--json",)):
        sandbox.inject(Fault.garbage(body, "application/json"))
        result = run("customer", "get", "7", *args)
        if args:
            assert json.loads(result.stdout)["extra"] == {"loyalty": {"level": 3}, "badge": None}
        else:
            assert "extra                      badge, loyalty\n" in result.stdout


def test_create_takes_the_password_from_standard_input(run, sandbox):
    result = run(
        "customer",
        "create",
        "--storefront=1",
        *JANE,
        "--company=Acme",
        "--marketing",
        "--json",
        stdin="hunter2\r\nmore\n",
    )
    made = sandbox.customers[json.loads(result.stdout)["id"]]
    assert (result.exit_code, result.stderr) == (0, "")
    assert (made.username, made.password, made.company) == ("janesmith", "hunter2", "Acme")
    assert made.receive_marketing_emails is True
    assert "hunter2" not in result.output


def test_create_without_a_terminal_needs_the_password_on_standard_input(run, sandbox):
    result = run("customer", "create", "--storefront=1", *JANE[:-1], stdin="hunter2\n")
    assert result.exit_code == 2
    assert result.stderr == "printnow: there is no terminal to ask for the password: pass it with --password-stdin\n"
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("change", "stdin", "said"),
    [
        ((), "12345\n", "password must have at least 6 characters"),
        ((), "\n", "there is no password on standard input: its first line is empty"),
        ((), "", "there is no password on standard input: its first line is empty"),
        ((), b"\xff\n", "the password on standard input is not text in this terminal's encoding"),
        (("--username=x",), "hunter2\n", "username must have 3 to 50 characters, not 1"),
        (("--email=x",), "hunter2\n", "email must have a local part and a domain, as in jane@example.com"),
    ],
)
def test_an_account_that_breaks_a_rule_is_bad_usage_and_not_sent(run, sandbox, change, stdin, said):
    result = run("customer", "create", "--storefront=1", *JANE, *change, stdin=stdin)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"printnow: {said}\n")
    assert sandbox.requests == []


def test_create_temporary_shows_the_guest(run, sandbox):
    result = run("customer", "create-temporary", "--storefront=2", "--json")
    guest = json.loads(result.stdout)
    assert (guest["is_temporary"], guest["storefront_id"]) == (True, 2)
    assert list(sandbox.customers) == [guest["id"]]


def test_convert_makes_the_guest_permanent(run, sandbox):
    guest = json.loads(run("customer", "create-temporary", "--storefront=1", "--json").stdout)
    result = run("customer", "convert", str(guest["id"]), *JANE, stdin="hunter2\n")
    assert result.exit_code == 0
    assert sandbox.customers[guest["id"]].username == "janesmith"
    assert sandbox.customers[guest["id"]].password == "hunter2"


def test_convert_of_a_permanent_account_writes_nothing_and_says_so(run, sandbox):
    jane = sandbox.add_customer()
    result = run("customer", "convert", str(jane.id), *JANE, stdin="hunter2\n")
    assert result.exit_code == 1
    assert "nothing was written to it" in result.stderr
    assert result.stderr.endswith("use: printnow customer update.\n")
    assert sandbox.customers[jane.id] == jane


def test_transfer_moves_the_work_and_shows_the_permanent_customer(run, sandbox):
    jane = sandbox.add_customer()
    guest = json.loads(run("customer", "create-temporary", "--storefront=1", "--json").stdout)
    sandbox.add_work(guest["id"], albums=3)
    result = run("customer", "transfer", str(guest["id"]), "--to", str(jane.id), "--json")
    assert json.loads(result.stdout)["id"] == jane.id
    assert sandbox.customers[jane.id].albums == 3


def test_update_sends_only_what_is_given(run, sandbox):
    jane = sandbox.add_customer(company="Acme", receive_marketing_emails=True)
    result = run("customer", "update", str(jane.id), "--last-name=Jones", "--no-marketing", "--tax-exempt")
    assert result.exit_code == 0
    assert sandbox.requests[-1].json == {
        "last_name": "Jones", "receive_marketing_emails": False, "tax_exempt": True,
    }  # fmt: skip


@pytest.mark.parametrize(("option", "sent"), [("--clear-company", None), ("--company=", ""), ("--company=A", "A")])
def test_update_tells_no_company_from_an_empty_one(run, sandbox, option, sent):
    run("customer", "update", str(sandbox.add_customer().id), option)
    assert sandbox.requests[-1].json == {"company": sent}


def test_update_takes_a_new_password_from_standard_input(run, sandbox):
    jane = sandbox.add_customer()
    result = run("customer", "update", str(jane.id), "--password-stdin", "--json", stdin="hunter2\n")
    assert result.exit_code == 0
    assert sandbox.customers[jane.id].password == "hunter2"
    assert "hunter2" not in result.output


def test_delete_without_a_terminal_needs_a_yes(run, sandbox):
    jane = sandbox.add_customer()
    result = run("customer", "delete", str(jane.id), stdin="y\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "printnow: there is no terminal to confirm the delete on: add --yes\n"
    assert jane.id in sandbox.customers


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["plain", "json"])
def test_delete_with_a_yes_deletes(run, sandbox, as_json):
    jane = sandbox.add_customer()
    result = run("customer", "delete", str(jane.id), "--yes", *as_json)
    assert result.exit_code == 0
    assert jane.id not in sandbox.customers
    if as_json:
        assert json.loads(result.stdout) == {"id": jane.id, "deleted": True}
    else:
        assert result.stdout == f"customer {jane.id} is deleted\n"


def test_a_customer_that_is_not_there_is_one_line_and_exit_code_1(run):
    result = run("customer", "get", "5", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("printnow: Customer not found. [status 404, GET /api/v2/customer/5,")
    assert result.stderr.endswith("Check the ID; a deleted customer is not found either.\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("taken", "advice"),
    [
        ({"username": "janesmith"}, "Choose another username.\n"),
        ({"email": "jane@example.com"}, "can be moved to the account with: printnow customer transfer.\n"),
    ],
)
def test_a_name_that_is_taken_says_what_to_do(run, sandbox, taken, advice):
    sandbox.add_customer(**taken)
    result = run("customer", "create", "--storefront=1", *JANE, stdin="hunter2\n")
    assert result.exit_code == 1
    assert result.stderr.endswith(advice)


def test_a_create_whose_answer_got_lost_says_that_it_may_have_been_applied(run, sandbox):
    sandbox.inject(Fault.apply_then_drop(), POST)
    result = run("customer", "create", "--storefront=1", *JANE, "--json", stdin="hunter2\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        "It may have been applied: look for the username in the storefront before you create it again." in result.stderr
    )
    assert result.stderr.count("\n") == 1
    assert "hunter2" not in result.output
    assert len(sandbox.customers) == 1


def test_an_update_that_stays_open_says_that_it_is_safe_to_repeat(run, sandbox):
    sandbox.inject(Fault.apply_then_status(500), PATCH, times=10)
    result = run("customer", "update", str(sandbox.add_customer().id), "--company=A")
    assert result.exit_code == 1
    assert result.stderr.endswith("It may have been applied: running it again is safe: it sets the same values.\n")


def test_a_server_that_is_not_there_says_that_nothing_was_sent(run, unused_tcp_port):
    result = run("customer", "delete", "5", "--yes", PRINTNOW_BASE_URL=f"http://127.0.0.1:{unused_tcp_port}")
    assert result.exit_code == 1
    assert "nothing was sent" in result.stderr
    assert result.stderr.endswith("Check the network and PRINTNOW_BASE_URL, then run it again.\n")
