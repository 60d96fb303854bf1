"""What a lane learns: its circuit, its window and its latency, against a model that keeps all results."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.attempts import Outcome
from psms.domain.lanes import (
    Circuit,
    Heard,
    Hearing,
    LaneState,
    Standing,
    after,
    heard_of,
    lease_seconds_for,
    open_for,
    standing_of,
    timeout_for,
)
from tests.support.answers import ACCEPTED, REFUSED

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HEARING = Hearing(now=NOW, jitter=0.0, failing_for=timedelta(0))
WELL = Heard(well=True, throttled=False, duration_ms=10)
ILL = Heard(well=False, throttled=False, duration_ms=10)
BUSY = Heard(well=False, throttled=True, duration_ms=10)
NOTHING = Heard(well=None, throttled=False, duration_ms=0)
LANE = LaneState(max_in_flight=16)
HALF_OPEN = replace(LANE, circuit=Circuit.HALF_OPEN, opens=3)

results = st.lists(st.sampled_from([WELL, ILL, BUSY, NOTHING]), max_size=60)


def states(lane, heard, hearing=HEARING):
    """Return the lane after each of the results, one by one."""
    found = []
    for one in heard:
        lane = after(lane, [one], hearing)
        found.append(lane)
    return found


def test_the_circuit_opens_with_the_fifth_failure_in_a_row():
    assert [lane.circuit for lane in states(LANE, [ILL] * 5)] == [Circuit.CLOSED] * 4 + [Circuit.OPEN]


def test_the_circuit_opens_when_half_of_the_last_twenty_failed():
    spread = [WELL, ILL] * 10
    circuits = [lane.circuit for lane in states(LANE, spread)]
    assert circuits == [Circuit.CLOSED] * 19 + [Circuit.OPEN]
    assert after(LANE, [WELL, *spread[:-1]], HEARING).circuit is Circuit.CLOSED


@given(results)
def test_a_closed_circuit_opens_exactly_when_the_whole_history_says_so(heard):
    kept: list[bool] = []
    lane = LANE
    for one in heard:
        lane = after(lane, [one], HEARING)
        if one.well is not None:
            kept.append(one.well)
        in_a_row = kept[-5:] == [False] * 5
        half = len(kept) >= 20 and kept[-20:].count(False) >= 10
        assert (lane.circuit is Circuit.OPEN) == (in_a_row or half)
        if lane.circuit is Circuit.OPEN:
            return


@given(results, results)
def test_results_together_open_the_circuit_as_results_one_by_one_do(first, second):
    at_once = after(after(LANE, first, HEARING), second, HEARING)
    one_by_one = states(LANE, [*first, *second])[-1] if first or second else LANE
    assert (at_once.circuit, at_once.probe_at) == (one_by_one.circuit, one_by_one.probe_at)
    assert at_once.latency_ms == pytest.approx(one_by_one.latency_ms)


@given(results)
def test_an_open_circuit_is_changed_by_nothing_that_comes_back(heard):
    lane = replace(LANE, circuit=Circuit.OPEN, opens=2)
    after_all = after(lane, heard, HEARING)
    assert (after_all.circuit, after_all.opens, after_all.probe_at) == (Circuit.OPEN, 2, None)


@pytest.mark.parametrize(
    ("opens", "jitter", "failing_hours", "seconds"),
    [(0, 0.0, 0, 10), (1, 0.0, 0, 20), (0, 0.5, 0, 11), (5, 0.0, 0, 320), (6, 0.0, 24, 600), (9, 0.0, 25, 3600)],
)
def test_a_circuit_opens_for_twice_as_long_each_time_up_to_a_bound(opens, jitter, failing_hours, seconds):
    hearing = Hearing(now=NOW, jitter=jitter, failing_for=timedelta(hours=failing_hours))
    assert open_for(opens, hearing) == timedelta(seconds=seconds)


def test_a_probe_that_fails_or_tells_nothing_opens_the_circuit_for_longer():
    for one in (ILL, BUSY, NOTHING):
        again = after(HALF_OPEN, [one], HEARING)
        assert (again.circuit, again.opens, again.probe_at) == (Circuit.OPEN, 4, NOW + timedelta(seconds=80))


def test_a_probe_that_succeeds_starts_slowly_one_more_after_each_ten():
    lane = after(HALF_OPEN, [WELL], HEARING)
    windows = [lane.window, *(one.window for one in states(lane, [WELL] * 150))]
    assert (lane.circuit, lane.opens, lane.failures_in_a_row) == (Circuit.CLOSED, 3, 0)
    assert windows[:1] + windows[10:141:10] == list(range(1, 16))
    assert windows[150] is None
    assert [one.opens for one in states(lane, [WELL] * 10)] == [3] * 9 + [0]


def test_a_window_is_halved_once_by_what_came_back_together_and_never_below_one():
    assert after(LANE, [BUSY] * 4, HEARING).window == 8
    assert [lane.window for lane in states(LANE, [BUSY] * 4)] == [8, 4, 2, 1]
    assert after(replace(LANE, window=1), [BUSY], HEARING).window == 1
    assert after(replace(LANE, max_in_flight=1), [BUSY], HEARING).window is None


@given(results, st.integers(1, 20))
def test_a_window_stays_between_one_and_what_the_lane_may_have(heard, most):
    for lane in states(replace(LANE, max_in_flight=most), heard):
        assert lane.window is None or 1 <= lane.window < most
        assert 0 <= lane.window_successes < 10
        assert 0 <= lane.recent_failures < 1 << 20


def test_latency_is_the_first_time_and_then_an_average_that_moves_a_fifth_of_the_way():
    slow = replace(WELL, duration_ms=1000)
    assert after(LANE, [slow], HEARING).latency_ms == 1000
    assert after(LANE, [slow, replace(slow, duration_ms=2000)], HEARING).latency_ms == 1200
    assert after(LANE, [replace(slow, duration_ms=0)], HEARING).latency_ms == 1
    assert after(LANE, [NOTHING], HEARING).latency_ms == 0


def test_what_a_result_tells_of_its_endpoint():
    told = {
        "a success": (ACCEPTED, (True, False)),
        "a failure": (REFUSED, (False, False)),
        "too many": (replace(REFUSED, status=429), (False, True)),
        "bad gateway": (replace(REFUSED, status=502), (False, True)),
        "a timeout": (replace(REFUSED, outcome=Outcome.TIMEOUT, status=None), (False, True)),
        "a gateway's timeout": (replace(REFUSED, status=504), (False, True)),
        "blocked by our rules": (replace(REFUSED, outcome=Outcome.EGRESS_BLOCKED, status=None), (None, False)),
        "not signed": (replace(REFUSED, outcome=Outcome.UNSIGNED, status=None), (None, False)),
    }
    for result, expected in told.values():
        heard = heard_of(result)
        assert (heard.well, heard.throttled) == expected


def test_an_endpoint_is_failing_while_its_circuit_is_not_closed_and_slow_from_two_seconds_on():
    assert standing_of(Circuit.CLOSED, 2000.0) is Standing.HEALTHY
    assert standing_of(Circuit.CLOSED, 2000.5) is Standing.SLOW
    assert {standing_of(circuit, 1.0) for circuit in (Circuit.OPEN, Circuit.HALF_OPEN)} == {Standing.FAILING}


@pytest.mark.parametrize(
    ("timeout_s", "least_s", "lease_s", "request_s"),
    [(15, 30, 30, 15.0), (30, 30, 45, 30.0), (1, 30, 30, 1.0), (30, 60, 60, 30.0), (15, 4, 4, 2.0), (1, 2, 2, 1.0)],
)
def test_a_lease_outlives_its_request_by_fifteen_seconds(timeout_s, least_s, lease_s, request_s):
    assert lease_seconds_for(timeout_s, least_s) == lease_s
    assert timeout_for(timeout_s, least_s) == request_s
