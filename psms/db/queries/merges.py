"""Statements on merged tickets: what they were, who goes on for them, and who follows because of it."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.domain.ticket_merges import Merge
from psms.domain.tickets import Stage, Status

_ADD = text("""
    INSERT INTO ticket_merges (organization_id, id, survivor_id, status, stage, closed_at, merged_by, merged_at)
    VALUES (:organization_id, :merged_id, :survivor_id, :status, :stage, :closed_at, :merged_by, :merged_at)
""")
_TAKE = text("DELETE FROM ticket_merges WHERE id = :merged_id RETURNING *")
_BRING = text("""
    WITH brought AS (
        INSERT INTO ticket_merge_watchers (organization_id, merge_id, user_id)
        SELECT :organization_id, :merged_id, w.user_id FROM (
            SELECT user_id FROM ticket_watchers WHERE organization_id = :organization_id AND ticket_id = :merged_id
            UNION SELECT requester_id FROM tickets WHERE organization_id = :organization_id AND id = :merged_id) w
        RETURNING user_id)
    INSERT INTO ticket_watchers (organization_id, ticket_id, user_id, added_at, by_merge)
    SELECT :organization_id, :survivor_id, user_id, :now, true FROM brought ON CONFLICT DO NOTHING
""")
# Those whom somebody added, or whom another merge brings as well, stay.
_LET_GO = text("""
    DELETE FROM ticket_watchers w USING ticket_merge_watchers m
    WHERE m.organization_id = :organization_id AND m.merge_id = :merged_id
        AND w.organization_id = :organization_id AND w.ticket_id = :survivor_id AND w.user_id = m.user_id AND w.by_merge
        AND NOT EXISTS (
            SELECT FROM ticket_merges o JOIN ticket_merge_watchers also
                ON also.organization_id = o.organization_id AND also.merge_id = o.id
            WHERE o.organization_id = :organization_id AND o.survivor_id = :survivor_id AND o.id <> :merged_id
                AND also.user_id = w.user_id)
""")
# No merge makes a circle; the bound holds all the same.
_CHAIN = text("""
    WITH RECURSIVE up (id, merged_into_id, step) AS (
        SELECT id, merged_into_id, 1 FROM tickets WHERE organization_id = :organization_id AND id = :ticket_id
        UNION ALL SELECT t.id, t.merged_into_id, up.step + 1 FROM up
        JOIN tickets t ON t.organization_id = :organization_id AND t.id = up.merged_into_id WHERE up.step < 200
    ) SELECT id FROM up ORDER BY step
""")
MERGED_INTO = """
    WITH RECURSIVE merged (id, step) AS (
        SELECT CAST(:ticket_id AS uuid), 1
        UNION ALL SELECT t.id, merged.step + 1 FROM merged
        JOIN tickets t ON t.organization_id = :organization_id AND t.merged_into_id = merged.id {there}
        WHERE merged.step < 200)
"""
_TOGETHER = text(f"{MERGED_INTO.format(there='')} SELECT count(*) FROM merged")  # noqa: S608  (a constant)
_LIVE = text("""
    SELECT number FROM tickets
    WHERE organization_id = :organization_id AND merged_into_id = :ticket_id AND deleted_at IS NULL ORDER BY number
""")


def add(session: Session, organization_id: UUID, merge: Merge) -> None:
    """Write what a ticket was before it was merged."""
    values = {name: getattr(merge, name) for name in Merge.__slots__}
    session.execute(_ADD, {**values, "organization_id": organization_id})


def bring_watchers(session: Session, organization_id: UUID, merge: Merge) -> None:
    """Let whoever asked for a merged ticket, or follows it, follow the survivor."""
    ids = {"organization_id": organization_id, "merged_id": merge.merged_id, "survivor_id": merge.survivor_id}
    session.execute(_BRING, {**ids, "now": merge.merged_at})


def take_back(session: Session, organization_id: UUID, merged_id: UUID, survivor_id: UUID) -> Merge:
    """Let those no longer follow the survivor who do so because of this merge alone; remove it, and return it."""
    ids = {"organization_id": organization_id, "merged_id": merged_id, "survivor_id": survivor_id}
    session.execute(_LET_GO, ids)
    row = session.execute(_TAKE, {"merged_id": merged_id}).one()
    return Merge(
        merged_id=row.id,
        survivor_id=row.survivor_id,
        status=Status(row.status),
        stage=None if row.stage is None else Stage(row.stage),
        closed_at=row.closed_at,
        merged_by=row.merged_by,
        merged_at=row.merged_at,
    )


def chain_of(session: Session, organization_id: UUID, ticket_id: UUID) -> list[UUID]:
    """Return a ticket, the one that it was merged into, and so on to the one that goes on."""
    return list(session.execute(_CHAIN, {"organization_id": organization_id, "ticket_id": ticket_id}).scalars())


def together(session: Session, organization_id: UUID, ticket_id: UUID) -> int:
    """Return for how many tickets a ticket goes on, itself among them."""
    values = {"organization_id": organization_id, "ticket_id": ticket_id}
    return int(session.execute(_TOGETHER, values).scalar_one())


def merged_into(session: Session, organization_id: UUID, ticket_id: UUID) -> list[int]:
    """Return the numbers of the tickets that were merged into this one and are not deleted."""
    values = {"organization_id": organization_id, "ticket_id": ticket_id}
    return list(session.execute(_LIVE, values).scalars())
