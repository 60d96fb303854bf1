"""What a lane learns from what comes back: its circuit, its window, its latency. Shares of slots are in `shares`.

Pure: rows and their locks live in `psms.db.queries.lanes`. A lane stands for one endpoint; deliveries of all its
events pass through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from psms.domain.attempts import Outcome, SendResult
from psms.domain.retry import counts_against_endpoint

SLOW_MS = 2000
"""From this moving average on a lane counts as slow."""

FAILURES_UNTIL_OPEN = 5
RECENT = 20
"""So many results are remembered; the circuit opens when half of them, all there, are failures."""

SUCCESSES_UNTIL_WIDER = 10

RECORDING_S = 15
"""A lease is so much longer than its request may take: to wait for a slot, and to record the result."""

USUAL_LEASE_S = 30
"""Installations with shorter leases keep them, and cut their requests short."""

_FIRST_OPEN = timedelta(seconds=10)
_LONGEST_OPEN = timedelta(minutes=10)
_LONGEST_OPEN_OF_OLD_FAILURES = timedelta(hours=1)
_OLD = timedelta(hours=24)
_JITTER_SHARE = 0.2
_MOST_OPENS = 20
_WEIGHT = 0.2
_ALL = (1 << RECENT) - 1
_THROTTLED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)


class Circuit(StrEnum):
    """CLOSED: requests flow. OPEN: none is made until an instant. HALF_OPEN: one is, and decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Standing(StrEnum):
    """How an endpoint fares, as metrics name it."""

    HEALTHY = "healthy"
    SLOW = "slow"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """What a lane knows of its endpoint.

    *opens* counts how often the circuit opened since the endpoint last did well; *recent_failures* has a bit for each
    of the last *recent_results*, the newest lowest, set for a failure. *window* is how many requests may be out at
    once, None for all of *max_in_flight*. *probe_at* is until when an open circuit stays open, None where it was not
    opened here. *latency_ms* is 0 as long as nothing came back.
    """

    max_in_flight: int
    circuit: Circuit = Circuit.CLOSED
    opens: int = 0
    failures_in_a_row: int = 0
    recent_failures: int = 0
    recent_results: int = 0
    latency_ms: float = 0.0
    window: int | None = None
    window_successes: int = 0
    probe_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one request tells of its endpoint; *well* is None where it tells nothing, as when nothing was sent."""

    well: bool | None
    throttled: bool
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """When results are judged, a random number from 0 up to 1, and for how long the endpoint has been failing."""

    now: datetime
    jitter: float
    failing_for: timedelta


def heard_of(result: SendResult) -> Heard:
    """Return what *result* tells of its endpoint."""
    well = result.outcome is Outcome.SUCCESS
    return Heard(
        well=well if well or counts_against_endpoint(result.outcome) else None,
        throttled=result.outcome is Outcome.TIMEOUT or result.status in _THROTTLED,
        duration_ms=result.duration_ms,
    )


def after(lane: LaneState, results: Sequence[Heard], hearing: Hearing) -> LaneState:
    """Return the state of a lane after *results*, in their order.

    Five failures in a row, or half of the last twenty, open its circuit for 10 s, each next time for twice as long, at
    most for ten minutes, or for an hour once it has been failing for a day; a fifth more by chance. While it is open
    nothing changes it: what comes back was under way before. Half open, the next result decides: a success closes it
    with a window of 1, anything else opens it again. The window is halved once for all of *results* when one of
    them says that the endpoint is overwhelmed, and grows by one with each ten successes.
    """
    for one in results:
        lane = _counted(_timed(lane, one), one, hearing)
    return _halved(lane) if any(one.throttled for one in results) else lane


def standing_of(circuit: Circuit, latency_ms: float) -> Standing:
    """Return how an endpoint fares by its lane."""
    if circuit is not Circuit.CLOSED:
        return Standing.FAILING
    return Standing.SLOW if latency_ms > SLOW_MS else Standing.HEALTHY


def lease_seconds_for(timeout_s: int, least_s: int) -> int:
    """Return for how many seconds a delivery of an endpoint with this timeout is leased, where leases are *least_s*."""
    return max(least_s, timeout_s + RECORDING_S) if least_s >= USUAL_LEASE_S else least_s


def timeout_for(timeout_s: int, least_s: int) -> float:
    """Return how many seconds a request may take whose endpoint is given *timeout_s*, where leases are *least_s*."""
    return float(timeout_s) if least_s >= USUAL_LEASE_S else max(1.0, min(timeout_s, least_s / 2))


def open_for(opens: int, hearing: Hearing) -> timedelta:
    """Return for how long a circuit opens that did so *opens* times before."""
    longest = _LONGEST_OPEN_OF_OLD_FAILURES if hearing.failing_for > _OLD else _LONGEST_OPEN
    planned = min(_FIRST_OPEN * (1 << min(opens, _MOST_OPENS)), longest)
    return planned * (1 + _JITTER_SHARE * hearing.jitter)


def _timed(lane: LaneState, one: Heard) -> LaneState:
    if one.well is None:
        return lane
    sample = float(max(1, one.duration_ms))
    known = lane.latency_ms
    return replace(lane, latency_ms=known + _WEIGHT * (sample - known) if known else sample)


def _counted(lane: LaneState, one: Heard, hearing: Hearing) -> LaneState:
    if lane.circuit is Circuit.OPEN:
        return lane
    if lane.circuit is Circuit.HALF_OPEN:
        return _closed(lane) if one.well else _opened(lane, hearing)
    if one.well is None:
        return lane
    lane = replace(
        lane,
        failures_in_a_row=0 if one.well else lane.failures_in_a_row + 1,
        recent_failures=(lane.recent_failures << 1 | (not one.well)) & _ALL,
        recent_results=min(RECENT, lane.recent_results + 1),
    )
    if one.well:
        return _widened(lane)
    return _opened(lane, hearing) if _fails_too_often(lane) else lane


def _fails_too_often(lane: LaneState) -> bool:
    if lane.failures_in_a_row >= FAILURES_UNTIL_OPEN:
        return True
    return lane.recent_results == RECENT and 2 * lane.recent_failures.bit_count() >= RECENT


def _opened(lane: LaneState, hearing: Hearing) -> LaneState:
    return replace(
        lane,
        circuit=Circuit.OPEN,
        opens=min(lane.opens + 1, _MOST_OPENS),
        probe_at=hearing.now + open_for(lane.opens, hearing),
    )


def _closed(lane: LaneState) -> LaneState:
    return replace(
        lane,
        circuit=Circuit.CLOSED,
        failures_in_a_row=0,
        recent_failures=0,
        recent_results=1,
        window=_window(1, lane.max_in_flight),
        window_successes=0,
    )


def _widened(lane: LaneState) -> LaneState:
    if lane.window is None and not lane.opens:
        return lane
    if lane.window_successes + 1 < SUCCESSES_UNTIL_WIDER:
        return replace(lane, window_successes=lane.window_successes + 1)
    wider = None if lane.window is None else _window(lane.window + 1, lane.max_in_flight)
    return replace(lane, window=wider, window_successes=0, opens=0)


def _halved(lane: LaneState) -> LaneState:
    window = max(1, (lane.window or lane.max_in_flight) // 2)
    return replace(lane, window=_window(window, lane.max_in_flight), window_successes=0)


def _window(size: int, most: int) -> int | None:
    return None if size >= most else size
