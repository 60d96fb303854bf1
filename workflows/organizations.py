"""Organizations: one's own, and founding a new one with its first client."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.accounts import ClientRow, OrganizationRow, ServiceRow
from psms.db.queries import people, records
from psms.db.session import enter
from psms.domain.access import Actor, Permission, Role, Scope, require
from psms.domain.accounts import Edit, NewClient, Organization
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.runtime import Runtime
from workflows import trail
from workflows.clients import insert_client
from workflows.edits import note_changed
from workflows.once import Made, create_once

FIRST_SERVICE = "General"


def _organization(row: OrganizationRow) -> Organization:
    return records.view_of(Organization, row)


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
    """Change the organization's name or default service."""
    require(actor, Permission.ORGANIZATION_UPDATE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, OrganizationRow, organization_id, command.if_version)
        now = rt.clock.now(session)
        changed = records.edit(row, command.fields, now)
        note_changed(rt, session, actor, now=now, kind="organization", row_id=row.id, changed=changed)
        session.flush()
        return _organization(row)


def found_organization(rt: Runtime, actor: Actor, name: str, once: OnceKey | None) -> Created:
    """Found an organization; the answer carries the credentials of its first client, a repetition does not.

    One transaction, which steps inside the new organization's walls and back out again.
    """
    require(actor, Permission.ORGANIZATION_CREATE)

    def create(session: Session, now: datetime) -> Made:
        organization_id = rt.chance.new_id(now)
        enter(session, organization_id)
        organization, client, secret = found(rt, session, organization_id, name, now=now)
        enter(session, actor.organization_id)
        trail.note(
            rt,
            session,
            actor,
            now=now,
            action="organization.created",
            target=("organization", organization.id),
            changes=trail.added({"name": name}),
        )
        return Made(
            _with_credentials(organization, client, secret),
            f"/v1/organizations/{organization.id}",
            version=organization.version,
            kept=_with_credentials(organization, client, None),
        )

    return create_once(rt, actor, once, create)


def found(
    rt: Runtime, session: Session, organization_id: UUID, name: str, *, now: datetime
) -> tuple[Organization, ClientRow, str]:
    """Write an organization with its first service and its first client, which is an admin.

    The transaction must be inside *organization_id* already.
    """
    row = OrganizationRow(id=organization_id, name=name, version=1, created_at=now, updated_at=now)
    people.add_organization(session, row)
    service = ServiceRow(
        organization_id=row.id,
        id=rt.chance.new_id(now),
        name=FIRST_SERVICE,
        description="What belongs to no other service.",
        active=True,
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(service)
    session.flush()
    row.default_service_id = service.id
    session.flush()
    # Founding further organizations is granted with care, never by default.
    scopes = tuple(scope.value for scope in Scope if scope is not Scope.ORGANIZATIONS_CREATE)
    command = NewClient(name=f"{name}: first client", role=Role.ADMIN, scopes=scopes)
    client, secret = insert_client(rt, session, row.id, command, now=now)
    return _organization(row), client, secret


def _with_credentials(organization: Organization, client: ClientRow, secret: str | None) -> bytes:
    shown = {name: getattr(organization, name) for name in Organization.__slots__}
    return json_bytes({**shown, "client_id": client.client_id, "client_secret": secret})
