"""Mails: fanned out, leased, recorded under the lease's token. What they say is read in `letters`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.access import Permission, Role
from psms.domain.access.matrix import permissions_of
from psms.domain.mails import LEASES_UNTIL_DEAD, MailState
from psms.domain.operations import WorkItem

_NEW = """
    SELECT organization_id, id, (SELECT psms_now()) AS now FROM notifications
    WHERE fanned_out_at IS NULL AND organization_id <> ALL (CAST(%(passed_over)s AS uuid[]))
    ORDER BY created_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
# Whoever is first of: the assignee, the team's members, the managers, the admins; each while active, and a person.
# Where a notification is for watchers: these, and else nobody; requesters hear nothing of what teams agreed on. What
# is for the requester or who was mentioned is for nobody else; what is about an endpoint is for all who may manage
# webhooks.
_RECIPIENTS = """
    WITH told AS (
        SELECT id, ticket_id, kind, user_id, team_id, rule, rule IS NOT DISTINCT FROM 'watchers' AS for_watchers,
            COALESCE(rule IN ('requester', 'mentioned', 'webhooks'), false) AS for_one
        FROM notifications
        WHERE organization_id = %(organization_id)s AND id = ANY (%(ids)s)
    ), person AS (
        SELECT id, role, role_id FROM users WHERE organization_id = %(organization_id)s AND active AND NOT is_service
    ), candidate AS (
        SELECT t.id AS notification_id, p.id AS user_id, 1 AS place,
            CASE WHEN t.rule IS NULL THEN 'assignee' WHEN t.for_one OR t.rule = 'approver' THEN t.rule ELSE 'duty' END
                AS reason
        FROM told t JOIN person p ON p.id = t.user_id
        UNION ALL
        SELECT t.id, p.id, 1, 'watcher' FROM told t
        JOIN ticket_watchers w ON w.organization_id = %(organization_id)s AND w.ticket_id = t.ticket_id
        JOIN person p ON p.id = w.user_id AND (p.role <> 'requester' OR NOT starts_with(t.kind, 'ola.'))
        WHERE t.for_watchers
        UNION ALL
        SELECT t.id, p.id, 2, 'team' FROM told t
        JOIN memberships m ON m.organization_id = %(organization_id)s AND m.team_id = t.team_id
        JOIN person p ON p.id = m.user_id
        UNION ALL
        SELECT t.id, p.id, CASE p.role WHEN 'manager' THEN 3 ELSE 4 END, 'lead'
        FROM told t CROSS JOIN person p WHERE p.role IN ('manager', 'admin') AND NOT t.for_watchers AND NOT t.for_one
        UNION ALL
        SELECT t.id, p.id, 1, 'webhooks' FROM told t CROSS JOIN person p
        LEFT JOIN roles r ON r.organization_id = %(organization_id)s AND r.id = p.role_id
        WHERE t.rule = 'webhooks' AND p.role = ANY (%(keepers)s)
          AND (p.role_id IS NULL OR %(permission)s = ANY (r.permissions))
    )
    SELECT c.notification_id, c.user_id, c.reason FROM candidate c
    WHERE c.place = (SELECT min(o.place) FROM candidate o WHERE o.notification_id = c.notification_id)
    ORDER BY c.notification_id, c.user_id
"""
_FAN_OUT = """
    WITH fanned_out AS (
        UPDATE notifications SET fanned_out_at = %(now)s
        WHERE organization_id = %(organization_id)s AND id = ANY (%(told)s)
    )
    INSERT INTO mails (organization_id, id, notification_id, user_id, reason, state, next_attempt_at, created_at)
    SELECT %(organization_id)s, m.id, m.notification_id, m.user_id, m.reason, 'pending',
        CAST(%(now)s AS timestamptz), CAST(%(now)s AS timestamptz)
    FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(notification_ids)s AS uuid[]), CAST(%(user_ids)s AS uuid[]),
        CAST(%(reasons)s AS text[])) AS m (id, notification_id, user_id, reason)
    ON CONFLICT (organization_id, notification_id, user_id) DO NOTHING
"""
_TAKE_BACK = f"""
    WITH expired AS (
        SELECT organization_id, id FROM mails
        WHERE state = 'in_flight' AND lease_expires_at <= %(now)s
        ORDER BY lease_expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE mails m
    SET state = CASE WHEN m.leases_lost + 1 >= {LEASES_UNTIL_DEAD} THEN 'dead' ELSE 'pending' END,
        dead_reason = CASE WHEN m.leases_lost + 1 >= {LEASES_UNTIL_DEAD} THEN 'leases_lost' END,
        finished_at = CASE WHEN m.leases_lost + 1 >= {LEASES_UNTIL_DEAD} THEN CAST(%(now)s AS timestamptz) END,
        leases_lost = m.leases_lost + 1, lease_token = NULL, lease_expires_at = NULL, next_attempt_at = %(now)s
    FROM expired WHERE m.organization_id = expired.organization_id AND m.id = expired.id
    RETURNING m.organization_id, m.id, m.state
"""  # noqa: S608  (a constant)
_CLAIM = """
    WITH due AS (
        SELECT organization_id, id FROM mails WHERE state = 'pending' AND next_attempt_at <= %(now)s
        ORDER BY next_attempt_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE mails m
    SET state = 'in_flight', lease_token = %(token)s, tries = m.tries + 1,
        lease_expires_at = CAST(%(now)s AS timestamptz) + make_interval(secs => %(lease_s)s)
    FROM due WHERE m.organization_id = due.organization_id AND m.id = due.id
    RETURNING m.organization_id, m.id
"""
# A mail that the server took after the lease had ended counts where nobody else sends it meanwhile.
_SETTLE = """
    UPDATE mails m
    SET state = r.state, next_attempt_at = COALESCE(r.next_at, m.next_attempt_at), failures = m.failures + r.counted,
        last_error = r.error, dead_reason = r.reason, leases_lost = 0, lease_token = NULL, lease_expires_at = NULL,
        finished_at = CASE WHEN r.state <> 'pending' THEN CAST(%(now)s AS timestamptz) END
    FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(tokens)s AS uuid[]), CAST(%(states)s AS text[]),
        CAST(%(next_at)s AS timestamptz[]), CAST(%(counted)s AS int[]), CAST(%(errors)s AS text[]),
        CAST(%(reasons)s AS text[])) AS r (id, token, state, next_at, counted, error, reason)
    WHERE m.organization_id = %(organization_id)s AND m.id = r.id
      AND (m.state = 'in_flight' AND m.lease_token = r.token OR m.state = 'pending' AND r.state = 'sent')
    RETURNING m.id
"""
_RETRY = """
    UPDATE mails SET state = 'pending', failures = 0, leases_lost = 0, dead_reason = NULL, finished_at = NULL,
        next_attempt_at = %(now)s
    WHERE organization_id = %(organization_id)s AND id = ANY (%(ids)s) AND state = 'dead' RETURNING id
"""
_PLACES = """
    SELECT organization_id, id FROM mails
    WHERE state = 'dead' AND (CAST(%(ids)s AS uuid[]) IS NULL OR id = ANY (CAST(%(ids)s AS uuid[])))
      AND (organization_id, id) > (%(after_organization)s, %(after_id)s)
    ORDER BY organization_id, id LIMIT %(limit)s
"""
_LIST = """
    SELECT organization_id, id, user_id, tries, created_at, state, COALESCE(dead_reason, last_error) AS reason
    FROM mails WHERE state = ANY (%(states)s) ORDER BY created_at, id LIMIT %(limit)s
"""

# Whose role, or what a role of the organization's own keeps of it, lets them manage webhooks.
_KEEPERS = [role.value for role in Role if Permission.WEBHOOK_MANAGE in permissions_of(role)]

Place = tuple[UUID, UUID]
"""Where a mail is in the order of retries: organization, mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMail:
    """A mail to write."""

    id: UUID
    notification_id: UUID
    user_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of a mail: *counted* is what it uses up of the schedule."""

    mail_id: UUID
    token: UUID
    state: MailState
    next_at: datetime | None = None
    counted: int = 0
    error: str | None = None
    reason: str | None = None


def new_notifications(session: Session, limit: int, passed_over: set[UUID]) -> Sequence[Record]:
    """Lock, as the claimer, notifications whose mails are not made, of all organizations but those *passed_over*.

    They come oldest first, with the instant.
    """
    return direct(session).records(_NEW, {"limit": limit, "passed_over": sorted(passed_over)})


def recipients(session: Session, organization_id: UUID, notification_ids: Sequence[UUID]) -> Sequence[Record]:
    """Return who is to be told of each notification, and why."""
    values = {
        "organization_id": organization_id,
        "ids": list(notification_ids),
        "keepers": _KEEPERS,
        "permission": Permission.WEBHOOK_MANAGE.value,
    }
    return direct(session).records(_RECIPIENTS, values)


def fan_out(
    session: Session, organization_id: UUID, told: Sequence[UUID], mails: Sequence[NewMail], now: datetime
) -> None:
    """Write *mails*, each at most once, and note that all of *told* are fanned out, in one statement."""
    values = {
        "organization_id": organization_id,
        "now": now,
        "told": list(told),
        "ids": [mail.id for mail in mails],
        "notification_ids": [mail.notification_id for mail in mails],
        "user_ids": [mail.user_id for mail in mails],
        "reasons": [mail.reason for mail in mails],
    }
    direct(session).run(_FAN_OUT, values)


def take_back_expired(session: Session, now: datetime, limit: int) -> Sequence[Record]:
    """End leases that have expired; after LEASES_UNTIL_DEAD of them a mail is dead: it may be what kills its worker."""
    return direct(session).records(_TAKE_BACK, {"now": now, "limit": limit})


def claim(session: Session, token: UUID, lease_s: int, now: datetime, limit: int) -> Sequence[Record]:
    """Lease up to *limit* due mails of all organizations, those due longest first."""
    values = {"token": token, "lease_s": lease_s, "now": now, "limit": limit}
    return direct(session).records(_CLAIM, values)


def settle(session: Session, organization_id: UUID, settlements: Sequence[Settlement], now: datetime) -> set[UUID]:
    """Record results and return the mails that they counted for: those whose lease still held."""
    values = {
        "organization_id": organization_id,
        "now": now,
        "ids": [one.mail_id for one in settlements],
        "tokens": [one.token for one in settlements],
        "states": [one.state.value for one in settlements],
        "next_at": [one.next_at for one in settlements],
        "counted": [one.counted for one in settlements],
        "errors": [one.error for one in settlements],
        "reasons": [one.reason for one in settlements],
    }
    return {row.id for row in direct(session).records(_SETTLE, values)}


def dead(session: Session, limit: int) -> list[WorkItem]:
    """Return, as the claimer, mails that were given up, oldest first."""
    return _items(session, [MailState.DEAD], limit)


def unfinished(session: Session, limit: int) -> list[WorkItem]:
    """Return, as the claimer, mails that wait or are being sent, oldest first."""
    return _items(session, [MailState.PENDING, MailState.IN_FLIGHT], limit)


def places_of_dead(session: Session, ids: list[UUID] | None, after: Place, limit: int) -> Sequence[Record]:
    """Return, as the claimer, where dead mails (these, or any) after a place belong."""
    values = {"ids": ids, "after_organization": after[0], "after_id": after[1], "limit": limit}
    return direct(session).records(_PLACES, values)


def retry(session: Session, organization_id: UUID, mail_ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """Make dead mails due now, with their whole schedule before them; return which."""
    values = {"organization_id": organization_id, "ids": list(mail_ids), "now": now}
    return [row.id for row in direct(session).records(_RETRY, values)]


def _items(session: Session, states: list[MailState], limit: int) -> list[WorkItem]:
    values = {"states": [state.value for state in states], "limit": limit}
    return [
        WorkItem(
            kind="mail",
            id=row.id,
            organization_id=row.organization_id,
            what=f"notification to user {row.user_id}",
            state=row.state,
            reason=row.reason,
            attempts=row.tries,
            since=row.created_at,
        )
        for row in direct(session).records(_LIST, values)
    ]
