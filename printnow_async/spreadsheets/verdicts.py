"""What an error means for the row that was sent."""

from __future__ import annotations

from printnow_async.errors import (
    APIError,
    EmailInUseError,
    InvalidResponseError,
    NoResponseError,
    OutcomeUnknownError,
    PrintNowError,
    RateLimitError,
    Sent,
    ServerError,
    UsernameInUseError,
)
from printnow_async.spreadsheets.results import RowOutcome

__all__ = ["one_line", "outcome_of", "reason_of", "turned_away"]


def turned_away(error: Exception) -> bool:
    """Whether a request was refused for reasons that are not its own, and nothing of it was applied."""
    if isinstance(error, NoResponseError):
        return error.sent is Sent.NEVER and not isinstance(error, OutcomeUnknownError)
    return isinstance(error, RateLimitError) or (isinstance(error, ServerError) and error.status == 503)


def outcome_of(error: Exception, *, uncertain: bool) -> RowOutcome:
    """What an error means for a row; `uncertain` if it was sent before without an answer."""
    if not uncertain and turned_away(error):
        return RowOutcome.REJECTED
    if uncertain or not isinstance(error, APIError) or isinstance(error, InvalidResponseError | OutcomeUnknownError):
        return RowOutcome.UNKNOWN
    if isinstance(error, UsernameInUseError | EmailInUseError):
        return RowOutcome.EXISTS
    return RowOutcome.REJECTED


def reason_of(error: Exception, *, uncertain: bool) -> str:
    """The same in words, for the report."""
    if uncertain and isinstance(error, UsernameInUseError | EmailInUseError):
        return f"it was sent before without an answer, and now: {one_line(error)}"
    if isinstance(error, OutcomeUnknownError) and error.evidence:
        return f"{one_line(error)} ({'; '.join(error.evidence)})"
    return one_line(error)


def one_line(error: Exception) -> str:
    """An error in one line."""
    text = error.message if isinstance(error, PrintNowError) else str(error)
    return " ".join(text.split()) or type(error).__name__
