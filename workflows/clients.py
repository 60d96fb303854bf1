"""Clients: the service accounts by which programs call the API. Their tokens are in `accounts`."""

from uuid import UUID

from psms.db.models.accounts import ClientRow, UserRow
from psms.db.queries import records
from psms.domain.access import Actor, Permission, Role, require
from psms.domain.access.granting import require_grantable
from psms.domain.access.roles import HeldRole
from psms.domain.accounts import Client, Edit, NewClient
from psms.domain.answers import Created, OnceKey
from psms.domain.credentials import client_id_from, client_secret_from, digest
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once
from workflows.roles import chosen_role, held_role, with_role

_SECRET_BYTES = 32
_PUBLIC_BYTES = 12


def client_view(row: ClientRow) -> Client:
    """Return the client that a row holds, without its secret."""
    return records.view_of(Client, row, role=Role(row.role), scopes=sorted(row.scopes))


def list_clients(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Client]:
    """Return one page of the organization's clients."""
    require(actor, Permission.CLIENT_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, ClientRow, page, client_view)


def get_client(rt: Runtime, actor: Actor, client_row_id: UUID) -> Client:
    """Return a client, or raise NotFound."""
    require(actor, Permission.CLIENT_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        return client_view(records.get(session, ClientRow, client_row_id))


def add_client(rt: Runtime, actor: Actor, command: NewClient, once: OnceKey | None) -> Created:
    """Make a client and its service user; the answer carries the secret, a repetition does not."""
    require(actor, Permission.CLIENT_MANAGE)

    def create(act: Act) -> Made:
        held = chosen_role(act.session, command.role)
        require_grantable(actor, held, frozenset(command.scopes))
        row, secret = insert_client(act, command)
        return Made(_with_secret(row, secret), f"/v1/clients/{row.id}", version=1, kept=_with_secret(row, None))

    return create_once(rt, actor, once, create)


def insert_client(act: Act, command: NewClient) -> tuple[ClientRow, str]:
    """Write a client with its service user, and return it with its secret, of which only a hash is kept."""
    held = chosen_role(act.session, command.role)
    public_id = client_id_from(act.rt.chance.secret_bytes(_PUBLIC_BYTES))
    secret = client_secret_from(act.rt.chance.secret_bytes(_SECRET_BYTES))
    user = UserRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        name=command.name,
        role=held.role.value,
        role_id=held.role_id,
        is_service=True,
        active=True,
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )
    act.session.add(user)
    act.session.flush()
    row = ClientRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        client_id=public_id,
        name=command.name,
        secret_hash=digest(secret),
        role=held.role.value,
        role_id=held.role_id,
        scopes=sorted(set(command.scopes)),
        user_id=user.id,
        active=True,
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )
    act.session.add(row)
    act.session.flush()
    trail.note_added(act, "client", row.id, {"name": row.name, "role": row.role, "scopes": row.scopes})
    return row, secret


def edit_client(rt: Runtime, actor: Actor, client_row_id: UUID, command: Edit) -> Client:
    """Change a client's name, role, scopes or whether it is active; a token loses at once what its client loses."""
    require(actor, Permission.CLIENT_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, ClientRow, client_row_id, command.if_version)
        fields, wanted = with_role(session, command.fields)
        if "scopes" in fields:
            fields["scopes"] = sorted(set(command.fields["scopes"]))
        # What it has must be within reach as well: otherwise a lesser admin could switch a greater one off.
        before = held_role(session, row.role, row.role_id)
        require_grantable(actor, before, frozenset(command.fields.get("scopes", ())))
        if wanted is not None:
            require_grantable(actor, wanted, frozenset())
        act = act_of(rt, session, actor)
        changed = records.edit(row, fields, act.now)
        if wanted is not None and wanted != before:
            _follow(act, row.user_id, wanted)
        trail.note_changed(act, "client", row.id, changed)
        return client_view(row)


def _follow(act: Act, user_id: UUID, held: HeldRole) -> None:
    user = records.lock(act.session, UserRow, user_id, None)
    records.edit(user, {"role": held.role.value, "role_id": held.role_id}, act.now)


def _with_secret(row: ClientRow, secret: str | None) -> bytes:
    client = client_view(row)
    shown = {name: getattr(client, name) for name in Client.__slots__}
    return json_bytes({**shown, "client_secret": secret})
