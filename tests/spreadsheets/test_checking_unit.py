"""Every row against the rules, and against the rows before it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from printnow_async import NewAccount
from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets import _duplicates
from printnow_async.spreadsheets._duplicates import Duplicates
from printnow_async.spreadsheets.checking import check
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.reading import open_spreadsheet
from tests.support.workbooks import Error, sheet, workbook

HEADINGS = ("Username", "Password", "Email", "First Name", "Last Name")
EXAMPLES = Path(__file__).parents[2] / "examples"


def row(username="jane", email=None, password="secret1", first="Jane", last="Smith"):
    return (username, password, email or f"{username}@example.com", first, last)


def checked(*rows, headings=HEADINGS):
    text = io.StringIO()
    csv.writer(text).writerows([headings, *rows])
    spreadsheet = open_spreadsheet(io.BytesIO(text.getvalue().encode()))
    return check(spreadsheet, Columns.of(spreadsheet.headings))


def problems(*rows):
    """What is wrong with each row that has a problem, by its number."""
    return {bad.number: bad.problems for bad in checked(*rows).problems()}


# ---------------------------------------------------------------- counts and rows


def test_rows_in_order_are_counted_and_make_accounts():
    found = checked(row("jane"), row("john"))
    assert (found.total, found.valid, found.invalid) == (2, 2, 0)
    assert repr(found) == "Checked(total=2, valid=2, invalid=0)"
    assert list(found.problems()) == []
    assert [each.account() for each in found.rows()] == [
        NewAccount("jane", "secret1", "jane@example.com", "Jane", "Smith"),
        NewAccount("john", "secret1", "john@example.com", "Jane", "Smith"),
    ]


def test_all_rows_come_in_the_order_of_the_file_the_bad_ones_too():
    found = checked(row("jane"), (), row("jo"), row("Jane", "other@example.com"), row("john"))
    assert (found.total, found.valid, found.invalid) == (4, 2, 2)
    seen = [(each.number, each.username, each.problems) for each in found.rows()]
    assert seen == [
        (2, "jane", ()),
        (4, "jo", ("username must have 3 to 50 characters, not 2",)),
        (5, "Jane", ("username is the same as in row 2",)),
        (6, "john", ()),
    ]
    assert seen == [(each.number, each.username, each.problems) for each in found.rows()]


def test_a_row_knows_its_cells_and_which_of_them_are_public():
    (each,) = checked((*row(" jane ", " j@example.com "), "x"), headings=(*HEADINGS, "Notes")).rows()
    assert each.cells == (" jane ", "secret1", " j@example.com ", "Jane", "Smith", "x")
    assert each.public_cells == (" jane ", " j@example.com ", "Jane", "Smith", "x")
    assert (each.username, each.email) == ("jane", "j@example.com")


def test_a_row_shows_nothing_secret():
    each, bad = checked(row("jane", password="hidden"), row("john", password="hid")).rows()
    assert repr(each) == "CheckedRow(number=2, problems=())"
    assert repr(bad) == "CheckedRow(number=3, problems=('password must have at least 6 characters',))"


def test_a_row_with_a_problem_makes_no_account():
    (bad,) = checked(row("jane", password="hid", last="")).rows()
    with pytest.raises(ValueError, match=r"^row 2: password must .* characters; last_name must not be blank$"):
        bad.account()


def test_a_repeated_row_makes_no_account_though_its_cells_are_in_order():
    _, bad = checked(row("jane"), row("jane")).rows()
    with pytest.raises(ValueError, match=r"^row 3: username is the same as in row 2; email is the same as in row 2$"):
        bad.account()


def test_no_rows_are_refused():
    with pytest.raises(ConfigurationError, match=r"^the spreadsheet has 0 rows below its headings$"):
        checked()


def test_a_row_that_cannot_be_read_ends_the_check():
    content = ",".join(HEADINGS).encode() + b"\njane,secret1,j@example.com,Jane,\xe9\n"
    with open_spreadsheet(io.BytesIO(content)) as spreadsheet:
        with pytest.raises(ConfigurationError, match="row 2 is not UTF-8"):
            check(spreadsheet, Columns.of(spreadsheet.headings))


def test_a_file_that_was_changed_since_is_refused(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("\n".join(map(",".join, [HEADINGS, row()])), encoding="utf-8")
    with open_spreadsheet(path) as spreadsheet:
        found = check(spreadsheet, Columns.of(spreadsheet.headings))
        path.write_text("\n".join(map(",".join, [HEADINGS, row("john2")])), encoding="utf-8")
        with pytest.raises(ConfigurationError, match="was changed"):
            next(found.rows())


def test_cells_of_a_workbook_that_are_no_text_are_problems():
    content = workbook(
        sheet(
            [
                [*HEADINGS, "Company", "Receive Marketing Emails", "Phone"],
                [*row("jane"), None, True, 12],
                [*row("john"), 360, None, Error()],
                ["jim", 123456, "jim@example.com", "Jim", Error()],
                [*row("jack"), None, Error()],
            ]
        )
    )
    with open_spreadsheet(io.BytesIO(content)) as spreadsheet:
        found = check(spreadsheet, Columns.of(spreadsheet.headings))
    assert (found.valid, found.invalid) == (1, 3)
    number = "is a number in the spreadsheet, which may have lost leading zeros: format the column as text"
    assert {bad.number: bad.problems for bad in found.problems()} == {
        3: (f"Company {number}",),
        4: (f"Password {number}", "Last Name is an error in the spreadsheet: correct its formula"),
        5: ("receive_marketing_emails must be yes or no, true or false, 1 or 0",),
    }


def test_a_row_of_more_cells_than_headings_is_bad_and_says_so_first():
    assert problems((*row("jane", password="hid"), "x")) == {
        2: ("there is something beyond the last heading (column 5)", "password must have at least 6 characters")
    }


# ---------------------------------------------------------------- duplicates


def test_a_username_in_another_case_is_the_same():
    assert problems(row("straße", "a@example.com"), row("STRASSE", "b@example.com")) == {
        3: ("username is the same as in row 2",)
    }


def test_an_email_in_another_case_is_the_same():
    assert problems(row("jane", "j@example.com"), row("john", "J@EXAMPLE.COM")) == {
        3: ("email is the same as in row 2",)
    }


def test_a_username_is_never_the_same_as_an_email():
    assert problems(row("a@example.com", "b@example.com"), row("john", "a@example.com")) == {}


def test_blanks_around_make_no_difference():
    assert problems(row("jane", "a@example.com"), row(" jane ", "b@example.com")) == {
        3: ("username is the same as in row 2",)
    }


def test_each_repeat_names_the_first_row_in_order():
    rows = [row("jane", password="hid"), row("jane"), row("jane", "b@example.com"), row("x12", "B@example.com")]
    assert problems(*rows) == {
        2: ("password must have at least 6 characters",),
        4: ("username is the same as in row 3",),
        5: ("email is the same as in row 4",),
    }


def test_a_bad_row_that_repeats_another_has_both_problems():
    assert problems(row("jane"), row("jane", "b@example.com", last="")) == {
        3: ("last_name must not be blank", "username is the same as in row 2")
    }


names = st.sampled_from(["ann", "Ann", "bob", "BOB", "cyd", "dan", "x", ""])


@given(st.lists(st.tuples(names, names, st.booleans()), min_size=1, max_size=30))
def test_repeats_are_those_that_a_look_at_all_rows_finds(people):
    rows = [row(name, f"{mail}@example.com", password="secret1" if good else "bad") for name, mail, good in people]
    expected, seen = {}, {}
    for number, (name, mail, good) in enumerate(people, 2):
        keys = ("username", name.lower()), ("email", mail.lower())
        found = [f"{field} is the same as in row {seen[field, text]}" for field, text in keys if (field, text) in seen]
        if found:
            expected[number] = found
        if good and len(name) >= 3 and mail:
            for key in keys:
                seen.setdefault(key, number)
    found = {
        number: [text for text in texts if "same as" in text]
        for number, texts in problems(*rows).items()
        if any("same as" in text for text in texts)
    }
    assert found == expected


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=200))
def test_what_went_to_the_disk_is_found_as_well(people):
    with pytest.MonkeyPatch.context() as patch, Duplicates() as duplicates:
        patch.setattr(_duplicates, "SPILL", 48)
        for number, (name, mail) in enumerate(people):
            duplicates.add(number, str(name), str(mail), in_order=True)
        found = list(duplicates.repeats())
    expected = []
    for number, person in enumerate(people):
        for at, field in enumerate(("username", "email")):
            earlier = [each for each, other in enumerate(people[:number]) if other[at] == person[at]]
            expected += [(number, field, earlier[0])] if earlier else []
    assert found == expected


def test_nothing_readable_goes_to_the_disk(monkeypatch, tmp_path):
    files = []

    def named(**options):
        files.append(tempfile.NamedTemporaryFile(dir=tmp_path, delete=False, **options))  # noqa: SIM115 -- as the real one
        return files[-1]

    monkeypatch.setattr(_duplicates, "SPILL", 1)
    monkeypatch.setattr(_duplicates.tempfile, "TemporaryFile", named)
    checked(*[row(f"jane{at}", password=f"hidden{at}") for at in range(100)])
    written = b"".join(Path(file.name).read_bytes() for file in files)
    assert len(written) == 200 * 24
    assert b"jane" not in written
    assert b"hidden" not in written
    assert all(file.closed for file in files)


def test_the_digests_of_two_runs_differ():
    def partitions():
        with Duplicates() as duplicates:
            duplicates.add(2, "jane", "jane@example.com", in_order=True)
            return b"".join(duplicates._partitions)

    assert partitions() != partitions()


# ---------------------------------------------------------------- memory

PEAK = """
import sys, tracemalloc
from printnow_async.spreadsheets import _duplicates
from printnow_async.spreadsheets.checking import check
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.reading import open_spreadsheet
_duplicates.SPILL = 1024  # so that what waits to go to the disk is full early
tracemalloc.start()
with open_spreadsheet(sys.argv[1]) as spreadsheet:
    checked = check(spreadsheet, Columns.of(spreadsheet.headings))
    rows = sum(1 for row in checked.rows() if row.username)
print(checked.valid, rows, tracemalloc.get_traced_memory()[1])
"""


def peak(path, rows):
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(HEADINGS) + "\n")
        file.writelines(f"user{at},password{at},user{at}@example.com,Jane,Smith\n" for at in range(rows))
    run = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    valid, seen, used = map(int, run.stdout.split())
    assert valid == seen == rows
    return used


@pytest.mark.heavy(9)
@pytest.mark.once
def test_ten_times_the_rows_take_no_more_memory(tmp_path):
    few, many = peak(tmp_path / "few.csv", 10_000), peak(tmp_path / "many.csv", 100_000)
    assert many < few + 1_000_000


# ---------------------------------------------------------------- the examples


@pytest.mark.parametrize("name", ["customers.csv", "customers.xlsx"])
def test_the_example_has_six_bad_rows(name):
    with open_spreadsheet(EXAMPLES / name) as spreadsheet:
        found = check(spreadsheet, Columns.of(spreadsheet.headings))
        assert (found.total, found.valid, found.columns.unknown) == (300, 294, ())
        reasons = [reason.split(" must")[0].split(" is the")[0] for bad in found.problems() for reason in bad.problems]
        assert sorted(reasons) == ["email", "email", "last_name", "password", "username", "username"]
        domains = {each.email.rpartition("@")[2] for each in found.rows() if "@" in each.email}
        assert domains == {"example.com", "example.net"}


def test_the_examples_have_the_same_content():
    def rows(name):
        with open_spreadsheet(EXAMPLES / name) as spreadsheet:
            return spreadsheet.headings, list(spreadsheet.rows())

    assert rows("customers.csv") == rows("customers.xlsx")
