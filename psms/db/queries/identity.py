"""Look-ups before the organization is known: one statement each, through functions that run as their owner."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from psms.db.direct import Direct
from psms.domain.access import Actor, Role
from psms.domain.credentials import RegisteredClient

_ACTOR = "SELECT organization_id, user_id, client_id, role, kept, scopes FROM psms_actor(%(hash)s)"
_REFUSED = text("SELECT organization_id, token_id, client_id, reason FROM psms_refused_token(:hash)")
_CLIENT = text("SELECT organization_id, id, client_id, secret_hash, role, scopes FROM psms_client(:client_id)")
_INSERT_TOKEN = text("""
    INSERT INTO oauth_tokens (organization_id, id, client_id, token_hash, scopes, created_at, expires_at)
    SELECT :organization_id, :id, :client_id, :token_hash, :scopes, CAST(:now AS timestamptz),
           CAST(:now AS timestamptz) + make_interval(secs => :lifetime_s)
""")
_REVOKE_TOKEN = text("""
    UPDATE oauth_tokens SET revoked_at = psms_now()
    WHERE token_hash = :token_hash AND client_id = :client_id AND revoked_at IS NULL
""")
_USER_OF_CLIENT = text("SELECT user_id FROM oauth_clients WHERE organization_id = :organization_id AND id = :id")


def actor_of_token(direct: Direct, token_hash: bytes, request_id: str, address: str | None = None) -> Actor | None:
    """Return the caller that a live token stands for."""
    row = direct.record(_ACTOR, {"hash": token_hash})
    if row is None:
        return None
    return Actor(
        organization_id=row.organization_id,
        user_id=row.user_id,
        client_id=row.client_id,
        role=Role(row.role),
        scopes=frozenset(row.scopes),
        request_id=request_id,
        kept=None if row.kept is None else frozenset(row.kept),
        address=address,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedToken:
    """Whose token was refused, and why."""

    organization_id: UUID
    token_id: UUID
    client_id: UUID
    reason: str


def refused_token(connection: Connection, token_hash: bytes) -> RefusedToken | None:
    """Return whose token it is that `actor_of_token` did not take; None where nobody knows it."""
    row = connection.execute(_REFUSED, {"hash": token_hash}).one_or_none()
    if row is None:
        return None
    return RefusedToken(
        organization_id=row.organization_id, token_id=row.token_id, client_id=row.client_id, reason=row.reason
    )


def client_by_public_id(connection: Connection, client_id: str) -> RegisteredClient | None:
    """Return an active client by the id that it presents."""
    row = connection.execute(_CLIENT, {"client_id": client_id}).one_or_none()
    if row is None:
        return None
    return RegisteredClient(
        id=row.id,
        organization_id=row.organization_id,
        client_id=row.client_id,
        secret_hash=bytes(row.secret_hash),
        role=Role(row.role),
        scopes=tuple(row.scopes),
    )


def user_of_client(session: Session, client: RegisteredClient) -> UUID:
    """Return the user as whom a client acts."""
    values = {"organization_id": client.organization_id, "id": client.id}
    user_id: UUID = session.execute(_USER_OF_CLIENT, values).scalar_one()
    return user_id


def insert_token(session: Session, values: dict[str, object]) -> None:
    """Keep a new access token (its hash); *values* are named as in the statement."""
    session.execute(_INSERT_TOKEN, values)


def revoke_token(session: Session, client_id: UUID, token_hash: bytes) -> None:
    """End a token of this client; an unknown one is no error (RFC 7009 section 2.2)."""
    session.execute(_REVOKE_TOKEN, {"client_id": client_id, "token_hash": token_hash})
