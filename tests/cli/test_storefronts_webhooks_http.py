"""`printnow storefronts …` and `printnow webhooks …` against a sandbox."""

from __future__ import annotations

import json

import pytest

from printnow_async.sandbox import Fault

URL = "https://example.com/webhooks/printnow"
HOOKS = "/api/v2/hooks"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Let repeats follow at once."""
    monkeypatch.setattr("printnow_async._http.retry.random.uniform", lambda *_: 0.0)


def rows(output):
    """The cells of a table, its heading and rule left out."""
    return [line.split() for line in output.splitlines()[2:]]


def objects(output):
    return [json.loads(line) for line in output.splitlines()]


# storefronts


@pytest.mark.parametrize("args", [("storefronts",), ("storefronts", "list")], ids=" ".join)
def test_storefronts_are_listed_in_a_table(run, args):
    result = run(*args)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0].split() == ["id", "name", "url", "is", "retail"]
    assert rows(result.stdout) == [
        ["1", "My", "Print", "Store", "store1.example.com", "yes"],
        ["2", "Second", "Store", "store2.example.com", "yes"],
    ]


@pytest.mark.parametrize("args", [("storefronts", "--json"), ("storefronts", "list", "--json")], ids=" ".join)
def test_storefronts_in_json_are_one_object_on_a_line_for_each(run, args):
    first, second = objects(run(*args).stdout)
    assert first == {
        "id": 1, "name": "My Print Store", "url": "store1.example.com", "is_retail": True, "extra": {},
    }  # fmt: skip
    assert second["id"] == 2


def test_a_storefront_is_shown_field_by_field(run):
    result = run("storefronts", "get", "2")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["storefront", "2"]
    assert rows(result.stdout) == [["name", "Second", "Store"], ["url", "store2.example.com"], ["is", "retail", "yes"]]


def test_a_storefront_in_json_is_one_object(run):
    assert [found["name"] for found in objects(run("storefronts", "get", "2", "--json").stdout)] == ["Second Store"]


def test_a_storefront_that_is_not_there_says_where_to_look(run):
    result = run("storefronts", "get", "9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("printnow: Storefront not found. [status 404, GET /api/v2/storefront/9,")
    assert result.stderr.endswith("Check the ID. To list the storefronts: printnow storefronts.\n")


@pytest.mark.parametrize("args", [("nope",), ("get",), ("get", "x"), ("get", "0"), ("list", "1")], ids=" ".join)
def test_what_is_no_command_of_storefronts_is_bad_usage_and_lists_nothing(run, sandbox, args):
    assert run("storefronts", *args).exit_code == 2
    assert sandbox.requests == []


def test_options_before_the_command_do_not_make_it_a_list(run):
    assert "To list the storefronts" in run("storefronts", "--debug", "get", "9").stderr


def test_the_list_is_what_debug_alone_is_for(run):
    result = run("storefronts", "--debug")
    assert "storefronts.list attempt 1" in result.stderr
    assert len(rows(result.stdout)) == 2


# webhooks


def test_a_subscription_is_made_shown_listed_and_ended(run, sandbox):
    made = run("webhooks", "subscribe", URL, "customer_created")
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout.splitlines()[0].split() == ["webhook", "101"]
    assert rows(made.stdout) == [["target", "url", URL], ["event", "customer_created"]]
    assert [(hook.target_url, hook.event) for hook in sandbox.webhooks.values()] == [(URL, "customer_created")]
    assert rows(run("webhooks", "list").stdout) == [["101", "customer_created", URL]]
    ended = run("webhooks", "unsubscribe", "101")
    assert (ended.exit_code, ended.stdout) == (0, "subscription 101 has ended\n")
    assert sandbox.webhooks == {}


def test_in_json_every_command_of_webhooks_writes_objects(run, sandbox):
    (made,) = objects(run("webhooks", "subscribe", URL, "order_created", "--json").stdout)
    assert made == {"id": 101, "target_url": URL, "event": "order_created", "extra": {}}
    sandbox.add_webhook(f"{URL}/2", "order_paid")
    assert [hook["event"] for hook in objects(run("webhooks", "list", "--json").stdout)] == [
        "order_created", "order_paid",
    ]  # fmt: skip
    assert objects(run("webhooks", "unsubscribe", "101", "--json").stdout) == [{"id": 101, "unsubscribed": True}]


def test_no_subscriptions_are_said_to_a_person_and_nothing_to_a_program(run):
    assert run("webhooks", "list").stdout == "this API token has no subscriptions\n"
    assert run("webhooks", "list", "--json").stdout == ""


def test_a_url_that_is_registered_already_says_where_to_look(run, sandbox):
    sandbox.add_webhook(URL, "order_created")
    result = run("webhooks", "subscribe", URL, "customer_created")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("See: printnow webhooks list.\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("ftp://jane:hunter2@example.com/", "order_created"), "target_url must be an absolute http or https URL"),
        ((URL, ""), "event must be a WebhookEvent"),
    ],
)
def test_a_subscription_that_cannot_be_right_is_bad_usage_and_not_sent(run, sandbox, args, said):
    result = run("webhooks", "subscribe", *args)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"printnow: {said}")
    assert "hunter2" not in result.output
    assert sandbox.requests == []


def test_a_subscription_that_is_not_there_says_where_to_look(run):
    result = run("webhooks", "unsubscribe", "9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("Check the ID. See: printnow webhooks list.\n")


def test_a_subscribe_that_stays_open_says_that_it_is_safe_to_repeat(run, sandbox):
    sandbox.inject(Fault.drop(), f"POST {HOOKS}", times=10)
    result = run("webhooks", "subscribe", URL, "order_created")
    assert result.exit_code == 1
    assert "It may have been applied: running it again is safe: a target URL" in result.stderr


def test_what_a_server_answers_cannot_reach_the_terminal_as_a_command(run, sandbox):
    sandbox.add_webhook(f"{URL}/\x1b[31m", "order\x1b[31m")
    assert "\x1b" not in run("webhooks", "list").stdout
