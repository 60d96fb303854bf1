"""The demo organization of a development or trial installation: somebody for each role, and a client."""

from uuid import UUID

from psms.adapters.keyring import Keyring
from psms.adapters.passwords import password_hash
from psms.db.models.accounts import TeamRow, UserRow
from psms.db.queries import people
from psms.domain.access import Role, Scope
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewClient
from psms.domain.demo import Seeded, SeededUser
from psms.domain.encrypted_columns import USER_EMAIL
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of_system
from workflows.addresses import set_address
from workflows.clients import insert_client
from workflows.data_keys import keyring_to_write
from workflows.organizations import found

ORGANIZATION = "Demo organization"
_PASSWORD_BYTES = 12


def seed_demo(rt: Runtime) -> Seeded:
    """Found a demo organization with a user for each role, a team, and a client with every scope."""
    # Hashing a password takes a while on purpose: before the transaction.
    users = [_user(rt, role) for role in Role]
    hashes = {user.email: password_hash(user.password) for user in users}
    organization_id = rt.chance.new_id(rt.db.ask(rt.clock.now))
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        found(act, ORGANIZATION)
        scopes = tuple(scope.value for scope in Scope)
        command = NewClient(name="Demo client", role=RoleChoice(role=Role.ADMIN), scopes=scopes)
        client, secret = insert_client(act, command)
    # The keys of an organization are made once it is there.
    keys = keyring_to_write(rt, organization_id)
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        rows = [_row(act, keys, user, hashes[user.email]) for user in users]
        _help_desk(act, [row.id for row in rows if row.role == Role.AGENT])
    return Seeded(organization_id=organization_id, client_id=client.client_id, client_secret=secret, users=users)


def _user(rt: Runtime, role: Role) -> SeededUser:
    password = rt.chance.secret_bytes(_PASSWORD_BYTES).hex()
    return SeededUser(email=f"{role}@demo.example", password=password, role=role)


def _row(act: Act, keys: Keyring, user: SeededUser, hashed: str) -> UserRow:
    row = UserRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        name=f"Demo {user.role}",
        role=user.role.value,
        is_service=False,
        active=True,
        password_hash=hashed,
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )
    set_address(keys, row, user.email, keys.indexes(USER_EMAIL, user.email))
    act.session.add(row)
    act.session.flush()
    trail.note_added(act, "user", row.id, {"email": row.email, "name": row.name, "role": row.role})
    return row


def _help_desk(act: Act, members: list[UUID]) -> None:
    team = TeamRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        name="Help desk",
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )
    act.session.add(team)
    act.session.flush()
    people.set_members(act.session, act.organization_id, team.id, members)
    trail.note_added(act, "team", team.id, {"name": team.name, "member_ids": members})
