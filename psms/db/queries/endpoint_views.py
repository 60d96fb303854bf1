"""Endpoints as the API shows them: with the settings of their lanes and the public keys of their pairs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from psms.db.models.webhooks import EndpointRow
from psms.db.queries.records import view_of
from psms.domain.endpoint_settings import Ordering, PublicKey
from psms.domain.partner_headers import masked
from psms.domain.signing import public_text
from psms.domain.webhooks import MOST_COUNTED, Endpoint, EndpointInFull, EndpointKind, EndpointState

_BESIDE = text("""
    SELECT l.endpoint_id, l.ordering, l.rate_per_minute, l.max_in_flight,
        k.ids, k.public_keys, k.created_at, k.expires_at
    FROM webhook_lanes l CROSS JOIN LATERAL (
        SELECT array_agg(s.id ORDER BY s.created_at DESC, s.id DESC) AS ids,
               array_agg(s.public_key ORDER BY s.created_at DESC, s.id DESC) AS public_keys,
               array_agg(s.created_at ORDER BY s.created_at DESC, s.id DESC) AS created_at,
               array_agg(s.expires_at ORDER BY s.created_at DESC, s.id DESC) AS expires_at
        FROM webhook_secrets s
        WHERE s.organization_id = l.organization_id AND s.endpoint_id = l.endpoint_id AND s.kind = 'ed25519'
          AND (s.expires_at IS NULL OR s.expires_at > psms_now())
    ) k
    WHERE l.endpoint_id = ANY (:endpoint_ids)
""")

_HEALTH = text(f"""
    SELECT l.circuit, CASE WHEN l.circuit <> 'closed' AND isfinite(l.probe_at) THEN l.probe_at END AS next_probe_at,
        CASE WHEN :active THEN 0 ELSE LEAST({MOST_COUNTED}, (
            SELECT count(*) FROM (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = :endpoint_id
                AND d.state = 'pending' AND NOT d.behind LIMIT {MOST_COUNTED}) first
        ) + (
            SELECT count(*) FROM (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = :endpoint_id
                AND d.state = 'pending' AND d.behind AND d.order_key IS NOT NULL LIMIT {MOST_COUNTED}) others
        )) END AS held
    FROM webhook_lanes l WHERE l.endpoint_id = :endpoint_id
""")  # noqa: S608  (a constant)


def view(session: Session, row: EndpointRow) -> Endpoint:
    """Return the endpoint that a row holds."""
    (shown,) = views(session, [row])
    return shown


def in_full(session: Session, row: EndpointRow) -> EndpointInFull:
    """Return an endpoint and how its lane fares; what is held is counted up to MOST_COUNTED."""
    active = row.state == EndpointState.ACTIVE
    health = session.execute(_HEALTH, {"endpoint_id": row.id, "active": active}).one()
    endpoint = view(session, row)
    return EndpointInFull(
        **{name: getattr(endpoint, name) for name in Endpoint.__slots__},
        circuit=health.circuit,
        next_probe_at=health.next_probe_at,
        held=health.held,
    )


def views(session: Session, rows: Sequence[EndpointRow]) -> list[Endpoint]:
    """Return the endpoints that rows hold, in their order."""
    found = session.execute(_BESIDE, {"endpoint_ids": [row.id for row in rows]})
    beside = {row.endpoint_id: row for row in found}
    return [_view(row, beside[row.id]) for row in rows]


def _view(row: EndpointRow, beside: Row[Any]) -> Endpoint:
    return view_of(
        Endpoint,
        row,
        kind=EndpointKind(row.kind),
        state=EndpointState(row.state),
        headers=masked(row.header_names),
        order=Ordering(beside.ordering),
        rate_per_minute=beside.rate_per_minute,
        max_in_flight=beside.max_in_flight,
        public_keys=_public_keys(beside),
    )


def _public_keys(beside: Row[Any]) -> list[PublicKey]:
    columns = (beside.ids or (), beside.public_keys or (), beside.created_at or (), beside.expires_at or ())
    return [
        PublicKey(id=key_id, public_key=public_text(public_key), created_at=created_at, expires_at=expires_at)
        for key_id, public_key, created_at, expires_at in zip(*columns, strict=True)
    ]
