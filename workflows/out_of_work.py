"""Tickets that are merged or deleted: what waits for one ends, and begins anew when it is back.

Its status and its clocks are the business of `merges` and `deletions`.
"""

from psms.domain.tickets import Stage, Ticket
from workflows import approval_ends, auto_close, change_plans
from workflows.act import Act
from workflows.approval_steps import begin_again
from workflows.run_names import APPROVAL, AUTO_CLOSE, CHANGE_WINDOW
from workflows.runs import cancel_runs


def leave(act: Act, ticket: Ticket, reason: str) -> None:
    """Ask nobody about a locked ticket any more, free its window in the calendar, and let no run act on it."""
    for kind in (APPROVAL, AUTO_CLOSE, CHANGE_WINDOW):
        cancel_runs(act, ticket_id=ticket.id, kind=kind, reason=reason)
    approval_ends.withdraw(act, ticket)
    change_plans.free_window(act, ticket)


def come_back(act: Act, ticket: Ticket) -> None:
    """Begin anew what a locked ticket, which is back in its former state, waits for.

    The approvals that were withdrawn are asked for from the first step on: a request gets round none in this way.
    """
    if ticket.stage is Stage.AWAITING_APPROVAL:
        begin_again(act, ticket)
    auto_close.follow(act, ticket, ticket)
    change_plans.take_window(act, ticket)
