"""Tools for tests of code that uses this package: an event loop in which pauses and timeouts pass at once.

`printnow_async.testing.tracker_suite`, which needs pytest, tests a tracker of your own.
"""

from __future__ import annotations

from printnow_async.testing.clock import InstantEventLoop, run_instantly

__all__ = ["InstantEventLoop", "run_instantly"]
