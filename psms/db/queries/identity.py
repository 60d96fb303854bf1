"""Look-ups before the organization is known: one statement each, through functions that run as their owner."""

from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from psms.db.direct import Direct
from psms.domain.access import Actor, Role
from psms.domain.credentials import RegisteredClient

_ACTOR = "SELECT organization_id, user_id, client_id, role, kept, scopes FROM psms_actor(%(hash)s)"
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


def actor_of_token(direct: Direct, token_hash: bytes, request_id: str) -> Actor | None:
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


def insert_token(session: Session, values: dict[str, object]) -> None:
    """Keep a new access token (its hash); *values* are named as in the statement."""
    session.execute(_INSERT_TOKEN, values)


def revoke_token(session: Session, client_id: UUID, token_hash: bytes) -> None:
    """End a token of this client; an unknown one is no error (RFC 7009 section 2.2)."""
    session.execute(_REVOKE_TOKEN, {"client_id": client_id, "token_hash": token_hash})
