"""Rules as documents and as judges: what holds, what does not and why, and where going round in circles ends."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.automations.action_documents import ACTION_TYPES
from psms.domain.automations.definitions import DEEPEST, TRIGGERS, Party, Watched
from psms.domain.automations.documents import rule_document_of, rule_of
from psms.domain.automations.judging import Happening, is_too_deep, refusals
from psms.domain.automations.placeholders import PLACEHOLDERS, filled, unknown_in
from psms.domain.events import Change, EventType
from psms.domain.lifecycle import Action
from psms.domain.sla.matching import Subject
from psms.domain.tickets import Priority, Status, TicketType, Visibility

ID = "01890000-0000-7000-8000-000000000000"
SUBJECT = Subject(
    service_id=UUID(ID),
    type=TicketType.INCIDENT,
    priority=Priority.HIGH,
    tags=frozenset({"vip"}),
    custom_fields={"room": 7},
)
HAPPENING = Happening(
    type=EventType.TICKET_STATUS_CHANGED,
    party=Party.REQUESTER,
    changes={"status": Change(before="resolved", after="open"), "team_id": Change(before=None, after=ID)},
)


def refused(conditions: dict[str, Any], happening: Happening = HAPPENING) -> list[tuple[str, str]]:
    """Return which conditions of a rule for the event do not hold, and what was found."""
    rule: Any = {"on": [EventType.TICKET_STATUS_CHANGED], "conditions": conditions, "actions": [], "stop": False}
    return [(one.field, one.found) for one in refusals(rule_of(rule), happening, SUBJECT, Status.OPEN)]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, []),
        ({"priorities": ["high"], "types": ["incident"], "service_ids": [ID], "tags": ["vip", "x"]}, []),
        ({"priorities": ["low"]}, [("priority", "high")]),
        ({"team_ids": [ID]}, [("team", "nothing")]),
        ({"custom_fields": {"room": [7, 8]}}, []),
        ({"custom_fields": {"room": ["7"]}}, [("custom_fields.room", "7")]),
        ({"no_tags": ["vip"]}, [("tags", "vip")]),
        ({"statuses": ["open", "new"]}, []),
        ({"statuses": ["closed"]}, [("status", "open")]),
        ({"by": ["requester"]}, []),
        ({"by": ["desk", "psms"]}, [("by", "requester")]),
        ({"comment": "public"}, [("comment", "nothing")]),
        ({"changes": {"status": {}}}, []),
        ({"changes": {"status": {"from": ["resolved"], "to": ["open", "new"]}}}, []),
        ({"changes": {"status": {"from": ["new"], "to": ["closed"]}}},
         [("changes.status.from", "resolved"), ("changes.status.to", "open")]),
        ({"changes": {"priority": {}}}, [("changes.priority", "none")]),
        ({"changes": {"team_id": {"from": [None]}}}, []),
        ({"changes": {"team_id": {"to": [None]}}}, [("changes.team_id.to", ID)]),
    ],
)  # fmt: skip
def test_every_condition_that_does_not_hold_is_named_with_what_was_found(
    conditions: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert refused(conditions) == found


def test_a_rule_is_for_its_own_events_and_comments_alone() -> None:
    said = Happening(type=EventType.TICKET_COMMENTED, party=Party.DESK, changes={}, comment=Visibility.INTERNAL)

    assert refused({}, said) == [("on", "ticket.commented")]
    assert refused({"comment": "public"}, said) == [("on", "ticket.commented"), ("comment", "internal")]


@pytest.mark.parametrize("depth", range(6))
def test_from_so_many_rules_in_a_row_nothing_follows(depth: int) -> None:
    happening = Happening(type=EventType.TICKET_UPDATED, party=Party.PSMS, changes={}, depth=depth)

    assert is_too_deep(happening) is (depth >= DEEPEST == 3)


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5))
TAGS = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3, unique=True)
ACTIONS = st.one_of(
    st.fixed_dictionaries({"type": st.just("set_priority"), "priority": st.sampled_from([*Priority])}),
    st.fixed_dictionaries({"type": st.just("assign"), "user_id": st.uuids()}),
    st.fixed_dictionaries({"type": st.just("assign"), "team_id": st.uuids()}),
    st.fixed_dictionaries({"type": st.sampled_from(["add_tags", "remove_tags"]), "tags": TAGS}),
    st.fixed_dictionaries({"type": st.just("set_field"), "field": st.text(max_size=5), "value": VALUES}),
    st.fixed_dictionaries(
        {"type": st.just("comment"), "body": st.text(max_size=9), "visibility": st.sampled_from([*Visibility])}
    ),
    st.fixed_dictionaries({"type": st.just("add_watcher"), "user_id": st.uuids()}),
    st.fixed_dictionaries({"type": st.just("transition"), "action": st.sampled_from([*Action])}),
    st.fixed_dictionaries({"type": st.just("notify"), "to": st.sampled_from(["assignee", "team", "watchers"])}),
)
CHANGES = st.dictionaries(
    st.sampled_from([one.value for one in Watched]),
    st.fixed_dictionaries({}, optional={"from": st.lists(st.text(max_size=4)), "to": st.lists(st.none())}),
)
RULES = st.fixed_dictionaries(
    {
        "on": st.lists(st.sampled_from(TRIGGERS), min_size=1),
        "conditions": st.fixed_dictionaries(
            {},
            optional={
                "statuses": st.lists(st.sampled_from([*Status])),
                "by": st.lists(st.sampled_from([*Party])),
                "comment": st.sampled_from([None, *Visibility]),
                "changes": CHANGES,
                "tags": st.lists(st.text(min_size=1, max_size=4)),
                "team_ids": st.lists(st.uuids(), max_size=2),
            },
        ),
        "actions": st.lists(ACTIONS, min_size=1, max_size=4),
        "stop": st.booleans(),
    }
)


@given(RULES)
def test_a_rule_is_the_same_document_however_often_it_is_read_and_written(given_rule: Any) -> None:
    document = rule_document_of(rule_of(given_rule))

    assert rule_document_of(rule_of(document)) == document
    assert rule_of(document) == rule_of(given_rule)
    assert {action["type"] for action in document["actions"]} <= set(ACTION_TYPES)


@given(st.text(max_size=30))
def test_what_was_filled_in_is_never_filled_in_again(subject: str) -> None:
    values = dict.fromkeys(PLACEHOLDERS, "{{requester.name}}") | {"ticket.subject": subject or None}

    assert filled("{{ticket.subject}}|{{ team.name }}", values) == f"{subject or 'nobody'}|{{{{requester.name}}}}"
    assert unknown_in("{{ticket.subject}} {{" + "nobody.name}}") == "nobody.name"


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_trigger_is_an_event_of_a_ticket(trigger: EventType) -> None:
    assert trigger.value.startswith(("ticket.", "sla.", "ola."))
