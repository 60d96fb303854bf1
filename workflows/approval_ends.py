"""Approvals that nobody decides any more: what a ticket waited for is withdrawn. Deciding is in `approval_steps`."""

from uuid import UUID

from psms.db.models.approvals import ApprovalRow
from psms.db.queries import approvals as queries
from psms.domain.approvals import ApprovalState
from psms.domain.tickets import Ticket
from workflows import trail
from workflows.act import Act
from workflows.run_names import APPROVAL
from workflows.runs import cancel_runs


def withdraw(act: Act, ticket: Ticket) -> None:
    """Withdraw what a locked ticket waited for, if it still waits, and end the chain's run."""
    pending = queries.pending_of(act.session, ticket.id)
    if pending is None:
        return
    end(act, pending, ApprovalState.WITHDRAWN)
    withdraw_rest(act, pending.chain_id)
    trail.note(act, "approval.withdrawn", ("approval", pending.id))
    cancel_runs(act, ticket_id=ticket.id, kind=APPROVAL, reason=f"The ticket is {ticket.status}.")


def withdraw_rest(act: Act, chain_id: UUID) -> None:
    """Withdraw the steps of a chain that have not begun."""
    for row in queries.waiting_of(act.session, chain_id):
        row.state, row.decided_at = ApprovalState.WITHDRAWN.value, act.now
    act.session.flush()


def end(act: Act, row: ApprovalRow, state: ApprovalState) -> None:
    """End a pending step; nobody is asked any more."""
    row.state, row.decided_at, row.remind_at = state.value, act.now, None
    for seat in queries.seats_of(act.session, [row.id]):
        seat.asked = False
    act.session.flush()
