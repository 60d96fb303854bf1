"""The workflow run of a chain of approvals: it reminds and expires. Votes decide by themselves, in `approvals`.

It looks at what is there whenever something may be due, and remembers nothing, so that nothing can be remembered
wrongly. Its id is that of its chain.
"""

from datetime import timedelta

from psms.db.models.approvals import ApprovalRow
from psms.db.queries import approvals as queries
from psms.db.queries.tickets import lock_all
from psms.domain.runs import Finish, Next, Run, Wait
from workflows.act import Act
from workflows.approval_steps import expire, remind
from workflows.run_names import APPROVAL
from workflows.runs import Definition

_LOOK = "look"
_LOOK_AGAIN = timedelta(hours=1)


def _look(act: Act, run: Run) -> Next:
    """Do what is due of the chain's pending step, and come back when something else is."""
    row = None if run.ticket_id is None else queries.pending_of(act.session, run.ticket_id)
    if row is None or row.chain_id != run.id:
        return Finish({"over": True})
    if _is_due(act, row):
        (locked,) = lock_all(act.session, [row.ticket_id])
        if locked.deleted_at is not None:
            # Nobody is told anything of it; it may be restored.
            return Wait(_LOOK, act.now + _LOOK_AGAIN)
        if row.expires_at is not None and row.expires_at <= act.now:
            expire(act, locked, row)
        else:
            remind(act, locked.ticket, row)
        row = queries.pending_of(act.session, row.ticket_id)
        if row is None:
            return Finish({"over": True})
    times = [at for at in (row.remind_at, row.expires_at) if at is not None]
    return Wait(_LOOK, min(times, default=None))


def _is_due(act: Act, row: ApprovalRow) -> bool:
    return any(at is not None and at <= act.now for at in (row.remind_at, row.expires_at))


DEFINITION = Definition(kind=APPROVAL, version=1, first=_LOOK, steps={_LOOK: _look})
