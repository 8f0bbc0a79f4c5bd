"""Checks of the arguments that a test passes to the sandbox: a `ValueError` names the argument and its value."""

from __future__ import annotations

import math

__all__ = ["at_least_one", "number", "require", "whole"]


def require(name: str, value: object, wanted: str, *, holds: bool) -> None:
    """Raise `ValueError`, unless `holds` says that the value is what is wanted."""
    if not holds:
        raise ValueError(f"{name}: must be {wanted}, not {value!r}")


def whole(value: object) -> bool:
    """Whether this is an integer, and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: object) -> bool:
    """Whether this is a finite number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def at_least_one(name: str, value: int | None) -> None:
    """Raise `ValueError` unless the value is None or an integer of at least 1."""
    require(name, value, "a whole number, at least 1", holds=value is None or (whole(value) and value >= 1))
