"""Rebases as people see them: list and read. Doing them is in `sla_rebase`."""

from uuid import UUID

from psms.db.models.sla_books import SlaRebaseRow
from psms.db.queries import records
from psms.domain.access import Actor, Permission, require
from psms.domain.pages import Page, PageRequest
from psms.domain.sla.edits import Applies
from psms.domain.sla_rebases import Rebase, RebaseState
from psms.runtime import Runtime


def list_rebases(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Rebase]:
    """Return one page of the edits that hold, or held, for open tickets, oldest first."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, SlaRebaseRow, page, _view)


def get_rebase(rt: Runtime, actor: Actor, rebase_id: UUID) -> Rebase:
    """Return how far an edit has got, or raise NotFound."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _view(records.get(session, SlaRebaseRow, rebase_id))


def _view(row: SlaRebaseRow) -> Rebase:
    state = RebaseState(row.state)
    if state is RebaseState.WAITING and row.started_at is not None:
        state = RebaseState.RUNNING
    return records.view_of(Rebase, row, state=state, applies=Applies(row.applies))
