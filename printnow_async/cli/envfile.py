"""Reading a file of KEY=value lines, as `.env` files are. The grammar is that of python-dotenv."""

from __future__ import annotations

import io
from pathlib import Path

from printnow_async.cli.failures import BadUsage

__all__ = ["read_env_file"]


def read_env_file(path: Path) -> dict[str, str]:
    """Give the values in a file (UTF-8, with or without a byte order mark) by their names.

    The last of several values of a name counts. Variables inside a value are not replaced, and `os.environ` stays as it
    is. A file that cannot be read, or a line that is not KEY=value, is bad usage. The error names the line by its
    number and does not show the line, because the line may hold a secret.
    """
    try:
        from dotenv.parser import parse_stream  # only commands with --env-file need this import
    except ModuleNotFoundError:
        raise BadUsage(
            "python-dotenv is missing: install printnow-async[cli], as in: pip install 'printnow-async[cli]'"
        ) from None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadUsage(f"{path} is not a text file in UTF-8") from None
    values: dict[str, str] = {}
    # dotenv_values() would only log a line that it cannot parse, and would replace variables by default.
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
        elif binding.key is not None or binding.error:
            original = binding.original.string
            blank = len(original) - len(original.lstrip())  # the parser counts blank lines as part of the next line
            number = binding.original.line + original.count("\n", 0, blank)
            raise BadUsage(f"{path}, line {number}: not KEY=value, or a quote is not closed")
    return values
