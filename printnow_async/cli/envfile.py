"""Reading a file of KEY=value lines, as `.env` files are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from printnow_async.cli.failures import BadUsage

__all__ = ["parse_env", "read_env_file"]

_LINE: Final = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_QUOTED: Final = {"'": re.compile(r"'([^']*)'"), '"': re.compile(r'"((?:[^"\\]|\\.)*)"')}
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_ESCAPE: Final = re.compile(r"\\([\"\\$`])")


def parse_env(text: str, origin: str) -> dict[str, str]:
    """The values by name. `origin` names the text in errors, which never show a line: it may hold a secret.

    - `KEY=value`, `KEY = value` and `export KEY=value`; the last of several wins; other names than ours are kept.
    - In single quotes a value is verbatim, in double quotes a backslash protects a quote, backslash, $ or backtick.
    - A bare value ends before white space and a `#`; a `#` in its middle belongs to it. Nothing is substituted.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        value = _value(match["value"]) if match else None
        if match is None or value is None:
            raise BadUsage(f"{origin}, line {number}: not KEY=value, or a quote is not closed")
        values[match["name"]] = value
    return values


def _value(text: str) -> str | None:
    """The value at the beginning of `text`, if nothing but a comment comes after it."""
    if not text.startswith(tuple(_QUOTED)):
        return _COMMENT.sub("", text).strip()
    match = _QUOTED[text[0]].match(text)
    if match is None:
        return None
    rest = text[match.end() :].strip()
    if rest and not rest.startswith("#"):
        return None
    return match[1] if text[0] == "'" else _ESCAPE.sub(r"\1", match[1])


def read_env_file(path: Path) -> dict[str, str]:
    """The values in a file (UTF-8, with or without a byte order mark)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadUsage(f"{path} is not a text file in UTF-8") from None
    return parse_env(text, str(path))
