"""Rates over sliding windows, counted in one process; sharing them is tested with a real Valkey."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.adapters.rates import LocalRates
from psms.domain.rates import Meter, Rate, used, wait_s
from tests.support.waiting import eventually

# No test lives to see the end of this window.
DAY = 86_400


def meter(quota: int, key: str = "client:a", *, window_s: int = DAY) -> Meter:
    return Meter(name=key.partition(":")[0], key=key, rate=Rate(quota=quota, window_s=window_s))


def admitted(counts: LocalRates, meters: list[Meter], tries: int) -> int:
    return sum(counts.take(meters).refused_by is None for _ in range(tries))


def test_a_rate_is_read_as_requests_over_seconds() -> None:
    assert Rate.parse("600/60") == Rate(quota=600, window_s=60)


@pytest.mark.parametrize("text", ["", "600", "600/", "/60", "0/60", "600/0", "-1/60", "600/60s", "6e2/60", "\uff11/60"])
def test_any_other_text_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="write requests/seconds"):
        Rate.parse(text)


def test_the_quota_is_admitted_and_not_one_more() -> None:
    assert admitted(LocalRates(), [meter(7)], 20) == 7


def test_callers_at_the_same_time_get_the_quota_together() -> None:
    counts, got = LocalRates(), []
    callers = [threading.Thread(target=lambda: got.append(admitted(counts, [meter(50)], 40))) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert sum(got) == 50


def test_what_one_meter_refuses_is_counted_on_none() -> None:
    counts = LocalRates()
    small, large = meter(3), meter(10, "organization:a")

    assert admitted(counts, [small, large], 9) == 3
    assert counts.look([large]).readings[0].remaining == 7
    assert admitted(counts, [meter(3, "client:b"), large], 9) == 3


def test_the_verdict_names_who_refused_and_what_is_left() -> None:
    counts = LocalRates()
    meters = [meter(1), meter(5, "organization:a")]

    first, second = counts.take(meters), counts.take(meters)

    assert [(found.name, found.remaining) for found in first.readings] == [("client", 0), ("organization", 4)]
    assert (first.refused_by, second.refused_by) == (None, "client")
    assert 1 <= second.retry_after_s <= 2 * DAY


def test_looking_counts_nothing_and_charging_counts_beyond_the_quota() -> None:
    counts = LocalRates()
    for _ in range(5):
        assert counts.look([meter(2)]).refused_by is None
    for _ in range(3):
        counts.charge([meter(2)])

    assert counts.look([meter(2)]).refused_by == "client"
    assert counts.take([meter(4)]).refused_by is None


def test_after_the_time_that_it_was_told_a_caller_is_admitted_again() -> None:
    counts = LocalRates()
    quick = [meter(2, window_s=1)]
    assert admitted(counts, quick, 9) <= 4

    eventually(lambda: counts.take(quick).refused_by is None, within=5)


def test_callers_that_were_made_up_do_not_fill_the_memory() -> None:
    counts = LocalRates(most=100)
    for number in range(1000):
        counts.take([meter(1, f"address:{number}")])

    assert len(counts) <= 100


@given(
    quota=st.integers(1, 1000),
    previous=st.integers(0, 2000),
    current=st.integers(0, 2000),
    elapsed=st.floats(0, 1),
)
def test_the_wait_is_long_enough_and_never_longer_than_two_windows(quota, previous, current, elapsed) -> None:
    rate = Rate(quota=quota, window_s=60)
    if used(previous, current, elapsed) + 1 <= quota:
        return
    wait = wait_s(rate, previous, current, elapsed)
    later = elapsed + wait / 60

    assert 1 <= wait <= 120
    if later <= 1:
        assert used(previous, current, later) + 1 <= quota + 1e-6
    elif later <= 2:
        assert used(current, 0, later - 1) + 1 <= quota + 1e-6
