"""The checks of a request body, and the refusal where a body does not pass.

The vendor documents names, types, required fields and lengths ("Customers", "Create Customer"). Assumed, because the
page does not say so: the texts of the refusals; every refusal is a 400; `null` is refused wherever a string, a number
or a boolean is wanted, but a company may be `null`, which means no company; a string that is empty or of blanks counts
as missing; lengths count characters, blanks included; the form of an e-mail address is not checked; unknown fields are
ignored.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeAlias, cast

__all__ = [
    "Body",
    "Refusal",
    "account_fields",
    "decode",
    "flag",
    "optional_text",
    "password",
    "text",
    "whole_number",
]

Body: TypeAlias = dict[str, object]
"""A JSON object as it was sent."""

SHORTEST_USERNAME, LONGEST_USERNAME = 3, 50
SHORTEST_PASSWORD = 6


class Refusal(Exception):
    """The sandbox answers with an error instead of carrying the request out.

    Takes the HTTP status, the message for the body, and headers to send with it.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def decode(raw: bytes) -> Body:
    """The JSON object in `raw` (UTF-8); `Refusal` (400) for anything else."""
    try:
        value: object = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The request body must be a JSON object.")
    return cast("Body", value)


def text(body: Body, name: str) -> str:
    """The string `name`; `Refusal` (400) where the string is missing, blank or of another type."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Refusal(400, f"The {name} field must be a string.")
    if not value.strip():
        raise Refusal(400, f"The {name} field is required.")
    return value


def optional_text(body: Body, name: str) -> str:
    """The string `name`, empty when missing or `null`; `Refusal` (400) for another type."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal(400, f"The {name} field must be a string.")
    return value


def flag(body: Body, name: str, *, default: bool) -> bool:
    """The boolean `name`, or `default` when missing; `Refusal` (400) for another type."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Refusal(400, f"The {name} field must be a boolean.")
    return value


def whole_number(body: Body, name: str) -> int:
    """The integer `name`; `Refusal` (400) where the integer is missing or of another type."""
    if name not in body:
        raise Refusal(400, f"The {name} field is required.")
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(400, f"The {name} field must be an integer.")
    return value


def password(body: Body) -> str:
    """The password; `Refusal` (400) for fewer than 6 characters."""
    value = text(body, "password")
    if len(value) < SHORTEST_PASSWORD:
        raise Refusal(400, f"The password must have at least {SHORTEST_PASSWORD} characters.")
    return value


def account_fields(body: Body) -> dict[str, Any]:
    """The checked fields of a permanent account, for a create and a convert; `Refusal` (400) for a bad field."""
    username = text(body, "username")
    if not SHORTEST_USERNAME <= len(username) <= LONGEST_USERNAME:
        raise Refusal(400, f"The username must have {SHORTEST_USERNAME} to {LONGEST_USERNAME} characters.")
    return {
        "username": username,
        "password": password(body),
        "email": text(body, "email"),
        "first_name": text(body, "first_name"),
        "last_name": text(body, "last_name"),
        "company": optional_text(body, "company"),
        "receive_marketing_emails": flag(body, "receive_marketing_emails", default=False),
    }


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON
