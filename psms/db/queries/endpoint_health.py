"""How endpoints fare, inside one organization: who answers, who fails and since when, and notices that are due.

Who calls these holds the locks of the lanes concerned: see `lanes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.endpoint_health import NOTICES_AFTER

# Written only when it says something new: this row would else be the hottest of all. What it said before comes back.
_HEALTHY = """
    UPDATE webhook_endpoints p
    SET failing_since = NULL, failed_attempts = 0, first_failed_event_id = NULL, several_events_failed = false,
        failing_notices = 0, notice_due_at = NULL, blocked_since = NULL, last_success_at = %(now)s
    FROM webhook_endpoints before
    WHERE p.organization_id = %(organization_id)s AND p.id = ANY (%(endpoint_ids)s)
      AND before.organization_id = p.organization_id AND before.id = p.id
      AND (p.failing_since IS NOT NULL OR p.blocked_since IS NOT NULL OR p.last_success_at IS NULL
           OR p.last_success_at < CAST(%(now)s AS timestamptz) - interval '1 minute')
    RETURNING p.id, p.url, p.description, p.state, p.disabled_reason, before.failing_since, before.failed_attempts,
        before.failing_notices
"""
_FAILING = """
    UPDATE webhook_endpoints p
    SET failing_since = COALESCE(p.failing_since, %(now)s), failed_attempts = p.failed_attempts + f.attempts,
        first_failed_event_id = COALESCE(p.first_failed_event_id, f.event_id),
        several_events_failed = p.several_events_failed OR f.several
            OR COALESCE(p.first_failed_event_id <> f.event_id, false),
        notice_due_at = CASE WHEN p.failing_since IS NOT NULL THEN p.notice_due_at
            WHEN p.state = 'active' THEN CAST(%(now)s AS timestamptz) + CAST(%(first_notice)s AS interval) END,
        blocked_since = NULL
    FROM unnest(CAST(%(endpoint_ids)s AS uuid[]), CAST(%(attempts)s AS int[]), CAST(%(event_ids)s AS uuid[]),
        CAST(%(several)s AS boolean[])) AS f (endpoint_id, attempts, event_id, several)
    WHERE p.organization_id = %(organization_id)s AND p.id = f.endpoint_id
    RETURNING p.id, p.state, p.failing_since, p.failed_attempts, p.several_events_failed
"""
_BLOCKED = """
    UPDATE webhook_endpoints SET blocked_since = COALESCE(blocked_since, %(now)s)
    WHERE organization_id = %(organization_id)s AND id = ANY (%(endpoint_ids)s)
    RETURNING id, state, blocked_since
"""
_DISABLE = """
    UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = %(reason)s, notice_due_at = NULL,
        version = version + 1, updated_at = %(now)s
    WHERE organization_id = %(organization_id)s AND id = %(endpoint_id)s AND state IN ('active', 'paused')
      AND url = COALESCE(CAST(%(url)s AS text), url)
    RETURNING id, url, description, state, disabled_reason, failing_since, failed_attempts, failing_notices
"""
# As the claimer. Its lane first, as everywhere; whether it is still due is looked at again under that lock.
_DUE = """
    SELECT l.organization_id, l.endpoint_id FROM webhook_endpoints p
    JOIN webhook_lanes l ON l.organization_id = p.organization_id AND l.endpoint_id = p.id
    WHERE p.notice_due_at <= %(now)s AND p.id <> ALL (CAST(%(passed_over)s AS uuid[]))
    ORDER BY p.notice_due_at LIMIT 1 FOR UPDATE OF l SKIP LOCKED
"""
_STILL_DUE = """
    SELECT id, url, description, state, disabled_reason, failing_since, failed_attempts, failing_notices
    FROM webhook_endpoints
    WHERE organization_id = %(organization_id)s AND id = %(endpoint_id)s AND notice_due_at <= %(now)s
"""
_GIVEN = """
    UPDATE webhook_endpoints SET failing_notices = %(given)s, notice_due_at = %(next_at)s
    WHERE organization_id = %(organization_id)s AND id = %(endpoint_id)s
"""
_NOTIFY = """
    INSERT INTO notifications (organization_id, id, endpoint_id, kind, rule, details, created_at)
    VALUES (%(organization_id)s, %(id)s, %(endpoint_id)s, %(kind)s, 'webhooks', CAST(%(details)s AS jsonb), %(now)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """What failed of one endpoint at once: how many attempts, one of their events, and whether of another one too."""

    endpoint_id: UUID
    attempts: int
    event_id: UUID
    several: bool


def mark_healthy(session: Session, organization_id: UUID, endpoint_ids: list[UUID], now: datetime) -> Sequence[Record]:
    """Remember that these endpoints answered with a 2xx; return those for which that is new, as they were before."""
    return direct(session).records(
        _HEALTHY, {"organization_id": organization_id, "endpoint_ids": endpoint_ids, "now": now}
    )


def mark_failing(session: Session, organization_id: UUID, failed: Sequence[Failed], now: datetime) -> Sequence[Record]:
    """Count failures of endpoints, remember since when they fail, and return how they stand."""
    return direct(session).records(
        _FAILING,
        {
            "organization_id": organization_id,
            "now": now,
            "first_notice": NOTICES_AFTER[0],
            "endpoint_ids": [one.endpoint_id for one in failed],
            "attempts": [one.attempts for one in failed],
            "event_ids": [one.event_id for one in failed],
            "several": [one.several for one in failed],
        },
    )


def mark_blocked(session: Session, organization_id: UUID, endpoint_ids: list[UUID], now: datetime) -> Sequence[Record]:
    """Remember since when the rules of egress refuse these endpoints, and return it."""
    return direct(session).records(
        _BLOCKED, {"organization_id": organization_id, "endpoint_ids": endpoint_ids, "now": now}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabling:
    """Which endpoint is to be disabled, and why; with *url*, unless it was moved while its lane was waited for."""

    endpoint_id: UUID
    reason: str
    url: str | None


def disable(session: Session, organization_id: UUID, wanted: Disabling, now: datetime) -> Record | None:
    """Disable an endpoint, and return it as it is then; None when it was disabled or deleted already, or has moved."""
    place = {"organization_id": organization_id, "endpoint_id": wanted.endpoint_id, "url": wanted.url}
    return next(iter(direct(session).records(_DISABLE, {**place, "reason": wanted.reason, "now": now})), None)


def lock_due(session: Session, now: datetime, passed_over: set[UUID]) -> Record | None:
    """Lock, as the claimer, the lane of an endpoint for which a notice is due, and return which."""
    rows = direct(session).records(_DUE, {"now": now, "passed_over": sorted(passed_over)})
    return next(iter(rows), None)


def still_due(session: Session, organization_id: UUID, endpoint_id: UUID, now: datetime) -> Record | None:
    """Return an endpoint whose lane is locked, if a notice is still due for it."""
    values = {"organization_id": organization_id, "endpoint_id": endpoint_id, "now": now}
    return next(iter(direct(session).records(_STILL_DUE, values)), None)


def note_given(
    session: Session, organization_id: UUID, endpoint_id: UUID, given: int, next_at: datetime | None
) -> None:
    """Remember how many notices were given and when the next one is due."""
    values = {"organization_id": organization_id, "endpoint_id": endpoint_id, "given": given, "next_at": next_at}
    direct(session).run(_GIVEN, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notification about an endpoint to write; *details* is the JSON text of what its mails say."""

    id: UUID
    endpoint_id: UUID
    kind: str
    details: str


def notify(session: Session, organization_id: UUID, notice: NewNotice, now: datetime) -> None:
    """Write a notification for those who may manage webhooks."""
    direct(session).run(
        _NOTIFY,
        {
            "organization_id": organization_id,
            "id": notice.id,
            "endpoint_id": notice.endpoint_id,
            "kind": notice.kind,
            "details": notice.details,
            "now": now,
        },
    )
