"""SLA policies as documents: read, written, said in short, and every refusal with the field it is about."""

from typing import Any
from uuid import UUID

import pytest

from psms.domain.sla.definitions import (
    DEFAULT_LEVELS,
    AddWatcher,
    Notify,
    NotifyUser,
    PageOnCall,
    PolicyDefinition,
    RaisePriority,
    ReassignToTeam,
    ReassignToUser,
    Recipient,
    TellEvent,
    default_target,
)
from psms.domain.sla.policy_checks import Kind, Reference, check_policy, references_of
from psms.domain.sla.policy_documents import PolicyDocument, policy_document_of, policy_of
from psms.domain.sla.policy_edits import PolicyFields, Shorthand, shorthand_of, usual_position, written
from psms.domain.sla.terms import AT_RISK, BREACH, PROMISED, Metric, OffsetLevel, Reopening, Terms, WallLevel
from psms.domain.tickets import Priority, Status
from psms.errors import FieldError

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
NOTHING = PolicyDefinition(targets={})
FULL: PolicyDocument = {
    "conditions": {
        "service_ids": [str(ONE), str(TWO)],
        "types": ["incident", "request"],
        "priorities": ["critical", "high"],
        "tiers": ["gold"],
        "tags": ["vip"],
        "all_tags": ["emea", "site"],
        "no_tags": ["test"],
        "custom_fields": {"floor": [True, 3], "site": ["north", "south"]},
    },
    "targets": {
        "first_response": {
            "seconds": 900,
            "calendar_id": None,
            "pause_on": [],
            "reopening": "resume",
            "reopen_floor_percent": 25,
            "levels": [{"id": "breach", "percent": 100, "actions": []}],
        },
        "resolution": {
            "seconds": 14_400,
            "calendar_id": str(THREE),
            "pause_on": ["pending"],
            "reopening": "new_cycle",
            "reopen_floor_percent": 0,
            "levels": [
                {"id": "early", "offset_seconds": -3600, "clock": "business", "actions": [{"type": "event"}]},
                {
                    "id": "breach",
                    "percent": 100,
                    "actions": [
                        {"type": "raise_priority"},
                        {"type": "notify", "to": "managers"},
                        {"type": "notify", "user_id": str(ONE)},
                        {"type": "reassign", "user_id": str(ONE)},
                        {"type": "reassign", "team_id": str(TWO)},
                        {"type": "add_watcher", "user_id": str(THREE)},
                    ],
                },
                {"id": "page", "offset_seconds": 7200, "clock": "wall", "actions": [{"type": "page"}]},
            ],
        },
    },
}


def with_levels(*levels: Any, seconds: int = 3600) -> Any:
    """Return a policy's document with these levels of its resolution."""
    return {"conditions": {}, "targets": {"resolution": {"seconds": seconds, "levels": list(levels)}}}


def percent(number: int, level_id: str = "a", **more: Any) -> Any:
    """Return a level's document."""
    return {"id": level_id, "percent": number, **more}


def test_a_full_policy_reads_as_written() -> None:
    definition = policy_of(FULL)
    resolution = definition.targets[Metric.RESOLUTION]

    assert policy_document_of(definition) == FULL
    assert [planned.level for planned in resolution.levels] == [
        OffsetLevel(id="early", offset=-3_600_000_000),
        BREACH,
        WallLevel(id="page", offset=7_200_000_000),
    ]
    assert resolution.actions("breach") == (
        RaisePriority(),
        Notify(to=Recipient.MANAGERS),
        NotifyUser(user_id=ONE),
        ReassignToUser(user_id=ONE),
        ReassignToTeam(team_id=TWO),
        AddWatcher(user_id=THREE),
    )
    assert (resolution.actions("early"), resolution.actions("page")) == ((TellEvent(),), (PageOnCall(),))
    assert resolution.actions("unheard of") == ()
    check_policy(definition)


def test_what_a_target_leaves_out_is_as_usual() -> None:
    targets = {metric.value: {"seconds": 60} for metric in PROMISED}
    found = policy_of({"conditions": {}, "targets": targets}).targets  # type: ignore[typeddict-item]

    assert {metric: target.pause_on for metric, target in found.items()} == {
        Metric.FIRST_RESPONSE: frozenset(),
        Metric.NEXT_RESPONSE: frozenset(),
        Metric.PERIODIC_UPDATE: {Status.PENDING, Status.ON_HOLD},
        Metric.RESOLUTION: {Status.PENDING, Status.ON_HOLD},
    }
    assert {target.levels for target in found.values()} == {DEFAULT_LEVELS}
    assert {(target.calendar_id, target.reopening, target.reopen_floor_percent) for target in found.values()} == {
        (None, Reopening.RESUME, 25)
    }


def test_terms_follow_from_a_target_and_a_calendar() -> None:
    terms = policy_of(FULL).targets[Metric.RESOLUTION].terms("key")

    assert terms == Terms(
        target=14_400_000_000,
        calendar="key",
        levels=(
            OffsetLevel(id="early", offset=-3_600_000_000),
            BREACH,
            WallLevel(id="page", offset=7_200_000_000),
        ),
        pause_on=frozenset({Status.PENDING}),
        reopening=Reopening.NEW_CYCLE,
        reopen_floor_percent=0,
    )
    assert default_target(Metric.RESOLUTION, 1).terms("always").levels == (AT_RISK, BREACH)


def test_a_policy_names_what_must_exist() -> None:
    breach = "targets.resolution.levels.1.actions"

    assert list(references_of(policy_of(FULL))) == [
        Reference(field="conditions.service_ids.0", kind=Kind.SERVICE, id=ONE),
        Reference(field="conditions.service_ids.1", kind=Kind.SERVICE, id=TWO),
        Reference(field="targets.resolution.calendar_id", kind=Kind.CALENDAR, id=THREE),
        Reference(field=f"{breach}.2.user_id", kind=Kind.USER, id=ONE),
        Reference(field=f"{breach}.3.user_id", kind=Kind.USER, id=ONE),
        Reference(field=f"{breach}.4.team_id", kind=Kind.TEAM, id=TWO),
        Reference(field=f"{breach}.5.user_id", kind=Kind.USER, id=THREE),
    ]


LEVEL = "targets.resolution.levels.0"
REFUSED: list[tuple[str, Any]] = [
    ("targets", {"conditions": {}, "targets": {}}),
    ("targets.resolution.seconds", with_levels(seconds=0)),
    ("targets.resolution.seconds", with_levels(seconds=-5)),
    (LEVEL, with_levels({"id": "a"})),
    (LEVEL, with_levels(percent(50, offset_seconds=1))),
    (f"{LEVEL}.clock", with_levels(percent(50, clock="wall"))),
    (f"{LEVEL}.percent", with_levels(percent(0))),
    (f"{LEVEL}.percent", with_levels(percent(-1))),
    (f"{LEVEL}.offset_seconds", with_levels({"id": "a", "offset_seconds": -1, "clock": "wall"})),
    (f"{LEVEL}.id", with_levels(percent(90, "breach"))),
    ("targets.resolution.levels.1.id", with_levels(percent(50), percent(60))),
    ("targets.resolution.levels.1", with_levels(percent(80), percent(50, "b"))),
    ("targets.resolution.levels.2", with_levels(percent(50), percent(100, "b"), {"id": "c", "offset_seconds": -60})),
    (
        "targets.resolution.levels.1",
        with_levels(
            {"id": "a", "offset_seconds": 60, "clock": "wall"}, {"id": "b", "offset_seconds": 30, "clock": "wall"}
        ),
    ),
    (f"{LEVEL}.actions.0.type", with_levels(percent(50, actions=[{"type": "shout"}]))),
    (f"{LEVEL}.actions.1", with_levels(percent(50, actions=[{"type": "event"}, {"type": "notify"}]))),
    (f"{LEVEL}.actions.0.to", with_levels(percent(50, actions=[{"type": "page", "to": "team"}]))),
    (
        f"{LEVEL}.actions.0",
        with_levels(percent(50, actions=[{"type": "reassign", "user_id": str(ONE), "team_id": str(ONE)}])),
    ),
    (
        "targets.resolution.pause_on",
        {"conditions": {}, "targets": {"resolution": {"seconds": 1, "pause_on": ["open"]}}},
    ),
    (
        "targets.resolution.reopen_floor_percent",
        {"conditions": {}, "targets": {"resolution": {"seconds": 1, "reopen_floor_percent": 101}}},
    ),
    ("conditions.no_tags", {**with_levels(), "conditions": {"all_tags": ["a", "b"], "no_tags": ["b"]}}),
    ("conditions.no_tags", {**with_levels(), "conditions": {"tags": ["a"], "no_tags": ["a", "b"]}}),
    ("conditions.custom_fields.site", {**with_levels(), "conditions": {"custom_fields": {"site": []}}}),
]


@pytest.mark.parametrize(("field", "document"), REFUSED)
def test_a_policy_that_makes_no_sense_is_refused_by_field(field: str, document: Any) -> None:
    with pytest.raises(FieldError) as refusal:
        check_policy(policy_of(document))

    assert [error["field"] for error in refusal.value.context["errors"]] == [field]  # type: ignore[attr-defined]


def test_levels_in_consumed_time_and_on_the_wall_are_each_in_order_for_themselves() -> None:
    levels = (
        percent(50),
        {"id": "page", "offset_seconds": 60, "clock": "wall"},
        percent(100, "breach"),
        {"id": "late", "offset_seconds": 30},
        {"id": "later", "offset_seconds": 90, "clock": "wall"},
    )

    check_policy(policy_of(with_levels(*levels)))


def test_in_short_a_policy_is_a_priority_and_two_targets() -> None:
    short = PolicyFields(priority=Priority.HIGH, first_response_seconds=60, resolution_seconds=600)
    definition = written(NOTHING, short)

    assert shorthand_of(definition) == Shorthand(
        priority=Priority.HIGH, first_response_seconds=60, resolution_seconds=600
    )
    assert definition.targets == {
        Metric.FIRST_RESPONSE: default_target(Metric.FIRST_RESPONSE, 60),
        Metric.RESOLUTION: default_target(Metric.RESOLUTION, 600),
    }
    assert (usual_position(definition), usual_position(NOTHING)) == (1000, 2000)


def test_in_short_a_full_policy_says_what_it_can() -> None:
    assert shorthand_of(policy_of(FULL)) == Shorthand(
        priority=None, first_response_seconds=900, resolution_seconds=14_400
    )


def test_the_short_forms_change_only_what_they_name() -> None:
    full = policy_of(FULL)
    changed = written(full, PolicyFields(priority=None, first_response_seconds=None, resolution_seconds=60))

    assert changed.conditions.priorities is None
    assert changed.conditions.services == full.conditions.services
    assert set(changed.targets) == {Metric.RESOLUTION}
    assert changed.targets[Metric.RESOLUTION].seconds == 60
    assert changed.targets[Metric.RESOLUTION].levels == full.targets[Metric.RESOLUTION].levels
    assert written(full, PolicyFields()) == full


def test_targets_and_conditions_take_the_place_of_all_there_were() -> None:
    changed = written(policy_of(FULL), PolicyFields(conditions={}, targets={"next_response": {"seconds": 5}}))

    assert changed == written(NOTHING, PolicyFields(targets={"next_response": {"seconds": 5}}))


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("priority", PolicyFields(priority=None, conditions={"priorities": ["low"]})),
        ("resolution_seconds", PolicyFields(resolution_seconds=60, targets={})),
        ("first_response_seconds", PolicyFields(first_response_seconds=None, targets={"resolution": {"seconds": 1}})),
    ],
)
def test_what_is_said_twice_is_refused(field: str, said: PolicyFields) -> None:
    with pytest.raises(FieldError, match=f"^{field}: "):
        written(NOTHING, said)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (
            {"type": "reassign", "to": "manager_on_duty", "user_id": str(ONE)},
            "reassign takes just one of user_id, team_id, to",
        ),
        ({"type": "page", "user_id": str(ONE)}, "page takes nothing else or to"),
        ({"type": "add_watcher"}, "add_watcher takes user_id"),
        ({"type": "event", "to": "team"}, "event takes nothing else"),
    ],
)
def test_an_action_with_the_wrong_fields_is_told_which_it_takes(action: dict[str, Any], told: str) -> None:
    with pytest.raises(FieldError, match=f"{told}$"):
        policy_of(with_levels(percent(50, actions=[action])))
