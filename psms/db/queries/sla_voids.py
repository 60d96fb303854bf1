"""Breaches that do not count in reports: marked and unmarked on the clock's row. The clock itself is in `sla`."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_FIND = text("""
    SELECT id, metric, cycle, target, due_at, breached_at, voided_at, void_reason FROM sla_clocks
    WHERE organization_id = :organization_id AND ticket_id = :ticket_id AND id = :clock_id
""")
_VOID = text("""
    UPDATE sla_clocks SET voided_at = :now, voided_by = :by, void_reason = :reason
    WHERE organization_id = :organization_id AND id = :clock_id
""")
_UNVOID = text("""
    UPDATE sla_clocks SET voided_at = NULL, voided_by = NULL, void_reason = NULL
    WHERE organization_id = :organization_id AND id = :clock_id
""")


def find(session: Session, organization_id: UUID, ticket_id: UUID, clock_id: UUID) -> Row[Any] | None:
    """Return a cycle of a ticket's clocks, None where the ticket has none with this id."""
    values = {"organization_id": organization_id, "ticket_id": ticket_id, "clock_id": clock_id}
    return session.execute(_FIND, values).one_or_none()


def void(session: Session, values: dict[str, Any]) -> None:
    """Mark that a cycle's breach does not count: `organization_id`, `clock_id`, `reason`, `by` and `now`."""
    session.execute(_VOID, values)


def unvoid(session: Session, organization_id: UUID, clock_id: UUID) -> None:
    """Let a cycle's breach count again."""
    session.execute(_UNVOID, {"organization_id": organization_id, "clock_id": clock_id})
