"""Answers: the JSON of a success, the envelope of an error, and the answer that a fault gives instead.

The vendor documents the texts of errors, but not the form of their bodies, so a caller chooses the form.
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
    """Every header except Content-Length."""


def json_reply(status: int, value: object) -> Reply:
    """A success with `value` as its JSON body; None for no body."""
    if value is None:
        return Reply(status)
    return Reply(status, json.dumps(value).encode(), {"Content-Type": JSON_TYPE})


def error_reply(refusal: Refusal, envelope: ErrorEnvelope) -> Reply:
    """An error in this envelope."""
    content_type, body = _wrap(refusal.status, refusal.message, envelope)
    typed = {"Content-Type": content_type} if content_type else {}
    return Reply(refusal.status, body.encode(), typed | refusal.headers)


def fault_reply(fault: Fault, envelope: ErrorEnvelope) -> Reply:
    """The answer that a fault gives instead of the true answer."""
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
    # by the wall clock, not the loop's clock: a client compares the date with the Date header of the answer
    return formatdate(math.ceil(time.time() + seconds), usegmt=True)
