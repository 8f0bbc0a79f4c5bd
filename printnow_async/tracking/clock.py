"""The clock of records."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """The time now, aware, UTC."""
    return datetime.now(UTC)
