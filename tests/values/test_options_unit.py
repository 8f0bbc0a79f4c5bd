"""Timeout, RetryPolicy and Limits: defaults, what is refused, and how."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import attrs
import pytest

from printnow_async import ConfigurationError, Limits, RetryPolicy, Timeout

NO_NUMBER = [True, False, float("nan"), float("inf"), float("-inf"), "1", b"1", [1], 1j, Decimal(1), object()]
POSITIVE_OR_NONE = [
    (Timeout, "attempt"),
    (Timeout, "connect"),
    (Timeout, "total"),
    (Limits, "max_rate"),
]
NOT_NEGATIVE = [(RetryPolicy, "base_delay"), (RetryPolicy, "max_delay"), (RetryPolicy, "max_retry_after")]
COUNTS = [(RetryPolicy, "max_attempts"), (Limits, "max_concurrency")]
FLAGS = [(RetryPolicy, "repeat_temporary_creates"), (Limits, "adaptive")]

shown = pytest.mark.parametrize("value", [Timeout(), RetryPolicy(), Limits()], ids=lambda o: type(o).__name__)


def fields(table):
    return pytest.mark.parametrize(("cls", "field"), table, ids=[f"{cls.__name__}.{field}" for cls, field in table])


def refused(cls, field, value):
    """The error for a wrong value, which is both a ConfigurationError and a ValueError and names the field."""
    with pytest.raises(ConfigurationError, match=rf"{cls.__name__}\.{field} ") as caught:
        cls(**{field: value})
    assert isinstance(caught.value, ValueError)


def test_every_field_of_the_options_is_covered_here():
    covered = {*POSITIVE_OR_NONE, *NOT_NEGATIVE, *COUNTS, *FLAGS}
    assert covered == {(cls, f.name) for cls in (Timeout, RetryPolicy, Limits) for f in attrs.fields(cls)}


def test_the_defaults_are_the_documented_ones():
    assert attrs.astuple(Timeout()) == (30.0, 5.0, 120.0)
    assert attrs.astuple(RetryPolicy()) == (4, 0.5, 20.0, 120.0, False)
    assert attrs.astuple(Limits()) == (16, None, False)


@fields(POSITIVE_OR_NONE)
@pytest.mark.parametrize("value", [*NO_NUMBER, 0, 0.0, -0.0, -1, -0.5])
def test_a_bound_that_is_no_number_above_0_is_refused(cls, field, value):
    refused(cls, field, value)


@fields(POSITIVE_OR_NONE)
@pytest.mark.parametrize("value", [None, 1, 0.001, 5e-324, 1e300])
def test_a_bound_may_be_any_number_above_0_or_none(cls, field, value):
    assert getattr(cls(**{field: value}), field) == value


@fields(NOT_NEGATIVE)
@pytest.mark.parametrize("value", [*NO_NUMBER, None, -1, -0.001])
def test_a_delay_that_is_no_number_from_0_is_refused(cls, field, value):
    refused(cls, field, value)


@fields(NOT_NEGATIVE)
@pytest.mark.parametrize("value", [0, 0.0, 1, 0.5])
def test_a_delay_may_be_0_or_more(cls, field, value):
    assert getattr(cls(**{field: value}), field) == value


@fields(COUNTS)
@pytest.mark.parametrize("value", [*NO_NUMBER, None, 0, -1, 1.0, 2.5])
def test_a_count_that_is_no_whole_number_from_1_is_refused(cls, field, value):
    refused(cls, field, value)


@fields(COUNTS)
@pytest.mark.parametrize("value", [1, 10_000])
def test_a_count_may_be_any_whole_number_from_1(cls, field, value):
    assert getattr(cls(**{field: value}), field) == value


@fields(FLAGS)
@pytest.mark.parametrize("value", [None, 0, 1, "False", "yes"])
def test_a_switch_that_is_neither_true_nor_false_is_refused(cls, field, value):
    refused(cls, field, value)


@pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["above", "below"])
def test_a_number_that_no_float_can_hold_is_refused(value):
    """Python's whole numbers have no end, but a timer's seconds do."""
    refused(Timeout, "total", value)


def test_a_policy_that_repeats_nothing_has_a_name():
    assert RetryPolicy.none() == RetryPolicy(max_attempts=1)


def test_a_timeout_can_be_given_in_order():
    assert Timeout(1, 2, 3) == Timeout(attempt=1, connect=2, total=3)


@shown
def test_options_cannot_be_changed(value):
    field = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, field, 1)


@shown
def test_options_are_values(value):
    """Equal when made alike, with one hash, and they survive pickling and copying."""
    assert value == type(value)()
    assert hash(value) == hash(type(value)())
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value  # noqa: S301 -- made here


@shown
def test_options_are_checked_when_they_are_changed_into_others(value):
    field = attrs.fields(type(value))[0].name
    with pytest.raises(ConfigurationError, match=field):
        attrs.evolve(value, **{field: "x"})


def test_the_error_for_a_huge_value_is_still_one_line():
    with pytest.raises(ConfigurationError) as caught:
        Timeout(total="9\n" * 100_000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 800
