"""Why a clock is due when it is, told in a sentence."""

from dataclasses import replace

import pytest

from psms.domain.sla.clock import Clock
from psms.domain.sla.instants import HOUR, MINUTE, SECOND
from psms.domain.sla.terms import Terms
from psms.domain.sla.timeline import Cause, State
from psms.domain.sla.why import span, why

KEY = "01a20000-0000-7000-8000-000000000001/3@2026f"
RUNNING = Clock(
    cycle=1,
    terms=Terms(target=4 * HOUR, calendar="always"),
    target=4 * HOUR,
    state=State.RUNNING,
    cause=Cause.RESUME,
    since=HOUR,
    started_at=0,
    consumed=HOUR + 20 * MINUTE,
    due_at=3 * HOUR + 40 * MINUTE,
)
PAUSED = replace(RUNNING, state=State.PAUSED, cause=Cause.PAUSE, due_at=None)
ENDED = replace(RUNNING, completed_at=2 * HOUR)


@pytest.mark.parametrize(
    ("clock", "sentence"),
    [
        (
            RUNNING,
            (
                "Due at 1970-01-01T03:40:00Z: 2 h 40 min of 4 h were left at 1970-01-01T01:00:00Z, when it goes on; "
                "every instant counts."
            ),
        ),
        (
            replace(RUNNING, terms=Terms(target=4 * HOUR, calendar=KEY), due_at=None),
            (
                "Never due: 2 h 40 min of 4 h are left, and for so long its calendar does not open any more; open time "
                "counts, by version 3 of calendar 01a20000-0000-7000-8000-000000000001 with the time-zone data 2026f."
            ),
        ),
        (PAUSED, "Paused since 1970-01-01T01:00:00Z: 2 h 40 min of 4 h are left, so that it is not due."),
        (replace(RUNNING, breached_at=2 * HOUR), "Breached: its 4 h were used up at 1970-01-01T02:00:00Z."),
        (
            replace(RUNNING, breached_at=2 * HOUR, since=3 * HOUR, cause=Cause.RETROACTIVE),
            "Breached: it was due at 1970-01-01T02:00:00Z, before its terms changed; what was missed stays missed.",
        ),
        (
            replace(RUNNING, breached_at=2 * HOUR, since=2 * HOUR, cause=Cause.CARRY),
            "Breached: its 4 h were used up at 1970-01-01T02:00:00Z.",
        ),
        (replace(ENDED, state=State.MET), "Met at 1970-01-01T02:00:00Z: 1 h 20 min of 4 h were counted."),
        (
            replace(ENDED, state=State.MISSED, breached_at=HOUR),
            "Missed: 4 h were used up at 1970-01-01T01:00:00Z; it was done at 1970-01-01T02:00:00Z, after 1 h 20 min.",
        ),
        (
            replace(ENDED, state=State.CANCELLED),
            (
                "Nobody waits for it since 1970-01-01T02:00:00Z: it ended without a verdict, with 1 h 20 min of 4 h "
                "counted."
            ),
        ),
        (
            replace(ENDED, state=State.SUPERSEDED),
            "It ended at 1970-01-01T02:00:00Z, when a change began a new cycle.",
        ),
    ],
    ids=lambda one: one.state.value if isinstance(one, Clock) else "",
)
def test_a_clock_is_explained(clock: Clock, sentence: str) -> None:
    assert why(clock) == sentence


@pytest.mark.parametrize(
    ("microseconds", "written"),
    [(0, "0 s"), (999_999, "0 s"), (61 * SECOND, "1 min 1 s"), (25 * HOUR, "1 d 1 h"), (SECOND, "1 s")],
)
def test_a_span_is_written_as_people_do(microseconds: int, written: str) -> None:
    assert span(microseconds) == written
