"""The workflow run that closes a resolved ticket when nobody has objected. When one is begun is in `auto_close`."""

from datetime import timedelta

from psms.db.queries import tickets as queries
from psms.db.queries.auto_close import close_after, is_deleted
from psms.db.queries.tickets import LockedTicket
from psms.domain.lifecycle import Action
from psms.domain.runs import Finish, Next, Run, Wait
from psms.domain.tickets import Status
from psms.errors import ActionNotAllowed
from workflows import sla
from workflows.act import Act
from workflows.run_names import AUTO_CLOSE
from workflows.runs import Definition
from workflows.ticket_changes import moved_along

# Where something else keeps the ticket from being closed for now.
_LOOK_AGAIN = timedelta(days=1)


def _close(act: Act, run: Run) -> Next:
    """Close the ticket, unless the organization gives it more time by now, or wants none to close by itself."""
    after = close_after(act.session)
    if after is None or run.ticket_id is None:
        return Finish({"closed": False, "because": "switched off"})
    (locked,) = queries.lock_all(act.session, [run.ticket_id])
    resolved_at = locked.ticket.resolved_at
    if locked.ticket.status is not Status.RESOLVED or resolved_at is None:
        return Finish({"closed": False, "because": "not resolved"})
    due_at = resolved_at + timedelta(seconds=after)
    if due_at > act.now:
        return Wait("close", due_at)
    # Nobody is told anything of what is deleted; it may be restored.
    return Wait("close", act.now + _LOOK_AGAIN) if is_deleted(act.session, run.ticket_id) else _closed(act, locked)


def _closed(act: Act, locked: LockedTicket) -> Next:
    try:
        moved_along(act, sla.caught_up(act, locked), Action.CLOSE)
    except ActionNotAllowed:
        return Wait("close", act.now + _LOOK_AGAIN)
    return Finish({"closed": True})


DEFINITION = Definition(kind=AUTO_CLOSE, version=1, first="close", steps={"close": _close})
