"""What observers are told: the events' fields, and that they are plain values without a secret."""

from __future__ import annotations

import copy
import pickle

import attrs
import pytest

from printnow_async import AttemptEvent, CallEvent, Sent

ATTEMPT = AttemptEvent(
    operation="customers.create",
    method="POST",
    route="/api/v2/customer",
    attempt=2,
    status=None,
    failure="lost",
    sent=Sent.MAYBE,
    elapsed=0.25,
    pause=1.5,
    request_id="r-1",
    limit=16,
)
CALL = CallEvent(
    operation="customers.create",
    method="POST",
    route="/api/v2/customer",
    attempts=2,
    status=201,
    failure=None,
    sent=Sent.MAYBE,
    elapsed=2.0,
    pause=1.5,
    request_id="r-1",
    limit=16,
)
each = pytest.mark.parametrize("event", [ATTEMPT, CALL], ids=lambda event: type(event).__name__)


def test_an_attempt_is_told_with_what_is_promised():
    """Operation, method, route, attempt, status or failure kind, `Sent`, elapsed and pause, request id, limit."""
    names = [field.name for field in attrs.fields(AttemptEvent)]
    assert names == [
        *("operation", "method", "route", "attempt", "status", "failure", "sent", "elapsed", "pause"),
        *("request_id", "limit"),
    ]


def test_a_call_is_told_in_the_same_words():
    """What a dashboard reads of an attempt it finds in a call under the same name."""
    names = {field.name for field in attrs.fields(CallEvent)}
    assert names == {field.name for field in attrs.fields(AttemptEvent)} - {"attempt"} | {"attempts"}


@each
def test_an_event_has_no_place_for_a_body_a_header_or_a_path_with_an_id(event):
    names = {field.name for field in attrs.fields(type(event))}
    assert names.isdisjoint({"body", "headers", "path", "url", "error", "message"})


@each
def test_an_event_cannot_be_changed(event):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.operation = "other"
    assert not hasattr(event, "__dict__")


@each
def test_an_event_is_a_value(event):
    """Equal copies, one hash, and it goes through a queue to another process."""
    copied = pickle.loads(pickle.dumps(event))  # noqa: S301 -- made here
    assert copied == copy.deepcopy(event) == event
    assert hash(copied) == hash(event)


def test_an_attempt_and_a_call_can_be_told_apart_by_class():
    def kind(event):
        match event:
            case AttemptEvent(attempt=number):
                return f"attempt {number}"
            case CallEvent(attempts=count):
                return f"call of {count}"

    assert [kind(ATTEMPT), kind(CALL)] == ["attempt 2", "call of 2"]
