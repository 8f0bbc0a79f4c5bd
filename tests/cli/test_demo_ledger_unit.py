"""The comparison at the end of the demo: what counts as a duplicate and what as lost."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from printnow_async.cli.demo.ledger import AskedCustomer, Claim, Expectation, StepResult, audit
from printnow_async.sandbox import RecordedRequest, SandboxCustomer


def customer(customer_id, username="jane", **fields):
    made_up = {"company": f"Demo {username}", "albums": 0}
    return SandboxCustomer(
        id=customer_id, storefront_id=1, storefront="Shop", username=username, password="secret",
        email=f"{username}@example.com", created_on="", last_updated_on="", **made_up | fields,
    )  # fmt: skip


def ask(claim, customer_id=None, username="jane"):
    return AskedCustomer(claim, customer_id, username, f"Demo {username}")


def request(request_id=None, method="POST", path="/api/v2/customer", **more):
    return RecordedRequest(
        method=method, path=path, route=None, request_id=request_id, **{"json": None, "started": 0.0} | more
    )


def compare(asks, living=(), *, deleted=(), applied=(), expectations=(), received=(), requests=()):
    """Compare one step with a sandbox of these customers and requests."""
    made = [request(applied=True, json={"company": mark}) for mark in applied]
    sandbox = SimpleNamespace(
        customers={customer.id: customer for customer in living},
        deleted_customers={customer.id: customer for customer in deleted},
        requests=[*made, *received],
    )
    return audit([StepResult("a step", asks, expectations, requests)], sandbox)


def outcome(found):
    return found.total("duplicates"), found.total("lost"), found.holds


@pytest.mark.parametrize(
    ("claim", "living"),
    [
        (ask(Claim.CREATED, 1), [customer(1)]),
        (ask(Claim.UNKNOWN), [customer(1)]),
        (ask(Claim.UNKNOWN), []),
        (ask(Claim.REFUSED), []),
        (ask(Claim.DELETED, 1), []),
        (AskedCustomer(Claim.CREATED, 1), [customer(1, "temp-1", company="")]),
    ],
    ids=lambda value: value.claim if isinstance(value, AskedCustomer) else len(value),
)
def test_a_report_that_is_true_is_neither_a_duplicate_nor_lost(claim, living):
    found = compare([claim], living)
    assert outcome(found) == (0, 0, True)
    assert found.counts[0].numbers["held"] == len(living)
    assert found.differences == []


@pytest.mark.parametrize(
    ("claim", "living", "applied", "said"),
    [
        (
            ask(Claim.CREATED, 1), [], (),
            "jane: reported as created with ID 1, and the sandbox does not hold that",
        ),
        (
            ask(Claim.CREATED, 1), [customer(2)], (),
            "jane: reported as created with ID 1, and the sandbox does not hold that",
        ),
        (
            AskedCustomer(Claim.CREATED, 1), [], (),
            "guest 1: reported as created with ID 1, and the sandbox does not hold that",
        ),
        (
            ask(Claim.UNKNOWN), [], ("Demo jane",),
            "jane: reported as unknown; it was applied, and the sandbox does not hold it",
        ),
        (ask(Claim.REFUSED), [customer(2)], (), "jane: reported as refused, and the sandbox holds it as 2"),
        (ask(Claim.DELETED, 1), [customer(1)], (), "jane: reported as deleted, and the sandbox holds it as 1"),
    ],
)  # fmt: skip
def test_a_report_that_is_not_true_is_a_loss_and_is_described(claim, living, applied, said):
    found = compare([claim], living, applied=applied)
    assert outcome(found) == (0, 1, False)
    assert found.differences == [said]


@pytest.mark.parametrize(
    "second",
    [customer(2), customer(2, "JANE", company=""), customer(2, "somebody", company="Demo jane")],
    ids=["same", "username twice in another case", "same ask under another name"],
)
@pytest.mark.parametrize("claim", [ask(Claim.CREATED, 1), ask(Claim.UNKNOWN)], ids=["created", "unknown"])
def test_two_living_customers_of_one_ask_are_a_duplicate(claim, second):
    found = compare([claim], [customer(1), second])
    assert outcome(found) == (1, 0, False)
    assert found.differences == ["jane: the sandbox holds it 2 times, as 1, 2"]
    assert found.counts[0].numbers["held"] == 2


def test_a_customer_that_nobody_asked_for_is_a_duplicate_in_a_row_of_its_own():
    found = compare([ask(Claim.CREATED, 1)], [customer(1), customer(2, "temp-2", company="")])
    assert outcome(found) == (1, 0, False)
    assert [(count.title, count.numbers["held"]) for count in found.counts] == [("a step", 1), ("nobody asked for", 1)]
    assert found.differences == ["nobody asked for: 2"]


@pytest.mark.parametrize(
    ("field", "wanted", "result"),
    [
        ("albums", 3, (0, 0, True)),
        ("albums", 5, (0, 2, False)),
        ("albums", 1, (2, 0, False)),
        ("username", "jane", (0, 0, True)),
        ("username", "jean", (0, 1, False)),
        ("is_temporary", True, (0, 1, False)),
    ],
)
def test_a_value_that_is_not_as_expected_counts_by_how_much(field, wanted, result):
    found = compare([ask(Claim.CREATED, 1)], [customer(1, albums=3)], expectations=[Expectation(1, field, wanted)])
    assert outcome(found) == result
    assert bool(found.differences) is not found.holds


@pytest.mark.parametrize(("last_name", "lost"), [("New", 0), ("Old", 1)])
def test_what_is_expected_of_a_deleted_customer_is_looked_up_too(last_name, lost):
    wanted = Expectation(1, "last_name", "New")
    found = compare([ask(Claim.DELETED, 1)], deleted=[customer(1, last_name=last_name)], expectations=[wanted])
    assert found.total("lost") == lost


def test_what_is_expected_of_a_customer_that_never_was_is_lost():
    found = compare([], expectations=[Expectation(1, "albums", 0)])
    assert outcome(found) == (0, 1, False)
    assert found.differences == ["customer 1: albums is None and should be 0"]


def test_claims_are_counted_and_add_up_to_what_was_asked():
    asks = [ask(claim, number, f"jane{number}") for number, claim in enumerate(Claim)]
    numbers = compare(asks).counts[0].numbers
    names = ("asked", "created", "unknown", "refused", "deleted")
    assert [numbers[name] for name in names] == [4, 2, 1, 1, 1]
    assert numbers["asked"] == numbers["created"] + numbers["unknown"] + numbers["refused"]


def test_unknown_ones_that_are_there_once_are_counted():
    asks = [ask(Claim.UNKNOWN, None, f"jane{number}") for number in range(3)]
    count = compare(asks, [customer(1, "jane0"), customer(2, "jane1"), customer(3, "JANE1", company="")]).counts[0]
    assert (count.numbers["unknown"], count.numbers["unknown_held"]) == (3, 1)


def test_a_repeat_is_a_request_of_the_same_call_that_came_before():
    requests = [*map(request, ("a", "a", "a", "b")), request("a", "GET"), request(None), request(None)]
    numbers = compare([], requests=requests).counts[0].numbers
    assert (numbers["requests"], numbers["repeats"]) == (7, 2)


@pytest.mark.parametrize(("times", "found"), [(1, (0, 0, True)), (3, (2, 0, False)), (0, (0, 1, False))])
def test_a_request_must_have_been_received_as_often_as_expected(times, found):
    patch = Expectation("PATCH /api/v2/customer/5", "times received", 1)
    compared = compare([], expectations=[patch], received=[request(method="PATCH", path="/api/v2/customer/5")] * times)
    assert outcome(compared) == found
    said = [f"PATCH /api/v2/customer/5: times received is {times} and should be 1"]
    assert compared.differences == ([] if times == 1 else said)
