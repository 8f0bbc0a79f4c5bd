"""What an answer looks like: the JSON of a success, the envelope of an error, the stand-in of a fault.

The vendor documents the texts of errors and not the form they come in, so the form is the caller's choice.
"""

from __future__ import annotations

import html
import json
import math
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Literal, TypeAlias, get_args

import attrs

from printnow_async.sandbox.checks import Refusal
from printnow_async.sandbox.faults import Fault

__all__ = ["ENVELOPES", "ErrorEnvelope", "Reply", "error_reply", "fault_reply", "json_reply"]

ErrorEnvelope: TypeAlias = Literal["Message", "message", "string", "text", "html", "empty"]
"""An error's body: {"Message": …}, {"message": …}, a JSON string, plain text, an HTML page, nothing."""

ENVELOPES: tuple[str, ...] = get_args(ErrorEnvelope)

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@attrs.frozen
class Reply:
    """An answer, ready to be sent."""

    status: int
    """HTTP status."""
    body: bytes = b""
    """The body, encoded."""
    headers: dict[str, str] = attrs.field(factory=dict[str, str])
    """Every header but the Content-Length."""


def json_reply(status: int, value: object) -> Reply:
    """Give a success with `value` as its JSON body; None for no body."""
    if value is None:
        return Reply(status)
    return Reply(status, json.dumps(value).encode(), {"Content-Type": JSON_TYPE})


def error_reply(refusal: Refusal, envelope: ErrorEnvelope) -> Reply:
    """Give an error in its envelope."""
    content_type, body = _wrap(refusal.status, refusal.message, envelope)
    typed = {"Content-Type": content_type} if content_type else {}
    return Reply(refusal.status, body.encode(), typed | refusal.headers)


def fault_reply(fault: Fault, envelope: ErrorEnvelope) -> Reply:
    """Give the answer that a fault puts in the place of the true one."""
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = _retry_after(fault.retry_after, http_date=fault.http_date)
    if fault.body is None:
        return error_reply(Refusal(fault.code, _phrase(fault.code), headers), envelope)
    return Reply(fault.code, fault.body, {"Content-Type": fault.content_type or TEXT_TYPE} | headers)


def _wrap(status: int, message: str, envelope: ErrorEnvelope) -> tuple[str, str]:
    match envelope:
        case "Message" | "message":
            return JSON_TYPE, json.dumps({envelope: message})
        case "string":
            return JSON_TYPE, json.dumps(message)
        case "text":
            return TEXT_TYPE, message
        case "html":
            title = f"{status} {_phrase(status)}"
            body = f"<p>{html.escape(message)}</p>"
            return HTML_TYPE, f"<html><head><title>{title}</title></head><body>{body}</body></html>"
        case _:
            return "", ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _retry_after(seconds: float, *, http_date: bool) -> str:
    if not http_date:
        return str(int(seconds))
    # The wall clock and not the loop's: a date is compared with other dates, the answer's Date header first.
    return formatdate(math.ceil(time.time() + seconds), usegmt=True)
