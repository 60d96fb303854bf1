"""Workflow runs for operators, across organizations, as the claimer: what failed, and what is due."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record, direct
from psms.domain.operations import WorkItem
from psms.domain.runs import RunState

Place = tuple[UUID, UUID]
"""Where a run is in the order of retries: organization, run."""

UNKNOWN = "waits for a release that knows it"

_LIST = """
    SELECT organization_id, id, kind, version, step, tries, state, error, created_at FROM workflow_runs
    WHERE state = %(state)s AND (state = 'failed' OR due_at <= psms_now()) ORDER BY created_at, id LIMIT %(limit)s
"""
_PLACES = """
    SELECT organization_id, id FROM workflow_runs
    WHERE state = 'failed' AND (CAST(%(ids)s AS uuid[]) IS NULL OR id = ANY (CAST(%(ids)s AS uuid[])))
      AND (organization_id, id) > (%(after_organization)s, %(after_id)s)
    ORDER BY organization_id, id LIMIT %(limit)s
"""


def dead(session: Session, limit: int) -> list[WorkItem]:
    """Return runs that failed, oldest first."""
    rows = direct(session).records(_LIST, {"state": RunState.FAILED.value, "limit": limit})
    return [_item(row, row.error) for row in rows]


def due(session: Session, known: Collection[tuple[str, int]], limit: int) -> list[WorkItem]:
    """Return runs whose time has come, oldest first, with those that are not of the *known* kinds and versions."""
    rows = direct(session).records(_LIST, {"state": RunState.WAITING.value, "limit": limit})
    return [_item(row, row.error if (row.kind, row.version) in known else UNKNOWN) for row in rows]


def places_of_dead(session: Session, ids: list[UUID] | None, after: Place, limit: int) -> Sequence[Record]:
    """Return where failed runs (these, or any) after a place belong."""
    values = {"ids": ids, "after_organization": after[0], "after_id": after[1], "limit": limit}
    return direct(session).records(_PLACES, values)


def _item(row: Record, reason: str | None) -> WorkItem:
    return WorkItem(
        kind="run",
        id=row.id,
        organization_id=row.organization_id,
        what=f"{row.kind} {row.version}, step {row.step}",
        state=row.state,
        reason=reason,
        attempts=row.tries,
        since=row.created_at,
    )
