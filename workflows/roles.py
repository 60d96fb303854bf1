"""Roles that an organization makes of the six: list, read, make, edit and remove; and which role somebody has."""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.roles import RoleRow
from psms.db.queries import records
from psms.domain.access import Actor, Permission, Role, require
from psms.domain.access.granting import require_makeable
from psms.domain.access.roles import CustomRole, HeldRole, NewRole, RoleChoice
from psms.domain.accounts import Edit
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.errors import FieldError, NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once

_KIND = "role"


def _role(row: RoleRow) -> CustomRole:
    return records.view_of(CustomRole, row, base_role=Role(row.base_role))


def list_roles(rt: Runtime, actor: Actor, page: PageRequest) -> Page[CustomRole]:
    """Return one page of the organization's own roles."""
    require(actor, Permission.ROLE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, RoleRow, page, _role)


def get_role(rt: Runtime, actor: Actor, role_id: UUID) -> CustomRole:
    """Return a role, or raise NotFound."""
    require(actor, Permission.ROLE_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _role(records.get(session, RoleRow, role_id))


def add_role(rt: Runtime, actor: Actor, command: NewRole, once: OnceKey | None) -> Created:
    """Make a role; it includes nothing that its base role or its maker does not."""
    require(actor, Permission.ROLE_MANAGE)
    kept = frozenset(command.permissions)
    require_makeable(actor, command.base_role, kept)

    def create(act: Act) -> Made:
        row = RoleRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            name=command.name,
            base_role=command.base_role.value,
            permissions=sorted(kept),
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        shown = {name: getattr(row, name) for name in ("name", "base_role", "permissions")}
        trail.note_added(act, _KIND, row.id, shown)
        return Made(json_bytes(_role(row)), f"/v1/roles/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_role(rt: Runtime, actor: Actor, role_id: UUID, command: Edit) -> CustomRole:
    """Change a role's name or what it keeps; whoever has it gains or loses that with their next request."""
    require(actor, Permission.ROLE_MANAGE)
    fields = dict(command.fields)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, RoleRow, role_id, command.if_version)
        if "permissions" in fields:
            fields["permissions"] = sorted(set(fields["permissions"]))
            require_makeable(actor, Role(row.base_role), frozenset(fields["permissions"]))
        act = act_of(rt, session, actor)
        changed = records.edit(row, fields, act.now)
        session.flush()
        trail.note_changed(act, _KIND, row.id, changed)
        return _role(row)


def remove_role(rt: Runtime, actor: Actor, role_id: UUID, if_version: int | None) -> None:
    """Remove a role, or raise NotFound, VersionStale, or StillInUse while somebody has it."""
    require(actor, Permission.ROLE_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        records.lock(session, RoleRow, role_id, if_version)
        records.remove(session, RoleRow, role_id)
        trail.note(act_of(rt, session, actor), "role.deleted", (_KIND, role_id))


def chosen_role(session: Session, choice: RoleChoice) -> HeldRole:
    """Return the role that *choice* names; raise FieldError where the organization has no such role."""
    if choice.role is not None:
        return HeldRole(role=choice.role)
    try:
        row = records.get(session, RoleRow, choice.role_id or UUID(int=0))
    except NotFound:
        raise FieldError("role_id", "there is nothing with this id in your organization") from None
    return HeldRole(role=Role(row.base_role), role_id=row.id, kept=frozenset(row.permissions))


def held_role(session: Session, role: str, role_id: UUID | None) -> HeldRole:
    """Return the role that a row's two columns say."""
    if role_id is None:
        return HeldRole(role=Role(role))
    return chosen_role(session, RoleChoice(role_id=role_id))


def with_role(session: Session, fields: dict[str, object]) -> tuple[dict[str, object], HeldRole | None]:
    """Return *fields* of an edit with both columns of the role that it names, and that role, if it names one."""
    named = {name: fields[name] for name in ("role", "role_id") if fields.get(name) is not None}
    rest = {name: value for name, value in fields.items() if name not in {"role", "role_id"}}
    if not named:
        return rest, None
    held = chosen_role(session, RoleChoice(**named))  # type: ignore[arg-type]  # the schema gave them their types
    return rest | {"role": held.role.value, "role_id": held.role_id}, held
