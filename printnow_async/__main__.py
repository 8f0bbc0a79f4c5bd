"""`python -m printnow_async` is the command `printnow`."""

from __future__ import annotations

from printnow_async.cli import main

if __name__ == "__main__":
    main()
