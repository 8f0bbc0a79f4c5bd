"""The command `printnow`: the SDK on the command line, and `printnow demo` for a first look.

The command needs the extra `cli`, whose libraries load when the command runs and not before.
"""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]

_LIBRARIES = ("click", "rich")


def main() -> NoReturn:
    """Run `printnow` with the arguments of this process, and exit.

    The exit code is 0 when all went well, 1 when the API said no or an outcome is unknown, 2 for bad usage or
    configuration (such as a missing extra `cli`), 3 when an import was halted, and 130 after Ctrl-C.
    """
    try:
        from printnow_async.cli.app import printnow
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _LIBRARIES:
            raise
        sys.stderr.write(
            f"printnow: {library} is missing: install printnow-async[cli], as in: pip install 'printnow-async[cli]'\n"
        )
        sys.exit(2)
    sys.exit(printnow.main())
