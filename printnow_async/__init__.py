"""An asyncio client for the PrintNow Enterprise API's customers that never applies a write twice."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from printnow_async._http.wire import Endpoint, NoAnswer, RawResponse, Request, Transport
from printnow_async._version import __version__
from printnow_async.client import PrintNowClient
from printnow_async.customers import Customers
from printnow_async.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    ConnectionLostError,
    CustomerNotFoundError,
    DeadlineExceededError,
    EmailInUseError,
    InvalidAccountError,
    InvalidResponseError,
    LifecycleConflictError,
    LifecycleError,
    LifecycleNotFoundError,
    NoResponseError,
    NotFoundError,
    NotTemporaryError,
    OutcomeUnknownError,
    PacerError,
    PermissionDeniedError,
    PrintNowError,
    RateLimitError,
    Sent,
    ServerError,
    TablesMissingError,
    TransitionError,
    UnexpectedStatusError,
    UsernameInUseError,
)
from printnow_async.events import AttemptEvent, CallEvent, Observer
from printnow_async.models import (
    NOT_GIVEN,
    Customer,
    CustomerUpdate,
    NewAccount,
    Storefront,
    Webhook,
    WebhookEvent,
)
from printnow_async.options import Limits, LiveLimits, RetryPolicy, Timeout
from printnow_async.pacing import Pacer

if TYPE_CHECKING:
    from printnow_async.bulk import (
        BulkReport,
        BulkStream,
        Failure,
        Outcome,
        Progress,
        Success,
        run_bulk,
        stream_bulk,
    )
    from printnow_async.lifecycle import TempUserLifecycle, Transition
    from printnow_async.storefronts import Storefronts
    from printnow_async.tracking import LifecycleRecord, LifecycleState, MemoryTracker, Tracker
    from printnow_async.webhooks import Webhooks

__all__ = [
    "APIError",
    "AttemptEvent",
    "AuthenticationError",
    "BadRequestError",
    "BulkReport",
    "BulkStream",
    "CallEvent",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "ConnectionLostError",
    "Customer",
    "CustomerNotFoundError",
    "CustomerUpdate",
    "Customers",
    "DeadlineExceededError",
    "EmailInUseError",
    "Endpoint",
    "Failure",
    "InvalidAccountError",
    "InvalidResponseError",
    "LifecycleConflictError",
    "LifecycleError",
    "LifecycleNotFoundError",
    "LifecycleRecord",
    "LifecycleState",
    "Limits",
    "LiveLimits",
    "MemoryTracker",
    "NOT_GIVEN",
    "NewAccount",
    "NoAnswer",
    "NoResponseError",
    "NotFoundError",
    "NotTemporaryError",
    "Observer",
    "Outcome",
    "OutcomeUnknownError",
    "Pacer",
    "PacerError",
    "PermissionDeniedError",
    "PrintNowClient",
    "PrintNowError",
    "Progress",
    "RateLimitError",
    "RawResponse",
    "Request",
    "RetryPolicy",
    "Sent",
    "ServerError",
    "Storefront",
    "Storefronts",
    "Success",
    "TablesMissingError",
    "TempUserLifecycle",
    "Timeout",
    "Tracker",
    "Transition",
    "TransitionError",
    "Transport",
    "UnexpectedStatusError",
    "UsernameInUseError",
    "Webhook",
    "WebhookEvent",
    "Webhooks",
    "__version__",
    "run_bulk",
    "stream_bulk",
]

_LATER: Final = {
    "BulkReport": "printnow_async.bulk",
    "BulkStream": "printnow_async.bulk",
    "Failure": "printnow_async.bulk",
    "LifecycleRecord": "printnow_async.tracking",
    "LifecycleState": "printnow_async.tracking",
    "MemoryTracker": "printnow_async.tracking",
    "Outcome": "printnow_async.bulk",
    "Progress": "printnow_async.bulk",
    "Storefronts": "printnow_async.storefronts",
    "Success": "printnow_async.bulk",
    "TempUserLifecycle": "printnow_async.lifecycle",
    "Tracker": "printnow_async.tracking",
    "Transition": "printnow_async.lifecycle",
    "Webhooks": "printnow_async.webhooks",
    "run_bulk": "printnow_async.bulk",
    "stream_bulk": "printnow_async.bulk",
}
"""What is loaded when it is first asked for: most programs use one or two of these rooms, and none at start."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
