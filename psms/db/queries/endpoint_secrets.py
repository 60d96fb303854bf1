"""The secrets and key pairs that an endpoint's deliveries are signed with, inside one organization, and public keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from psms.db.models.webhooks import SecretRow
from psms.domain.endpoint_settings import PublicKey, SignatureScheme
from psms.domain.signing import public_text

# Whose endpoint that is, nobody knows yet: the function looks past the walls, for these columns alone.
_PUBLISHED = text("SELECT id, public_key, created_at, expires_at FROM psms_webhook_keys(:endpoint_id)")
_KIND = {SignatureScheme.V1: "hmac", SignatureScheme.V1A: "ed25519"}


def kind_of(scheme: SignatureScheme) -> str:
    """Return under which kind the secrets of a scheme are stored."""
    return _KIND[scheme]


def current(session: Session, endpoint_id: UUID, scheme: SignatureScheme) -> SecretRow:
    """Return the one secret of an endpoint for a scheme that has no expiry."""
    return session.scalars(
        select(SecretRow).where(
            SecretRow.endpoint_id == endpoint_id, SecretRow.kind == _KIND[scheme], SecretRow.expires_at.is_(None)
        )
    ).one()


def live_former(session: Session, endpoint_id: UUID, scheme: SignatureScheme, now: datetime) -> int:
    """Return how many secrets sign besides the current one."""
    rows = session.scalars(
        select(SecretRow.id).where(
            SecretRow.endpoint_id == endpoint_id, SecretRow.kind == _KIND[scheme], SecretRow.expires_at > now
        )
    )
    return len(rows.all())


def end(session: Session, endpoint_id: UUID, scheme: SignatureScheme, until: datetime) -> None:
    """Let the secrets of a scheme that an endpoint has sign until then, and none of them longer."""
    session.execute(
        update(SecretRow)
        .where(
            SecretRow.endpoint_id == endpoint_id,
            SecretRow.kind == _KIND[scheme],
            SecretRow.expires_at.is_(None) | (SecretRow.expires_at > until),
        )
        .values(expires_at=until),
        execution_options={"synchronize_session": False},
    )


def add(session: Session, secret: SecretRow) -> None:
    """Write a secret."""
    session.add(secret)
    session.flush()


def published(session: Session, endpoint_id: UUID) -> list[PublicKey]:
    """Return the public keys that requests to an endpoint of any organization verify with now, the current one first.

    None for an endpoint that there is not.
    """
    rows = session.execute(_PUBLISHED, {"endpoint_id": endpoint_id})
    return [
        PublicKey(
            id=row.id, public_key=public_text(row.public_key), created_at=row.created_at, expires_at=row.expires_at
        )
        for row in rows
    ]
