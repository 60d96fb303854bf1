"""The workflow run of a scheduled change: it tells when the window opens, and when it is over and the change is not."""

from psms.db.queries import approvals, changes
from psms.db.queries.tickets import LockedTicket, lock_all
from psms.domain.events import EventType
from psms.domain.runs import Finish, Next, Run, Wait
from psms.domain.tickets import Stage
from workflows.act import Act
from workflows.run_names import CHANGE_WINDOW
from workflows.runs import Definition
from workflows.ticket_changes import told
from workflows.ticket_events import Told


def _remind(act: Act, run: Run) -> Next:
    """Tell that the window of a change opens."""
    locked = _locked(act, run)
    row = None if locked is None else changes.find(act.session, locked.ticket.id)
    if locked is None or row is None or locked.ticket.stage not in {Stage.SCHEDULED, Stage.IMPLEMENTING}:
        return Finish({"because": "not scheduled"})
    if locked.ticket.stage is Stage.SCHEDULED:
        _tell(act, locked, EventType.CHANGE_DUE)
    return Wait("look", row.planned_end)


def _look(act: Act, run: Run) -> Next:
    """Tell that the window is over, where the change still is scheduled or under way."""
    locked = _locked(act, run)
    if locked is None or locked.ticket.stage not in {Stage.SCHEDULED, Stage.IMPLEMENTING}:
        return Finish({"overdue": False})
    _tell(act, locked, EventType.CHANGE_OVERDUE)
    return Finish({"overdue": True})


def _locked(act: Act, run: Run) -> LockedTicket | None:
    return None if run.ticket_id is None else lock_all(act.session, [run.ticket_id])[0]


def _tell(act: Act, locked: LockedTicket, kind: EventType) -> None:
    sequence = approvals.sequence_of(act.session, act.organization_id, locked.ticket.id)
    told(act, [Told(type=kind, changes={})], locked.ticket, sequence)


DEFINITION = Definition(kind=CHANGE_WINDOW, version=1, first="remind", steps={"remind": _remind, "look": _look})
