"""The command `printnow`: the SDK for the hand, and `printnow demo` for a first look.

It needs the extra `cli`, which loads when the command runs and not before.
"""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]

_EXTRA = ("click", "rich")


def main() -> NoReturn:
    """Run `printnow` with the arguments of this process, and exit.

    The exit code is 0 when all went well, 1 when the API said no or an outcome is unknown, 2 for bad usage or
    configuration (the missing extra `cli` included), 3 when an import was halted, and 130 when interrupted.
    """
    try:
        from printnow_async.cli.app import printnow
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _EXTRA:
            raise
        sys.stderr.write(
            f"printnow: {library} is missing: install printnow-async[cli], as in: pip install 'printnow-async[cli]'\n"
        )
        sys.exit(2)
    sys.exit(printnow.main())
