"""The states that an organization names: list, read, add and edit, and whether a ticket may be in one."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psms.db.models.tickets import TicketStateRow
from psms.db.queries import records
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Edit
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.domain.ticket_states import MOST_STATES, NewTicketState, TicketState, require_fit
from psms.domain.tickets import Status, TicketType
from psms.encoding import json_bytes
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once

_KIND = "ticket_state"


def list_states(rt: Runtime, actor: Actor, page: PageRequest) -> Page[TicketState]:
    """Return one page of the organization's states, oldest first; `position` is for whoever shows them."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, TicketStateRow, page, _view)


def get_state(rt: Runtime, actor: Actor, state_id: UUID) -> TicketState:
    """Return a state, or raise NotFound."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _view(records.get(session, TicketStateRow, state_id))


def add_state(rt: Runtime, actor: Actor, command: NewTicketState, once: OnceKey | None) -> Created:
    """Name a state; its name is unique among the active ones, whatever its case."""
    require(actor, Permission.SERVICE_MANAGE)

    def create(act: Act) -> Made:
        row = TicketStateRow(
            organization_id=actor.organization_id,
            id=act.new_id(),
            name=command.name,
            status=command.status.value,
            types=[one.value for one in command.types],
            position=command.position,
            active=True,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        _require_room(act.session)
        trail.note_added(act, _KIND, row.id, {"name": row.name, "status": row.status, "types": row.types})
        return Made(json_bytes(_view(row)), f"/v1/ticket-states/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_state(rt: Runtime, actor: Actor, state_id: UUID, command: Edit) -> TicketState:
    """Change what a state is called, and for which types it can be chosen from now on; its status stays for good."""
    require(actor, Permission.SERVICE_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, TicketStateRow, state_id, command.if_version)
        act = act_of(rt, session, actor)
        changed = records.edit(row, command.fields, act.now)
        session.flush()
        _require_room(session)
        trail.note_changed(act, _KIND, row.id, changed)
        return _view(row)


def require_state(session: Session, state_id: UUID | None, kind: TicketType, status: Status) -> None:
    """Raise FieldError unless a ticket of this type may be in this state while it has *status*; None is always so."""
    if state_id is not None:
        row = session.scalars(select(TicketStateRow).where(TicketStateRow.id == state_id)).one_or_none()
        require_fit(None if row is None else _view(row), kind, status)


def _require_room(session: Session) -> None:
    active = session.scalars(select(func.count()).select_from(TicketStateRow).where(TicketStateRow.active)).one()
    if active > MOST_STATES:
        message = f"your organization has {MOST_STATES} active states already: switch one off first"
        raise FieldError("active", message)


def _view(row: TicketStateRow) -> TicketState:
    return records.view_of(TicketState, row, status=Status(row.status))
