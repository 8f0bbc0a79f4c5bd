"""A stand-in for the API on a real socket: the documented rules, with faults to inject. Tests talk to a `Sandbox`.

The sandbox shares no code with the client, so that one mistake cannot hide in both.
"""

from __future__ import annotations

from printnow_async.sandbox.faults import Fault
from printnow_async.sandbox.hooks import SandboxWebhook
from printnow_async.sandbox.plan import Injection
from printnow_async.sandbox.records import RecordedRequest
from printnow_async.sandbox.server import Sandbox
from printnow_async.sandbox.store import FiredWebhook
from printnow_async.sandbox.stored_customer import SandboxCustomer

__all__ = ["Fault", "FiredWebhook", "Injection", "RecordedRequest", "Sandbox", "SandboxCustomer", "SandboxWebhook"]
