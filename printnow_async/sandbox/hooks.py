"""The subscriptions to webhooks, and the rules by which they change. Nothing is ever posted to a target URL.

Source: the vendor's "Webhooks" page. Assumed, because it is silent: a subscribe answers 201 with the
subscription, an unsubscribe 204; the texts of refusals; that target URLs are compared as they are, and their
form is not checked; that an event which the page does not name is refused with 400; that ids are not given again.
"""

from __future__ import annotations

from typing import final

import attrs

from printnow_async.sandbox.checks import Body, Refusal, text

__all__ = ["Hooks", "SandboxWebhook"]

EVENTS = frozenset(f"{what}_{change}" for what in ("order", "customer") for change in ("created", "updated", "deleted"))
NOT_FOUND = "Webhook not found."
FIRST_ID = 101


@attrs.frozen
class SandboxWebhook:
    """A subscription in the sandbox."""

    id: int
    """Unique, and not given again."""
    target_url: str
    """Where PrintNow would post to."""
    event: str
    """What it would tell of, as "customer_created"."""

    def answer(self) -> dict[str, object]:
        """Give the webhook object of the API."""
        return {"id": self.id, "target_url": self.target_url, "event": self.event}


@final
class Hooks:
    """The active subscriptions of the one token that a sandbox knows.

    Methods that stand for an endpoint raise `Refusal` with the status and message.
    """

    def __init__(self) -> None:
        self.active: dict[int, SandboxWebhook] = {}
        self._next_id = FIRST_ID

    def subscribe(self, body: Body) -> SandboxWebhook:
        """Make a subscription; 409 when its target URL has one already."""
        target_url, event = text(body, "target_url"), text(body, "event")
        if event not in EVENTS:
            raise Refusal(400, "The event is unknown.")
        if any(hook.target_url == target_url for hook in self.active.values()):
            raise Refusal(409, "The target URL is already registered.")
        return self.add(target_url, event)

    def unsubscribe(self, hook_id: int) -> None:
        """End a subscription; 404 when it is not there."""
        if self.active.pop(hook_id, None) is None:
            raise Refusal(404, NOT_FOUND)

    def add(self, target_url: str, event: str) -> SandboxWebhook:
        """Put a subscription in, whatever its event, and whatever is there already."""
        hook = SandboxWebhook(self._next_id, target_url, event)
        self._next_id += 1
        self.active[hook.id] = hook
        return hook
