"""Models and errors: copies are equal, passwords are never shown, errors say one line and survive pickling."""

from __future__ import annotations

import copy
import pickle

import attrs
from hypothesis import assume, given, strategies as st

from printnow_async import CustomerUpdate, NewAccount, errors
from printnow_async.errors import InvalidAccountError, PrintNowError, Sent
from tests.support.strategies import accounts, customers, json_fields, updates

values = accounts | updates | customers().map(lambda pair: pair[1])

error_classes = st.sampled_from(
    [
        value
        for name in errors.__all__
        if isinstance(value := getattr(errors, name), type) and issubclass(value, PrintNowError)
    ]
)


@given(values)
def test_every_copy_of_a_model_is_equal_to_it(value):
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == attrs.evolve(value) == value  # noqa: S301


@given(accounts | updates)
def test_a_password_is_never_shown(model):
    """Unless it is part of what may be shown."""
    password = model.password
    assume(isinstance(password, str))
    shown = [getattr(model, field.name) for field in attrs.fields(type(model)) if field.name != "password"]
    names = " ".join(field.name for field in attrs.fields(type(model)))
    assume(repr(password)[1:-1] not in f"{type(model).__name__}{names}{shown!r}NOT_GIVEN=(), ")
    assert repr(password)[1:-1] not in repr(model)


@given(st.dictionaries(st.sampled_from([field.name for field in attrs.fields(NewAccount)]), json_fields))
def test_any_values_make_an_account_or_a_value_error(given_):
    arguments = {
        "username": "janesmith",
        "password": "s3cret-passphrase",
        "email": "jane@example.com",
        "first_name": "Jane",
        "last_name": "Smith",
        **given_,
    }
    try:
        account = NewAccount(**arguments)
    except InvalidAccountError as error:
        assert set(error.problems) <= set(given_)  # noqa: PT017 -- either outcome is right
    else:
        assert {name: getattr(account, name) for name in given_} == given_


@given(st.dictionaries(st.sampled_from([field.name for field in attrs.fields(NewAccount)]) | st.text(), json_fields))
def test_any_form_makes_an_account_or_names_what_is_wrong(form):
    try:
        account = NewAccount.from_form(form)
    except InvalidAccountError as error:
        assert error.problems  # noqa: PT017 -- either outcome is right
        assert set(error.problems) <= {field.name for field in attrs.fields(NewAccount)}  # noqa: PT017
    else:
        assert NewAccount.from_form(attrs.asdict(account)) == account


@given(accounts)
def test_a_form_of_an_accounts_own_fields_is_that_account_without_blanks_around_texts(account):
    fields = attrs.asdict(account)
    stripped = {
        name: value.strip() if isinstance(value, str) and name != "password" else value
        for name, value in fields.items()
    }
    assume(len(stripped["username"]) >= 3)
    assert NewAccount.from_form(fields) == NewAccount(**{**stripped, "company": stripped["company"] or None})


@given(
    st.dictionaries(st.sampled_from([field.name for field in attrs.fields(CustomerUpdate)]), json_fields, min_size=1)
)
def test_any_values_make_an_update_or_a_value_error(given_):
    try:
        update = CustomerUpdate(**given_)
    except ValueError as error:
        assert str(error).partition(" ")[0] in given_  # noqa: PT017 -- either outcome is right
    else:
        assert {name: getattr(update, name) for name in given_} == given_


@given(error_classes, st.text())
def test_any_message_makes_an_error_of_one_line_that_survives_pickling(cls, message):
    error = cls(message)
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert str(error).isprintable()
    assert (type(copied), str(copied), vars(copied)) == (cls, str(error), vars(error))


@given(
    st.text(),
    st.tuples(st.text(), st.text()),
    st.integers(),
    st.floats(),
    st.sampled_from(Sent),
)
def test_whatever_an_error_knows_of_its_request_it_says_in_one_line(text, evidence, attempts, elapsed, sent):
    request = {"method": text, "path": text, "attempts": attempts, "elapsed": elapsed, "request_id": text}
    lost = errors.ConnectionLostError(text, sent=sent, **request)
    unknown = errors.OutcomeUnknownError(text, operation=text, evidence=evidence, **request)
    refused = errors.RateLimitError(text, status=attempts, retry_after=elapsed, **request)
    for error in (lost, unknown, refused):
        assert str(error).isprintable()
        assert len(str(error)) <= 800
