"""The error tree: its shape, what each error says, and that it survives pickling."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from printnow_async import errors
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
    InvalidResponseError,
    LifecycleConflictError,
    LifecycleError,
    LifecycleNotFoundError,
    NoResponseError,
    NotFoundError,
    NotTemporaryError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PrintNowError,
    RateLimitError,
    Sent,
    ServerError,
    TransitionError,
    UnexpectedStatusError,
    UsernameInUseError,
    status_error_class,
)
from printnow_async.errors._base import one_line

TREE = {
    "PrintNowError": None,
    "ConfigurationError": "PrintNowError",
    "TablesMissingError": "ConfigurationError",
    "InvalidAccountError": "PrintNowError",
    "APIError": "PrintNowError",
    "BadRequestError": "APIError",
    "UsernameInUseError": "BadRequestError",
    "EmailInUseError": "BadRequestError",
    "AuthenticationError": "APIError",
    "PermissionDeniedError": "APIError",
    "NotFoundError": "APIError",
    "CustomerNotFoundError": "NotFoundError",
    "ConflictError": "APIError",
    "RateLimitError": "APIError",
    "ServerError": "APIError",
    "UnexpectedStatusError": "APIError",
    "NoResponseError": "PrintNowError",
    "ConnectError": "NoResponseError",
    "DeadlineExceededError": "NoResponseError",
    "ConnectionLostError": "NoResponseError",
    "OutcomeUnknownError": "PrintNowError",
    "InvalidResponseError": "PrintNowError",
    "NotTemporaryError": "PrintNowError",
    "PacerError": "PrintNowError",
    "LifecycleError": "PrintNowError",
    "TransitionError": "LifecycleError",
    "LifecycleConflictError": "LifecycleError",
    "LifecycleNotFoundError": "LifecycleError",
}
"""Each error with its parent, as promised to users."""

REQUEST = {
    "method": "PATCH",
    "path": "/api/v2/customer/7",
    "attempts": 3,
    "elapsed": 1.25,
    "request_id": "r-1",
}
ANSWER = {**REQUEST, "status": 503, "body": b"\xff\x00gone", "retry_after": 1.5}
ATTRIBUTES = {
    APIError: ANSWER,
    NoResponseError: {**REQUEST, "sent": Sent.NEVER},
    OutcomeUnknownError: {**REQUEST, "operation": "customers.update", "evidence": ("attempt 1: 503", "no")},
    InvalidResponseError: {
        "path": "$.id",
        "status": 201,
        "operation": "customers.create",
        "request_id": "r-1",
    },
    NotTemporaryError: {"customer_id": 7},
    LifecycleError: {"reference": "cart-7f3a"},
}
"""What each error knows besides its message, with a value that is not the default."""

CLASSES = [getattr(errors, name) for name in TREE]

HOSTILE = {
    "newlines": "one\ntwo\r\nthree\rfour",
    "NUL": "one\0two",
    "escapes": "\x1b[31mred\x1b[0m\x07\x08",
    "separators": "one\u2028two\u2029three\x85four\x0bfive\x0csix",
    "direction": "one\u202eowt\u2066",
    "surrogates": "one\ud800two\udfff",
    "10 MB": "x" * 10_000_000,
    "10 MB of lines": "ab\n" * 3_333_334,
    "10 MB of nothing": "\0" * 10_000_000,
}


def attributes_of(cls):
    return next((ATTRIBUTES[parent] for parent in cls.__mro__ if parent in ATTRIBUTES), {})


def example(cls, message="it went wrong"):
    return cls(message, **attributes_of(cls))


def pickled(error):
    return pickle.loads(pickle.dumps(error))  # noqa: S301 -- made in this process


def drawn_tree():
    """Read the tree that the module's docstring draws: each class with its parent."""
    tree, above = {}, []
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ((?:[│ ]   )*(?:[├└]── )?)(\w+Error)\b", line)
        if found:
            depth = len(found.group(1)) // 4
            above[depth:] = [found.group(2)]
            tree[found.group(2)] = above[depth - 1] if depth else None
    return tree


def public_errors():
    return {
        name: value
        for name, value in vars(errors).items()
        if not name.startswith("_") and inspect.isclass(value) and issubclass(value, BaseException)
    }


def public_parent(cls):
    """The nearest base class that users can name."""
    return next((base.__name__ for base in cls.__mro__[1:] if base.__name__ in TREE), None)


# The tree


def test_the_tree_that_is_drawn_is_the_one_that_is_promised():
    """The module's docstring shows each class under its parent."""
    assert drawn_tree() == TREE


def test_the_tree_that_is_built_is_the_one_that_is_promised():
    """Each class has the parent that is drawn, whatever private ones stand between."""
    assert {name: public_parent(cls) for name, cls in public_errors().items()} == TREE


def test_every_error_is_exported():
    """From the module, and from the package itself."""
    import printnow_async

    assert set(TREE) <= set(errors.__all__)
    assert set(TREE) <= set(printnow_async.__all__)


def test_every_error_has_a_docstring_of_its_own():
    assert [cls for cls in CLASSES if not cls.__dict__.get("__doc__")] == []


def test_a_configuration_error_is_a_value_error():
    assert issubclass(ConfigurationError, ValueError)


def test_no_error_is_one_of_the_network_errors_of_python():
    """`except OSError` or `except TimeoutError` around a call catches nothing of ours by accident."""
    assert [cls for cls in CLASSES if issubclass(cls, OSError | TimeoutError | RuntimeError)] == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_needs_no_more_than_a_message(cls):
    """So that tests of users' code can raise one."""
    assert cls("it went wrong").message == "it went wrong"


# From status to class


def test_every_status_has_the_class_that_is_documented():
    """400, 401, 403, 404, 409 and 429 have their own, 5xx is one, and the rest is unexpected."""
    named = {
        400: BadRequestError,
        401: AuthenticationError,
        403: PermissionDeniedError,
        404: NotFoundError,
        409: ConflictError,
        429: RateLimitError,
    }
    expected = {
        status: ServerError if status >= 500 else named.get(status, UnexpectedStatusError) for status in range(100, 600)
    }
    assert {status: status_error_class(status) for status in range(100, 600)} == expected


@pytest.mark.parametrize("status", [0, 99, 600, 999])
def test_a_status_that_http_does_not_have_is_unexpected(status):
    assert status_error_class(status) is UnexpectedStatusError


# Attributes and text


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_has_the_attributes_it_was_made_with(cls):
    error = example(cls)
    assert {name: getattr(error, name) for name in attributes_of(cls)} == attributes_of(cls)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_has_its_message_as_its_only_argument(cls):
    """The message is text, and never a tuple of things."""
    error = example(cls)
    assert error.args == ("it went wrong",)
    assert "it went wrong" in str(error)


def test_an_api_error_says_status_request_attempts_and_time():
    assert str(example(ServerError)) == (
        "it went wrong [status 503, PATCH /api/v2/customer/7, 3 attempts, 1.25 s, request r-1, retry after 1.5 s]"
    )


def test_an_api_error_of_one_attempt_says_no_more_than_it_knows():
    error = CustomerNotFoundError("Customer not found.", status=404, method="GET", path="/x")
    assert str(error) == "Customer not found. [status 404, GET /x, 0.00 s]"


def test_an_error_without_an_answer_says_whether_it_was_sent():
    assert "[sent: never, PATCH /api/v2/customer/7, " in str(example(ConnectError))
    assert "[sent: maybe, " in str(ConnectionLostError("cut off"))


def test_an_unknown_outcome_says_what_is_known_of_each_attempt():
    assert str(example(OutcomeUnknownError)).endswith("request r-1] attempt 1: 503; no")


def test_an_invalid_response_begins_with_the_field():
    assert str(example(InvalidResponseError)) == "$.id: it went wrong [customers.create, status 201, request r-1]"


def test_a_request_is_taken_as_sent_unless_it_is_said_otherwise():
    """No evidence is no proof."""
    assert DeadlineExceededError("too late").sent is Sent.MAYBE


def test_sent_is_text_too():
    """So that it can be logged and compared as a string."""
    assert (Sent.NEVER, Sent.MAYBE) == ("never", "maybe")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_prints_in_one_bounded_line_whatever_it_holds(cls, hostile):
    """In its message and in every other text it has."""
    text = HOSTILE[hostile]
    attributes = {
        name: text if isinstance(value, str) and not isinstance(value, Sent) else value
        for name, value in attributes_of(cls).items()
    }
    if "evidence" in attributes:
        attributes["evidence"] = (text, text)
    line = str(cls(text, **attributes))
    assert line.isprintable()
    assert len(line) <= 800


def test_one_line_keeps_words_apart_and_nothing_else():
    assert one_line("  two\r\n\t words\x00and\u2028more  ") == "two words and more"


def test_one_line_shows_where_it_was_cut():
    assert one_line("x" * 201) == "x" * 199 + "…"
    assert one_line("x" * 200) == "x" * 200


# Pickling and copying


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_survives_pickling_with_all_it_knows(cls, protocol):
    error = example(cls)
    copied = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 -- made in this process
    assert type(copied) is cls
    assert (copied.args, vars(copied), str(copied)) == (error.args, vars(error), str(error))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_survives_pickling_with_its_cause(cls):
    """And with the cause of the cause."""
    error, cause = example(cls), example(ServerError, "the cause")
    error.__cause__ = cause
    cause.__cause__ = example(ConnectError, "the first cause")
    copied = pickled(error)
    assert (type(copied.__cause__), vars(copied.__cause__)) == (ServerError, vars(cause))
    assert str(copied.__cause__.__cause__) == str(cause.__cause__)


def test_a_cause_that_is_not_ours_is_left_behind():
    """It may not be picklable, and may hold what must not be stored."""

    class OfSomeoneElse(Exception):
        def __reduce__(self):
            raise TypeError("not to be pickled")

    error = example(ServerError)
    error.__cause__ = OfSomeoneElse()
    assert pickled(error).__cause__ is None


def test_notes_survive_pickling():
    error = example(ServerError)
    error.add_note("row 7 of customers.xlsx")
    assert pickled(error).__notes__ == ["row 7 of customers.xlsx"]


def test_a_group_of_errors_survives_pickling():
    """As `BulkReport.raise_for_failures` raises them."""
    group = ExceptionGroup("2 failed", [example(ServerError), example(ConnectError)])
    assert [str(error) for error in pickled(group).exceptions] == [str(error) for error in group.exceptions]


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_can_be_copied(cls, how):
    error = example(cls)
    copied = how(error)
    assert (type(copied), vars(copied), str(copied)) == (cls, vars(error), str(error))


def test_an_error_can_be_raised_again_after_pickling():
    with pytest.raises(UsernameInUseError) as caught:
        raise pickled(example(UsernameInUseError))
    assert caught.value.status == 503


def test_a_subclass_of_a_users_own_survives_pickling():
    assert type(pickled(OfAUser("mine", shop="north"))) is OfAUser
    assert pickled(OfAUser("mine", shop="north")).shop == "north"


class OfAUser(TransitionError):
    """An error that a user derives, with a constructor of its own."""

    def __init__(self, message, *, shop):
        super().__init__(message, reference="cart-1")
        self.shop = shop


@pytest.mark.parametrize(
    ("cls", "parents"),
    [
        (UsernameInUseError, (BadRequestError, APIError, PrintNowError)),
        (EmailInUseError, (BadRequestError, APIError, PrintNowError)),
        (LifecycleConflictError, (LifecycleError, PrintNowError)),
        (LifecycleNotFoundError, (LifecycleError, PrintNowError)),
    ],
)
def test_a_handler_for_a_parent_catches_the_child(cls, parents):
    for parent in parents:
        with pytest.raises(parent):
            raise example(cls)
