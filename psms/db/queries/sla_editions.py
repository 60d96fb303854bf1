"""Edits that hold for open tickets as clocks follow them: in order, each with the book as it was then.

Edits are only read; which ones a ticket's clocks have followed is written. How far rebases have got: `sla_rebases`.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.db.direct import Direct, Record
from psms.db.queries.sla_books import BookRecord, book_of_row
from psms.db.queries.tickets import LockedTicket

# Every statement sees one organization, the transaction's.
_AFTER = """
    SELECT r.revision, r.created_at, r.applies, r.calendar_id, r.policy_id FROM sla_rebases r
    WHERE r.revision > %(after)s AND r.revision > 0 ORDER BY r.revision
"""
_BOOKS = """
    SELECT r.revision, r.revision AS last_edit,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', v.policy_id, 'name', '', 'version', v.version,
                'definition', v.definition) ORDER BY e.place), '[]')
            FROM jsonb_array_elements(r.book -> 'policies') WITH ORDINALITY e (pair, place)
            JOIN sla_policy_versions v ON v.organization_id = r.organization_id
                AND v.policy_id = CAST(e.pair ->> 0 AS uuid) AND v.version = CAST(e.pair ->> 1 AS bigint)) AS policies,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', v.calendar_id, 'version', v.version,
                'definition', v.definition)), '[]')
            FROM jsonb_array_elements(r.book -> 'calendars') e (pair)
            JOIN calendar_versions v ON v.organization_id = r.organization_id
                AND v.calendar_id = CAST(e.pair ->> 0 AS uuid) AND v.version = CAST(e.pair ->> 1 AS integer))
            AS calendars,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', e.key, 'sla_policy_id', e.value)), '[]')
            FROM jsonb_each(coalesce(r.book -> 'services', '{}')) e) AS services
    FROM sla_rebases r WHERE r.revision = ANY (%(revisions)s) AND r.revision > 0
"""

_REMEMBER = text("""
    UPDATE tickets t SET sla_policy_id = r.policy_id, sla_policy_version = r.policy_version, sla_followed = r.followed
    FROM unnest(CAST(:ids AS uuid[]), CAST(:policy_ids AS uuid[]), CAST(:policy_versions AS bigint[]),
        CAST(:followed AS bigint[])) AS r (id, policy_id, policy_version, followed)
    WHERE t.organization_id = :organization_id AND t.id = r.id
""")


def edits_after(way: Direct, revision: int) -> Sequence[Record]:
    """Return the edits after *revision* that hold for open tickets, in order."""
    return way.records(_AFTER, {"after": revision})


def former_books(way: Direct, revisions: Sequence[int]) -> list[BookRecord]:
    """Return the organization's books as they were after the edits of these revisions."""
    return [book_of_row(row) for row in way.records(_BOOKS, {"revisions": list(revisions)})]


def remember(session: Session, organization_id: UUID, tickets: Sequence[LockedTicket]) -> None:
    """Write which edits the clocks of locked tickets have followed, and what is promised since, in one statement."""
    policies = [locked.policy or (None, None) for locked in tickets]
    values = {
        "ids": [locked.ticket.id for locked in tickets],
        "policy_ids": [policy_id for policy_id, _ in policies],
        "policy_versions": [version for _, version in policies],
        "followed": [locked.followed for locked in tickets],
    }
    session.execute(_REMEMBER, {"organization_id": organization_id, **values})
