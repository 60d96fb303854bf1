"""One change of a locked ticket: its fields, events and log entry, and its way along the lifecycle, whoever moves it.

Every step here runs in the transaction of the change. Who may do what is decided before, in `tickets`.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psms.db.queries import tickets as queries
from psms.domain.events import Change, EventType, changes_from
from psms.domain.lifecycle import Action, next_status
from psms.domain.tickets import ASSIGNMENT_FIELDS, Status, Ticket
from workflows import sla, trail
from workflows.act import Act
from workflows.sla_clocks import Case
from workflows.ticket_events import Told, tell
from workflows.ticket_states import require_state


def edited(act: Act, case: Case, changes: dict[str, Any]) -> Ticket:
    """Change fields of a locked ticket that is caught up, tell of it, and let its clocks follow."""
    require_state(act.session, changes.get("state_id"), case.ticket.type, case.ticket.status)
    after = _written(act, case.ticket, changes)
    _told(act, _edit_events(case.ticket, after, set(changes)), after, case.locked.sequence)
    if sla.FOLLOWED & set(changes):
        sla.follow_fields(act, case, after)
    return after


def moved_along(act: Act, case: Case, action: Action, state_id: UUID | None = None) -> Ticket:
    """Move a locked ticket that is caught up along its lifecycle, tell of it, and let its clocks follow."""
    status = next_status(case.ticket.status, action)
    require_state(act.session, state_id, case.ticket.type, status)
    # The state of the former status is cleared with it, whoever writes.
    state = {} if state_id is None else {"state_id": state_id}
    after = _written(act, case.ticket, {"status": status, **state, **_milestones(status, act.now)})
    _told(act, _status_events(case.ticket, after), after, case.locked.sequence)
    sla.follow_status(act, case, after)
    return after


def _written(act: Act, before: Ticket, changes: dict[str, Any]) -> Ticket:
    counted = {"version": before.version + 1, "updated_at": act.now}
    return queries.apply(act.session, before.id, changes | counted)


def _milestones(status: Status, now: datetime) -> dict[str, datetime | None]:
    if status is Status.RESOLVED:
        return {"resolved_at": now}
    if status is Status.CLOSED:
        return {"closed_at": now}
    # Reopened: it is no longer resolved.
    return {"resolved_at": None}


def _edit_events(before: Ticket, after: Ticket, changed: set[str]) -> list[Told]:
    kinds = (
        (EventType.TICKET_UPDATED, changed - ASSIGNMENT_FIELDS),
        (EventType.TICKET_ASSIGNED, changed & ASSIGNMENT_FIELDS),
    )
    return [Told(type=kind, changes=changes_from(before, after, names)) for kind, names in kinds if names]


def _status_events(before: Ticket, after: Ticket) -> list[Told]:
    changes = {"status": Change(before=before.status, after=after.status)}
    if after.state_id != before.state_id:
        changes["state_id"] = Change(before=before.state_id, after=after.state_id)
    milestone = {Status.RESOLVED: EventType.TICKET_RESOLVED, Status.CLOSED: EventType.TICKET_CLOSED}
    kinds = [EventType.TICKET_STATUS_CHANGED]
    if after.status in milestone:
        kinds.append(milestone[after.status])
    return [Told(type=kind, changes=changes) for kind in kinds]


def _told(act: Act, events: list[Told], ticket: Ticket, last_sequence: int) -> None:
    queries.count_event(act.session, ticket.id, last_sequence + len(events))
    tell(act, ticket, events, last_sequence)
    changes = {name: change for told in events for name, change in told.changes.items()}
    trail.note(act, events[0].type.value, ("ticket", ticket.id), changes)
