"""People and teams: list, read, add and edit. Clients, which are programs, are in `clients`."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from psms.db.models.accounts import TeamRow, UserRow
from psms.db.queries import people, records
from psms.domain.access import Actor, Permission, Role, require
from psms.domain.access.granting import require_assignable, require_changeable
from psms.domain.access.roles import HeldRole
from psms.domain.accounts import Edit, NewTeam, NewUser, Team, User
from psms.domain.answers import Created, OnceKey
from psms.domain.encrypted_columns import KEPT_USER, USER_EMAIL
from psms.domain.encryption import BlindIndexes
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.errors import AlreadyExists, FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.addresses import address_of, addresses_of, set_address
from workflows.data_keys import decrypted, keyring_to_write
from workflows.once import Made, create_once
from workflows.roles import chosen_role, held_role, with_role


def _user(rt: Runtime, row: UserRow) -> User:
    return _shown(row, address_of(rt, row))


def _shown(row: UserRow, email: str) -> User:
    return records.view_of(User, row, role=Role(row.role), email=email)


def list_users(rt: Runtime, actor: Actor, page: PageRequest) -> Page[User]:
    """Return one page of the organization's users."""
    require(actor, Permission.USER_READ)
    with rt.db.begin(actor.organization_id) as session:
        rows = records.page_of_rows(session, UserRow, page, lambda row: row)
    addresses = addresses_of(rt, actor.organization_id, rows.items)
    return Page(items=[_shown(row, addresses[row.id]) for row in rows.items], next_after=rows.next_after)


def get_user(rt: Runtime, actor: Actor, user_id: UUID) -> User:
    """Return a user, or raise NotFound."""
    require(actor, Permission.USER_READ)
    with rt.db.begin(actor.organization_id) as session:
        row = records.get(session, UserRow, user_id)
    return _user(rt, row)


def add_user(rt: Runtime, actor: Actor, command: NewUser, once: OnceKey | None) -> Created:
    """Add a person; the e-mail address is unique in the organization, whatever its case."""
    require(actor, Permission.USER_MANAGE)
    keys = keyring_to_write(rt, actor.organization_id)
    indexes = keys.indexes(USER_EMAIL, command.email)

    def create(act: Act) -> Made:
        held = chosen_role(act.session, command.role)
        require_assignable(actor, held)
        _refuse_taken(act, indexes, command.email)
        row = UserRow(
            organization_id=actor.organization_id,
            id=act.new_id(),
            name=command.name,
            role=held.role.value,
            role_id=held.role_id,
            is_service=False,
            active=True,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        set_address(keys, row, command.email, indexes)
        act.session.add(row)
        act.session.flush()
        shown = {"email": command.email, "name": row.name, "role": row.role, "role_id": row.role_id}
        trail.note_added(act, "user", row.id, shown)
        body = json_bytes(_shown(row, command.email))
        kept = None if once is None else keys.encrypt(KEPT_USER, row.id, body)
        return Made(body, f"/v1/users/{row.id}", version=1, kept=kept)

    return _readable(rt, actor, create_once(rt, actor, once, create))


def _refuse_taken(act: Act, indexes: BlindIndexes, email: str) -> None:
    # The unique index settles a race; it does not see an address that is not encrypted yet.
    if people.user_by_address(act.session, indexes, email) is not None:
        raise AlreadyExists("A user with this e-mail address already exists.")


def _readable(rt: Runtime, actor: Actor, created: Created) -> Created:
    """Return a repeated answer as it was first given: it is kept encrypted, for the address in it."""
    if not created.replayed or created.body.startswith(b"{"):
        return created
    user_id = UUID(created.location.rpartition("/")[2])
    return replace(created, body=decrypted(rt, actor.organization_id, KEPT_USER, user_id, created.body))


def edit_user(rt: Runtime, actor: Actor, user_id: UUID, command: Edit) -> User:
    """Change a user's name, role or whether they are active. A client's service user has its client's role."""
    require(actor, Permission.USER_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, UserRow, user_id, command.if_version)
        before = held_role(session, row.role, row.role_id)
        require_changeable(actor, before)
        fields, wanted = with_role(session, command.fields)
        if wanted is not None and wanted != before:
            _require_change_of_role(actor, row, before, wanted)
        act = act_of(rt, session, actor)
        changed = records.edit(row, fields, act.now)
        trail.note_changed(act, "user", row.id, changed)
    return _user(rt, row)


def _require_change_of_role(actor: Actor, row: UserRow, before: HeldRole, wanted: HeldRole) -> None:
    if row.is_service:
        raise FieldError("role", "this is the service user of a client: change the client's role instead")
    require_assignable(actor, before)
    require_assignable(actor, wanted)


def _team(row: TeamRow, members: list[UUID]) -> Team:
    return records.view_of(Team, row, member_ids=members)


def list_teams(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Team]:
    """Return one page of the organization's teams with their members."""
    require(actor, Permission.TEAM_READ)
    with rt.db.begin(actor.organization_id) as session:
        rows = records.page_of_rows(session, TeamRow, page, lambda row: row)
        members = people.members_of(session, [row.id for row in rows.items])
        return Page(items=[_team(row, members[row.id]) for row in rows.items], next_after=rows.next_after)


def get_team(rt: Runtime, actor: Actor, team_id: UUID) -> Team:
    """Return a team with its members, or raise NotFound."""
    require(actor, Permission.TEAM_READ)
    with rt.db.begin(actor.organization_id) as session:
        row = records.get(session, TeamRow, team_id)
        return _team(row, people.members_of(session, [row.id])[row.id])


def add_team(rt: Runtime, actor: Actor, command: NewTeam, once: OnceKey | None) -> Created:
    """Make a team of users of the organization."""
    require(actor, Permission.TEAM_MANAGE)

    def create(act: Act) -> Made:
        row = TeamRow(
            organization_id=actor.organization_id,
            id=act.new_id(),
            name=command.name,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        people.set_members(act.session, act.organization_id, row.id, command.member_ids)
        members = sorted(set(command.member_ids))
        shown: dict[str, Any] = {"name": row.name, "member_ids": members}
        trail.note_added(act, "team", row.id, shown)
        return Made(json_bytes(_team(row, members)), f"/v1/teams/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_team(rt: Runtime, actor: Actor, team_id: UUID, command: Edit) -> Team:
    """Change a team's name or members."""
    require(actor, Permission.TEAM_MANAGE)
    fields = dict(command.fields)
    wanted = fields.pop("member_ids", None)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, TeamRow, team_id, command.if_version)
        act = act_of(rt, session, actor)
        changed = records.edit(row, fields, act.now)
        before = people.members_of(session, [row.id])[row.id]
        after = before if wanted is None else sorted(set(wanted))
        if after != before:
            people.set_members(session, actor.organization_id, row.id, after)
            if not changed:
                records.touch(row, act.now)
            changed["member_ids"] = (before, after)
        trail.note_changed(act, "team", row.id, changed)
        session.flush()
        return _team(row, after)
