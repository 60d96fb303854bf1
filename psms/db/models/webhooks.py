"""Tables of endpoints, lanes, deliveries and attempts; only columns and keys. What they tell of is in `events`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from psms.db.base import Base, OfOrganization, Versioned

_IN_FLIGHT = text("state = 'in_flight'")


def to_endpoint(ondelete: str | None = None) -> ForeignKeyConstraint:
    """Return the foreign key of a table whose rows belong to an endpoint."""
    return ForeignKeyConstraint(
        ["organization_id", "endpoint_id"],
        ["webhook_endpoints.organization_id", "webhook_endpoints.id"],
        ondelete=ondelete,
    )


class EndpointRow(OfOrganization, Versioned, Base):
    """A partner's address."""

    __tablename__ = "webhook_endpoints"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(server_default="webhook")
    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    event_types: Mapped[list[str] | None]
    state: Mapped[str] = mapped_column(server_default="active")
    disabled_reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    event_filter: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    schema_version: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    headers_encrypted: Mapped[bytes | None]
    header_names: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    timeout_seconds: Mapped[int] = mapped_column(SmallInteger, server_default="15")
    signatures: Mapped[list[str]] = mapped_column(server_default=text("'{v1}'::text[]"))
    verified_at: Mapped[datetime | None]
    # Since failing_since: how many attempts failed, of which event first, and whether of another one too.
    failed_attempts: Mapped[int] = mapped_column(server_default="0")
    first_failed_event_id: Mapped[UUID | None]
    several_events_failed: Mapped[bool] = mapped_column(server_default=text("false"))
    failing_notices: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    blocked_since: Mapped[datetime | None]
    notice_due_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        CheckConstraint("state IN ('active', 'paused', 'disabled', 'deleted')", name="ck_webhook_endpoints_state"),
        CheckConstraint("kind IN ('webhook', 'pagerduty')", name="ck_webhook_endpoints_kind"),
        CheckConstraint("timeout_seconds BETWEEN 1 AND 30", name="ck_webhook_endpoints_timeout"),
        CheckConstraint("signatures IN ('{v1}', '{v1,v1a}')", name="ck_webhook_endpoints_signatures"),
        CheckConstraint("(headers_encrypted IS NULL) = (header_names = '{}')", name="ck_webhook_endpoints_headers"),
        Index("ix_webhook_endpoints_id", "id"),
        Index("ix_webhook_endpoints_notice", "notice_due_at", postgresql_where=text("notice_due_at IS NOT NULL")),
    )


class SecretRow(OfOrganization, Base):
    """A signing secret of an endpoint; the current one has no expiry."""

    __tablename__ = "webhook_secrets"

    endpoint_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(server_default="hmac")
    # Of a key pair: what partners verify with.
    public_key: Mapped[bytes | None]
    # In clear only until it is encrypted.
    secret: Mapped[str | None]
    secret_encrypted: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("num_nonnulls(secret, secret_encrypted) = 1", name="ck_webhook_secrets_one"),
        CheckConstraint("kind IN ('hmac', 'ed25519')", name="ck_webhook_secrets_kind"),
        CheckConstraint("(kind = 'ed25519') = (public_key IS NOT NULL)", name="ck_webhook_secrets_public_key"),
        to_endpoint("CASCADE"),
        Index("ix_webhook_secrets_endpoint", "organization_id", "endpoint_id", "created_at"),
    )


class LaneRow(Base):
    """When to look at an endpoint next: a hint that can be computed anew from its deliveries."""

    __tablename__ = "webhook_lanes"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    next_due_at: Mapped[datetime] = mapped_column(server_default=text("'infinity'::timestamptz"))
    not_before: Mapped[datetime] = mapped_column(server_default=text("'-infinity'::timestamptz"))
    served_at: Mapped[datetime] = mapped_column(server_default=text("'-infinity'::timestamptz"))
    open: Mapped[bool] = mapped_column(server_default=text("true"))
    removed: Mapped[bool] = mapped_column(server_default=text("false"))
    opened_at: Mapped[datetime]
    max_in_flight: Mapped[int] = mapped_column(SmallInteger, server_default="16")
    last_sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    ordering: Mapped[str] = mapped_column(server_default="none")
    rate_per_minute: Mapped[int | None]
    allowance: Mapped[float] = mapped_column(REAL, server_default="0")
    allowance_at: Mapped[datetime] = mapped_column(server_default=text("'-infinity'::timestamptz"))
    circuit: Mapped[str] = mapped_column(server_default="closed")
    probe_at: Mapped[datetime] = mapped_column(server_default=text("'-infinity'::timestamptz"))
    opens: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    failures_in_a_row: Mapped[int] = mapped_column(server_default="0")
    recent_failures: Mapped[int] = mapped_column(server_default="0")
    recent_results: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    latency_ms: Mapped[float] = mapped_column(REAL, server_default="0")
    in_flight_window: Mapped[int | None] = mapped_column(SmallInteger)
    window_successes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    discard_before: Mapped[datetime | None]
    discarded_to: Mapped[int] = mapped_column(BigInteger, server_default="0")
    closed_at: Mapped[datetime] = mapped_column(server_default=text("'-infinity'::timestamptz"))

    __table_args__ = (
        to_endpoint("CASCADE"),
        CheckConstraint("ordering IN ('none', 'ticket', 'endpoint')", name="ck_webhook_lanes_ordering"),
        CheckConstraint("max_in_flight BETWEEN 1 AND 64", name="ck_webhook_lanes_max_in_flight"),
        CheckConstraint("rate_per_minute BETWEEN 1 AND 60000", name="ck_webhook_lanes_rate"),
        CheckConstraint("circuit IN ('closed', 'open', 'half_open')", name="ck_webhook_lanes_circuit"),
        Index(
            "ix_webhook_lanes_ready",
            "next_due_at",
            postgresql_where=text("open AND next_due_at < 'infinity'::timestamptz"),
        ),
        Index("ix_webhook_lanes_discard", "endpoint_id", postgresql_where=text("discard_before IS NOT NULL")),
        Index("ix_webhook_lanes_closed", "endpoint_id", postgresql_where=text("NOT open AND NOT removed")),
    )


class DeliveryRow(OfOrganization, Base):
    """One event for one endpoint."""

    __tablename__ = "webhook_deliveries"

    event_id: Mapped[UUID]
    event_type: Mapped[str]
    ticket_id: Mapped[UUID | None]
    endpoint_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    next_attempt_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    leases_lost: Mapped[int] = mapped_column(server_default="0")
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    trigger: Mapped[str] = mapped_column(server_default="auto")
    # Those with the same key go out one after the other; behind: another one goes first.
    order_key: Mapped[UUID | None]
    behind: Mapped[bool] = mapped_column(server_default=text("false"))
    # The replay that sent it last.
    replay_id: Mapped[UUID | None]
    last_status: Mapped[int | None] = mapped_column(SmallInteger)
    last_error: Mapped[str | None]
    dead_reason: Mapped[str | None]
    request_id: Mapped[str | None]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    first_attempt_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'in_flight', 'delivered', 'dead', 'cancelled')",
            name="ck_webhook_deliveries_state",
        ),
        CheckConstraint("trigger IN ('auto', 'manual', 'test', 'replay')", name="ck_webhook_deliveries_trigger"),
        to_endpoint(),
        Index("uq_webhook_deliveries_event", "organization_id", "event_id", "endpoint_id", unique=True),
        Index("uq_webhook_deliveries_sequence", "organization_id", "endpoint_id", "sequence", unique=True),
        Index(
            "ix_webhook_deliveries_due",
            "endpoint_id",
            "next_attempt_at",
            "id",
            postgresql_where=text("state = 'pending' AND NOT behind"),
        ),
        Index(
            "ix_webhook_deliveries_order",
            "endpoint_id",
            "order_key",
            "sequence",
            postgresql_where=text("order_key IS NOT NULL AND state IN ('pending', 'in_flight')"),
        ),
        Index(
            "ix_webhook_deliveries_heads",
            "endpoint_id",
            "order_key",
            postgresql_where=text("order_key IS NOT NULL AND state IN ('pending', 'in_flight') AND NOT behind"),
        ),
        Index("ix_webhook_deliveries_flying", "endpoint_id", "lease_expires_at", postgresql_where=_IN_FLIGHT),
        Index("ix_webhook_deliveries_lease", "lease_expires_at", postgresql_where=_IN_FLIGHT),
        Index(
            "ix_webhook_deliveries_suspect",
            "next_attempt_at",
            "id",
            postgresql_where=text("state = 'pending' AND leases_lost >= 2"),
        ),
        Index(
            "ix_webhook_deliveries_dead",
            "organization_id",
            "endpoint_id",
            "sequence",
            postgresql_where=text("state = 'dead'"),
        ),
        Index(
            "ix_webhook_deliveries_replayed",
            "organization_id",
            "replay_id",
            "next_attempt_at",
            postgresql_where=text("replay_id IS NOT NULL AND state IN ('pending', 'in_flight')"),
        ),
        Index(
            "ix_webhook_deliveries_finished",
            "finished_at",
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
    )


class AttemptRow(OfOrganization, Base):
    """One HTTP request of a delivery, written before it is sent."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    number: Mapped[int]
    trigger: Mapped[str]
    worker: Mapped[str]
    url: Mapped[str | None]
    request_headers: Mapped[dict[str, Any] | None]
    lease_token: Mapped[UUID]
    outcome: Mapped[str] = mapped_column(server_default="started")
    late: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None]
    duration_ms: Mapped[int | None]
    retry_after: Mapped[str | None]
    response_headers: Mapped[dict[str, Any] | None]
    response_body: Mapped[bytes | None]
    response_truncated: Mapped[bool] = mapped_column(server_default=text("false"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_webhook_attempts_delivery", "organization_id", "delivery_id", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )
