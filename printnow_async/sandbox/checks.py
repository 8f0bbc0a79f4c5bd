"""What a request body must look like, and the refusal it earns when it does not.

The vendor documents names, types, required fields and lengths ("Customers", "Create Customer"). Assumed,
because the page is silent: the texts of these refusals; that every one of them is a 400; that `null` is a
value like any other, so it is refused wherever a string, a number or a boolean is wanted, except that a
company may be `null`, which is none; that an empty string, or one of blanks alone, counts as missing; that
lengths count characters, blanks included; that the form of an e-mail address is not checked; that unknown
fields are ignored.
"""

from __future__ import annotations

import json
from typing import NoReturn, TypeAlias, cast

import attrs

__all__ = [
    "AccountFields",
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
    """The sandbox answers with an error instead of doing what was asked.

    Takes the HTTP status, the message for the body, and headers to send with it.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.headers = headers or {}


@attrs.frozen
class AccountFields:
    """The fields that a permanent account is made from, checked."""

    username: str
    """Login name, 3 to 50 characters."""
    password: str = attrs.field(repr=False)
    """At least 6 characters."""
    email: str
    """Not blank; its form is not checked."""
    first_name: str
    """Not blank."""
    last_name: str
    """Not blank."""
    company: str
    """Empty when none was given."""
    receive_marketing_emails: bool
    """False when it was not given, as the vendor's page has it."""


def decode(raw: bytes) -> Body:
    """Give the JSON object in `raw` (UTF-8), or raise `Refusal` (400)."""
    try:
        value: object = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The request body must be a JSON object.")
    return cast("Body", value)


def text(body: Body, name: str) -> str:
    """Give the string `name`, which must be there and not be blank; raise `Refusal` (400) otherwise."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Refusal(400, f"The {name} field must be a string.")
    if not value.strip():
        raise Refusal(400, f"The {name} field is required.")
    return value


def optional_text(body: Body, name: str) -> str:
    """Give the string `name`; empty when it is missing or `null`. Raise `Refusal` (400) on another type."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal(400, f"The {name} field must be a string.")
    return value


def flag(body: Body, name: str, *, default: bool) -> bool:
    """Give the boolean `name`, or `default` when it is missing; raise `Refusal` (400) on another type."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Refusal(400, f"The {name} field must be a boolean.")
    return value


def whole_number(body: Body, name: str) -> int:
    """Give the integer `name`, which must be there; raise `Refusal` (400) otherwise."""
    if name not in body:
        raise Refusal(400, f"The {name} field is required.")
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(400, f"The {name} field must be an integer.")
    return value


def password(body: Body) -> str:
    """Give the password, at least 6 characters long; raise `Refusal` (400) otherwise."""
    value = text(body, "password")
    if len(value) < SHORTEST_PASSWORD:
        raise Refusal(400, f"The password must have at least {SHORTEST_PASSWORD} characters.")
    return value


def account_fields(body: Body) -> AccountFields:
    """Give the fields that a create and a convert require, checked, or raise `Refusal` (400)."""
    username = text(body, "username")
    if not SHORTEST_USERNAME <= len(username) <= LONGEST_USERNAME:
        raise Refusal(400, f"The username must have {SHORTEST_USERNAME} to {LONGEST_USERNAME} characters.")
    return AccountFields(
        username=username,
        password=password(body),
        email=text(body, "email"),
        first_name=text(body, "first_name"),
        last_name=text(body, "last_name"),
        company=optional_text(body, "company"),
        receive_marketing_emails=flag(body, "receive_marketing_emails", default=False),
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's
