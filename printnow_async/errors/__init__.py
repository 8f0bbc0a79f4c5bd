"""Every error this package raises.

    PrintNowError
    ├── ConfigurationError          wrong options or use of the client; also a ValueError
    │   └── TablesMissingError      a database has not the tables that are to be used
    ├── InvalidAccountError         a `NewAccount` that cannot be right; also a ValueError
    ├── APIError                    an answer that is not success
    │   ├── BadRequestError         400
    │   │   ├── UsernameInUseError
    │   │   └── EmailInUseError
    │   ├── AuthenticationError     401
    │   ├── PermissionDeniedError   403
    │   ├── NotFoundError           404
    │   │   └── CustomerNotFoundError
    │   ├── ConflictError           409
    │   ├── RateLimitError          429
    │   ├── ServerError             5xx
    │   └── UnexpectedStatusError   anything else, redirects included (never followed)
    ├── NoResponseError             no usable answer; `sent` says whether the request may have left
    │   ├── ConnectError            never sent: name lookup, refused, TLS, connect timeout
    │   ├── DeadlineExceededError   Timeout.total ran out; `sent` says which
    │   └── ConnectionLostError     maybe sent: reset, truncated, attempt timeout
    ├── OutcomeUnknownError         a write that may or may not have been applied
    ├── InvalidResponseError        a 2xx that is not of the documented shape
    ├── NotTemporaryError           the customer is permanent already, under another name than ours
    ├── PacerError                  what paces the client failed; `sent` says whether a request may have gone out
    └── LifecycleError
        ├── TransitionError         not allowed from this state
        ├── LifecycleConflictError  another intent is recorded, or another process holds the step
        └── LifecycleNotFoundError  no guest is tracked under this reference

All survive pickling with their attributes (and their cause, if one of these), print in one line, hold no secret.
"""

from __future__ import annotations

from printnow_async.errors._answers import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    CustomerNotFoundError,
    EmailInUseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnexpectedStatusError,
    UsernameInUseError,
    status_error_class,
)
from printnow_async.errors._arguments import ConfigurationError, InvalidAccountError, TablesMissingError
from printnow_async.errors._base import PrintNowError, Sent
from printnow_async.errors._guests import (
    LifecycleConflictError,
    LifecycleError,
    LifecycleNotFoundError,
    TransitionError,
)
from printnow_async.errors._requests import (
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    InvalidResponseError,
    NoResponseError,
    NotTemporaryError,
    OutcomeUnknownError,
    PacerError,
)

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "ConnectionLostError",
    "CustomerNotFoundError",
    "DeadlineExceededError",
    "EmailInUseError",
    "InvalidAccountError",
    "InvalidResponseError",
    "LifecycleConflictError",
    "LifecycleError",
    "LifecycleNotFoundError",
    "NoResponseError",
    "NotFoundError",
    "NotTemporaryError",
    "OutcomeUnknownError",
    "PacerError",
    "PermissionDeniedError",
    "PrintNowError",
    "RateLimitError",
    "Sent",
    "ServerError",
    "TablesMissingError",
    "TransitionError",
    "UnexpectedStatusError",
    "UsernameInUseError",
    "status_error_class",
]

for _name in __all__:
    globals()[_name].__module__ = __name__  # tracebacks and pickles name the place where users import it from
