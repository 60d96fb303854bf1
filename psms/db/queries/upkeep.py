"""Upkeep: partitions, what has expired, and slots of schedules that fire once. Across organizations."""

from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_FIRE = text("""
    INSERT INTO schedule_fires (name, slot, fired_at)
    VALUES (:name, date_bin(CAST(:every AS interval), :now, timestamptz '2020-01-01 00:00:00Z'), :now)
    ON CONFLICT DO NOTHING RETURNING slot
""")
_FORGET_SLOTS = text("DELETE FROM schedule_fires WHERE fired_at < CAST(:now AS timestamptz) - interval '90 days'")
_ENSURE = text("SELECT psms_make_months(6)")
_DROP = text("SELECT psms_drop_attempts_before(CAST(:now AS timestamptz) - make_interval(days => :days))")
_OLDEST_UNTOLD = text("""
    SELECT least((SELECT event_id FROM outbox ORDER BY event_id LIMIT 1), (
        SELECT event_id FROM webhook_deliveries WHERE state IN ('pending', 'in_flight') ORDER BY event_id LIMIT 1))
""")
_DROP_EVENTS = text("SELECT psms_drop_events_before(CAST(:horizon AS timestamptz))")
_CANCEL_OF_DELETED = text("""
    UPDATE webhook_deliveries SET state = 'cancelled', finished_at = :now, dead_reason = NULL
    WHERE (organization_id, id) IN (
        SELECT d.organization_id, d.id FROM webhook_lanes l
        JOIN webhook_deliveries d ON d.organization_id = l.organization_id AND d.endpoint_id = l.endpoint_id
        WHERE l.removed AND d.state IN ('pending', 'dead') LIMIT :limit FOR UPDATE OF d SKIP LOCKED)
""")
_PRUNE = {
    "tokens": text("""
        DELETE FROM oauth_tokens WHERE (organization_id, id) IN (
            SELECT organization_id, id FROM oauth_tokens
            WHERE expires_at < CAST(:now AS timestamptz) - interval '1 day' LIMIT :limit)
    """),
    "idempotency_keys": text("""
        DELETE FROM idempotency_keys WHERE (organization_id, client_id, key) IN (
            SELECT organization_id, client_id, key FROM idempotency_keys WHERE expires_at < :now LIMIT :limit)
    """),
    "mails": text("""
        DELETE FROM mails WHERE (organization_id, id) IN (
            SELECT organization_id, id FROM mails
            WHERE finished_at < CAST(:now AS timestamptz) - make_interval(days => :days) LIMIT :limit)
    """),
    "automation_firings": text("""
        DELETE FROM automation_firings WHERE (organization_id, id) IN (
            SELECT organization_id, id FROM automation_firings
            WHERE at < CAST(:now AS timestamptz) - make_interval(days => :days) LIMIT :limit)
    """),
    "runs": text("""
        DELETE FROM workflow_runs WHERE (organization_id, id) IN (
            SELECT organization_id, id FROM workflow_runs
            WHERE finished_at < CAST(:now AS timestamptz) - make_interval(days => :days) LIMIT :limit)
    """),
}
_BY_AGE = {"mails", "automation_firings", "runs"}


def fire(session: Session, name: str, every: timedelta, now: datetime) -> bool:
    """Use the slot of *name* that *now* is in; False when it has been used, by anybody."""
    return session.execute(_FIRE, {"name": name, "every": every, "now": now}).one_or_none() is not None


def ensure_partitions(session: Session) -> int:
    """Make the time partitions of the months ahead, and return how many were missing."""
    return int(session.execute(_ENSURE).scalar_one())


def drop_old_attempts(session: Session, now: datetime, days: int) -> int:
    """Drop the partitions of attempts that are older than *days*, and return how many."""
    return int(session.execute(_DROP, {"now": now, "days": days}).scalar_one())


def oldest_untold(session: Session) -> UUID | None:
    """Return, as the claimer, the oldest event that somebody has yet to be told of; None where there is none."""
    return cast("UUID | None", session.execute(_OLDEST_UNTOLD).scalar_one())


def drop_old_events(session: Session, horizon: datetime) -> int:
    """Drop the partitions of events that end before *horizon*, and return how many."""
    return int(session.execute(_DROP_EVENTS, {"horizon": horizon}).scalar_one())


def forget_slots(session: Session, now: datetime) -> None:
    """Forget slots that were used long ago."""
    session.execute(_FORGET_SLOTS, {"now": now})


def cancel_unwanted(session: Session, now: datetime, limit: int) -> int:
    """Cancel, as the claimer, up to *limit* deliveries of endpoints that were deleted."""
    return int(session.execute(_CANCEL_OF_DELETED, {"now": now, "limit": limit}).rowcount)  # type: ignore[attr-defined]


def prune(session: Session, what: str, now: datetime, *, days: int, limit: int) -> int:
    """Delete, as the claimer, up to *limit* rows of *what* that nobody needs any more."""
    parameters = {"now": now, "limit": limit} | ({"days": days} if what in _BY_AGE else {})
    return int(session.execute(_PRUNE[what], parameters).rowcount)  # type: ignore[attr-defined]


PRUNABLE = tuple(_PRUNE)
