"""The type of an ID for `importing`, which does not use `shared_options` yet."""

from __future__ import annotations

from typing import Final

import click

__all__ = ["ID"]

ID: Final = click.IntRange(min=1)
"""An ID without the upper limit of `shared_options.ID`."""
