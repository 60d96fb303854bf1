"""Statements on parents and children of tickets. Deleted tickets keep their places: they may be restored."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from psms.domain.ticket_families import DONE, Family

# Who moves a ticket waits here: two moves that make a circle only together are judged one after the other.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('tickets.family', hashtext(CAST(:organization_id AS text))))"
)
# Further than any family is deep, so that not even a broken one is walked for ever.
_FAMILY = text("""
    WITH RECURSIVE up (id, parent_id, step) AS (
        SELECT id, parent_id, 1 FROM tickets WHERE organization_id = :organization_id AND id = :parent_id
        UNION ALL SELECT t.id, t.parent_id, up.step + 1 FROM up
        JOIN tickets t ON t.organization_id = :organization_id AND t.id = up.parent_id WHERE up.step < 100
    ), down (id, step) AS (
        SELECT CAST(:child_id AS uuid), 1
        UNION ALL SELECT t.id, down.step + 1 FROM down
        JOIN tickets t ON t.organization_id = :organization_id AND t.parent_id = down.id WHERE down.step < 100
    )
    SELECT ARRAY(SELECT id FROM up ORDER BY step) AS ancestors, (SELECT max(step) FROM down) AS generations,
        (SELECT count(*) FROM tickets WHERE organization_id = :organization_id AND parent_id = :parent_id) AS children
""")
_OPEN = text("""
    SELECT number FROM tickets
    WHERE organization_id = :organization_id AND parent_id = :ticket_id AND deleted_at IS NULL
        AND status <> ALL (:done)
    ORDER BY number
""")
_DONE = [status.value for status in DONE]


def lock(session: Session, organization_id: UUID) -> None:
    """Wait until nobody else gives tickets of an organization another parent, until the commit. First of all locks."""
    session.execute(_LOCK, {"organization_id": organization_id})


def family_of(session: Session, organization_id: UUID, child_id: UUID, parent_id: UUID) -> Family:
    """Return who stands where, before a ticket gets a parent."""
    ids = {"organization_id": organization_id, "child_id": child_id, "parent_id": parent_id}
    row = session.execute(_FAMILY, ids).one()
    return Family(ancestors=tuple(row.ancestors), generations=row.generations, children=row.children)


def open_children(session: Session, organization_id: UUID, ticket_id: UUID) -> list[int]:
    """Return the numbers of a ticket's children that are not done."""
    values = {"organization_id": organization_id, "ticket_id": ticket_id, "done": _DONE}
    return list(session.execute(_OPEN, values).scalars())
