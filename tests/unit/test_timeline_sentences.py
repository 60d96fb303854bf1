"""What people read of each kind of event, and of one that this release does not know."""

from typing import Any
from uuid import UUID

import pytest

from psms.domain.events import EventType
from psms.domain.timeline import Kind, kind_of
from psms.domain.timeline_sentences import _SENTENCES, Told, duration, mentioned_ids, sentence

ADA, BOB = "0192f0c1-0000-7000-8000-00000000000a", "0192f0c1-0000-7000-8000-00000000000b"
TEAM = "0192f0c1-0000-7000-8000-00000000000c"


def of(kind: str, **data: Any) -> str:
    """Return what is read of an event of Ada's."""
    names = {ADA: "Ada", BOB: "Bob", TEAM: "Second line"}
    return sentence(Told(type=kind, who="Ada", actor_id=UUID(ADA), data=data, names=names))


def change(before: object, after: object) -> dict[str, object]:
    """Return a change as an event tells it."""
    return {"before": before, "after": after}


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("ticket.created", {}, "Ada opened the ticket."),
        ("ticket.updated", {"subject": change("a", "b")}, "Ada changed subject."),
        (
            "ticket.updated",
            {
                "priority": change("low", "high"),
                "priority_source": change("matrix", "manual"),
                "service_id": change("x", "y"),
                "tags": change([], ["vip"]),
            },
            "Ada changed priority from low to high, service and tags.",
        ),
        ("ticket.status_changed", {"status": change("on_hold", "open")}, "Ada changed status from on hold to open."),
        ("ticket.assigned", {"assignee_id": change(None, ADA)}, "Ada took the ticket."),
        (
            "ticket.assigned",
            {"assignee_id": change(ADA, BOB), "team_id": change(None, TEAM)},
            "Ada gave the ticket to Bob and gave the ticket to Second line.",
        ),
        ("ticket.assigned", {"assignee_id": change(BOB, None)}, "Ada took the ticket from Bob."),
        ("ticket.assigned", {"team_id": change(None, "unknown")}, "Ada gave the ticket to a team."),
        ("ticket.watcher_added", {"watcher_id": change(None, BOB)}, "Ada added Bob as a follower."),
        ("ticket.watcher_added", {"watcher_id": change(None, ADA)}, "Ada follows the ticket."),
        ("ticket.watcher_removed", {"watcher_id": change(ADA, None)}, "Ada follows the ticket no more."),
        ("ticket.rated", {"score": change(None, 4)}, "Ada rated the ticket 4 of 5."),
        ("time.logged", {"seconds": change(None, 3900)}, "Ada worked 1 h 5 min."),
        ("time.changed", {"seconds": change(3600, 60)}, "Ada corrected 1 h of work to 1 min."),
        ("time.changed", {"billable": change(False, True)}, "Ada corrected an entry of work."),
        ("time.removed", {"seconds": change(59, None)}, "Ada took back 59 s of work."),
        ("ticket.merged", {"merged_into_id": change(None, "x")}, "Ada merged the ticket into another one."),
        ("ticket.merged", {"merged_ticket_id": change(None, "x")}, "Ada merged another ticket into this one."),
        ("ticket.unmerged", {"merged_ticket_id": change("x", None)}, "Ada took another ticket out of this one again."),
        ("ticket.split", {"moved_comments": change(None, 1)}, "Ada made a ticket of its own of 1 comment."),
        ("ticket.linked", {"linked_ticket_id": change(None, "x")}, "Ada linked the ticket to another one."),
        (
            "ticket.approval_decided",
            {"approval_state": change("pending", "rejected")},
            "The approval is decided: rejected.",
        ),
        ("change.due", {}, "The change is due to begin."),
        ("ticket.hailed", {"hailed_by": change(None, "x")}, "Ada: hailed, hailed by."),
        ("approval.requested", {}, "Ada: requested."),
        ("odd", {}, "Ada: odd."),
    ],
)
def test_a_change_is_told_in_one_sentence(kind: str, changes: dict[str, Any], expected: str) -> None:
    assert of(kind, changes=changes) == expected


@pytest.mark.parametrize("kind", [kind for kind in EventType if not kind.startswith("webhook.")])
def test_every_event_of_a_ticket_has_a_sentence_of_its_own(kind: EventType) -> None:
    if kind.value not in {"ticket.resolved", "ticket.closed"}:
        assert kind.value in _SENTENCES


def test_promises_and_calls_are_told_by_what_was_promised() -> None:
    assert of("sla.breached", sla={"metric": "first_response"}) == "The time promised for a first response is used up."
    assert of("ola.at_risk", sla={"metric": "with_team"}) == "The time that the teams agreed on is nearly used up."
    assert of("page.acknowledged", page={"metric": "resolution"}) == "Ada answered the call for the resolution."


def test_an_internal_comment_is_called_so() -> None:
    assert of("ticket.commented", comment={"visibility": "public"}) == "Ada commented."
    assert of("ticket.commented", comment={"visibility": "internal"}) == "Ada commented, internally."


def test_a_length_of_work_is_short() -> None:
    assert [duration(seconds) for seconds in (0, 59, 60, 3600, 3660, 90_000)] == [
        "0 s", "59 s", "1 min", "1 h", "1 h 1 min", "25 h",
    ]  # fmt: skip


def test_who_is_mentioned_is_looked_up() -> None:
    changes = {"assignee_id": change(None, BOB), "subject": change("a", "b"), "team_id": change(TEAM, None)}

    assert mentioned_ids({"changes": changes}) == {BOB, TEAM}
    assert mentioned_ids({}) == set()


def test_every_event_has_a_kind_known_or_not() -> None:
    kinds = {kind_of(kind.value) for kind in EventType if not kind.startswith("webhook.")}

    assert kinds >= {Kind.CREATED, Kind.COMMENT, Kind.CHANGE, Kind.ASSIGNMENT, Kind.STATUS, Kind.SLA, Kind.AGREEMENT}
    assert kind_of("approval.requested") is Kind.OTHER
