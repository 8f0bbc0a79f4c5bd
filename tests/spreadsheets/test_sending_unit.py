"""What is done with one row: which answers are asked for again, what each error means, and what halts the job."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import pytest

from printnow_async.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConnectError,
    ConnectionLostError,
    EmailInUseError,
    InvalidResponseError,
    OutcomeUnknownError,
    PrintNowError,
    RateLimitError,
    Sent,
    ServerError,
    UsernameInUseError,
)
from printnow_async.models import Customer, NewAccount
from printnow_async.spreadsheets.checking import CheckedRow, check
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.entries import NEW, SENDING, JournalEntry
from printnow_async.spreadsheets.job import JobHaltedError, RowNotSentError
from printnow_async.spreadsheets.reading import open_spreadsheet
from printnow_async.spreadsheets.results import RowOutcome, RowResult
from printnow_async.spreadsheets.sending import AccountSender, outcome_of
from printnow_async.spreadsheets.tally import RowTally
from printnow_async.testing import run_instantly

UNEXPLAINED = BadRequestError("Bad Request", status=400, explained=False)
TAKEN = UsernameInUseError("Username is already in use.", status=400)
UNSENT = ConnectError("refused", sent=Sent.NEVER)


def a_row() -> CheckedRow:
    content = b"Username,Password,Email,First Name,Last Name\njane,secret-1,jane@example.com,Jane,Smith\n"
    with open_spreadsheet(io.BytesIO(content)) as spreadsheet:
        (row,) = check(spreadsheet, Columns.of(spreadsheet.headings)).rows()
    return row


def send(*errors: PrintNowError, state: str = NEW, stop_after: int | None = None) -> tuple[RowResult, int]:
    """Send a row to a server that gives these errors, the last of them for ever; the result and the requests made."""
    requests = 0

    async def main() -> RowResult:
        stop = asyncio.Event()

        async def create(_: NewAccount) -> Customer:
            nonlocal requests
            requests += 1
            if requests == stop_after:
                stop.set()
            raise errors[min(requests, len(errors)) - 1]

        sender = AccountSender(create, RowTally(1), stop)
        return await sender.send(a_row(), JournalEntry(1, "k", "d", state, None, None))

    return run_instantly(main()), requests


def test_a_refusal_without_a_message_is_asked_for_again():
    """The report needs the message, and a refused row created nothing."""
    result, requests = send(UNEXPLAINED, UNEXPLAINED, TAKEN)
    assert (result.outcome, result.reason, requests) == (RowOutcome.EXISTS, "Username is already in use.", 3)


def test_a_refusal_that_never_has_a_message_is_taken_as_it_is():
    result, requests = send(UNEXPLAINED)
    assert (result.outcome, result.reason, requests) == (RowOutcome.REJECTED, "Bad Request", 4)


def test_a_message_that_reads_like_the_name_of_the_status_is_a_message():
    result, requests = send(BadRequestError("Bad Request", status=400))
    assert (result.outcome, requests) == (RowOutcome.REJECTED, 1)


def test_refused_credentials_halt_the_job():
    with pytest.raises(JobHaltedError, match="no such token"):
        send(AuthenticationError("no such token", status=401))


def test_a_server_that_takes_nothing_is_asked_with_patience_and_halts_the_job():
    with pytest.raises(JobHaltedError, match="refused"):
        send(UNSENT)


def test_a_row_that_waits_when_a_stop_is_asked_for_is_not_sent():
    with pytest.raises(RowNotSentError) as caught:
        send(UNSENT, stop_after=2)
    assert not isinstance(caught.value, JobHaltedError)


def test_a_row_that_may_have_been_created_stays_unknown_though_later_requests_are_refused():
    lost = OutcomeUnknownError("no answer", evidence=("attempt 1: dropped",))
    result, _ = send(lost, UNSENT)
    assert (result.outcome, result.reason) == (RowOutcome.UNKNOWN, "no answer (attempt 1: dropped)")
    result, requests = send(lost, AuthenticationError("no such token", status=401))
    assert (result.outcome, requests) == (RowOutcome.UNKNOWN, 2)


def test_a_name_that_the_clients_own_repeat_found_taken_is_not_asked_for_again():
    lost = OutcomeUnknownError("no answer")
    lost.__cause__ = TAKEN
    assert send(lost) == (RowResult(RowOutcome.UNKNOWN, None, "no answer"), 1)


@pytest.mark.parametrize("state", [SENDING, "unknown"])
def test_a_taken_name_of_a_row_that_was_sent_before_is_unknown(state):
    result, _ = send(TAKEN, state=state)
    assert result.outcome is RowOutcome.UNKNOWN
    assert result.reason == "it was sent before without an answer, and now: Username is already in use."


def outcomes() -> Iterator[tuple[PrintNowError, str, str]]:
    for error in (TAKEN, EmailInUseError("in use", status=400)):
        yield error, "exists", "unknown"
    for error in (
        APIError("no", status=422),
        RateLimitError("slow", status=429),
        ServerError("no", status=503),
        UNSENT,
    ):
        yield error, "rejected", "unknown"
    for error in (ConnectionLostError("lost"), OutcomeUnknownError("lost"), InvalidResponseError("not JSON")):
        yield error, "unknown", "unknown"


@pytest.mark.parametrize(("error", "first", "again"), list(outcomes()))
def test_an_error_has_an_outcome_that_depends_on_whether_the_row_was_sent_before(error, first, again):
    assert (outcome_of(error, uncertain=False), outcome_of(error, uncertain=True)) == (first, again)
