"""Approvals: whom a step asks, which a caller sees, and what approvers are told. Single rows are written by the ORM."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select, text
from sqlalchemy.orm import Session

from psms.db.models.approvals import ApprovalRow, ApprovalSeatRow
from psms.db.models.tickets import TicketRow
from psms.db.queries.visibility import visible
from psms.domain.access import Actor
from psms.domain.approvals import ApprovalState, ApprovalStep
from psms.errors import NotFound

_S = ApprovalSeatRow
# Who is away is stood in for; not by whoever may not approve this.
_PERSONS = """
    SELECT u.id AS user_id, (
        SELECT d.delegate_id FROM approval_delegations d JOIN users s ON s.id = d.delegate_id AND s.active
        WHERE d.user_id = u.id AND d.starts_at <= :now AND d.ends_at > :now
            AND d.delegate_id <> ALL (CAST(:excluded AS uuid[]))
        ORDER BY d.id DESC LIMIT 1) AS delegate_id
    FROM users u WHERE u.active AND u.id <> ALL (CAST(:excluded AS uuid[]))
"""
_ASKED = text(f"""{_PERSONS} AND (u.id = ANY (:users)
    OR EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id AND m.team_id = ANY (:teams)))
    ORDER BY u.id""")
_LEADERS = text(f"{_PERSONS} AND u.role = :role ORDER BY u.id")
_UNKNOWN = text("""
    SELECT n.id FROM unnest(CAST(:users AS uuid[])) AS n (id) WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = n.id)
    UNION SELECT n.id FROM unnest(CAST(:teams AS uuid[])) AS n (id)
    WHERE NOT EXISTS (SELECT FROM teams t WHERE t.id = n.id)
""")
_SEQUENCE = text("SELECT sequence FROM tickets WHERE organization_id = :organization_id AND id = :ticket_id")

Person = tuple[UUID, UUID | None]
"""Whose vote it is, and who stands in."""


def persons_of(session: Session, step: ApprovalStep, excluded: Iterable[UUID], now: datetime) -> list[Person]:
    """Return whom a step asks that begins at *now*: those it names, else the managers, else the admins."""
    values = {"excluded": sorted(excluded), "now": now}
    found = session.execute(_ASKED, {**values, "users": list(step.user_ids), "teams": list(step.team_ids)}).all()
    for role in ("manager", "admin"):
        found = found or session.execute(_LEADERS, {**values, "role": role}).all()
    return [(row.user_id, row.delegate_id) for row in found]


def person_of(session: Session, user_id: UUID, excluded: Iterable[UUID], now: datetime) -> list[Person]:
    """Return one active user with who stands in, nothing where it is somebody who may not approve this."""
    values = {"excluded": sorted(excluded), "now": now, "users": [user_id], "teams": []}
    return [(row.user_id, row.delegate_id) for row in session.execute(_ASKED, values)]


def unknown(session: Session, users: Iterable[UUID], teams: Iterable[UUID]) -> set[UUID]:
    """Return which of these users and teams there are not."""
    return set(session.scalars(_UNKNOWN, {"users": sorted(set(users)), "teams": sorted(set(teams))}))


def sequence_of(session: Session, organization_id: UUID, ticket_id: UUID) -> int:
    """Return the number of a locked ticket's last event."""
    values = {"organization_id": organization_id, "ticket_id": ticket_id}
    return int(session.execute(_SEQUENCE, values).scalar_one())


def pending_of(session: Session, ticket_id: UUID) -> ApprovalRow | None:
    """Return the step that a locked ticket waits for, locked."""
    wanted = select(ApprovalRow).where(ApprovalRow.ticket_id == ticket_id, ApprovalRow.state == ApprovalState.PENDING)
    return session.scalars(wanted.with_for_update()).one_or_none()


def source_of_pending(session: Session, ticket_id: UUID) -> str | None:
    """Return who asked for the step that a ticket waits for."""
    wanted = select(ApprovalRow.source).where(
        ApprovalRow.ticket_id == ticket_id, ApprovalRow.state == ApprovalState.PENDING
    )
    return session.scalars(wanted).one_or_none()


def waiting_of(session: Session, chain_id: UUID) -> Sequence[ApprovalRow]:
    """Return the steps of a chain that have not begun, in their order."""
    wanted = select(ApprovalRow).where(ApprovalRow.chain_id == chain_id, ApprovalRow.state == ApprovalState.WAITING)
    return session.scalars(wanted.order_by(ApprovalRow.position)).all()


def lock(session: Session, approval_id: UUID) -> ApprovalRow:
    """Return a step as it is now, locked; the ticket is locked before."""
    wanted = select(ApprovalRow).where(ApprovalRow.id == approval_id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def seats_of(session: Session, approval_ids: Sequence[UUID]) -> Sequence[ApprovalSeatRow]:
    """Return the votes of steps, in the order of the voters."""
    wanted = select(_S).where(_S.approval_id.in_(approval_ids)).order_by(_S.approval_id, _S.user_id)
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Return the condition for approvals that *actor* sees: those of tickets that they see, and their own."""
    ticket = select(TicketRow.id).where(
        TicketRow.organization_id == ApprovalRow.organization_id, TicketRow.id == ApprovalRow.ticket_id, visible(actor)
    )
    return or_(mine(actor), exists(ticket))


def mine(actor: Actor) -> ColumnElement[bool]:
    """Return the condition for approvals that ask *actor*, or somebody for whom they stand in; of no deleted ticket."""
    own = or_(_S.user_id == actor.user_id, _S.delegate_id == actor.user_id)
    ids = select(_S.approval_id).where(and_(_S.organization_id == actor.organization_id, own))
    there = select(TicketRow.id).where(
        TicketRow.organization_id == ApprovalRow.organization_id,
        TicketRow.id == ApprovalRow.ticket_id,
        TicketRow.deleted_at.is_(None),
    )
    return and_(ApprovalRow.id.in_(ids), exists(there))


def get(session: Session, actor: Actor, approval_id: UUID) -> ApprovalRow:
    """Return an approval that *actor* sees, or raise NotFound."""
    row = session.scalars(select(ApprovalRow).where(ApprovalRow.id == approval_id, seen_by(actor))).one_or_none()
    if row is None:
        raise NotFound
    return row


def in_state(state: ApprovalState | None) -> list[ColumnElement[bool]]:
    """Return the conditions for approvals in a state; None: in any."""
    return [] if state is None else [ApprovalRow.state == state.value]
