"""What answers mean, without a network: messages in any envelope, Retry-After, kinds of failure, redaction."""

from __future__ import annotations

import contextlib
import gc
import gzip
import html
import itertools
import json
import re
import signal
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote, unquote

import pytest

from printnow_async._http.messages import describe, error_message, found_message
from printnow_async._http.redaction import redact
from printnow_async._http.wire import (
    Endpoint,
    Kind,
    NoAnswer,
    RawResponse,
    Request,
    invalid_answer,
    kind_of,
    retry_after_seconds,
)
from printnow_async.errors import Sent

IN_USE = "Username is already in use."
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
PASSWORD = "s3cret-passphrase"


def message_of(body, status=400):
    return error_message(RawResponse(status, body))


def as_json(value):
    return json.dumps(value).encode()


# Where the message is


@pytest.mark.parametrize(
    "body",
    [
        as_json({"Message": IN_USE}),
        as_json({"message": IN_USE}),
        as_json({"MESSAGE": IN_USE}),
        as_json({"code": 17, "Message": IN_USE, "trace": "a1b2"}),
        as_json({"trace": "a1b2", "Message": IN_USE}),
        as_json({"error": IN_USE}),
        as_json({"detail": IN_USE}),
        as_json({"title": IN_USE, "status": 400}),
        as_json({"error": {"code": "in_use", "message": IN_USE}}),
        as_json({"error": {"errors": [{"message": IN_USE}]}}),
        as_json({"errors": [{"field": None, "message": IN_USE}]}),
        as_json({"Message": None, "detail": IN_USE}),
        as_json({"Message": "", "detail": IN_USE}),
        as_json({"Message": [], "reasons": {"0": [IN_USE]}}),
        as_json([IN_USE]),
        as_json([{"message": IN_USE}, {"message": "more"}]),
        as_json([None, 5, [], {}, IN_USE]),
        as_json(IN_USE),
        json.dumps({"Message": IN_USE}, indent=4).encode(),
        b"\r\n \t" + as_json({"Message": IN_USE}) + b"\n\n",
        b"\xef\xbb\xbf" + as_json({"Message": IN_USE}),
        IN_USE.encode(),
        b"\xef\xbb\xbf" + IN_USE.encode() + b"\r\n",
        b"<html><head><title>Username is already in use.</title></head></html>",
        b"<HTML><TITLE lang=en>\n Username is\n already in use.\n</TITLE >",
        b"<html><head><style>p {}</style></head><body><p>Username is already <b>in</b> use.</p></body></html>",
        b"<p>Username is already in use.</p><script>alert('x')</script>",
        b"<!-- proxy 7 --><p>Username is already in use.",
        b"<!-- <b>proxy</b> 7 --><p>Username is already in use.</p><!-- <i>8</i>",
        b"<?xml version='1.0'?><Error><Message>Username is already in use.</Message></Error>",
        b"<string xmlns='x'>Username is already in use.</string>",
        b"<p>Username&#32;is already&nbsp;in use.</p>",
    ],
)
def test_the_message_is_found_in_every_envelope(body):
    assert message_of(body) == IN_USE


@pytest.mark.parametrize(
    "body",
    [
        as_json({"Message": "The request is invalid.", "ModelState": {"customer.Username": [IN_USE]}}),
        as_json({"title": "One or more validation errors occurred.", "errors": {"Username": [IN_USE]}}),
        b"<html><head><title>400 Bad Request</title></head><body><p>Username is already in use.</p></body></html>",
        b"<html><head><title>Error</title></head><body><h1>Username is already in use.</h1></body></html>",
        b"<html><head><title>Username is already in use.</title></head><body><h1>Oops</h1></body></html>",
    ],
    ids=["ModelState of ASP.NET", "problem details of ASP.NET", "a title that is the status", "any title", "any text"],
)
def test_the_message_is_found_beside_a_general_one(body):
    """A heading that says only that it went wrong does not hide the sentence that says what."""
    assert IN_USE in message_of(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><title></title><body>Service down</body></html>", "Service down"),
        (b"<html><title> \n </title><body>Service down</body></html>", "Service down"),
        (b"<html><body>" + b"\r\n" * 600 + b"Service down</body></html>", "Service down"),
        (b"<html><body>" + b"<br>" * 1000 + b"Service down</body></html>", "Service down"),
        (b"<html><body>" + b"<!-- -->\n" * 600 + b"Service down</body></html>", "Service down"),
        (b'{"Message": "' + b"\\n" * 1000 + b'Service down"}', "Service down"),
    ],
    ids=["empty title", "blank title", "blank lines", "line breaks", "comments", "blank lines in JSON"],
)
def test_the_message_is_found_behind_nothing(body, message):
    """Emptiness before the message is no message."""
    assert message_of(body, 502) == message


@pytest.mark.parametrize("status", [400, 404, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n",
        b"\x00\x01\x02",
        b"\xef\xbb\xbf",
        b"{}",
        b"[]",
        b'""',
        b'" "',
        b'{"Message": ""}',
        b"<html></html>",
        b"<!-- nothing -->",
        b"<script>x",
    ],
)
def test_an_answer_without_a_message_is_called_by_its_status(status, body):
    """Or by what it is: an empty JSON object may be shown as one."""
    names = {400: "Bad Request", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}
    assert message_of(body, status) in {names[status], body.decode()}


@pytest.mark.parametrize(
    "body", [b"", b" \r\n", b"\x00", b"\xef\xbb\xbf", b'" "', b"[]", b'{"Message": [null, ""]}', b"<p>"]
)
def test_no_message_is_found_where_there_is_none(body):
    """So that an error can say whether its message is the server's own."""
    assert found_message(RawResponse(503, body)) == ""


def test_a_message_is_found_even_if_it_is_the_name_of_the_status():
    assert found_message(RawResponse(400, b"Bad Request")) == "Bad Request"


def test_a_status_without_a_name_has_no_message():
    assert message_of(b"", 599) == "no message"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"Message": "Username is already in use.", "trace": "a1', IN_USE),
        (b'{"Message": "Username is already in use', "Username is already in use"),
        (b'"Username is already in use.', IN_USE),
        (b"<html><head><title>Username is already in use.", IN_USE),
        (b"<html><body><p>Username is already in use.</p", IN_USE),
    ],
)
def test_a_message_that_was_cut_off_is_still_readable(body, message):
    """What came of the body is shown, where it is not a whole document."""
    assert message in message_of(body)


def test_a_message_in_invalid_utf_8_is_shown_with_marks_for_what_is_not_text():
    assert message_of(b"Pr\xe9nom is already in use.") == "Pr�nom is already in use."


def test_a_message_in_utf_8_is_shown_as_it_is():
    assert message_of('{"Message": "Имя занято – schon vergeben"}'.encode()) == "Имя занято – schon vergeben"


def test_a_message_is_shown_on_one_line():
    assert message_of(as_json({"Message": "one\r\ntwo\tthree\x00four"})) == "one two three four"


def test_a_long_message_is_cut_to_200_characters():
    message = message_of(as_json({"Message": "x" * 5000}))
    assert message == "x" * 199 + "…"


def test_a_body_of_a_binary_kind_is_one_short_line():
    assert len(message_of(gzip.compress(b"hello" * 1000))) <= 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000 + b"]" * 5_000,
        b'{"a":' * 10_000,
        b'{"a":' * 300 + b'"deep"' + b"}" * 300,
        b"[" + b"9" * 60_000 + b"]",
        b"[1e999999999]",
        b'["\\ud800"]',
        b'{"Message": {"Message": {"Message": {"Message": {"Message": "deep"}}}}}',
    ],
    ids=["lists", "objects", "objects that end", "a long number", "a huge number", "a surrogate", "messages"],
)
def test_json_that_is_deep_or_odd_gives_a_message_all_the_same(body):
    message = message_of(body)
    assert message
    assert len(message) <= 200
    assert message.isprintable()


@contextlib.contextmanager
def proportional_time():
    """End what takes a hundred times what it should: that grows faster than the body, and holds up the event loop."""

    def too_slow(*_):
        pytest.fail("this takes time that grows faster than the length of the body")

    before = signal.signal(signal.SIGVTALRM, too_slow)
    gc.disable()  # it would walk all that the other tests have left
    signal.setitimer(signal.ITIMER_VIRTUAL, 20.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        gc.enable()
        signal.signal(signal.SIGVTALRM, before)


can_measure = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this system cannot bound a function's CPU time; the others do it for it"
)


@can_measure
@pytest.mark.parametrize(
    "piece",
    [b"<", b"<title>", b"<title", b"<!--", b"<script>", b"</script", b"<head >", b"&", b"&#", b"a<b>", b"{", b'["'],
)
def test_an_error_page_is_read_in_time_proportional_to_its_length(piece):
    """It has 1 MiB here, where real ones are cut at 64 KiB."""
    with proportional_time():
        assert len(message_of(piece * (1024 * 1024 // len(piece)), 502)) <= 200


# Retry-After


def seconds_of(value, date=None):
    return retry_after_seconds(value, date=date, now=lambda: NOW)


def http_date(offset):
    return format_datetime(NOW + timedelta(seconds=offset), usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("120", 120.0),
        ("007", 7.0),
        ("1.5", 1.5),
        (" 30 ", 30.0),
        ("\t5", 5.0),
    ],
)
def test_retry_after_in_seconds(value, seconds):
    assert seconds_of(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 23 Nov 2026 12:01:30 GMT",
        "Monday, 23-Nov-26 12:01:30 GMT",
        "Mon Nov 23 12:01:30 2026",
        "Mon, 23 Nov 2026 12:01:30 -0000",
        "Mon, 23 Nov 2026 13:01:30 +0100",
        "23 Nov 2026 12:01:30 GMT",
    ],
    ids=["IMF-fixdate", "RFC 850", "asctime", "no zone", "another zone", "no weekday"],
)
def test_retry_after_as_a_date_in_each_of_its_forms(value):
    """RFC 9110, 5.6.7, and what servers write in place of it."""
    assert seconds_of(value) == 90.0


def test_a_date_is_held_against_the_date_of_the_answer():
    """Two clocks that disagree by an hour do no harm."""
    assert seconds_of(http_date(3600 + 30), date=http_date(3600)) == 30.0


@pytest.mark.parametrize("date", [None, "", "yesterday", "\x00"])
def test_a_date_is_held_against_our_clock_when_the_answer_has_none_that_can_be_read(date):
    assert seconds_of(http_date(30), date=date) == 30.0


def test_a_date_that_has_passed_asks_for_no_wait():
    assert seconds_of(http_date(-3600)) == 0.0


def test_a_date_at_the_end_of_time_asks_for_a_long_wait():
    seconds = seconds_of("Fri, 31 Dec 9999 23:59:59 GMT")
    assert seconds > 1e11


@pytest.mark.parametrize("digits", [1, 18, 400, 60_000])
def test_a_huge_number_of_seconds_is_a_huge_finite_number(digits):
    """More than any policy has patience for, and not so much that it cannot be counted."""
    seconds = seconds_of("9" * digits)
    assert min(10.0 ** min(digits, 17) - 1, 1e17) <= seconds < float("inf")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "-1",
        "+1",
        "- 1",
        "1e3",
        "0x10",
        "1,5",
        "1.",
        ".5",
        "1 2",
        "120s",
        "120, 120",
        "nan",
        "inf",
        "Infinity",
        "soon",
        "٣",
        "²",
        "Mon, 99 Nov 2026 12:00:00 GMT",
        "Mon, 23 Nov 2026 25:61:61 GMT",
        "Mon, 23 Nov 99999 12:00:00 GMT",
        "Mon, 23 Foo 2026 12:00:00 GMT",
        "2026-11-23T12:00:00Z",
        "\x00",
    ],
)
def test_a_retry_after_that_makes_no_sense_says_nothing(value):
    assert seconds_of(value) is None


def test_our_clock_is_not_asked_when_seconds_are_given():
    def now():
        pytest.fail("the time is of no interest")

    assert retry_after_seconds("5", date=None, now=now) == 5.0
    assert retry_after_seconds("soon", date=None, now=now) is None


# Kinds


def test_a_failure_with_proof_that_nothing_was_sent_is_unsent():
    assert kind_of(NoAnswer("connect", Sent.NEVER, "refused")) is Kind.UNSENT


@pytest.mark.parametrize("cause", ["lost", "timeout", "deadline"])
def test_a_failure_without_proof_is_unanswered(cause):
    assert kind_of(NoAnswer(cause, Sent.MAYBE, "cut off")) is Kind.UNANSWERED


def test_every_error_status_has_the_kind_that_is_documented():
    """408, 499 and every 5xx say nothing, 429 refuses, and all others are the server's last word."""
    unanswered = {408, 499, *range(500, 600)}
    expected = {
        status: Kind.REFUSED if status == 429 else Kind.UNANSWERED if status in unanswered else Kind.ANSWERED
        for status in range(300, 600)
    }
    assert {status: kind_of(RawResponse(status)) for status in range(300, 600)} == expected


def test_with_retry_after_only_a_503_and_a_429_are_refused():
    """A 500 or 504 that says when to come back may have been applied all the same."""
    refused = {status for status in range(300, 600) if kind_of(RawResponse(status, b"", 1.0)) is Kind.REFUSED}
    assert refused == {429, 503}


def test_a_retry_after_of_0_refuses_as_well():
    assert kind_of(RawResponse(503, b"", 0.0)) is Kind.REFUSED


@pytest.mark.parametrize(("status", "ok"), [(199, False), (200, True), (204, True), (299, True), (300, False)])
def test_every_2xx_and_nothing_else_is_success(status, ok):
    assert RawResponse(status).ok is ok


# One line about an attempt


def test_an_answer_is_described_by_status_and_message():
    assert describe(RawResponse(503, as_json({"Message": "Too busy."}))) == "503 Too busy."


def test_a_failure_is_described_by_its_reason():
    assert describe(NoAnswer("lost", Sent.MAYBE, "the connection was lost")) == "the connection was lost"


# Redaction


def utf_16(text):
    raw = text.encode("utf-16-be")
    return [int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw), 2)]


def json_escaped(text):
    """Every character in hexadecimal, as a cautious encoder writes it."""
    return "".join(f"\\u{unit:04x}" for unit in utf_16(text))


def json_of_dot_net(text):
    """The default of System.Text.Json: what could be HTML, or is not ASCII, is escaped in capitals."""

    def written(ch):
        if ch in "\"'<>&+`" or not " " <= ch <= "~":
            return "".join(f"\\u{unit:04X}" for unit in utf_16(ch))
        return "\\\\" if ch == "\\" else ch

    return "".join(written(ch) for ch in text)


def html_of_dot_net(text):
    """The default of WebUtility.HtmlEncode: decimal references, for some letters too."""
    escaped = html.escape(text).replace("&#x27;", "&#39;")
    return "".join(f"&#{ord(ch)};" if 160 <= ord(ch) <= 255 or ord(ch) > 0xFFFF else ch for ch in escaped)


SECRETS = [PASSWORD, "a+b/c=d&e", "<pass'word\">", "back\\slash", "passwörd", "パスワード", "key🔑key"]
ECHOES = {
    "plain": str,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON in UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "JSON with slashes escaped": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    "JSON of .NET": json_of_dot_net,
    "JSON with everything escaped": json_escaped,
    "HTML": html.escape,
    "HTML text": lambda secret: html.escape(secret, quote=False),
    "HTML of .NET": html_of_dot_net,
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    "JSON in UTF-8 in JSON": lambda secret: json.dumps(json.dumps(secret, ensure_ascii=False)[1:-1])[1:-1],
    "JSON in JSON of .NET": lambda secret: json_of_dot_net(json.dumps(secret, ensure_ascii=False)[1:-1]),
    "HTML of JSON": lambda secret: html.escape(json.dumps(secret, ensure_ascii=False)[1:-1]),
    "URL": lambda secret: quote(secret, safe=""),
}
"""The forms in which a server may say a secret back."""


def readings(body):
    """What a body says to those who read it as text, as HTML, as part of a URL, or as JSON inside of JSON."""
    text = body.decode("utf-8", "replace")
    for reading in (text, html.unescape(text), html.unescape(html.unescape(text)), unquote(text)):
        yield reading
        decoded = reading
        for _ in range(3):
            decoded = re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", lambda found: found[2] or chr(int(found[1], 16)), decoded)
            decoded = decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            yield decoded


@pytest.mark.parametrize("form", ["plain", "JSON", "JSON in UTF-8", "HTML", "HTML text"])
def test_a_secret_is_taken_out_of_a_body_and_the_rest_is_left(form):
    echo = ECHOES[form]
    left = {secret: redact(f"before {echo(secret)} after".encode(), (secret,)) for secret in SECRETS}
    assert set(left.values()) == {b"before [redacted] after"}


@pytest.mark.parametrize("form", ECHOES)
def test_a_secret_is_taken_out_of_a_body_in_whatever_form_it_is_echoed(form):
    """Nobody has it again who reads the body as JSON or HTML, as `error_message` does."""
    left = [
        secret
        for secret in SECRETS
        if any(
            secret in reading
            for reading in readings(redact(f"before {ECHOES[form](secret)} after".encode(), (secret,)))
        )
    ]
    assert left == []


@pytest.mark.parametrize("form", [form for form in ECHOES if form.startswith("JSON")])
def test_a_secret_that_is_echoed_in_json_is_not_in_the_message(form):
    shown = []
    for secret in SECRETS:
        body = f'{{"Message": "Bad value: {ECHOES[form](secret)}"}}'.encode()
        message = message_of(redact(body, (secret,)))
        if secret in message:
            shown.append(secret)
    assert shown == []


@pytest.mark.parametrize("form", [form for form in ECHOES if form.startswith("HTML")])
def test_a_secret_that_is_echoed_in_html_is_not_in_the_message(form):
    shown = []
    for secret in SECRETS:
        body = f"<html><body><p>Bad value: {ECHOES[form](secret)}</p></body></html>".encode()
        message = message_of(redact(body, (secret,)))
        if secret in message:
            shown.append(secret)
    assert shown == []


@pytest.mark.parametrize("kept", range(4, len(PASSWORD)))
def test_a_secret_that_a_cut_off_body_ends_in_is_taken_out(kept):
    """From 4 characters on: a body is kept up to 64 KiB, or breaks off, and a secret may stand across that end."""
    body = b"before " + PASSWORD[:kept].encode()
    assert redact(body, ("another-secret", PASSWORD), cut=True) == b"before [redacted]"


@pytest.mark.parametrize("form", ECHOES)
def test_a_secret_that_is_cut_off_in_any_form_is_taken_out(form):
    """Wherever the cut is, inside of an escaped character, too: no more than its first 4 characters are left."""
    left = set()
    for secret in SECRETS:
        echo = ECHOES[form](secret).encode()
        for kept in range(len(echo)):
            found = redact(b"before " + echo[:kept], (secret,), cut=True)
            if any(secret[:5] in reading for reading in readings(found)):
                left.add(secret)
    assert left == set()


def test_a_whole_body_may_end_as_a_secret_begins():
    assert redact(b"see s3cret", (PASSWORD,)) == b"see s3cret"


@contextlib.contextmanager
def counted_calls():
    """Count what Python calls, in Python and in C: a measure of work that no other process disturbs."""
    calls = [0]

    def count(_frame, event, _argument):
        calls[0] += event in {"call", "c_call"}

    gc.disable()  # what it frees would be counted
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        gc.enable()


REPETITIVE = {
    "one letter": (b"x", "x" * 64),
    "a secret that never comes": (b"x", "x" * 63 + "y"),
    "ordinary text": (b'{"Message": "No."} ', "s3cret-passphrase-" * 4),
    "backslashes": (b"\\", "\\" * 63 + "y"),
    "ampersands": (b"&amp;", "&" * 63 + "y"),
    "percents": (b"%26", "%26&" * 16),
    "nested percents": (b"25", "%2541" * 12),
    "JSON": (b"\\u0078", "x" * 64),
    "surrogate pairs": (b"\\ud83d\\udd11", "🔑" * 64),
}


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(("piece", "secret"), REPETITIVE.values(), ids=REPETITIVE)
def test_the_work_of_redaction_grows_no_faster_than_the_body(piece, secret, cut):
    work = []
    for size in (8192, 16384, 32768):
        with counted_calls() as calls:
            redact(b"%" + piece * (size // len(piece)), (secret,), cut=cut)
        work.append(calls[0])
    assert work[1] <= 2.2 * work[0] + 100
    assert work[2] <= 2.2 * work[1] + 100


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("echoed", [True, False])
def test_the_work_of_redaction_grows_no_faster_than_the_secret(echoed, cut):
    """Up to a password of 50,000 characters, which a visitor can post."""
    work = []
    for size in (6250, 12500, 25000, 50000):
        secret = "aB3$" * (size // 4)
        body = (b"before " + secret.encode() + b" after") if echoed else b"aB3" * 20000
        with counted_calls() as calls:
            left = redact(body, (secret,), cut=cut)
        assert left == (b"before [redacted] after" if echoed else body)
        work.append(calls[0])
    assert all(more <= 2.2 * less + 100 for less, more in itertools.pairwise(work))


def test_redaction_needs_little_memory():
    """For a body of 64 KiB and a password that is the longest there may be."""
    body = b"\\u0078" * 10922
    tracemalloc.start()
    try:
        redact(body, ("x" * 1023 + "y", "x" * 50_000), cut=True)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        (b"%41abcdef", "41abcdef"),
        (b"\\nabcdef", "nabcdef"),
        (b"\\u0041abcdef", "0041abcdef"),
        (b"&lt;abcdef", "lt;abcdef"),
        (b"abcdef%41", "abcdef%4"),
        (b"%2541bcdef", "%41bcdef"),
        (b"&#37;41bcdef", "%41bcdef"),
        (b"%%341bcdef", "%41bcdef"),
        (b"&amp;amp;bcdef", "&amp;bcdef"),
        (b"a\\\\nb\\u005cnc", "a\\nb\\nc"),
    ],
)
def test_a_secret_is_found_where_it_looks_like_an_escape_or_stands_beside_one(body, secret):
    left = redact(body, (secret,))
    assert [reading for reading in readings(left) if secret in reading] == []
    assert b"[redacted]" in left


@pytest.mark.parametrize(
    "body",
    [
        b"\\u003cp\\u003eab\\u0026lt;cd\\u0026#39;ef\\u003c/p\\u003e",
        b"ab%26lt%3Bcd%26%2339%3Bef",
        b"ab\\u0025%33Ccd\\u002527ef",
        b"ab%u003ccd%u0027ef",
        b"ab&#38;lt;cd&#38;#39;ef",
    ],
    ids=["HTML in JSON of .NET", "HTML in a URL", "a URL in JSON", "old JavaScript", "numeric ampersands"],
)
def test_a_secret_is_found_through_two_layers_of_escapes(body):
    left = redact(body, ("ab<cd'ef",))
    assert (b"ab" in left, b"ef" in left) == (body.startswith(b"ab\\u0025%33C"),) * 2


def test_a_secret_longer_than_what_is_looked_for_in_every_form_is_taken_out_to_the_end():
    secret = "0123456789" * 500
    assert redact(f"before {secret} after".encode(), (secret,)) == b"before [redacted] after"
    assert redact(f"before {json_escaped(secret)} after".encode(), (secret,)) == b"before [redacted]"


def test_every_occurrence_of_every_secret_is_taken_out():
    assert redact(b"one two one", ("one", "two")) == b"[redacted] [redacted] [redacted]"


@pytest.mark.parametrize("secrets", [("abc", "abcdef"), ("abcdef", "abc")])
def test_a_secret_that_begins_like_another_is_taken_out_whole(secrets):
    assert redact(b"abcdef", secrets) == b"[redacted]"


@pytest.mark.parametrize("secrets", [(), ("",), ("absent",)])
def test_a_body_without_a_secret_is_left_as_it_is(secrets):
    assert redact(b"nothing \xff to see", secrets) == b"nothing \xff to see"


# Answers of the wrong shape


@pytest.mark.parametrize(("write", "said"), [(True, True), (False, False)])
def test_an_invalid_answer_to_a_write_says_that_it_was_most_likely_applied(write, said):
    endpoint = Endpoint("customers.update", "PATCH", "/api/v2/customer/{id}", write=write)
    request = Request(endpoint, "/api/v2/customer/7", request_id="r-1")
    error = invalid_answer(request, 200, "$.id", "expected an integer")
    assert ("was most likely applied" in str(error)) is said
    assert (error.path, error.status, error.operation, error.request_id) == (
        "$.id",
        200,
        "customers.update",
        "r-1",
    )


def test_a_request_and_an_answer_do_not_show_their_bodies():
    endpoint = Endpoint("customers.create", "POST", "/api/v2/customer", write=True)
    request = Request(endpoint, "/api/v2/customer", PASSWORD.encode(), (PASSWORD,))
    assert PASSWORD not in repr(request)
    assert PASSWORD not in repr(RawResponse(400, PASSWORD.encode()))
