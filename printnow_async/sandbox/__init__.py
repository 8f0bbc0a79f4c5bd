"""The API's documented rules on a real socket, with faults: `Sandbox` is what tests talk to.

It is an independent witness: nothing in this package imports the client it tests, the pytest plugin apart.
"""

from __future__ import annotations

from printnow_async.sandbox.accounts import SandboxCustomer
from printnow_async.sandbox.faults import Fault
from printnow_async.sandbox.hooks import SandboxWebhook
from printnow_async.sandbox.plan import Injection
from printnow_async.sandbox.records import RecordedRequest
from printnow_async.sandbox.server import Sandbox
from printnow_async.sandbox.store import FiredWebhook

__all__ = ["Fault", "FiredWebhook", "Injection", "RecordedRequest", "Sandbox", "SandboxCustomer", "SandboxWebhook"]
