"""Policies as they are stored, and which are refused. Which one is for a ticket is tried in `test_sla_matching`."""

from dataclasses import replace
from uuid import UUID

import pytest

from psms.domain.sla.calendar_checks import Fault
from psms.domain.sla.instants import HOUR, MINUTE
from psms.domain.sla.matching import Conditions
from psms.domain.sla.policy_checks import LONGEST_TARGET, faults_of
from psms.domain.sla.policy_documents import (
    conditions_of,
    document_of_conditions,
    document_of_promise,
    promise_of,
)
from psms.domain.sla.terms import (
    PAUSED_BY_DEFAULT,
    Level,
    Metric,
    OffsetLevel,
    PercentLevel,
    Reopening,
    Terms,
    WallLevel,
)
from psms.domain.tickets import Priority, Status, TicketType

LEVELS: tuple[Level, ...] = (
    PercentLevel(id="at_risk", percent=80),
    OffsetLevel(id="soon", offset=-30 * MINUTE),
    WallLevel(id="page", offset=2 * HOUR),
)
RESOLUTION = Terms(
    target=8 * HOUR,
    calendar="office@3",
    levels=LEVELS,
    pause_on=PAUSED_BY_DEFAULT,
    reopening=Reopening.NEW_CYCLE,
    reopen_floor_percent=25,
)
WRITTEN = {
    "resolution": {
        "target_seconds": 28_800,
        "calendar": "office@3",
        "levels": [
            {"id": "at_risk", "percent": 80},
            {"id": "soon", "offset_seconds": -1_800, "clock": "business"},
            {"id": "page", "offset_seconds": 7_200, "clock": "wall"},
        ],
        "pause_on": ["on_hold", "pending"],
        "reopening": "new_cycle",
        "reopen_floor_percent": 25,
    }
}


def test_a_promise_reads_as_it_was_written() -> None:
    assert document_of_promise({Metric.RESOLUTION: RESOLUTION}) == WRITTEN
    assert promise_of(WRITTEN) == {Metric.RESOLUTION: RESOLUTION}  # type: ignore[arg-type]


def test_conditions_read_as_they_were_written() -> None:
    conditions = Conditions(
        services=frozenset({UUID(int=2), UUID(int=1)}),
        types=frozenset({TicketType.REQUEST}),
        priorities=frozenset({Priority.HIGH}),
        customer_tiers=frozenset({"gold"}),
        any_tags=frozenset({"b", "a"}),
        all_tags=frozenset({"c"}),
        no_tags=frozenset(),
        custom_fields={"region": frozenset({"emea", None})},
    )
    written = document_of_conditions(conditions)

    assert written == {
        "services": [str(UUID(int=1)), str(UUID(int=2))],
        "types": ["request"],
        "priorities": ["high"],
        "customer_tiers": ["gold"],
        "any_tags": ["a", "b"],
        "all_tags": ["c"],
        "no_tags": [],
        "custom_fields": {"region": ["emea", None]},
    }
    assert conditions_of(written) == conditions
    assert document_of_conditions(Conditions()) == {}
    assert conditions_of({}) == Conditions()


def test_a_promise_that_makes_sense_has_no_faults() -> None:
    assert faults_of(dict.fromkeys(Metric, RESOLUTION)) == ()


WRONG = [
    ({"target": 0}, "target_seconds", "a target is at least a second and at most 366 days"),
    ({"target": LONGEST_TARGET + 1}, "target_seconds", "a target is at least a second and at most 366 days"),
    ({"reopen_floor_percent": 101}, "reopen_floor_percent", "a share of the target is from 0 to 100"),
    ({"pause_on": frozenset({Status.CLOSED})}, "pause_on", "clocks end in these and cannot pause: closed"),
    ({"levels": LEVELS * 2}, "levels", "two levels are called at_risk; give each a name of its own"),
    ({"levels": (PercentLevel(id="a", percent=0),)}, "levels", "a: a percentage is from 1 to 1000"),
    ({"levels": (WallLevel(id="a", offset=-1),)}, "levels", "a: on the wall clock a level comes after the breach"),
    ({"levels": (OffsetLevel(id="a", offset=-LONGEST_TARGET - 1),)}, "levels", "a: an offset is at most 366 days"),
    (
        {"levels": tuple(PercentLevel(id=str(n), percent=n) for n in range(1, 22))},
        "levels",
        "a target has at most 20 levels",
    ),
]


@pytest.mark.parametrize(("changes", "field", "message"), WRONG)
def test_a_promise_that_makes_no_sense_is_refused(changes: dict[str, object], field: str, message: str) -> None:
    wrong = replace(RESOLUTION, **changes)  # type: ignore[arg-type]

    assert faults_of({Metric.RESOLUTION: wrong})[0] == Fault(field=f"targets.resolution.{field}", message=message)


def test_a_policy_promises_something() -> None:
    message = "a policy promises at least one of first_response, next_response, periodic_update, resolution"
    assert faults_of({}) == (Fault(field="targets", message=message),)
