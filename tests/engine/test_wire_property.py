"""Reading answers: whatever comes, there is one bounded line, a number or nothing, and no secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given, strategies as st

from printnow_async._http.messages import describe, error_message
from printnow_async._http.redaction import redact
from printnow_async._http.wire import (
    Kind,
    NoAnswer,
    RawResponse,
    kind_of,
    retry_after_seconds,
)
from printnow_async.errors import Sent
from printnow_async.errors._base import one_line
from tests.support.strategies import bodies, header_values, statuses

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
seconds = st.integers(-(10**9), 10**9)
secrets = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=6, max_size=30).filter(
    lambda secret: secret not in "redacted"
)


@given(bodies, statuses)
def test_any_bytes_give_one_bounded_line(body, status):
    message = error_message(RawResponse(status, body))
    assert message
    assert len(message) <= 200
    assert message.isprintable()
    assert message == message.strip()


@given(bodies, statuses)
def test_any_answer_is_described_in_one_bounded_line(body, status):
    line = describe(RawResponse(status, body))
    assert line.startswith(str(status))
    assert len(line) <= 200
    assert line.isprintable()


@given(st.text(), st.integers(2, 300))
def test_one_line_is_one_line_within_its_limit(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert one_line(line, limit) == line


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=180), st.sampled_from(["Message", "message"]))
def test_a_message_in_an_object_is_found_as_it_was_written(message, key):
    body = json.dumps({"Code": 5, key: message}, ensure_ascii=False).encode()
    assert error_message(RawResponse(400, body)) == message


@given(header_values, st.none() | header_values)
def test_any_retry_after_is_a_finite_wait_or_nothing(value, date):
    wait = retry_after_seconds(value, date=date, now=lambda: NOW)
    assert wait is None or 0.0 <= wait < float("inf")


@given(seconds, seconds)
def test_two_dates_give_the_seconds_between_them(offset, wait):
    """Whatever our own clock says."""
    date = NOW + timedelta(seconds=offset)
    until = date + timedelta(seconds=wait)
    found = retry_after_seconds(
        format_datetime(until, usegmt=True), date=format_datetime(date, usegmt=True), now=lambda: NOW
    )
    assert found == max(0.0, wait)


@given(statuses, st.none() | st.floats(0, 1e6))
def test_every_answer_has_a_kind_and_none_of_them_is_unsent(status, retry_after):
    """An answer proves that the request was sent."""
    assert kind_of(RawResponse(status, b"", retry_after)) is not Kind.UNSENT


@given(st.sampled_from(["connect", "lost", "timeout", "deadline"]), st.sampled_from(Sent), st.text())
def test_only_proof_makes_a_failure_unsent(cause, sent, reason):
    assert (kind_of(NoAnswer(cause, sent, reason)) is Kind.UNSENT) == (sent is Sent.NEVER)


@given(secrets, st.binary(), st.binary())
def test_a_secret_is_taken_out_of_any_body(secret, before, after):
    """As it is, and as JSON writes it."""
    for form in (secret, json.dumps(secret)[1:-1]):
        assert form.encode() not in redact(before + form.encode() + after, (secret,))


@given(secrets, secrets, st.binary(max_size=20))
def test_redacting_twice_changes_nothing(one, other, around):
    body = redact(around + one.encode() + around + other.encode() + around, (one, other))
    assert redact(body, (one, other)) == body
