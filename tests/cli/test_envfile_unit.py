"""Reading KEY=value files."""

from __future__ import annotations

import os
import sys

import pytest

from printnow_async.cli.envfile import read_env_file
from printnow_async.cli.failures import BadUsage


@pytest.fixture
def read(tmp_path):
    """Read a file of these contents."""

    def write_and_read(text):
        file = tmp_path / "some.env"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_env_file(file)

    return write_and_read


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=value", "value"),
        ("  KEY = value  ", "value"),
        ("export KEY=value", "value"),
        ("KEY=", ""),
        ("KEY= # nothing", ""),
        ("KEY=value # a comment", "value"),
        ("KEY=va#lue", "va#lue"),
        ("KEY=a=b==", "a=b=="),
        ("KEY=two words", "two words"),
        ("KEY='va #l\"ue'", 'va #l"ue'),
        (r"KEY='va\nlue'", r"va\nlue"),
        (r'KEY="va\"l\\ue"', 'va"l\\ue'),
        ('KEY="value" # a comment', "value"),
        ("KEY='value'", "value"),
        ('KEY=""', ""),
        ("KEY=it's", "it's"),
    ],
)
def test_a_line_gives_its_value(read, line, value):
    assert read(line) == {"KEY": value}


@pytest.mark.parametrize("name", ["HOME", "OTHER"])
@pytest.mark.parametrize("line", ["KEY=${}", "KEY=${{{}}}", 'KEY="${{{}}}"'])
def test_a_variable_in_a_value_is_not_replaced(read, line, name):
    line = line.format(name)
    assert read(f"OTHER=secret\n{line}\n")["KEY"] == line.removeprefix("KEY=").strip('"')


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("character", "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", ids=ascii)
def test_only_a_line_feed_or_carriage_return_begins_a_new_line(read, character, quote):
    """`str.splitlines` splits at these characters too, and `KEY` would then be cut off."""
    value = f"before{character}OTHER=after"
    assert read(f"KEY={quote}{value}{quote}\nB=1\n") == {"KEY": value, "B": "1"}


def test_comments_and_blank_lines_are_skipped_and_the_last_value_wins(read):
    assert read("# A=1\n\n   \nB=1\r\nB=2\rC=3\n") == {"B": "2", "C": "3"}


@pytest.mark.parametrize("line", ["secret", "=secret", "A B=secret", "A='secret", 'A="secret" more'])
@pytest.mark.parametrize("before", ["A=1\n", "A=1\n# two\n\n  \n"], ids=["direct", "after blank lines"])
@pytest.mark.parametrize("end", ["", "\n", "\nB=1\n"], ids=["at the end", "last", "not last"])
def test_a_line_of_another_kind_is_refused_by_its_number_without_being_shown(read, before, line, end, tmp_path):
    with pytest.raises(BadUsage) as caught:
        read(f"{before}{line}{end}")
    number = before.count("\n") + 1
    assert caught.value.message == f"{tmp_path / 'some.env'}, line {number}: not KEY=value, or a quote is not closed"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_byte_order_mark_is_no_part_of_the_first_name(read):
    assert read("\ufeffA=é\n") == {"A": "é"}


def test_the_environment_stays_as_it_is(read):
    before = dict(os.environ)
    assert read("PRINTNOW_TOKEN=t0ken\nHOME=/nowhere\n")
    assert dict(os.environ) == before


def test_a_file_that_is_not_there_is_bad_usage(tmp_path):
    with pytest.raises(BadUsage, match=r"none\.env cannot be read: No such file"):
        read_env_file(tmp_path / "none.env")


def test_a_file_that_is_no_text_is_bad_usage(read):
    with pytest.raises(BadUsage, match="not a text file in UTF-8"):
        read(b"A=\xff\n")


def test_without_python_dotenv_the_command_says_what_to_install(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "dotenv.parser", None)
    with pytest.raises(BadUsage, match=r"python-dotenv is missing: install printnow-async\[cli\]"):
        read("A=1\n")
