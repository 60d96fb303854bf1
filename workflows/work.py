"""Dead and waiting work of every kind, for `python -m psms work`: listed, and tried again."""

from itertools import groupby
from uuid import UUID

from psms.db.queries import endpoints, operations, results
from psms.db.session import enter
from psms.domain.operations import WorkItem
from psms.domain.retry import EXPIRES_AFTER
from psms.runtime import Runtime
from workflows import trail
from workflows.act import act_of_system
from workflows.names import Task

_BATCH = 500


def dead_work(rt: Runtime, limit: int) -> list[WorkItem]:
    """Return what has been given up, oldest first."""
    with rt.db.begin_claim() as session:
        return operations.dead(session, limit)


def waiting_work(rt: Runtime, limit: int) -> list[WorkItem]:
    """Return what is pending, in flight or held, oldest first."""
    with rt.db.begin_claim() as session:
        return operations.unfinished(session, limit)


def retry_work(rt: Runtime, ids: list[UUID] | None) -> int:
    """Make dead work (these ids, or all of it) due again and return how many that were.

    In batches of 500, each a transaction: cut short, it has done whole batches and can be run again.
    """
    total = 0
    while True:
        count, seen = _retry_batch(rt, ids)
        total += count
        if seen < _BATCH or count == 0:
            break
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return total


def _retry_batch(rt: Runtime, ids: list[UUID] | None) -> tuple[int, int]:
    count = 0
    with rt.db.begin_claim() as session:
        places = operations.places_of_dead(session, ids, _BATCH)
        now = rt.clock.now(session)
        for (organization_id, endpoint_id), rows in groupby(places, key=lambda row: row[:2]):
            enter(session, organization_id)
            for row in rows:
                if endpoints.retry(session, endpoint_id, row.id, now=now, expires_after=EXPIRES_AFTER):
                    count += 1
                    act = act_of_system(rt, session, organization_id, now)
                    trail.note(act, "delivery.retried", ("delivery", row.id))
            results.wake_lanes(session, organization_id, {endpoint_id: None})
    return count, len(places)
