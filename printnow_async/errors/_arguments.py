"""Errors about what a program passes: raised before any request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from printnow_async.errors._base import PrintNowError


class ConfigurationError(PrintNowError, ValueError):
    """Options that cannot work, or use after close or from another event loop. It is a `ValueError` too."""


class TablesMissingError(ConfigurationError):
    """A database has not the tables that are to be used in it, and nobody has asked to make them."""


class InvalidAccountError(PrintNowError, ValueError):
    """The fields of a `NewAccount` that cannot be right: raised before any request. It is a `ValueError` too."""

    def __init__(self, message: str, *, problems: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.problems = dict(problems)
        """Every wrong field by its name, with the reason; no value of a field is in it."""
