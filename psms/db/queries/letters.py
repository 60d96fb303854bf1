"""What leased mails need to be written: the notification, what it is about, and the recipient. No leases here."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct

_LETTERS = """
    SELECT m.id, m.user_id, m.reason, m.failures, m.lease_token, m.next_attempt_at, n.kind, n.created_at AS at,
        n.endpoint_id, n.details,
        t.id AS ticket_id, t.number, t.subject, t.status, t.priority, c.metric, c.due_at,
        u.name, u.email, u.email_encrypted, u.active, o.name AS organization
    FROM mails m
    JOIN notifications n ON n.organization_id = m.organization_id AND n.id = m.notification_id
    LEFT JOIN tickets t ON t.organization_id = m.organization_id AND t.id = n.ticket_id
    LEFT JOIN sla_clocks c ON c.organization_id = m.organization_id AND c.id = n.clock_id
    JOIN users u ON u.organization_id = m.organization_id AND u.id = m.user_id
    JOIN organizations o ON o.id = m.organization_id
    WHERE m.organization_id = %(organization_id)s AND m.id = ANY (%(ids)s) ORDER BY m.id
"""


def letters(session: Session, organization_id: UUID, mail_ids: Sequence[UUID]) -> Sequence[Record]:
    """Return what each mail is about and to whom it goes."""
    return direct(session).records(_LETTERS, {"organization_id": organization_id, "ids": list(mail_ids)})
