"""The checks of arguments that more than one room makes: ids, counts, seconds and texts.

Each takes the value, the argument's name, and the class of error to raise, and returns the value. The error's text
begins with the argument's name. All of these errors are a `ValueError`.
"""

from __future__ import annotations

import math
from typing import Final

LARGEST_ID: Final = 2**63 - 1
"""The largest ID: the largest number that a database column of 64 bits holds."""


def checked_id(value: object, name: str, error: type[ValueError] = ValueError) -> int:
    """`value`, if it can be an ID in a path, a body or a database: a whole number from 1 to 2^63 - 1."""
    if type(value) is not int or not 1 <= value <= LARGEST_ID:
        raise error(f"{name} must be a whole number, at least 1 and of 64 bits at most, not {value!r}")
    return value


def checked_count(value: object, name: str, error: type[ValueError] = ValueError) -> int:
    """`value`, if it can be a number of things: a whole number, at least 1."""
    if type(value) is not int or value < 1:
        raise error(f"{name} must be a whole number, at least 1, not {value!r}")
    return value


def checked_seconds(value: object, name: str, error: type[ValueError] = ValueError) -> float:
    """`value`, if it can be a time to wait or to hold something: a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise error(f"{name} must be a finite number of seconds above 0, not {value!r}")
    return float(value)


def checked_text(value: object, name: str, longest: int, error: type[ValueError] = ValueError) -> str:
    """`value`, if it can be a name in a database: 1 to `longest` characters, none of them NUL or half of a pair."""
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise error(f"{name} must be a string of 1 to {longest} characters")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise error(f"{name} must hold neither NUL nor a lone surrogate")
    return value
