"""Resolved tickets close by themselves: when a run for it is begun, and cancelled. The run is in `auto_close_run`."""

from datetime import timedelta

from psms.db.queries.auto_close import close_after
from psms.domain.tickets import Status, Ticket
from workflows.act import Act
from workflows.run_names import AUTO_CLOSE
from workflows.runs import cancel_runs, start_run


def follow(act: Act, before: Ticket, after: Ticket) -> None:
    """Let a locked ticket's closing by itself follow its status: begun when it is resolved, cancelled when it goes on.

    A ticket that is resolved again begins another run.
    """
    if after.status is Status.RESOLVED:
        _begin(act, after)
    elif before.status is Status.RESOLVED:
        cancel_runs(act, ticket_id=after.id, kind=AUTO_CLOSE, reason=f"The ticket is {after.status}.")


def _begin(act: Act, ticket: Ticket) -> None:
    after = close_after(act.session)
    if after is not None:
        start_run(
            act,
            AUTO_CLOSE,
            business_key=f"{ticket.id}:{ticket.version}",
            ticket_id=ticket.id,
            input={"resolved_at": ticket.resolved_at},
            due_at=act.now + timedelta(seconds=after),
        )
