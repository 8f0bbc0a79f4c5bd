"""What the user builds and what the server describes: rules, immutability, secrecy, and the bytes on the wire."""

from __future__ import annotations

import copy
import io
import pickle
import traceback
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from rich.console import Console
from rich.traceback import Traceback

import printnow_async
from printnow_async import NOT_GIVEN, Customer, CustomerUpdate, InvalidAccountError, NewAccount
from printnow_async._http.converter import dump
from printnow_async.models import NotGiven

PACKAGE = Path(printnow_async.__file__).parent
PASSWORD = "s3cret-passphrase"
JANE = {
    "username": "janesmith",
    "password": PASSWORD,
    "email": "jane@example.com",
    "first_name": "Jane",
    "last_name": "Smith",
}
NOT_TEXT = [None, 12345678, b"janesmith", ["janesmith"], True, object()]
LONE_SURROGATE = "jane\udc80smith@example.com"


def account(**changes):
    return NewAccount(**{**JANE, **changes})


def pickled(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301 -- made in this process


def chain_of(error):
    """The error and everything that hangs on it, suppressed or not."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


# NewAccount: the rules


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "abc"),
        ("username", "x" * 50),
        ("username", "имя"),
        ("username", "a b"),
        ("password", "123456"),
        ("password", "      "),
        ("password", "x" * 1024),
        ("password", "пароль"),
        ("email", "a@b"),
        ("email", '"odd@one"@example.com'),
        ("email", "jane+tag@sub.example.com"),
        ("email", "jane@bücher.example"),
        ("first_name", "J"),
        ("first_name", " J "),
        ("last_name", "O’Brien-Ñandú"),
        ("company", None),
        ("company", ""),
        ("company", "Acme"),
        ("receive_marketing_emails", True),
        ("receive_marketing_emails", False),
    ],
)
def test_a_value_inside_the_rules_is_kept_as_it_is(field, value):
    """Nothing is trimmed, folded or cut."""
    assert getattr(account(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "ab"),
        ("username", "x" * 51),
        ("password", ""),
        ("password", "12345"),
        ("password", "x" * 1025),
        ("email", ""),
        ("email", "jane"),
        ("email", "@example.com"),
        ("email", "  @example.com"),
        ("email", "jane@"),
        ("email", "jane@ "),
        ("email", "jane@."),
        ("email", "jane@exam ple.com"),
        ("first_name", ""),
        ("first_name", " \t\n"),
        ("last_name", ""),
        ("last_name", "\u3000"),
        ("company", 5),
        ("receive_marketing_emails", None),
        ("receive_marketing_emails", 1),
        ("receive_marketing_emails", "false"),
    ],
)
def test_a_value_outside_the_rules_is_a_value_error_that_names_the_field(field, value):
    with pytest.raises(ValueError, match=rf"^{field} "):
        account(**{field: value})


@pytest.mark.parametrize("value", NOT_TEXT, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("field", JANE)
def test_a_field_that_is_not_text_is_a_value_error_that_names_the_field(field, value):
    with pytest.raises(ValueError, match=rf"^{field} must be a string, not {type(value).__name__}$"):
        account(**{field: value})


@pytest.mark.parametrize("text", [LONE_SURROGATE, "jane\0smith@example.com"], ids=["lone surrogate", "NUL"])
@pytest.mark.parametrize("field", [*JANE, "company"])
def test_text_that_cannot_be_sent_is_a_value_error_that_names_the_field(field, text):
    """A lone surrogate has no UTF-8, and a database has no NUL."""
    with pytest.raises(ValueError, match=rf"^{field} must hold neither NUL nor a lone surrogate$"):
        account(**{field: text})


def test_every_wrong_field_is_named_with_its_reason():
    with pytest.raises(InvalidAccountError) as caught:
        NewAccount("jo", "12345", "jane", " ", 5, company=b"Acme", receive_marketing_emails="on")
    assert caught.value.problems == {
        "username": "must have 3 to 50 characters, not 2",
        "password": "must have at least 6 characters",
        "email": "must have a local part and a domain, as in jane@example.com",
        "first_name": "must not be blank",
        "last_name": "must be a string, not int",
        "company": "must be a string, not bytes",
        "receive_marketing_emails": "must be True or False, not str",
    }
    assert str(caught.value) == "; ".join(f"{name} {reason}" for name, reason in caught.value.problems.items())


def test_the_problems_of_a_refused_account_survive_pickling():
    with pytest.raises(InvalidAccountError) as caught:
        account(username="jo")
    assert pickled(caught.value).problems == {"username": "must have 3 to 50 characters, not 2"}


def test_text_that_is_a_string_of_another_class_is_text():
    class Name(str):
        __slots__ = ()

    assert dump(account(first_name=Name("Jane"))) == dump(account())


def test_company_and_marketing_emails_can_be_left_out():
    made = account()
    assert (made.company, made.receive_marketing_emails) == (None, False)


def test_an_account_can_be_described_in_the_order_of_the_page():
    made = NewAccount("janesmith", PASSWORD, "jane@example.com", "Jane", "Smith", "Acme Corp", True)
    assert made == account(company="Acme Corp", receive_marketing_emails=True)


# NewAccount: out of a form

FORM = {**JANE, "company": "Acme"}


def test_a_form_makes_the_account_that_it_describes():
    assert NewAccount.from_form(FORM) == account(company="Acme")


def test_texts_of_a_form_are_stripped_but_not_the_password():
    form = {name: f" {value}\t" for name, value in FORM.items()}
    assert NewAccount.from_form(form) == account(company="Acme", password=f" {PASSWORD}\t")


@pytest.mark.parametrize("form", [JANE, {**JANE, "company": ""}, {**JANE, "company": " "}, {**JANE, "company": None}])
def test_a_blank_company_of_a_form_is_none(form):
    assert NewAccount.from_form(form).company is None


@pytest.mark.parametrize(
    ("posted", "ticked"),
    [
        *((value, True) for value in ("on", "On", "true", "TRUE", "1", " on ", True)),
        *((value, False) for value in ("", "off", "false", "0", False, None)),
    ],
)
def test_a_checkbox_is_ticked_or_not(posted, ticked):
    assert NewAccount.from_form({**JANE, "receive_marketing_emails": posted}).receive_marketing_emails is ticked


def test_a_checkbox_that_is_not_posted_is_not_ticked():
    assert NewAccount.from_form(JANE).receive_marketing_emails is False


@pytest.mark.parametrize("posted", ["maybe", 1, ["on"]])
def test_a_checkbox_that_says_something_else_is_a_problem(posted):
    """An opt-in is never guessed."""
    with pytest.raises(InvalidAccountError) as caught:
        NewAccount.from_form({**JANE, "receive_marketing_emails": posted})
    assert list(caught.value.problems) == ["receive_marketing_emails"]


def test_other_inputs_of_a_form_are_ignored():
    assert NewAccount.from_form({**JANE, "csrf_token": "x", "id": "7", "is_temporary": "true"}) == account()


@pytest.mark.parametrize("form", [{}, dict.fromkeys(JANE)], ids=["not posted", "null in JSON"])
def test_every_missing_field_of_a_form_is_named(form):
    with pytest.raises(InvalidAccountError) as caught:
        NewAccount.from_form(form)
    assert caught.value.problems == dict.fromkeys(JANE, "is missing")


def test_missing_and_wrong_fields_of_a_form_are_named_together_in_the_order_of_the_fields():
    with pytest.raises(InvalidAccountError) as caught:
        NewAccount.from_form({**JANE, "username": " jo ", "email": ["jane@example.com"], "last_name": None})
    assert list(caught.value.problems.items()) == [
        ("username", "must have 3 to 50 characters, not 2"),
        ("email", "must be a string, not list"),
        ("last_name", "is missing"),
    ]


def test_the_form_is_left_as_it_was():
    form = {**JANE, "username": " janesmith "}
    NewAccount.from_form(form)
    assert form == {**JANE, "username": " janesmith "}


# CustomerUpdate: the rules


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "123456"),
        ("first_name", "Jane"),
        ("first_name", ""),
        ("last_name", "Smith"),
        ("company", ""),
        ("receive_marketing_emails", False),
        ("tax_exempt", True),
        *((field.name, None) for field in attrs.fields(CustomerUpdate)),
    ],
)
def test_a_change_inside_the_rules_is_kept_as_it_is(field, value):
    assert getattr(CustomerUpdate(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", ""),
        ("password", "12345"),
        ("password", 12345678),
        ("password", "x" * 1025),
        ("password", "NUL\0inside"),
        ("password", LONE_SURROGATE),
        ("first_name", 1),
        ("first_name", LONE_SURROGATE),
        ("last_name", b"Smith"),
        ("company", ["Acme"]),
        ("receive_marketing_emails", 1),
        ("receive_marketing_emails", "true"),
        ("tax_exempt", 0),
        ("tax_exempt", "false"),
    ],
)
def test_a_change_outside_the_rules_is_a_value_error_that_names_the_field(field, value):
    with pytest.raises(ValueError, match=rf"^{field} "):
        CustomerUpdate(**{field: value})


def test_an_update_of_nothing_is_a_value_error_that_names_what_could_be_given():
    with pytest.raises(ValueError, match=r"at least one of password, first_name, .*tax_exempt"):
        CustomerUpdate()


def test_an_update_that_gives_nothing_by_name_is_a_value_error_too():
    with pytest.raises(ValueError, match="must change something"):
        CustomerUpdate(company=NOT_GIVEN, tax_exempt=NOT_GIVEN)


@pytest.mark.parametrize("field", ["username", "email", "is_temporary", "id"])
def test_an_update_has_no_field_that_could_convert_a_temporary_user(field):
    with pytest.raises(TypeError, match=field):
        CustomerUpdate(**{field: "x"})


def test_an_update_takes_its_fields_by_name_only():
    with pytest.raises(TypeError):
        CustomerUpdate(PASSWORD)


# Passwords


@pytest.mark.parametrize("model", [account(company="Acme"), CustomerUpdate(password=PASSWORD)])
@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>300}".format, lambda model: f"{[model]}"])
def test_a_password_is_not_shown(model, show):
    assert PASSWORD not in show(model)


def test_all_but_the_password_is_shown():
    shown = repr(account(company="Acme"))
    assert shown == (
        "NewAccount(username='janesmith', email='jane@example.com', first_name='Jane', last_name='Smith', "
        "company='Acme', receive_marketing_emails=False)"
    )


@pytest.mark.parametrize(
    "password", ["s3cr", 3141592, b"s3cret-passphrase", ["s3cret-passphrase"], "s3cret\udc80passphrase"]
)
@pytest.mark.parametrize("make", [account, CustomerUpdate])
def test_a_refused_password_is_nowhere_in_the_error(make, password):
    """Neither in its own text nor in an exception that hangs on it, which crash reporters show."""
    with pytest.raises(ValueError, match=r"^password ") as caught:
        make(password=password)
    shown = " ".join(repr(error) + str(error) for error in chain_of(caught.value))
    assert [part for part in ("s3cr", "passphrase", "3141592") if part in shown] == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: account(username="x"),
        lambda: account(email="x"),
        lambda: account(password=PASSWORD + "\0"),
        lambda: account(password=PASSWORD.encode()),
        lambda: account(password=[PASSWORD]),
        lambda: NewAccount.from_form({**JANE, "username": "x"}),
        lambda: NewAccount.from_form({"password": PASSWORD}),
        lambda: NewAccount.from_form({**JANE, "password": [PASSWORD]}),
        lambda: CustomerUpdate(password=PASSWORD, tax_exempt=1),
        lambda: CustomerUpdate(password=PASSWORD.encode()),
    ],
)
def test_a_password_is_in_no_local_variable_of_a_refused_object(make):
    """Crash reporters show the local variables of every frame, as `repr` or field by field."""
    with pytest.raises(ValueError, match=r"must|missing") as caught:
        make()
    error = caught.value
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    assert ours
    assert [(frame.name, frame.locals) for frame in ours if PASSWORD in str(frame.locals)] == []
    console = Console(file=io.StringIO(), width=200)
    begin = error.__traceback__
    while not Path(begin.tb_frame.f_code.co_filename).is_relative_to(PACKAGE):
        begin = begin.tb_next  # the test's own frame may hold the password
    console.print(Traceback.from_exception(type(error), error, begin, show_locals=True, locals_max_string=10_000))
    assert "problems" in console.file.getvalue()
    assert PASSWORD not in console.file.getvalue()


@pytest.mark.parametrize("model", [NewAccount, CustomerUpdate])
def test_an_object_that_is_only_half_made_can_be_shown(model):
    """A crash reporter may meet one in a local variable."""
    half = model.__new__(model)
    assert repr(half) == f"{model.__name__}()"
    object.__setattr__(half, "password", PASSWORD)
    object.__setattr__(half, "company", "Acme")
    assert repr(half) == f"{model.__name__}(company='Acme')"


# NOT_GIVEN


def test_not_given_is_one_thing_in_every_copy():
    assert pickled(NOT_GIVEN) is NOT_GIVEN
    assert copy.deepcopy(NOT_GIVEN) is NOT_GIVEN
    assert isinstance(NOT_GIVEN, NotGiven)


def test_not_given_is_false_and_shows_its_name():
    assert not NOT_GIVEN
    assert repr(NOT_GIVEN) == "NOT_GIVEN"


def test_what_is_not_given_stays_so():
    update = CustomerUpdate(company="Acme")
    given = {name for name, value in attrs.asdict(update).items() if value is not NOT_GIVEN}
    assert given == {"company"}


# Values that do not change

VALUES = [
    account(company="Acme"),
    CustomerUpdate(password=PASSWORD, company=None),
    Customer(id=7, user_groups=("VIP",), created_on=datetime(2026, 1, 15, tzinfo=UTC), extra={"a": [1]}),
]
by_class = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


@by_class
def test_a_model_cannot_be_changed(value):
    field = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, field, "changed")


@by_class
def test_a_model_has_slots_and_no_dictionary(value):
    assert not hasattr(value, "__dict__")
    with pytest.raises(AttributeError):
        value.nickname = "J"


@by_class
@pytest.mark.parametrize("how", [pickled, copy.copy, copy.deepcopy, attrs.evolve])
def test_a_copy_of_a_model_is_equal_to_it(value, how):
    copied = how(value)
    assert type(copied) is type(value)
    assert copied == value


@by_class
def test_every_field_of_a_model_is_described(value):
    """A docstring stands under each field, in the source."""
    import ast
    import inspect

    (tree,) = ast.parse(inspect.getsource(type(value))).body
    described = {
        field.target.id
        for field, after in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr)
    }
    assert described == {field.name for field in attrs.fields(type(value))}


def test_an_account_can_be_changed_by_making_another():
    """`attrs.evolve` checks the new one."""
    assert attrs.evolve(account(), username="other").username == "other"
    with pytest.raises(ValueError, match=r"^username "):
        attrs.evolve(account(), username="x")


# Customer


def test_a_customer_needs_nothing_but_an_id():
    customer = Customer(id=7)
    others = {field.name for field in attrs.fields(Customer)} - {"id", "user_groups", "extra"}
    assert {getattr(customer, name) for name in others} == {None}
    assert (customer.user_groups, dict(customer.extra)) == ((), {})


def test_customers_are_equal_when_all_they_hold_is():
    assert Customer(id=7, extra={"a": [1]}) == Customer(id=7, extra={"a": [1]})
    assert Customer(id=7) != Customer(id=8)
    assert Customer(id=7, extra={"a": 1}) != Customer(id=7, extra={"a": 2})
    assert Customer(id=7) != (7,)


def test_equal_customers_have_equal_hashes_and_extra_fields_do_not_prevent_it():
    """Extra fields may be lists, which have no hash."""
    one, other = Customer(id=7, extra={"a": [1]}), Customer(id=7, extra={"a": [1]})
    assert hash(one) == hash(other)
    assert len({one, other, Customer(id=7)}) == 2


def test_extra_fields_are_shown_by_name_only():
    """The server's unknown fields may hold anything."""
    shown = repr(Customer(id=7, extra={"pin": "1234567", "card": {"number": "4111"}}))
    assert "extra=['card', 'pin']" in shown
    assert "1234567" not in shown
    assert "4111" not in shown


def test_customers_do_not_share_their_extra_fields():
    assert Customer(id=1).extra is not Customer(id=2).extra


# On the wire


def test_what_is_sent_of_a_create():
    """Byte for byte: no company when none is given, and the marketing opt-in always."""
    assert dump(account(), storefront_id=1) == (
        b'{"storefront_id":1,"username":"janesmith","password":"s3cret-passphrase","email":"jane@example.com",'
        b'"first_name":"Jane","last_name":"Smith","receive_marketing_emails":false}'
    )


def test_what_is_sent_of_a_convert():
    """The same account, and that it is no longer temporary."""
    assert dump(account(company="Acme Corp", receive_marketing_emails=True), is_temporary=False) == (
        b'{"is_temporary":false,"username":"janesmith","password":"s3cret-passphrase",'
        b'"email":"jane@example.com","first_name":"Jane","last_name":"Smith","receive_marketing_emails":true,'
        b'"company":"Acme Corp"}'
    )


def test_an_empty_company_is_given():
    assert b'"company":""' in dump(account(company=""))


def test_what_is_sent_of_an_update_is_what_is_given():
    """In the order of the page, whatever the order of the arguments."""
    assert dump(CustomerUpdate(tax_exempt=True, company="Acme")) == b'{"company":"Acme","tax_exempt":true}'


def test_none_is_sent_as_null():
    names = [field.name for field in attrs.fields(CustomerUpdate)]
    nulls = ",".join(f'"{name}":null' for name in names)
    assert dump(CustomerUpdate(**dict.fromkeys(names))) == f"{{{nulls}}}".encode()


def test_false_and_empty_values_of_an_update_are_sent():
    assert dump(CustomerUpdate(company="", receive_marketing_emails=False)) == (
        b'{"company":"","receive_marketing_emails":false}'
    )
