"""The service catalogue: services, and the assignments that say who answers for them."""

from uuid import UUID

from psms.db.models.accounts import AssignmentRow, ServiceRow
from psms.db.queries import records
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Assignment, Edit, NewAssignment, NewService, Service
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once


def _service(row: ServiceRow) -> Service:
    return records.view_of(Service, row)


def list_services(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Service]:
    """Return one page of the organization's services."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, ServiceRow, page, _service)


def get_service(rt: Runtime, actor: Actor, service_id: UUID) -> Service:
    """Return a service, or raise NotFound."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _service(records.get(session, ServiceRow, service_id))


def add_service(rt: Runtime, actor: Actor, command: NewService, once: OnceKey | None) -> Created:
    """Add a service; its name is unique in the organization, whatever its case."""
    require(actor, Permission.SERVICE_MANAGE)

    def create(act: Act) -> Made:
        row = ServiceRow(
            organization_id=actor.organization_id,
            id=act.new_id(),
            name=command.name,
            description=command.description,
            active=True,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        trail.note_added(act, "service", row.id, {"name": row.name})
        return Made(json_bytes(_service(row)), f"/v1/services/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_service(rt: Runtime, actor: Actor, service_id: UUID, command: Edit) -> Service:
    """Change a service's name, description or whether it is active."""
    require(actor, Permission.SERVICE_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, ServiceRow, service_id, command.if_version)
        act = act_of(rt, session, actor)
        changed = records.edit(row, command.fields, act.now)
        trail.note_changed(act, "service", row.id, changed)
        return _service(row)


def _assignment(row: AssignmentRow) -> Assignment:
    return records.view_of(Assignment, row)


def list_assignments(rt: Runtime, actor: Actor, page: PageRequest, service_id: UUID | None) -> Page[Assignment]:
    """Return one page of assignments, of one service or of all."""
    require(actor, Permission.ASSIGNMENT_READ)
    conditions = [] if service_id is None else [AssignmentRow.service_id == service_id]
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, AssignmentRow, page, _assignment, *conditions)


def get_assignment(rt: Runtime, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return an assignment, or raise NotFound."""
    require(actor, Permission.ASSIGNMENT_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _assignment(records.get(session, AssignmentRow, assignment_id))


def add_assignment(rt: Runtime, actor: Actor, command: NewAssignment, once: OnceKey | None) -> Created:
    """Make a user or a team answer for a service."""
    require(actor, Permission.ASSIGNMENT_MANAGE)

    def create(act: Act) -> Made:
        row = AssignmentRow(
            organization_id=actor.organization_id,
            id=act.new_id(),
            service_id=command.service_id,
            user_id=command.user_id,
            team_id=command.team_id,
            created_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        shown = {"service_id": row.service_id, "user_id": row.user_id, "team_id": row.team_id}
        trail.note_added(act, "assignment", row.id, shown)
        return Made(json_bytes(_assignment(row)), f"/v1/assignments/{row.id}")

    return create_once(rt, actor, once, create)


def remove_assignment(rt: Runtime, actor: Actor, assignment_id: UUID) -> None:
    """End an assignment, or raise NotFound."""
    require(actor, Permission.ASSIGNMENT_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        records.remove(session, AssignmentRow, assignment_id)
        trail.note(act_of(rt, session, actor), "assignment.deleted", ("assignment", assignment_id))
