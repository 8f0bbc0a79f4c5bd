"""Checks of what a test passes in: a `ValueError` names the argument, its value and what is wanted."""

from __future__ import annotations

import math

__all__ = ["at_least", "number", "require", "whole"]


def require(name: str, value: object, wanted: str, *, holds: bool) -> None:
    """Raise `ValueError` unless it `holds` that the value is what is wanted."""
    if not holds:
        raise ValueError(f"{name}: must be {wanted}, not {value!r}")


def whole(value: object) -> bool:
    """Say whether this is an integer (a boolean is not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: object) -> bool:
    """Say whether this is a finite number (a boolean is not)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def at_least(least: int, name: str, value: int | None) -> None:
    """Raise `ValueError` unless the value is None or an integer of at least `least`."""
    fits = value is None or (whole(value) and value >= least)
    require(name, value, f"a whole number, at least {least}", holds=fits)
