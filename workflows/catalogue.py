"""The service catalogue: services, and the assignments that say who answers for them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.models.accounts import AssignmentRow
from psms.db.models.services import ServiceRow
from psms.db.queries import forms, records, sla_books
from psms.db.queries import services as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Assignment, Edit, NewAssignment
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.domain.services import IncidentNotice, NewService, Service, ServiceVisibility
from psms.encoding import json_bytes
from psms.errors import FieldError, NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once
from workflows.sla_books import current_book

# What the filing of a ticket must know, and so stands in the book.
_BOOKED = {"active", "visibility", "visible_team_ids", "default_team_id", "sla_policy_id", "form_version"}


def service_view(session: Session, actor: Actor, row: ServiceRow) -> Service:
    """Return a service as *actor* reads it."""
    return _views(session, actor, [row])[0]


def _views(session: Session, actor: Actor, rows: Sequence[ServiceRow]) -> list[Service]:
    named = {row.incident_ticket_id for row in rows if row.incident_ticket_id is not None}
    numbers = queries.readable_numbers(session, actor, named)
    return [
        records.view_of(Service, row, visibility=ServiceVisibility(row.visibility), incident=_incident(row, numbers))
        for row in rows
    ]


def _incident(row: ServiceRow, numbers: Mapping[UUID, int]) -> IncidentNotice | None:
    if row.incident_text is None or row.incident_since is None:
        return None
    ticket_id = row.incident_ticket_id
    number = None if ticket_id is None else numbers.get(ticket_id)
    return IncidentNotice(
        text=row.incident_text,
        since=row.incident_since,
        ticket_id=None if number is None else ticket_id,
        ticket_number=number,
    )


def seen_service(session: Session, actor: Actor, service_id: UUID) -> ServiceRow:
    """Return a service that *actor* sees, or raise NotFound."""
    wanted = select(ServiceRow).where(ServiceRow.id == service_id, queries.seen_by(actor))
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise NotFound
    return row


def list_services(rt: Runtime, actor: Actor, page: PageRequest, prefix: str | None = None) -> Page[Service]:
    """Return one page of the services that the caller sees, those whose name begins with *prefix* where it is given.

    Oldest first: `position` tells the order in which people are to find them.
    """
    require(actor, Permission.SERVICE_READ)
    conditions = [queries.seen_by(actor), *([] if prefix is None else [queries.begins_with(prefix)])]
    with rt.db.begin(actor.organization_id) as session:
        rows = records.page_of_rows(session, ServiceRow, page, lambda row: row, *conditions)
        return Page(items=_views(session, actor, rows.items), next_after=rows.next_after)


def get_service(rt: Runtime, actor: Actor, service_id: UUID) -> Service:
    """Return a service that the caller sees, or raise NotFound."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return service_view(session, actor, seen_service(session, actor, service_id))


def add_service(rt: Runtime, actor: Actor, command: NewService, once: OnceKey | None) -> Created:
    """Add a service; its name is unique in the organization, whatever its case."""
    require(actor, Permission.SERVICE_MANAGE)

    def create(act: Act) -> Made:
        sla_books.lock(act.session, act.organization_id)
        given = {name: getattr(command, name) for name in NewService.__slots__}
        fields = {**given, "visibility": command.visibility.value, "visible_team_ids": list(command.visible_team_ids)}
        row = ServiceRow(
            organization_id=actor.organization_id,
            id=act.new_id(),
            active=True,
            version=1,
            created_at=act.now,
            updated_at=act.now,
            **fields,
        )
        _require_sound(act, row, fields)
        act.session.add(row)
        act.session.flush()
        sla_books.turn(act.session, act.organization_id)
        trail.note_added(act, "service", row.id, {"name": row.name})
        view = service_view(act.session, actor, row)
        return Made(json_bytes(view), f"/v1/services/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_service(rt: Runtime, actor: Actor, service_id: UUID, command: Edit) -> Service:
    """Change a service. What it says of tickets holds for those that are filed from now on.

    Raises FieldError for a team, a policy or a form's version that there is not.
    """
    require(actor, Permission.SERVICE_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        # In the order of whoever saves a policy: the organization first.
        sla_books.lock(session, actor.organization_id)
        row = records.lock(session, ServiceRow, service_id, command.if_version)
        act = act_of(rt, session, actor)
        _require_sound(act, row, command.fields)
        changed = records.edit(row, command.fields, act.now)
        trail.note_changed(act, "service", row.id, changed)
        session.flush()
        if _BOOKED & set(changed):
            sla_books.turn(session, actor.organization_id)
        return service_view(session, actor, row)


def _require_sound(act: Act, row: ServiceRow, fields: Mapping[str, Any]) -> None:
    """Raise FieldError for what a service cannot be given; who and which team it names, the database knows."""
    session, policy_id, version = act.session, fields.get("sla_policy_id"), fields.get("form_version")
    if policy_id is not None:
        promises = current_book(act.rt, direct(session), act.organization_id).policies
        if policy_id not in {one.value.policy_id for one in promises}:
            raise FieldError(
                "sla_policy_id", "there is no active policy with this id that promises customers something"
            )
    if version is not None and version != row.form_version and version > forms.last_version(session, row.id):
        raise FieldError("form_version", "the form of this service has no such version")
    team_ids = fields.get("visible_team_ids", row.visible_team_ids)
    if fields.get("visibility", row.visibility) == ServiceVisibility.TEAMS.value and not team_ids:
        raise FieldError("visible_team_ids", "required: say for the members of which teams it is")
    if "visible_team_ids" in fields and queries.unknown_teams(session, team_ids):
        raise FieldError("visible_team_ids", "there is nothing with this id in your organization")


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
