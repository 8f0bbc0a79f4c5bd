"""What a person is told about each kind of error."""

from __future__ import annotations

import click
import pytest

from printnow_async import errors
from printnow_async.cli.failures import TrackerFailed, advise, explained, unknown_hint
from printnow_async.errors import Sent


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (errors.AuthenticationError("no", status=401), "Check PRINTNOW_TOKEN and PRINTNOW_KEY"),
        (errors.PermissionDeniedError("no", status=403), "ask whoever runs the proxy or firewall"),
        (errors.NotFoundError("no", status=404), "Check PRINTNOW_BASE_URL."),
        (errors.CustomerNotFoundError("no", status=404), "Check the ID"),
        (errors.UsernameInUseError("no", status=400), "Choose another username."),
        (errors.RateLimitError("no", status=429), "Nothing was applied: wait, then run it again."),
        (errors.ServerError("no", status=503), "Run it again later."),
        (errors.ConflictError("no", status=409), "It exists already."),
        (errors.UnexpectedStatusError("no", status=302), "redirects are not followed"),
        (errors.ConnectError("no", sent=Sent.NEVER), "Check the network"),
        (errors.ConnectionLostError("no"), "Nothing was changed: run it again."),
        (errors.DeadlineExceededError("no", sent=Sent.NEVER), "Nothing was sent: run it again."),
        (errors.InvalidResponseError("no"), "most likely applied"),
        (errors.OutcomeUnknownError("no", operation="customers.delete"), "It may have been applied: running it again"),
        (errors.OutcomeUnknownError("no", operation="other"), "It may have been applied: look before you repeat it."),
        (errors.NotTemporaryError("no"), "use: printnow customer update."),
        (errors.LifecycleNotFoundError("no"), ". Check the reference and the tracker"),
        (errors.LifecycleConflictError("no"), ". See: printnow guest show."),
        (errors.TransitionError("no"), ". See: printnow guest show."),
        (TrackerFailed("no"), ". Check the tracker."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_ends_with_what_to_do(error, advice):
    failed = explained(error, debug=False)
    assert failed.exit_code == 1
    assert failed.message.startswith(str(error))
    assert advice in failed.message.removeprefix(str(error))


def test_an_error_without_advice_ends_with_itself():
    error = errors.BadRequestError("Storefront not found.", status=400)
    assert explained(error, debug=False).message == str(error)


def test_configuration_has_an_exit_code_of_its_own():
    assert explained(errors.ConfigurationError("no"), debug=False).exit_code == 2


def test_an_interruption_has_an_exit_code_of_its_own():
    assert explained(KeyboardInterrupt(), debug=False).exit_code == 130


def test_the_text_of_an_unknown_error_is_not_shown():
    assert "hunter2" not in explained(RuntimeError("hunter2"), debug=True).message


@pytest.mark.parametrize("name", ["create", "create_temporary", "update", "delete", "convert", "transfer"])
def test_every_write_has_advice_of_its_own_for_an_unknown_outcome(name):
    assert unknown_hint(f"customers.{name}") != unknown_hint("other")


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe"])
def test_every_write_to_webhooks_has_advice_of_its_own_for_an_unknown_outcome(name):
    assert unknown_hint(f"webhooks.{name}") != unknown_hint("other")


def test_a_command_s_own_advice_goes_before_the_general_one_while_it_runs():
    with click.Context(click.Command("some")):
        advise(errors.OutcomeUnknownError, "do this")
        advise(errors.UsernameInUseError, "Do that.")
        assert unknown_hint("customers.convert") == "It may have been applied: do this."
        assert explained(errors.UsernameInUseError("no", status=400), debug=False).message.endswith("Do that.")
    assert "do this" not in unknown_hint("customers.convert")
