"""Secrets that must not come out, whatever goes wrong: a second net, since no error should hold one."""

from __future__ import annotations

from typing import Final

import click

__all__ = ["remember_secret", "scrub"]

_SECRETS: Final = "printnow_async.cli.secrets"
"""The key of `click.Context.meta` under which they are kept."""


def remember_secret(secret: str) -> None:
    """Never let this text through to standard error."""
    secrets: list[str] = click.get_current_context().meta.setdefault(_SECRETS, [])
    secrets.append(secret)


def scrub(text: str, ctx: click.Context) -> str:
    """`text` with "***" for every secret that was remembered."""
    secrets: list[str] = ctx.meta.get(_SECRETS, [])
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
