"""Reading answers: whatever comes, there is one bounded line, a number or nothing, and no secret."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html.entities import codepoint2name
from urllib.parse import unquote

from hypothesis import assume, given, strategies as st

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


def forms_of(character):
    """Every way in which a server may write one character."""
    units = character.encode("utf-16-be")
    code = ord(character)
    plain = character.encode()
    yield plain
    yield b"".join(b"\\u%04x" % int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    yield b"".join(b"\\\\u%04X" % int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    yield b"".join(b"%%%02X" % byte for byte in plain)
    yield b"".join(b"%%2525%02x" % byte for byte in plain)
    yield b"&#%d;" % code
    yield b"&amp;#x%X;" % code
    yield json.dumps(character, ensure_ascii=False)[1:-1].encode()
    yield json.dumps(json.dumps(character)[1:-1])[1:-1].encode()
    if code in codepoint2name:
        yield b"&%s;" % codepoint2name[code].encode()
    if character == " ":
        yield b"+"


odd_secrets = st.text(st.sampled_from("%&\\+;#nu0041lt "), min_size=4, max_size=12)
scraps = st.lists(st.sampled_from([b"%", b"&", b"\\", b"\\u00", b"&#", b"4", b"1", b";", b"n", b" ", b"x"])).map(
    b"".join
)


@st.composite
def echoes(draw, of=secrets | odd_secrets):
    """(a secret, the same with every character in a form of its own)."""
    secret = draw(of)
    return secret, b"".join(draw(st.sampled_from(list(forms_of(character)))) for character in secret)


@given(echoes(), st.binary() | scraps, st.binary() | scraps)
def test_a_secret_is_taken_out_of_any_body_in_any_mixture_of_forms(echo, before, after):
    secret, written = echo
    left = redact(before + written + after, (secret,))
    assert b"[redacted]" in left
    if secret not in before.decode("latin-1") + after.decode("latin-1"):
        assert left.count(written) < (before + written + after).count(written) or len(written) < 4


marked = st.text(st.characters(categories=["L"], max_codepoint=0x7F), max_size=20).map(str.encode)


@given(echoes(st.text(st.characters(min_codepoint=0x100, exclude_categories=["Cs"]), min_size=4)), marked, marked)
def test_what_stands_around_a_secret_is_left_byte_for_byte(echo, before, after):
    secret, written = echo
    assert redact(before + written + after, (secret,)) == before + b"[redacted]" + after


@given(echoes(st.text(st.characters(min_codepoint=0x100, exclude_categories=["Cs"]), min_size=5)), marked, st.data())
def test_no_more_than_four_characters_of_a_secret_are_left_at_the_end_of_a_body_cut_short(echo, before, data):
    secret, written = echo
    kept = written[: data.draw(st.integers(0, len(written)))]
    left = redact(before + kept, (secret,), cut=True)
    whole_four = [written for written in [redact(before + kept, (secret[:4],))] if b"[redacted]" in written]
    assert not whole_four or left == before + b"[redacted]"


@given(bodies, secrets.map(lambda secret: f"§{secret}§"))
def test_a_body_without_the_secret_is_left_byte_for_byte(body, secret):
    assume("§" not in html.unescape(unquote(body.decode("utf-8", "replace"))) and b"a7" not in body)
    assert redact(body, (secret,)) == body


@given(secrets, secrets, st.binary(max_size=20))
def test_redacting_twice_changes_nothing(one, other, around):
    body = redact(around + one.encode() + around + other.encode() + around, (one, other))
    assert redact(body, (one, other)) == body
