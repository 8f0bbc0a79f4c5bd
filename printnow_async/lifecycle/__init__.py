"""Temporary users, started once, followed across processes, and converted or transferred exactly once."""

from __future__ import annotations

from printnow_async.lifecycle.guest import TempUserLifecycle
from printnow_async.lifecycle.options import LifecycleOptions
from printnow_async.lifecycle.steps import Transition

__all__ = ["LifecycleOptions", "TempUserLifecycle", "Transition"]
