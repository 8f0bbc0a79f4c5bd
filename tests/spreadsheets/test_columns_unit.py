"""Which column is which field."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from printnow_async import NewAccount
from printnow_async.errors import ConfigurationError, InvalidAccountError
from printnow_async.spreadsheets._source import CellKind
from printnow_async.spreadsheets.columns import FIELDS, Columns
from printnow_async.spreadsheets.reading import SheetRow

REQUIRED = ("Username", "Password", "Email", "First Name", "Last Name")
ALL = tuple(FIELDS.values())
JANE = ("jane", "secret", "jane@example.com", "Jane", "Smith", "Acme", "yes")


def failure(headings, renamed=None):
    with pytest.raises(ConfigurationError) as caught:
        Columns.of(headings, renamed, name="some.csv")
    return str(caught.value)


def account(**cells):
    """The account of Jane's row with other cells in some columns."""
    values = dict(zip(FIELDS, JANE, strict=True)) | cells
    return Columns.of(ALL).account(tuple(values.values()))


def problems(kinds=None, problem=None, **cells):
    values = dict(zip(FIELDS, JANE, strict=True)) | cells
    at = {list(FIELDS).index(field): kind for field, kind in (kinds or {}).items()}
    return Columns.of(ALL).problems(SheetRow(2, tuple(values.values()), problem, at))


# ---------------------------------------------------------------- headings


@given(
    order=st.permutations(ALL),
    change=st.sampled_from([str, str.upper, str.lower, str.swapcase]),
    between=st.sampled_from([" ", "_", "-", "", "  "]),
)
def test_headings_may_be_in_any_order_case_and_spelling(order, change, between):
    columns = Columns.of([change(heading).replace(" ", between) for heading in order])
    assert {field: order[at] for field, at in columns.places.items()} == FIELDS
    assert columns.unknown == ()


def test_an_email_may_be_an_e_mail():
    assert Columns.of([*REQUIRED[:2], "E-mail", *REQUIRED[3:]]).places["email"] == 2


def test_two_columns_need_not_be_there():
    columns = Columns.of(REQUIRED)
    assert set(FIELDS) - set(columns.places) == {"company", "receive_marketing_emails"}
    assert columns.account(JANE[:5]) == NewAccount(*JANE[:5])


def test_unknown_columns_are_named_and_blank_ones_are_not():
    columns = Columns.of(["Phone", *REQUIRED, "", "Notes"])
    assert columns.unknown == ("Phone", "Notes")
    assert columns.headings == ("Phone", *REQUIRED, "", "Notes")


def test_a_file_without_headings_is_named():
    assert failure([]) == "some.csv is empty: it has no heading row"


def test_every_missing_column_is_named_with_the_headings_that_are_there():
    assert failure(["Username", "E-mail", "", "Phone"]) == (
        'some.csv has no column for Password, First Name, Last Name; its headings are "Username", "E-mail", "Phone"'
    )


def test_a_row_of_data_in_the_place_of_the_headings_is_not_shown():
    message = failure(JANE)
    assert message.startswith(
        "some.csv has no column for Username, Password, Email, First Name, Last Name; its first row"
    )
    assert "secret" not in message


def test_two_columns_for_one_field_are_refused():
    assert failure([*REQUIRED, "E-mail"]) == (
        'some.csv has 2 columns for email: "Email" and "E-mail"; keep one, or say which'
    )


def test_a_field_may_be_given_another_heading():
    columns = Columns.of(["Login", *REQUIRED[1:]], {"username": "Login"})
    assert columns.places["username"] == 0
    assert columns.unknown == ()


def test_the_heading_that_is_given_comes_before_the_field_s_own():
    columns = Columns.of([*REQUIRED, "Login"], {"username": "Login"})
    assert columns.places["username"] == 5
    assert columns.unknown == ("Username",)


def test_the_heading_that_is_given_decides_between_two_columns():
    columns = Columns.of([*REQUIRED, "E-mail"], {"email": "E-mail"})
    assert columns.places["email"] == 5


def test_one_column_may_serve_two_fields():
    columns = Columns.of(REQUIRED[1:], {"username": "Email"})
    assert columns.places["username"] == columns.places["email"] == 1


def test_what_is_given_is_found_in_any_case():
    assert Columns.of(["LOGIN name", *REQUIRED[1:]], {"User Name": "login_name"}).places["username"] == 0


def test_a_field_that_does_not_exist_is_refused():
    assert failure(REQUIRED, {"phone": "Email"}).startswith('there is no field "phone": the fields are username, ')


def test_a_heading_that_does_not_exist_is_refused():
    assert failure(REQUIRED, {"username": "Login"}).startswith(
        'some.csv has no column "Login" for username; its headings'
    )


def test_a_heading_that_is_given_and_occurs_twice_is_refused():
    assert "2 columns for username" in failure([*REQUIRED, "Login", "Login"], {"username": "Login"})


# ---------------------------------------------------------------- an account of a row


def test_a_row_makes_an_account():
    assert account() == NewAccount(
        "jane", "secret", "jane@example.com", "Jane", "Smith", company="Acme", receive_marketing_emails=True
    )


def test_blanks_around_a_cell_are_left_out_but_those_of_a_password():
    spaced = {field: f" {cell}\u00a0" for field, cell in zip(FIELDS, JANE, strict=True)}
    made = account(**spaced)
    assert made.password == " secret\u00a0"
    assert made == account(password=" secret\u00a0")


@pytest.mark.parametrize("cell", ["", " "])
def test_an_empty_company_is_none(cell):
    assert account(company=cell).company is None


@pytest.mark.parametrize(
    ("cells", "flag"), [(("true", "YES", "y", "1", " Yes "), True), (("False", "no", "N", "0", "", " "), False)]
)
def test_the_opt_in_is_written_in_several_ways(cells, flag):
    assert {account(receive_marketing_emails=cell).receive_marketing_emails for cell in cells} == {flag}


@pytest.mark.parametrize("cell", ["maybe", "2", "on", "#ERROR"])
def test_any_other_opt_in_is_a_problem(cell):
    assert problems(receive_marketing_emails=cell) == (
        "receive_marketing_emails must be yes or no, true or false, 1 or 0",
    )
    with pytest.raises(ValueError, match="receive_marketing_emails"):
        account(receive_marketing_emails=cell)


def test_every_problem_of_a_row_is_told_in_the_order_of_the_fields():
    cells = {"username": "ab", "password": "short", "email": "x", "first_name": " ", "last_name": ""}
    assert problems(problem="something else", **cells) == (
        "something else",
        "username must have 3 to 50 characters, not 2",
        "password must have at least 6 characters",
        "email must have a local part and a domain, as in jane@example.com",
        "first_name must not be blank",
        "last_name must not be blank",
    )


@given(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=7) | st.just(cell) for cell in JANE]))
def test_a_row_has_problems_exactly_if_it_makes_no_account(cells):
    columns = Columns.of(ALL)
    if found := columns.problems(SheetRow(2, cells)):
        with pytest.raises(InvalidAccountError) as refused:
            columns.account(cells)
        assert [problem.split()[0] for problem in found] == list(refused.value.problems)
    else:
        columns.account(cells)


@pytest.mark.parametrize("field", ["username", "password", "email", "first_name", "last_name", "company"])
def test_what_must_be_text_is_a_problem_when_it_is_something_else(field):
    heading = FIELDS[field]
    kinds = (CellKind.NUMBER, CellKind.DATE, CellKind.FLAG, CellKind.ERROR)
    assert [problems({field: kind}, **{field: "12"}) for kind in kinds] == [
        (f"{heading} is a number in the spreadsheet, which may have lost leading zeros: format the column as text",),
        (f"{heading} is a date in the spreadsheet: format the column as text",),
        (f"{heading} is true or false in the spreadsheet: format the column as text",),
        (f"{heading} is an error in the spreadsheet: correct its formula",),
    ]


@pytest.mark.parametrize(("cell", "kind"), [("TRUE", CellKind.FLAG), ("1", CellKind.NUMBER), ("0", CellKind.NUMBER)])
def test_an_opt_in_need_not_be_text(cell, kind):
    assert problems({"receive_marketing_emails": kind}, receive_marketing_emails=cell) == ()


def test_a_column_that_is_ignored_makes_no_problem():
    columns = Columns.of([*REQUIRED, "Phone"])
    assert columns.problems(SheetRow(2, (*JANE[:5], "12"), kinds={5: CellKind.NUMBER})) == ()


def test_the_password_is_left_out_of_what_is_public():
    columns = Columns.of([*REQUIRED, "Notes"])
    assert columns.public(columns.headings) == ("Username", "Email", "First Name", "Last Name", "Notes")
    assert columns.public((*JANE[:5], "x")) == ("jane", "jane@example.com", "Jane", "Smith", "x")
