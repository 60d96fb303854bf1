"""Organizations: one's own, and founding a new one with its first client."""

from dataclasses import replace
from uuid import UUID

from psms.db.models.accounts import ClientRow, OrganizationRow, ServiceRow
from psms.db.queries import people, records, sla_books
from psms.db.session import enter
from psms.domain.access import Actor, Permission, Role, Scope, require
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import Edit, NewClient, Organization
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.domain.priorities import USUAL, matrix_of
from psms.encoding import json_bytes
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.clients import insert_client
from workflows.once import Made, create_once

FIRST_SERVICE = "General"


def _organization(row: OrganizationRow) -> Organization:
    return records.view_of(Organization, row, priority_matrix=row.priority_matrix or USUAL.document)


def list_organizations(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Organization]:
    """Return the organizations that the caller sees, which is its own."""
    require(actor, Permission.ORGANIZATION_READ)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, OrganizationRow, page, _organization)


def get_organization(rt: Runtime, actor: Actor, organization_id: UUID) -> Organization:
    """Return the caller's organization, or raise NotFound for any other id."""
    require(actor, Permission.ORGANIZATION_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _organization(records.get(session, OrganizationRow, organization_id))


def edit_organization(rt: Runtime, actor: Actor, organization_id: UUID, command: Edit) -> Organization:
    """Change the organization's name, default service, priorities, or when resolved tickets close by themselves.

    A matrix of None is the usual one; no time: they stay resolved. A longer time holds for tickets that are resolved
    already, a shorter one for those that are resolved from now on.

    Raises FieldError for priorities that fall where impact or urgency rises. Tickets keep the priorities they have.
    """
    require(actor, Permission.ORGANIZATION_UPDATE)
    if (matrix := command.fields.get("priority_matrix")) is not None:
        matrix_of(matrix)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, OrganizationRow, organization_id, command.if_version)
        act = act_of(rt, session, actor)
        changed = records.edit(row, command.fields, act.now)
        trail.note_changed(act, "organization", row.id, changed)
        session.flush()
        if "priority_matrix" in changed:
            sla_books.turn(session, organization_id)
        return _organization(row)


def found_organization(rt: Runtime, actor: Actor, name: str, once: OnceKey | None) -> Created:
    """Found an organization; the answer carries the credentials of its first client, a repetition does not.

    One transaction, which steps inside the new organization's walls and back out again.
    """
    require(actor, Permission.ORGANIZATION_CREATE)

    def create(act: Act) -> Made:
        inside = replace(act, organization_id=act.new_id(), actor=None)
        enter(act.session, inside.organization_id)
        organization, client, secret = found(inside, name)
        enter(act.session, act.organization_id)
        trail.note_added(act, "organization", organization.id, {"name": name})
        return Made(
            _with_credentials(organization, client, secret),
            f"/v1/organizations/{organization.id}",
            version=organization.version,
            kept=_with_credentials(organization, client, None),
        )

    return create_once(rt, actor, once, create)


def found(act: Act, name: str) -> tuple[Organization, ClientRow, str]:
    """Write the act's organization, which is new, with its first service and its first client, an admin.

    The transaction must be inside the new organization already.
    """
    row = OrganizationRow(id=act.organization_id, name=name, version=1, created_at=act.now, updated_at=act.now)
    people.add_organization(act.session, row)
    row.default_service_id = _first_service(act)
    act.session.flush()
    trail.note_added(act, "organization", row.id, {"name": name})
    # Founding further organizations is granted with care, never by default.
    scopes = tuple(scope.value for scope in Scope if scope is not Scope.ORGANIZATIONS_CREATE)
    command = NewClient(name=f"{name}: first client", role=RoleChoice(role=Role.ADMIN), scopes=scopes)
    client, secret = insert_client(act, command)
    return _organization(row), client, secret


def _first_service(act: Act) -> UUID:
    service = ServiceRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        name=FIRST_SERVICE,
        description="What belongs to no other service.",
        active=True,
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )
    act.session.add(service)
    act.session.flush()
    trail.note_added(act, "service", service.id, {"name": service.name})
    return service.id


def _with_credentials(organization: Organization, client: ClientRow, secret: str | None) -> bytes:
    shown = {name: getattr(organization, name) for name in Organization.__slots__}
    return json_bytes({**shown, "client_id": client.client_id, "client_secret": secret})
