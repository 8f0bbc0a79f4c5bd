"""Hiding the secrets of a command in every error. No error should hold a secret; this is the second line of defence."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import click

__all__ = ["has_password", "remember_password", "remember_secret", "scrub"]

_SECRETS: Final = "printnow_async.cli.secrets"
"""The key of `click.Context.meta` under which the secrets are kept."""

_PASSWORD: Final = re.compile(r"://[^:/@]*:(?P<in_front>.+)@|[?&]password=(?P<behind>[^&]+)")


def remember_secret(secret: str) -> None:
    """Hide this text in every error of the command that runs now."""
    secrets: list[str] = click.get_current_context().meta.setdefault(_SECRETS, [])
    secrets.append(secret)


def has_password(url: str) -> bool:
    """Say whether the URL of a database contains a password."""
    return _PASSWORD.search(url) is not None


def remember_password(url: str) -> None:
    """Hide the password in this URL of a database, if the URL contains one."""
    for match in _PASSWORD.finditer(url):
        secret = match["in_front"] or match["behind"]
        remember_secret(secret)
        remember_secret(unquote(secret))


def scrub(text: str, ctx: click.Context) -> str:
    """Give `text` with "***" for every secret that was remembered."""
    secrets: list[str] = ctx.meta.get(_SECRETS, [])
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
