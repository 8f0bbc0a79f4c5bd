"""The sandbox's faults and the plan that decides when they strike, without a socket."""

from __future__ import annotations

import pytest

from printnow_async.sandbox import Fault
from printnow_async.sandbox.patterns import RoutePattern
from printnow_async.sandbox.plan import FaultPlan

GET_12 = ("GET", "/api/v2/customer/12")
POST = ("POST", "/api/v2/customer")
TRANSFER_12 = ("PATCH", "/api/v2/customer/12/transfer")


@pytest.fixture
def plan():
    return FaultPlan(seed=7)


def strikes(plan, count, request=GET_12):
    """Tell for each of `count` requests whether a fault struck it."""
    return [plan.decide(*request).fault is not None for _ in range(count)]


def test_a_fault_shows_what_makes_it():
    """A fault is a value with the name of its class method and its arguments."""
    assert Fault.drop(reset=True) == Fault.drop(reset=True)
    assert (Fault.drop(reset=True).name, Fault.drop(reset=True).reset) == ("drop", True)
    assert (Fault.status(503, retry_after=1).code, Fault.status(503, retry_after=1).retry_after) == (503, 1)
    assert (Fault.latency(0.5, after=True).seconds, Fault.latency(0.5, after=True).after) == (0.5, True)


@pytest.mark.parametrize(
    ("fault", "applies"),
    [
        (Fault.status(503), False),
        (Fault.drop(), False),
        (Fault.latency(0.1), True),
        (Fault.apply_then_drop(), True),
        (Fault.apply_then_status(502), True),
        (Fault.truncate(), True),
        (Fault.garbage(), True),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_fault_says_whether_the_request_is_applied(fault, applies):
    """Only a status and a drop leave the request undone."""
    assert fault.applies is applies


def test_a_text_body_is_sent_as_utf_8():
    """A body may be text or bytes."""
    assert Fault.garbage("é").body == "é".encode()
    assert Fault.status(500, body=b"\xff").body == b"\xff"


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Fault.status(199), "status"),
        (lambda: Fault.status(600), "status"),
        (lambda: Fault.status(True), "status"),
        (lambda: Fault.status("503"), "status"),
        (lambda: Fault.status(503, retry_after=-1), "retry_after"),
        (lambda: Fault.status(503, retry_after=0.5), "retry_after"),
        (lambda: Fault.status(503, retry_after=float("inf"), http_date=True), "retry_after"),
        (lambda: Fault.status(503, http_date=True), "http_date"),
        (lambda: Fault.latency(-0.1), "seconds"),
        (lambda: Fault.latency(float("nan")), "seconds"),
        (lambda: Fault.latency("1"), "seconds"),
        (lambda: Fault.apply_then_status(100), "status"),
        (lambda: Fault.apply_then_status(502, retry_after=1.5), "retry_after"),
        (lambda: Fault.garbage(status=0), "status"),
    ],
)
def test_a_bad_argument_of_a_fault_is_named(make, named):
    """A fault that makes no sense is a ValueError that begins with the argument's name."""
    with pytest.raises(ValueError, match=f"^{named}: "):
        make()


def test_an_http_date_may_ask_for_a_fraction_of_a_second():
    """Only the form in seconds must be whole: the date is rounded up when it is written."""
    assert Fault.status(503, retry_after=0.5, http_date=True).retry_after == 0.5


@pytest.mark.parametrize(
    ("route", "request_", "matches"),
    [
        ("GET /api/v2/customer/{id}", GET_12, True),
        ("GET /api/v2/customer/{anything}", GET_12, True),
        ("GET /api/v2/customer/12", GET_12, True),
        ("GET /{a}/{b}/customer/12", GET_12, True),
        ("GET /api/v2/customer/13", GET_12, False),
        ("PATCH /api/v2/customer/{id}", GET_12, False),
        ("PATCH /api/v2/customer/{id}", TRANSFER_12, False),
        ("PATCH /api/v2/customer/{id}/transfer", TRANSFER_12, True),
        ("POST /api/v2/customer", POST, True),
        ("POST /api/v2/customer", ("POST", "/api/v2/customer/"), False),
        ("GET /api/v2/customer/{id}", ("GET", "/api/v2/customer/"), False),
    ],
)
def test_a_route_matches_its_requests(route, request_, matches):
    """The method must be the same, and each segment equal or in braces; an empty segment is none."""
    assert RoutePattern.parse(route).matches(*request_) is matches


def test_a_route_reads_back_as_it_was_written():
    """A pattern prints as the route it was read from."""
    assert str(RoutePattern.parse("PATCH /api/v2/customer/{id}/transfer")) == ("PATCH /api/v2/customer/{id}/transfer")


def test_a_route_gives_the_segments_in_braces():
    """What stands where the braces are is handed on."""
    assert RoutePattern.parse("PATCH /api/v2/customer/{id}/transfer").values(TRANSFER_12[1]) == ("12",)


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        ("GET /a/{x}", "GET /a/12", True),
        ("GET /a/12", "GET /a/{x}", True),
        ("GET /a/{x}", "GET /a/{y}", True),
        ("GET /a/12", "GET /a/13", False),
        ("GET /a/{x}", "POST /a/12", False),
        ("GET /a/{x}", "GET /a/12/b", False),
    ],
)
def test_two_routes_overlap_when_one_request_could_fit_both(one, other, overlaps):
    """Overlap is what tells a route that exists from a slip of the pen."""
    assert RoutePattern.parse(one).overlaps(RoutePattern.parse(other)) is overlaps


@pytest.mark.parametrize("route", ["", "/api/v2/ping", "get /api/v2/ping", "GET", "GET api", "GET /a b", "GET /a?b=1"])
def test_a_route_that_cannot_be_read_is_refused(plan, route):
    """A route is a method in capitals, a space and a path."""
    with pytest.raises(ValueError, match=r"^route: "):
        plan.add(Fault.drop(), route)


def test_an_injection_strikes_once_by_default(plan):
    """Without times, every or probability the next matching request is struck, and no other."""
    plan.add(Fault.drop())
    assert strikes(plan, 3) == [True, False, False]


def test_times_strikes_the_first_matching_requests(plan):
    """times=2 strikes two requests."""
    plan.add(Fault.drop(), times=2)
    assert strikes(plan, 4) == [True, True, False, False]


def test_every_strikes_each_nth_matching_request(plan):
    """every=3 strikes the third, the sixth, and so on."""
    plan.add(Fault.drop(), every=3)
    assert strikes(plan, 7) == [False, False, True, False, False, True, False]


def test_every_counts_only_requests_that_match(plan):
    """A request to another route does not move the count on."""
    plan.add(Fault.drop(), "POST /api/v2/customer", every=2)
    assert strikes(plan, 1, POST) == [False]
    assert strikes(plan, 5, GET_12) == [False] * 5
    assert strikes(plan, 1, POST) == [True]


def test_every_one_strikes_every_request(plan):
    """every=1 is how a route fails for good."""
    plan.add(Fault.drop(), every=1)
    assert strikes(plan, 3) == [True, True, True]


def test_times_bounds_every(plan):
    """every and times together: each n-th, and so many at most."""
    plan.add(Fault.drop(), every=2, times=1)
    assert strikes(plan, 6) == [False, True, False, False, False, False]


def test_times_bounds_a_probability(plan):
    """probability and times together: by chance, and so many at most."""
    injection = plan.add(Fault.drop(), probability=0.9, times=3)
    assert sum(strikes(plan, 200)) == 3
    assert injection.is_spent


@pytest.mark.parametrize(("probability", "expected"), [(0.0, [False] * 50), (1.0, [True] * 50)])
def test_a_probability_of_none_or_all_is_certain(plan, probability, expected):
    """0 never strikes and 1 always."""
    plan.add(Fault.drop(), probability=probability)
    assert strikes(plan, 50) == expected


def test_a_probability_strikes_about_that_often(plan):
    """A tenth of a thousand requests is about a hundred."""
    plan.add(Fault.drop(), probability=0.1)
    assert 60 < sum(strikes(plan, 1000)) < 140


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"times": 0}, "times"),
        ({"times": 1.5}, "times"),
        ({"times": True}, "times"),
        ({"every": 0}, "every"),
        ({"every": 2, "probability": 0.5}, "every"),
        ({"probability": -0.1}, "probability"),
        ({"probability": 1.1}, "probability"),
        ({"probability": "often"}, "probability"),
    ],
)
def test_a_bad_argument_of_an_injection_is_named(plan, arguments, named):
    """An injection that makes no sense is a ValueError that begins with the argument's name."""
    with pytest.raises(ValueError, match=f"^{named}: "):
        plan.add(Fault.drop(), **arguments)


def test_a_class_method_is_no_fault(plan):
    """Parentheses that were forgotten are noticed at once, not by the first request."""
    with pytest.raises(ValueError, match=r"^fault: "):
        plan.add(Fault.drop)


def test_the_same_seed_decides_the_same():
    """A failing run repeats."""
    one, other = FaultPlan(seed=3), FaultPlan(seed=3)
    one.add(Fault.drop(), probability=0.5)
    other.add(Fault.drop(), probability=0.5)
    assert strikes(one, 100) == strikes(other, 100)


def test_another_seed_decides_otherwise():
    """The seed is what the decisions hang on."""
    one, other = FaultPlan(seed=3), FaultPlan(seed=4)
    one.add(Fault.drop(), probability=0.5)
    other.add(Fault.drop(), probability=0.5)
    assert strikes(one, 100) != strikes(other, 100)


def test_a_request_to_another_route_does_not_change_what_chance_decides():
    """Each injection has its own random stream, drawn from only for the requests that match."""
    alone, mixed = FaultPlan(seed=3), FaultPlan(seed=3)
    alone.add(Fault.drop(), "GET /api/v2/customer/{id}", probability=0.5)
    mixed.add(Fault.drop(), "GET /api/v2/customer/{id}", probability=0.5)
    mixed.add(Fault.drop(), "POST /api/v2/customer", probability=0.5)
    expected = strikes(alone, 50)
    assert [(strikes(mixed, 1, POST), strikes(mixed, 1))[1][0] for _ in range(50)] == expected


def test_the_first_injection_that_strikes_wins(plan):
    """Injections are asked in the order in which they were injected."""
    plan.add(Fault.status(500))
    plan.add(Fault.status(502))
    assert [plan.decide(*GET_12).fault for _ in range(3)] == [Fault.status(500), Fault.status(502), None]


def test_an_injection_is_not_asked_about_a_request_that_an_earlier_one_took(plan):
    """It neither counts nor fires for that request."""
    plan.add(Fault.status(500), times=2)
    later = plan.add(Fault.status(502), every=2)
    strikes(plan, 3)
    assert (later.seen, later.fired) == (1, 0)


def test_a_latency_goes_together_with_what_follows(plan):
    """A slow answer can be a failing one too."""
    plan.add(Fault.latency(0.25))
    plan.add(Fault.status(500))
    decision = plan.decide(*GET_12)
    assert (decision.fault, decision.before, decision.name) == (Fault.status(500), 0.25, "latency+status")


def test_latencies_add_up_on_their_side_of_applying(plan):
    """Those before applying are one wait, those after it another."""
    plan.add(Fault.latency(0.25))
    plan.add(Fault.latency(0.5))
    plan.add(Fault.latency(2, after=True))
    decision = plan.decide(*GET_12)
    assert (decision.fault, decision.before, decision.after) == (None, 0.75, 2)


def test_a_latency_behind_another_fault_waits_for_its_own_request(plan):
    """After a fault that strikes and is no latency, no other injection is asked."""
    plan.add(Fault.drop())
    plan.add(Fault.latency(0.25))
    assert plan.decide(*GET_12).before == 0
    assert plan.decide(*GET_12).before == 0.25


def test_no_injection_means_no_fault(plan):
    """An empty plan leaves a request alone."""
    decision = plan.decide(*GET_12)
    assert (decision.fault, decision.before, decision.after, decision.name) == (None, 0.0, 0.0, None)


def test_an_injection_counts_how_often_it_fired(plan):
    """`fired` and `seen` are there to be asserted on."""
    injection = plan.add(Fault.drop(), every=2)
    strikes(plan, 5)
    assert (injection.fired, injection.seen) == (2, 5)


def test_a_removed_injection_strikes_no_more(plan):
    """remove() ends it, and its count stays readable."""
    injection = plan.add(Fault.drop(), every=1)
    strikes(plan, 2)
    injection.remove()
    assert strikes(plan, 2) == [False, False]
    assert injection.fired == 2


def test_removing_twice_or_after_the_end_does_nothing(plan):
    """remove() is safe in a test's clean-up, whatever happened before."""
    injection = plan.add(Fault.drop())
    strikes(plan, 2)
    injection.remove()
    injection.remove()
    assert injection.fired == 1


def test_removing_one_injection_leaves_its_twin(plan):
    """Two injections of one fault are two."""
    plan.add(Fault.drop()).remove()
    plan.add(Fault.drop())
    assert strikes(plan, 2) == [True, False]


def test_clearing_takes_every_injection_out(plan):
    """clear() is the end of the trouble."""
    plan.add(Fault.drop(), every=1)
    plan.add(Fault.latency(1), every=1)
    plan.clear()
    assert strikes(plan, 2) == [False, False]


def test_an_injection_shows_itself_without_its_machinery(plan):
    """Its repr names the fault, the route and the counts."""
    shown = repr(plan.add(Fault.drop(), "GET /api/v2/ping"))
    assert "GET /api/v2/ping" in shown
    assert "fired=0" in shown
    assert "random" not in shown
