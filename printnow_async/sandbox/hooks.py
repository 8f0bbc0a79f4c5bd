"""The subscriptions to webhooks, and the rules by which they change. Nothing is posted to a target URL.

Source: the vendor's "Webhooks" page. Assumed, because the page does not say so: a subscribe answers 201 with the
subscription, an unsubscribe 204; the texts of refusals; target URLs are compared character by character, and their form
is not checked; an event that the page does not name is refused with 400; ids are not used again.
"""

from __future__ import annotations

from typing import final

import attrs

from printnow_async.sandbox.checks import Body, Refusal, text

__all__ = ["Hooks", "SandboxWebhook"]

EVENTS = frozenset(f"{what}_{change}" for what in ("order", "customer") for change in ("created", "updated", "deleted"))
NO_WEBHOOK = "Webhook not found."
FIRST_WEBHOOK_ID = 101


@attrs.frozen
class SandboxWebhook:
    """A subscription in the sandbox."""

    id: int
    """Unique, and not used again."""
    target_url: str
    """The URL that PrintNow would post to."""
    event: str
    """The event that PrintNow would post, as "customer_created"."""

    def answer(self) -> dict[str, object]:
        """The webhook object of the API."""
        return {"id": self.id, "target_url": self.target_url, "event": self.event}


@final
class Hooks:
    """The active subscriptions of the sandbox's one token.

    Methods that stand for an endpoint raise `Refusal` with the status and message.
    """

    def __init__(self) -> None:
        self.active: dict[int, SandboxWebhook] = {}
        self._next_id = FIRST_WEBHOOK_ID

    def subscribe(self, body: Body) -> SandboxWebhook:
        """Make a subscription; 409 when the target URL has a subscription already."""
        target_url, event = text(body, "target_url"), text(body, "event")
        if event not in EVENTS:
            raise Refusal(400, "The event is unknown.")
        if any(hook.target_url == target_url for hook in self.active.values()):
            raise Refusal(409, "The target URL is already registered.")
        return self.add(target_url, event)

    def unsubscribe(self, hook_id: int) -> None:
        """End a subscription; 404 when there is no such subscription."""
        if self.active.pop(hook_id, None) is None:
            raise Refusal(404, NO_WEBHOOK)

    def add(self, target_url: str, event: str) -> SandboxWebhook:
        """Add a subscription without any check of its event and target URL."""
        hook = SandboxWebhook(self._next_id, target_url, event)
        self._next_id += 1
        self.active[hook.id] = hook
        return hook
