"""What goes over the wire, as frozen attrs classes: what the server describes, and what is asked of the server.

What the user builds (`NewAccount`, `CustomerUpdate`) is checked when the object is made, and a `ValueError` names every
wrong field. What the server sends (`Customer`, `Storefront`, `Webhook`) is checked where the answer is decoded.

Source of the fields and rules: vendor's pages "Customers" (sections "Response Fields", "Request Body" and
"Updatable Fields"), "Storefronts" and "Webhooks". The longest password is a bound of this package.
"""

from __future__ import annotations

from printnow_async.models._accounts import NOT_GIVEN, CustomerUpdate, NewAccount, NotGiven
from printnow_async.models._answers import Customer, Storefront, Webhook, WebhookEvent

__all__ = [
    "Customer",
    "CustomerUpdate",
    "NOT_GIVEN",
    "NewAccount",
    "NotGiven",
    "Storefront",
    "Webhook",
    "WebhookEvent",
]
