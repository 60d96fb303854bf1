"""One change of a locked ticket: its fields, events and log entry, and its way along the lifecycle, whoever moves it.

Every step here runs in the transaction of the change. Who may do what is decided before, in `tickets`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psms.db.queries import tickets as queries
from psms.domain.events import Change, EventType, changes_from
from psms.domain.lifecycle import Action
from psms.domain.lifecycle_checks import Facts, edge_of
from psms.domain.tickets import Stage, Status, Ticket
from workflows import approval_ends, auto_close, sla, trail
from workflows.act import Act
from workflows.sla_clocks import Case
from workflows.ticket_events import Told, tell
from workflows.ticket_facts import plain_facts


def written(act: Act, before: Ticket, changes: dict[str, Any]) -> Ticket:
    """Write changed fields of a locked ticket, counted as one version, and return it as it is now."""
    counted = {"version": before.version + 1, "updated_at": act.now}
    return queries.apply(act.session, before.id, changes | counted)


def moved_along(
    act: Act, case: Case, action: Action, facts: Facts | None = None, more: Mapping[str, Change] | None = None
) -> Ticket:
    """Do *action* to a ticket whose clocks have caught up with the act, and return it as it is now.

    Its clocks follow, and so do its approvals and its closing by itself. *facts* are those by which it is judged; left
    out, what the ticket itself tells, which suits PSMS. *more* changes are told with it. Raises ActionNotAllowed,
    before anything is written.
    """
    before = case.ticket
    to = edge_of(facts or plain_facts(before), action).target
    after = written(act, before, {"status": to.status, "stage": to.stage, **_milestones(to.status, act.now)})
    told(act, _status_events(before, after, more or {}), after, case.locked.sequence)
    if before.stage is Stage.AWAITING_APPROVAL:
        approval_ends.withdraw(act, after)
    sla.follow_status(act, case, after)
    auto_close.follow(act, before, after)
    return after


def _milestones(status: Status, now: datetime) -> dict[str, datetime | None]:
    if status is Status.RESOLVED:
        return {"resolved_at": now}
    if status is Status.CLOSED:
        return {"closed_at": now}
    # Reopened: it is no longer resolved.
    return {"resolved_at": None}


def _status_events(before: Ticket, after: Ticket, more: Mapping[str, Change]) -> list[Told]:
    moved = {name for name in ("status", "stage") if getattr(before, name) != getattr(after, name)}
    changes = {**changes_from(before, after, moved), **more}
    milestone = {Status.RESOLVED: EventType.TICKET_RESOLVED, Status.CLOSED: EventType.TICKET_CLOSED}
    kinds = [EventType.TICKET_STATUS_CHANGED]
    if after.status in milestone:
        kinds.append(milestone[after.status])
    return [Told(type=kind, changes=changes) for kind in kinds]


def told(act: Act, events: list[Told], ticket: Ticket, last_sequence: int) -> None:
    """Write the events of a change, numbered after *last_sequence*, and its entry in the log."""
    queries.count_event(act.session, ticket.id, last_sequence + len(events))
    tell(act, ticket, events, last_sequence)
    changes = {name: change for one in events for name, change in one.changes.items()}
    trail.note(act, events[0].type.value, ("ticket", ticket.id), changes)
