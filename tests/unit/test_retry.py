"""The schedule of retries and what a partner's answer makes of it; instants and chance are given."""

import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.adapters.system import SystemChance
from psms.domain.attempts import Outcome, SendResult
from psms.domain.retry import (
    MAX_ATTEMPTS,
    SCHEDULE,
    Delivered,
    DisableEndpoint,
    GiveUp,
    RetryAt,
    counts_against_endpoint,
    decide,
    retry_after,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(days=7)
FAILURES = [outcome for outcome in Outcome if outcome is not Outcome.SUCCESS]


def answered(status, *, after=None, headers=None, tls_verified=True):
    return SendResult(
        outcome=Outcome.SUCCESS if 200 <= status < 300 else Outcome.HTTP_ERROR,
        status=status,
        duration_ms=3,
        response_headers=headers or {},
        response_body=b"",
        response_truncated=False,
        retry_after=after,
        error=None,
        peer_ip=None,
        tls_verified=tls_verified,
    )


def failed(outcome):
    return SendResult(
        outcome=outcome,
        status=None,
        duration_ms=3,
        response_headers={},
        response_body=b"",
        response_truncated=False,
        retry_after=None,
        error="It failed.",
        peer_ip=None,
    )


def decision(result, *, failures=0, now=NOW, expires_at=EXPIRES, jitter=0.0):
    return decide(failures=failures, result=result, now=now, expires_at=expires_at, jitter=jitter)


def test_there_are_14_attempts_over_71_hours_42_minutes_and_35_seconds():
    assert MAX_ATTEMPTS == 14
    assert sum(SCHEDULE, timedelta()) == timedelta(hours=71, minutes=42, seconds=35)


def test_an_endpoint_that_always_fails_is_tried_at_the_promised_instants_and_then_given_up():
    now, elapsed, outcomes = NOW, [], []
    for failures in range(MAX_ATTEMPTS):
        elapsed.append(int((now - NOW).total_seconds()))
        outcomes.append(decision(answered(500), failures=failures, now=now))
        now = getattr(outcomes[-1], "at", now)

    assert elapsed[:6] == [0, 5, 35, 155, 755, 2555]
    assert elapsed[-1] == (71 * 60 + 42) * 60 + 35
    assert [type(outcome) for outcome in outcomes] == [RetryAt] * 13 + [GiveUp]
    assert outcomes[-1] == GiveUp(reason="exhausted")


@given(failures=st.integers(0, len(SCHEDULE) - 1), jitter=st.floats(0, 1, exclude_max=True))
def test_a_retry_is_never_early_and_at_most_a_fifth_or_a_second_late(failures, jitter):
    outcome = decision(answered(503), failures=failures, jitter=jitter)
    planned = SCHEDULE[failures]

    assert isinstance(outcome, RetryAt)
    assert planned <= outcome.at - NOW <= max(planned + timedelta(seconds=1), 1.2 * planned)
    assert outcome.lane_not_before is None


def third_retries(count, chance):
    """Return when deliveries that fail at the same instant, and at each retry at once, are tried for the third time."""
    instants = [NOW] * count
    for failures in range(3):
        jitters = [(place + 0.5) / count for place in range(count)]
        chance.shuffle(jitters)
        instants = [
            getattr(decision(answered(500), failures=failures, now=at, jitter=jitter), "at", at)
            for at, jitter in zip(instants, jitters, strict=True)
        ]
    return [(at - NOW).total_seconds() for at in instants]


def test_w07_failures_of_the_same_instant_spread_out_so_that_no_second_has_more_than_a_twentieth():
    # Ten times a thousand: of so few a second has now and then a little more than its share by chance alone.
    seconds = third_retries(10_000, Random(7))

    assert len(seconds) == 10_000
    assert statistics.stdev(seconds) > 5
    assert max(Counter(int(second) for second in seconds).values()) <= 500


def test_w07_the_chance_by_which_they_spread_out_is_even():
    chance = SystemChance()
    twentieths = Counter(int(chance.fraction() * 20) for _ in range(20_000))

    # Six standard deviations.
    assert {abs(count - 1000) < 190 for count in twentieths.values()} == {True}
    assert sorted(twentieths) == list(range(20))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_delivery(status):
    assert decision(answered(status), failures=13, now=EXPIRES) == Delivered()


@pytest.mark.parametrize(
    "status", [301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504]
)
def test_every_other_status_is_retried_on_the_schedule(status):
    assert decision(answered(status)) == RetryAt(at=NOW + timedelta(seconds=5))


@pytest.mark.parametrize("outcome", [outcome for outcome in FAILURES if outcome is not Outcome.HTTP_ERROR])
def test_every_failure_without_a_status_is_retried_on_the_schedule(outcome):
    assert decision(failed(outcome), failures=3) == RetryAt(at=NOW + timedelta(minutes=10))
    assert decision(failed(outcome), failures=13) == GiveUp(reason="exhausted")


def test_410_disables_the_endpoint_whatever_else_is_said():
    gone = answered(410, after="60", headers={"webhook-delivery": "abort-message"})

    assert decision(gone, failures=13, now=EXPIRES) == DisableEndpoint(reason="gone")


@pytest.mark.parametrize(
    ("wish", "outcome"),
    [
        ("abort-message", GiveUp(reason="aborted_by_consumer")),
        (" Abort-Message ", GiveUp(reason="aborted_by_consumer")),
        ("disable", DisableEndpoint(reason="disabled_by_consumer")),
        ("please", RetryAt(at=NOW + timedelta(seconds=5))),
    ],
)
def test_a_verified_partner_may_stop_its_deliveries(wish, outcome):
    assert decision(answered(500, headers={"webhook-delivery": wish})) == outcome


@pytest.mark.parametrize("wish", ["abort-message", "disable"])
def test_nobody_on_the_way_may_stop_deliveries(wish):
    unverified = answered(500, headers={"webhook-delivery": wish}, tls_verified=False)

    assert decision(unverified) == RetryAt(at=NOW + timedelta(seconds=5))


def test_a_2xx_counts_more_than_the_wish_to_stop():
    assert decision(answered(200, headers={"webhook-delivery": "disable"})) == Delivered()


def test_after_its_expiry_a_delivery_is_given_up():
    assert decision(answered(500), now=EXPIRES) == GiveUp(reason="expired")
    assert decision(answered(500), failures=13, now=EXPIRES) == GiveUp(reason="exhausted")


def test_the_last_retry_is_made_at_the_expiry_at_the_latest():
    soon = NOW + timedelta(hours=1)

    assert decision(answered(500), failures=9, expires_at=soon, jitter=0.9) == RetryAt(at=soon)
    assert decision(answered(503, after="7200"), expires_at=soon) == RetryAt(
        at=soon, lane_not_before=NOW + timedelta(hours=1)
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("after", ["3600", format_datetime(NOW + timedelta(hours=1), usegmt=True)])
def test_retry_after_delays_this_delivery_and_the_whole_lane(status, after):
    hour = NOW + timedelta(hours=1)

    assert decision(answered(status, after=after), jitter=0.5) == RetryAt(at=hour, lane_not_before=hour)


def test_retry_after_never_shortens_the_schedule():
    assert decision(answered(429, after="60"), failures=4) == RetryAt(
        at=NOW + timedelta(minutes=30), lane_not_before=NOW + timedelta(minutes=1)
    )


def test_retry_after_is_obeyed_for_a_day_at_most_and_a_lane_waits_an_hour_at_most():
    assert decision(answered(429, after="99999999")) == RetryAt(
        at=NOW + timedelta(hours=24), lane_not_before=NOW + timedelta(hours=1)
    )


@pytest.mark.parametrize("after", [None, "", "0", "-5", "abc", "1.5", "+5", "1e3", "5 s", "٣"])
def test_retry_after_that_asks_for_nothing_or_is_garbage_leaves_the_schedule(after):
    assert decision(answered(429, after=after)) == RetryAt(at=NOW + timedelta(seconds=5))


@pytest.mark.parametrize("status", [302, 404, 500, 502])
def test_retry_after_counts_only_with_429_and_503(status):
    assert decision(answered(status, after="3600")) == RetryAt(at=NOW + timedelta(seconds=5))


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 120 ", timedelta(minutes=2)),
        ("9" * 5000, timedelta(hours=24)),
        ("Sun, 01 Mar 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Sunday, 01-Mar-26 12:02:00 GMT", timedelta(minutes=2)),
        ("Sun Mar  1 12:02:00 2026", timedelta(minutes=2)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(hours=24)),
        ("Sun, 01 Mar 2026 11:59:59 GMT", None),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 2026", None),
        ("2026-03-01T12:02:00Z", None),
    ],
)
def test_retry_after_is_read_in_every_form_of_the_standard(value, wait):
    assert retry_after(value, NOW) == wait


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z]{3},? [0-9 :A-Za-z+-]{0,40}"))
def test_no_retry_after_header_can_raise_or_ask_for_more_than_a_day(value):
    wait = retry_after(value, NOW)

    assert wait is None or timedelta() <= wait <= timedelta(hours=24)


def test_what_is_our_own_fault_does_not_count_against_the_endpoint():
    assert {outcome for outcome in Outcome if not counts_against_endpoint(outcome)} == {
        Outcome.SUCCESS,
        Outcome.STARTED,
        Outcome.UNKNOWN,
        Outcome.EGRESS_BLOCKED,
        Outcome.UNSIGNED,
    }
