"""What an import does with one row: create the row's customer, and make the row's outcome of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from printnow_async.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    EmailInUseError,
    NoResponseError,
    OutcomeUnknownError,
    PrintNowError,
    RateLimitError,
    Sent,
    ServerError,
    UsernameInUseError,
)
from printnow_async.models import Customer, NewAccount
from printnow_async.spreadsheets.checking import CheckedRow
from printnow_async.spreadsheets.entries import JournalEntry
from printnow_async.spreadsheets.job import JobHaltedError, RowNotSentError
from printnow_async.spreadsheets.results import RowOutcome, RowResult
from printnow_async.spreadsheets.tally import RowTally

__all__ = ["AccountSender", "CreateAccount", "outcome_of", "reason_of"]

CreateAccount: TypeAlias = Callable[[NewAccount], Awaitable[Customer]]

PAUSES: Final = (0.5, 2.0, 5.0)
"""Seconds to wait before a row is sent again that the client has given up on: the server did not take the row."""
UNEXPLAINED_REPEATS: Final = 3
"""How often a row is sent again whose refusal came without a message."""


class AccountSender:
    """Creates the customer of one row after another."""

    def __init__(self, create: CreateAccount, tally: RowTally, stop: asyncio.Event) -> None:
        self._create, self._tally, self._stop = create, tally, stop

    async def send(self, row: CheckedRow, entry: JournalEntry) -> RowResult:
        """Create the row's customer, and give what became of the row.

        Raises `JobHaltedError` when the credentials are refused or the server takes no request at all, and
        `RowNotSentError` when a stop was asked for before the server took the row.
        """
        try:
            customer = await self._create_patiently(row.account())
        except AuthenticationError as error:
            raise JobHaltedError(_line(error)) from error
        except RowNotSentError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the row's outcome
            outcome = outcome_of(error, uncertain=entry.uncertain)
            return RowResult(outcome, reason=reason_of(error, uncertain=entry.uncertain))
        return RowResult(RowOutcome.CREATED, customer.id)

    async def _create_patiently(self, account: NewAccount) -> Customer:
        """Create a customer. A server that refuses for load, or gives no answer, is asked again after each pause.

        A repeat is safe: a username exists once, so nothing is created a second time.
        """
        sent_before = self._tally.sent
        unknown: OutcomeUnknownError | None = None
        for pause in (*PAUSES, None):
            try:
                return await self._create_explained(account)
            except OutcomeUnknownError as error:
                # 1. No answer: asked again, unless the client's own repeat has found the name taken.
                if isinstance(error.__cause__, BadRequestError):
                    raise
                unknown = error
            except PrintNowError as error:
                # 2. An answer about the row. It tells nothing of an earlier request that got no answer.
                if not turned_away(error):
                    raise unknown or error from error
                # 3. The server took nothing, to the end. If no other row got its outcome either, no row can be sent.
                if pause is None and unknown is None and self._tally.sent == sent_before:
                    raise JobHaltedError(_line(error)) from error
                if pause is None:
                    raise unknown or error from error
            if pause is None or await self._stopped_within(pause):
                break
        raise unknown or RowNotSentError

    async def _create_explained(self, account: NewAccount) -> Customer:
        """Create a customer. A refusal without a message applied nothing; the row is sent again for the message."""
        for _ in range(UNEXPLAINED_REPEATS):
            try:
                return await self._create(account)
            except BadRequestError as error:
                if error.explained:
                    raise
        return await self._create(account)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return False
        return True


def turned_away(error: Exception) -> bool:
    """Whether the server took nothing: the request was never sent, or was refused for load."""
    if isinstance(error, NoResponseError):
        return error.sent is Sent.NEVER
    return isinstance(error, RateLimitError) or (isinstance(error, ServerError) and error.status == 503)


def outcome_of(error: Exception, *, uncertain: bool) -> RowOutcome:
    """What an error means for a row. `uncertain` says that the row was sent before without an answer."""
    if uncertain or not (isinstance(error, APIError) or turned_away(error)):
        return RowOutcome.UNKNOWN
    return RowOutcome.EXISTS if isinstance(error, UsernameInUseError | EmailInUseError) else RowOutcome.REJECTED


def reason_of(error: Exception, *, uncertain: bool) -> str:
    """What an error means for a row, in words for the report."""
    if uncertain and isinstance(error, UsernameInUseError | EmailInUseError):
        return f"it was sent before without an answer, and now: {_line(error)}"
    if isinstance(error, OutcomeUnknownError) and error.evidence:
        return f"{_line(error)} ({'; '.join(error.evidence)})"
    return _line(error)


def _line(error: Exception) -> str:
    """An error in one line."""
    text = error.message if isinstance(error, PrintNowError) else str(error)
    return " ".join(text.split()) or type(error).__name__
