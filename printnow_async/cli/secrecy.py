"""Secrets that must not come out, whatever goes wrong: a second net, since no error should hold one."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import click

__all__ = ["has_password", "remember_password", "remember_secret", "scrub"]

_SECRETS: Final = "printnow_async.cli.secrets"
"""The key of `click.Context.meta` under which they are kept."""

_PASSWORD: Final = re.compile(r"://[^:/@]*:(?P<in_front>.+)@|[?&]password=(?P<behind>[^&]+)")


def remember_secret(secret: str) -> None:
    """Never let this text through to standard error."""
    secrets: list[str] = click.get_current_context().meta.setdefault(_SECRETS, [])
    secrets.append(secret)


def has_password(url: str) -> bool:
    """Whether there is a password in the URL of a database."""
    return _PASSWORD.search(url) is not None


def remember_password(url: str) -> None:
    """Never let the password in this URL through, if there is one."""
    for match in _PASSWORD.finditer(url):
        secret = match["in_front"] or match["behind"]
        remember_secret(secret)
        remember_secret(unquote(secret))


def scrub(text: str, ctx: click.Context) -> str:
    """`text` with "***" for every secret that was remembered."""
    secrets: list[str] = ctx.meta.get(_SECRETS, [])
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
