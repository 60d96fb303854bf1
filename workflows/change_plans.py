"""What a change is planned with, as it moves along: written with the transition that needs it. Edits: `changes`."""

from collections.abc import Mapping
from typing import Any

from psms.db.models.approvals import ChangeRow
from psms.db.queries import changes as queries
from psms.db.queries import records
from psms.domain.changes import require_window
from psms.domain.events import Change
from psms.domain.lifecycle import Edge
from psms.domain.lifecycle_checks import require_fields
from psms.domain.tickets import Stage, Ticket, TicketType
from psms.errors import FieldError
from workflows.act import Act
from workflows.run_names import CHANGE_WINDOW
from workflows.runs import cancel_runs, start_run

_IN_CALENDAR = frozenset({Stage.SCHEDULED, Stage.IMPLEMENTING})


def follow(act: Act, ticket: Ticket, edge: Edge, given: Mapping[str, Any]) -> dict[str, Change]:
    """Write what an action on a locked ticket takes, and let the calendar follow; return what has changed.

    Raises FieldError for a field that the action needs and nobody has given, and for one that it does not take.
    """
    strange = next((name for name in given if name not in edge.needs), None)
    if strange is not None:
        raise FieldError(strange, f"does not go with {edge.action.replace('_', ' ')}")
    if ticket.type is not TicketType.CHANGE or (ticket.stage is None and edge.target.stage is None):
        return {}
    row = queries.find(act.session, ticket.id)
    known = {name: getattr(row, name) for name in edge.needs} if row is not None else {}
    values = known | dict(given)
    require_fields(edge, values)
    require_window(values)
    return _written(act, ticket, edge, row or new_row(act, ticket), dict(given))


def new_row(act: Act, ticket: Ticket) -> ChangeRow:
    """Return a new row for a change of which nothing is written down; it is in the session."""
    row = ChangeRow(
        organization_id=act.organization_id,
        id=ticket.id,
        scheduled=False,
        version=0,
        created_at=act.now,
        updated_at=act.now,
    )
    act.session.add(row)
    return row


def _written(act: Act, ticket: Ticket, edge: Edge, row: ChangeRow, given: dict[str, Any]) -> dict[str, Change]:
    changed = records.edit(row, given, act.now)
    row.scheduled = edge.target.stage in _IN_CALENDAR
    act.session.flush()
    _watch(act, ticket, edge, row)
    return {name: Change(before=before, after=after) for name, (before, after) in changed.items()}


def _watch(act: Act, ticket: Ticket, edge: Edge, row: ChangeRow) -> None:
    """Let a run watch the window of what is scheduled, and none of what is not any more."""
    is_scheduled = edge.target.stage is Stage.SCHEDULED
    if is_scheduled or edge.target.stage is not Stage.IMPLEMENTING:
        cancel_runs(act, ticket_id=ticket.id, kind=CHANGE_WINDOW, reason=f"{edge.action.value} ended this window.")
    if is_scheduled:
        _begin_window(act, ticket, row, key=f"{ticket.id}:{ticket.version}")


def _begin_window(act: Act, ticket: Ticket, row: ChangeRow, *, key: str) -> None:
    start_run(
        act,
        CHANGE_WINDOW,
        business_key=key,
        ticket_id=ticket.id,
        due_at=row.planned_start,
    )


def free_window(act: Act, ticket: Ticket) -> None:
    """Take what a locked ticket has in the calendar out of it; who calls ends the run that watches it."""
    row = _row_of(act, ticket)
    if row is not None and row.scheduled:
        row.scheduled = False
        act.session.flush()


def take_window(act: Act, ticket: Ticket) -> None:
    """Put a locked change that is scheduled or under way into the calendar again, its window watched."""
    row = _row_of(act, ticket)
    if row is not None and ticket.stage in _IN_CALENDAR:
        row.scheduled = True
        act.session.flush()
        # Another one than that of a schedule, which is named by the version that the ticket has before it.
        _begin_window(act, ticket, row, key=f"{ticket.id}:{ticket.version}:back")


def _row_of(act: Act, ticket: Ticket) -> ChangeRow | None:
    return queries.find(act.session, ticket.id) if ticket.type is TicketType.CHANGE else None
