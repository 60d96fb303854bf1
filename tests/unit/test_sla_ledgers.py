"""A ledger that was tampered with does not add up. That whole ones do is among the laws of clocks."""

from dataclasses import replace

import pytest

from psms.domain.sla.advance import advance, begin
from psms.domain.sla.hours import ROUND_THE_CLOCK, Hours
from psms.domain.sla.instants import HOUR
from psms.domain.sla.ledger import LedgerBroken, open_segment, recompute
from psms.domain.sla.terms import Terms
from psms.domain.sla.timeline import Cause, Complete, Pause, Resume, Segment, Start, State

TERMS = Terms(target=8 * HOUR, calendar="always")


def hours_of(_: str) -> Hours:
    """Return hours that are always open."""
    return ROUND_THE_CLOCK


def whole_ledger() -> list[Segment]:
    """Run two hours, stand three, run one, end."""
    step = begin(Start(at=0, terms=TERMS), hours_of)
    segments = []
    for event in (Pause(at=2 * HOUR), Resume(at=5 * HOUR), Complete(at=6 * HOUR)):
        step = advance(step.clock, event, hours_of)
        assert step.segment is not None
        segments.append(step.segment)
    return [*segments, open_segment(step.clock)]


def test_segments_say_what_ran_and_what_stood() -> None:
    assert [(s.cause, s.state, s.began_at, s.ended_at, s.counted) for s in whole_ledger()] == [
        (Cause.START, State.RUNNING, 0, 2 * HOUR, 2 * HOUR),
        (Cause.PAUSE, State.PAUSED, 2 * HOUR, 5 * HOUR, 0),
        (Cause.RESUME, State.RUNNING, 5 * HOUR, 6 * HOUR, HOUR),
        (Cause.COMPLETE, State.MET, 6 * HOUR, None, 0),
    ]
    assert recompute(whole_ledger(), hours_of).cycles[-1].consumed == 3 * HOUR


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_segment_is_found(number: int) -> None:
    ledger = whole_ledger()
    del ledger[number]

    with pytest.raises(LedgerBroken, match="does not follow"):
        recompute(ledger, hours_of)


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (0, {"counted": HOUR}),
        (0, {"ended_at": 3 * HOUR}),
        (0, {"terms": replace(TERMS, target=HOUR)}),
        (1, {"began_at": HOUR}),
        (1, {"state": State.RUNNING}),
        (2, {"cycle": 2}),
        (3, {"state": State.MISSED}),
    ],
)
def test_a_changed_segment_is_found(number: int, changes: dict[str, object]) -> None:
    ledger = whole_ledger()
    ledger[number] = replace(ledger[number], **changes)  # type: ignore[arg-type]

    with pytest.raises(LedgerBroken, match="does not follow"):
        recompute(ledger, hours_of)


def test_the_last_segment_is_missed() -> None:
    with pytest.raises(LedgerBroken, match="the last segment of cycle 1 is missing"):
        recompute(whole_ledger()[:-1], hours_of)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_doubled_segment_is_found(number: int) -> None:
    ledger = whole_ledger()

    with pytest.raises(LedgerBroken, match="does not follow"):
        recompute([*ledger[: number + 1], *ledger[number:]], hours_of)
