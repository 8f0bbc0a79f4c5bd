"""Reading KEY=value files."""

from __future__ import annotations

import pytest

from printnow_async.cli.envfile import parse_env, read_env_file
from printnow_async.cli.failures import BadUsage


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
        (r'KEY="va\"l\\ue\$x"', 'va"l\\ue$x'),
        (r'KEY="a\tb"', r"a\tb"),
        ('KEY="value" # a comment', "value"),
        ("KEY='value'", "value"),
        ('KEY=""', ""),
        ("KEY=it's", "it's"),
        ("KEY=$HOME", "$HOME"),
    ],
)
def test_a_line_gives_its_value(line, value):
    assert parse_env(line, "file") == {"KEY": value}


def test_comments_and_blank_lines_are_skipped_and_the_last_value_wins():
    assert parse_env("# A=1\n\n   \nB=1\r\nB=2\n", "file") == {"B": "2"}


@pytest.mark.parametrize("line", ["secret", "=secret", "1A=secret", "A B=secret", "A='secret", 'A="secret" more'])
def test_a_line_of_another_kind_is_refused_by_its_number_without_being_shown(line):
    with pytest.raises(BadUsage) as caught:
        parse_env(f"A=1\n{line}\n", "some.env")
    assert caught.value.message == "some.env, line 2: not KEY=value, or a quote is not closed"


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    file = tmp_path / "some.env"
    file.write_bytes("\ufeffA=é\n".encode())
    assert read_env_file(file) == {"A": "é"}


def test_a_file_that_is_not_there_is_bad_usage(tmp_path):
    with pytest.raises(BadUsage, match=r"none\.env cannot be read: No such file"):
        read_env_file(tmp_path / "none.env")


def test_a_file_that_is_no_text_is_bad_usage(tmp_path):
    file = tmp_path / "some.env"
    file.write_bytes(b"A=\xff\n")
    with pytest.raises(BadUsage, match="not a text file in UTF-8"):
        read_env_file(file)
