"""A spreadsheet as rows of text."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.reading import open_spreadsheet
from tests.support.workbooks import Error, Formula, sheet, workbook

HEADINGS = "Username,Password"


def read(content):
    """Headings, and (number, cells, problem) of each row."""
    if isinstance(content, str):
        content = content.encode()
    with open_spreadsheet(io.BytesIO(content)) as spreadsheet:
        return spreadsheet.headings, [(row.number, row.cells, row.problem) for row in spreadsheet.rows()]


def cells_of(content):
    return [cells for _, cells, _ in read(content)[1]]


def failure(content):
    with pytest.raises(ConfigurationError) as caught:
        read(content)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


# ---------------------------------------------------------------- text


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8) | st.sampled_from(
    ['"', ",", ";", "\t", "a\nb", '""', "é;,", "'"]
)


@st.composite
def tables(draw):
    width = draw(st.integers(2, 4))
    row = st.lists(texts, min_size=width, max_size=width)
    headings = draw(
        st.lists(
            st.from_regex(r"[A-Za-z]([A-Za-z ,;\n\"]{0,3}[A-Za-z])?", fullmatch=True), min_size=width, max_size=width
        )
    )
    return [headings, *draw(st.lists(row, max_size=5))]


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_what_a_writer_of_csv_writes_reads_back_the_same(table, delimiter, end, quoting, encoding):
    if quoting == csv.QUOTE_MINIMAL:  # another delimiter without quotes around it is one
        table[0] = [heading.translate(dict.fromkeys(map(ord, ",;\t"), "x")) for heading in table[0]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    headings, rows = read(text.getvalue().encode(encoding))
    assert headings == tuple(table[0])
    expected = [(at, tuple(row), None) for at, row in enumerate(table[1:], 2) if "".join(row).strip()]
    assert rows == expected


def test_rows_are_numbered_as_a_spreadsheet_program_shows_them():
    content = f'\n \n{HEADINGS}\n\njane,"a\nb\n\nc"\n,\n" "\njohn,x\n'
    assert read(content) == (("Username", "Password"), [(5, ("jane", "a\nb\n\nc"), None), (8, ("john", "x"), None)])


def test_the_rows_start_anew_on_each_call_and_side_by_side():
    content = io.BytesIO(f"{HEADINGS}\na,b\nc,d\n".encode())
    with open_spreadsheet(content) as spreadsheet:
        one, two = spreadsheet.rows(), spreadsheet.rows()
        assert [next(one).number, next(two).number, next(two).number, next(one).number] == [2, 2, 3, 3]


def test_a_short_row_is_filled_up_and_a_long_one_has_a_problem():
    assert read(f"{HEADINGS},\njane\njohn,x,,\njim,x,,y\n")[1] == [
        (2, ("jane", ""), None),
        (3, ("john", "x"), None),
        (4, ("jim", "x"), "there is something beyond the last heading (column 2)"),
    ]


def test_headings_are_stripped():
    assert read(" Username ,\tPassword,,\n")[0] == ("Username", "Password")


def test_a_delimiter_in_a_quoted_heading_does_not_count():
    assert read('"a,b,c";d\n1;2\n') == (("a,b,c", "d"), [(2, ("1", "2"), None)])


def test_an_unquoted_quote_in_a_heading_is_part_of_it():
    assert read('5";b\n1;2\n' + "x;y\n" * 200)[0] == ('5"', "b")


def test_one_column_needs_no_delimiter():
    assert read("Username\njane\n") == (("Username",), [(2, ("jane",), None)])


@pytest.mark.parametrize("content", ["", "\n\n", " \n,,\n", "\ufeff"])
def test_an_empty_file_has_no_headings_and_no_rows(content):
    assert read(content) == ((), [])


def test_headings_alone_are_no_rows():
    assert read(f"{HEADINGS}\n") == (("Username", "Password"), [])


def test_text_in_latin_1_is_refused_by_its_row_and_never_shown():
    content = f'{HEADINGS}\nok,"two\nlines"\n\nJosé,hidden\n'.encode("latin-1")
    with pytest.raises(ConfigurationError) as caught:
        read(content)
    assert str(caught.value) == 'the spreadsheet cannot be read: row 4 is not UTF-8: save it as "CSV UTF-8"'
    assert caught.value.__context__ is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused(encoding):
    assert "is UTF-16; save it as" in failure(f"\ufeff{HEADINGS}\na,b\n".encode(encoding))


def test_a_nul_byte_is_refused_by_its_row():
    assert "row 3 holds a NUL byte" in failure(f"{HEADINGS}\na,b\nc,\0d\n")


@pytest.mark.parametrize("rest", ["", "more,rows\n" * 50_000])
def test_a_quote_that_is_never_closed_is_refused_by_the_row_where_it_begins(rest):
    message = failure(f'{HEADINGS}\na,b\nc,"hidden\n{rest}')
    assert "row 3 has" in message
    assert "quote that is never closed" in message
    assert "hidden" not in message


def test_text_after_a_closing_quote_is_refused_by_its_row():
    assert "row 2 has text after a closing quote" in failure(f'{HEADINGS}\na,"b"c\n')


def test_lines_that_end_in_a_lone_carriage_return_are_refused():
    assert "row 1 has a carriage return without a line feed" in failure(f"{HEADINGS}\ra,b\r")


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_as_many_characters_as_a_spreadsheet_program_allows_is_read(quote):
    most = "é" * 32_767
    assert cells_of(f"{HEADINGS}\na,{quote}{most}{quote}\n") == [("a", most)]


@pytest.mark.parametrize("cell", ["x" * 32_768, '"' + "x\n" * 16_384 + '"'])
def test_a_cell_of_more_is_refused_by_its_row(cell):
    assert "row 3 has a cell of more than 32,767 characters" in failure(f"{HEADINGS}\na,b\nc,{cell}\n")


def test_many_cells_that_are_long_together_are_read():
    row = ["x" * 9_000] * 7
    assert cells_of(",".join("abcdefg") + "\n" + ",".join(row) + "\n") == [tuple(row)]


@pytest.mark.parametrize("cell", ["x" * 10_000_000, '"' + "x\n" * 5_000_000 + '"'])
def test_a_cell_of_ten_megabytes_is_refused_without_being_read(cell):
    limit = csv.field_size_limit(sys.maxsize)  # as some programs set it
    try:
        assert "row 2 is longer than 1,048,576 bytes" in failure(f"{HEADINGS}\nc,{cell}\n")
    finally:
        csv.field_size_limit(limit)


def test_a_row_shows_no_cell_in_its_repr():
    with open_spreadsheet(io.BytesIO(f"{HEADINGS}\njane,hidden\n".encode())) as spreadsheet:
        (row,) = spreadsheet.rows()
    assert repr(row) == "SheetRow(number=2, problem=None)"
    assert f"{row}" == repr(row)


# ---------------------------------------------------------------- where it comes from


def test_a_file_is_closed_at_the_end_and_has_a_name_and_a_path(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(f"{HEADINGS}\na,b\n", encoding="utf-8")
    with open_spreadsheet(path) as spreadsheet:
        assert (spreadsheet.name, spreadsheet.path) == ("some.csv", path)
        assert repr(spreadsheet) == "Spreadsheet('some.csv')"
        assert len(list(spreadsheet.rows())) == 1
    with pytest.raises(ConfigurationError, match=r"some\.csv is closed"):
        list(spreadsheet.rows())


def test_an_open_file_stays_open_and_is_read_from_where_it_is(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(f"no table\n{HEADINGS}\na,b\n", encoding="utf-8")
    with path.open("rb") as file:
        file.readline()
        with open_spreadsheet(file) as spreadsheet:
            assert (spreadsheet.name, spreadsheet.path) == ("some.csv", None)
            assert [row.cells for _ in range(2) for row in spreadsheet.rows()] == [("a", "b")] * 2
        assert not file.closed


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^none\.csv cannot be read: No such file"):
        open_spreadsheet(str(tmp_path / "none.csv"))
    with pytest.raises(ConfigurationError, match=f"^{tmp_path.name} cannot be read: "):
        open_spreadsheet(tmp_path)


def test_a_file_that_changes_between_two_passes_is_refused(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(f"{HEADINGS}\na,b\n", encoding="utf-8")
    with open_spreadsheet(path) as spreadsheet:
        list(spreadsheet.rows())
        with path.open("a", encoding="utf-8") as file:
            file.write("c,d\n")
        with pytest.raises(ConfigurationError, match=r"^some\.csv was changed while it was being read"):
            next(spreadsheet.rows())


def test_a_file_that_keeps_its_size_is_changed_by_its_time(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(f"{HEADINGS}\na,b\n", encoding="utf-8")
    with open_spreadsheet(path) as spreadsheet:
        os.utime(path, ns=(1, 1))
        with pytest.raises(ConfigurationError, match="was changed"):
            next(spreadsheet.rows())


def test_a_file_that_changes_during_a_pass_is_refused_at_its_end(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(f"{HEADINGS}\na,b\n", encoding="utf-8")
    with open_spreadsheet(path) as spreadsheet:
        rows = spreadsheet.rows()
        next(rows)
        os.utime(path, ns=(1, 1))
        with pytest.raises(ConfigurationError, match="was changed"):
            list(rows)


def test_a_file_that_is_put_in_the_place_of_another_does_not_disturb_its_reading(tmp_path):
    path, other = tmp_path / "some.csv", tmp_path / "other.csv"
    path.write_text(f"{HEADINGS}\na,b\n", encoding="utf-8")
    other.write_text("something else", encoding="utf-8")
    with open_spreadsheet(path) as spreadsheet:
        other.replace(path)
        assert [row.cells for row in spreadsheet.rows()] == [("a", "b")]


STDIN = """
from printnow_async.spreadsheets.reading import open_spreadsheet
with open_spreadsheet("-") as spreadsheet:
    print(spreadsheet.name, spreadsheet.path, spreadsheet.headings)
    for _ in range(2):
        for row in spreadsheet.rows():
            print(row.number, row.cells)
"""


STDIN_READ = ["standard input None ('Username', 'Password')", "2 ('jane', 'b')", "2 ('jane', 'b')"]


@pytest.fixture(params=["csv", "xlsx"])
def content(request):
    if request.param == "csv":
        return f"{HEADINGS}\njane,b\n".encode()
    return workbook(sheet([["Username", "Password"], ["jane", "b"]]))


def test_standard_input_may_be_a_pipe(content):
    run = subprocess.run([sys.executable, "-c", STDIN], input=content, capture_output=True, check=True)
    assert run.stdout.decode().splitlines() == STDIN_READ


def test_standard_input_may_be_a_file(content, tmp_path):
    path = tmp_path / "content"
    path.write_bytes(content)
    with path.open("rb") as file:
        run = subprocess.run([sys.executable, "-c", STDIN], stdin=file, capture_output=True, check=True)
    assert run.stdout.decode().splitlines() == STDIN_READ


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_named_pipe_is_read_into_memory_and_never_onto_the_disk(tmp_path, monkeypatch):
    def no_file(*_args, **_options):
        raise AssertionError("written to the disk")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, no_file)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=Path.write_bytes, args=(path, f"{HEADINGS}\na,b\n".encode()))
    writer.start()
    with open_spreadsheet(path) as spreadsheet:
        writer.join()
        assert [row.cells for _ in range(2) for row in spreadsheet.rows()] == [("a", "b")] * 2


# ---------------------------------------------------------------- workbooks


def test_a_workbook_gives_the_rows_of_its_first_sheet():
    content = workbook(
        sheet([["Username", "Password"], ["jane", " p "], ["josé\nx", "<&>"]]), sheet([["Something", "else"]])
    )
    assert read(content) == (
        ("Username", "Password"),
        [(2, ("jane", " p "), None), (3, ("josé\nx", "<&>"), None)],
    )


def test_a_workbook_may_keep_its_texts_in_a_table_of_their_own():
    text = sheet([["Username"], ["?"]]).replace(
        '<c r="A2" t="inlineStr"><is><t xml:space="preserve">?</t></is></c>', '<c r="A2" t="s"><v>1</v></c>'
    )
    assert cells_of(workbook(text, shared=["zero", "one"])) == [("one",)]


def test_rows_of_a_workbook_keep_their_numbers():
    content = workbook(
        sheet([["Username", "Password"], None, ["jane", "x"], ["", " "], ["john"]], first_row=4, first_column=2)
    )
    assert read(content) == (
        ("Username", "Password"),
        [(6, ("jane", "x"), None), (8, ("john", ""), None)],
    )


def test_a_cell_beyond_the_headings_of_a_workbook_is_a_problem_of_its_row():
    rows = read(workbook(sheet([["Username"], ["jane"], ["john", None, "note"]])))[1]
    assert [problem for _, _, problem in rows] == [None, "there is something beyond the last heading (column 1)"]


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        ("text", "text", None),
        (12, "12", "a number"),
        (1.5, "1.5", "a number"),
        (True, "TRUE", "true or false"),
        (False, "FALSE", "true or false"),
        (dt.date(2024, 2, 29), "2024-02-29", "a date"),
        (dt.time(18), "18:00:00", "a time"),
        (Error(), "#ERROR", "an error"),
        (Formula("text"), "text", None),
        (Formula(7), "7", "a number"),
        (Formula(Error()), "#ERROR", "an error"),
        (Formula(), "", None),
        (None, "", None),
    ],
)
@pytest.mark.parametrize("place", [0, 2])
def test_a_cell_of_a_workbook_gives_its_text_and_what_it_is_if_it_is_none(value, text, kind, place):
    content = workbook(sheet([["A", "B"], ["x", value]], first_column=place))
    with open_spreadsheet(io.BytesIO(content)) as spreadsheet:
        (row,) = spreadsheet.rows()
    assert row.cells == ("x", text)
    assert dict(row.kinds) == ({1: kind} if kind else {})


def test_an_error_is_found_wherever_it_is_in_a_large_sheet():
    rows = [["A", "B"], *([f"{'x' * 200}{at}", Error() if at % 5_000 == 0 else "b"] for at in range(1, 20_001))]
    with open_spreadsheet(io.BytesIO(workbook(sheet(rows)))) as spreadsheet:
        found = [row.number for row in spreadsheet.rows() if row.kinds]
    assert found == [5_001, 10_001, 15_001, 20_001]


def test_the_first_sheet_of_a_workbook_may_be_empty():
    assert read(workbook(sheet([]), sheet([["Username"]]))) == ((), [])


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_workbook_that_is_cut_short_is_refused(part):
    content = workbook(sheet([["Username"], ["jane"]]))
    assert "this workbook is damaged or not complete" in failure(content[: int(len(content) * part)])


def test_a_workbook_whose_sheet_is_broken_is_refused():
    assert "damaged" in failure(workbook("<worksheet><sheetData><row"))


def test_a_workbook_that_does_not_say_its_first_sheet_is_refused():
    assert "damaged" in failure(workbook())


def test_a_workbook_with_a_password_is_refused():
    assert "has a password or is an old .xls" in failure(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600))


def test_another_zip_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("content.xml", "<document/>")
    assert "neither a workbook (.xlsx) nor text (.csv)" in failure(buffer.getvalue())


def test_text_that_begins_like_a_zip_is_text():
    assert read("PKID,Username\n1,jane\n")[0] == ("PKID", "Username")


def test_something_else_under_the_name_of_a_workbook_is_refused(tmp_path):
    path = tmp_path / "some.XLSX"
    path.write_bytes(b"")
    with pytest.raises(
        ConfigurationError, match=r"^some\.XLSX cannot be read: it is no workbook, in spite of its name"
    ):
        open_spreadsheet(path)


def test_a_sheet_that_would_not_fit_into_memory_is_refused():
    rows = sheet([["Username"], ["jane"]]).replace(
        "</sheetData>", '<row r="20000"><c r="XFD20000"><v>1</v></c></row></sheetData>'
    )
    assert "is too large: 20,000 rows by 16,384 columns; delete what stands beside the table" in failure(workbook(rows))


def test_an_empty_cell_far_away_makes_no_sheet_large():
    rows = sheet([["Username"], ["jane"]]).replace(
        "</sheetData>", '<row r="20000"><c r="XFD20000" s="1"/></row></sheetData>'
    )
    assert cells_of(workbook(rows)) == [("jane",)]


def test_without_calamine_a_workbook_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    assert "pip install 'printnow-async[cli]'" in failure(workbook(sheet([["Username"]])))


def test_a_file_that_failed_to_open_is_closed_again(tmp_path):
    path = tmp_path / "some.csv"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"^some\.csv cannot be read: it is UTF-16"):
        open_spreadsheet(path)  # a file left open would be a ResourceWarning, which fails the test
