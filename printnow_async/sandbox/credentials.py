"""HTTP Basic with an API token and an API key, checked in the vendor's order. Every failure is a 401.

Source: the vendor's "Authentication" page. Assumed, because the page does not say so: the texts; one right half of the
pair means "the key does not match the token", and two wrong halves mean an unknown token.
"""

from __future__ import annotations

import base64

from printnow_async.sandbox.checks import Refusal

__all__ = ["check_credentials"]

CHALLENGE = {"WWW-Authenticate": 'Basic realm="PrintNow"'}


def check_credentials(authorization: str | None, token: str, key: str) -> None:
    """Raise `Refusal` (401) unless the Authorization header holds this token and key."""
    if authorization is None:
        raise Refusal(401, "API credentials are required.", CHALLENGE)
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:  # not ASCII, not Base64, or not UTF-8 within
        decoded = ""
    given_token, _, given_key = decoded.partition(":")
    if scheme.lower() != "basic" or not (given_token and given_key):
        raise Refusal(401, "The Authorization header is not well formed.", CHALLENGE)
    if (given_token == token) != (given_key == key):
        raise Refusal(401, "The API key does not match the API token.", CHALLENGE)
    if given_token != token:
        raise Refusal(401, "The API token is unknown.", CHALLENGE)
