"""Deliveries that a process gives back, because it is to end or cannot begin them. What is lost is reaped elsewhere."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from psms.db.queries import lanes, leases, orders, results
from psms.db.refusals import DATABASE_ERRORS
from psms.errors import PsmsError
from psms.runtime import Runtime
from psms.telemetry import logger
from workflows.delivery_jobs import Job
from workflows.names import Task

log = logger(__name__)


def give_back(rt: Runtime, jobs: Sequence[Job]) -> None:
    """End the leases of *jobs*, which are still out or were never begun, so that another process sends them at once.

    Whether the partners got them is unknown. That is no fault of a delivery, so no lease of it counts as lost. Where
    the database is away or busy, leases run out as if the process had been killed.
    """
    for organization_id, own in groupby(sorted(jobs, key=_organization_of), key=_organization_of):
        try:
            _give_back(rt, organization_id, list(own))
        except (PsmsError, *DATABASE_ERRORS) as problem:
            log.warning("deliveries_not_given_back", reason=repr(problem))
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)


def _organization_of(job: Job) -> UUID:
    return job.organization_id


def _give_back(rt: Runtime, organization_id: UUID, jobs: list[Job]) -> None:
    endpoint_ids = {job.endpoint_id for job in jobs}
    with rt.db.begin_impatient(organization_id, seconds=1) as session:
        now = lanes.lock(session, organization_id, endpoint_ids)
        returned = leases.give_back(session, organization_id, [(job.delivery_id, job.token) for job in jobs], now)
        results.mark_unknown(session, organization_id, returned, now)
        turns = {(row.endpoint_id, row.order_key) for row in returned if row.behind}
        orders.let_next_go(session, organization_id, turns, now)
        lanes.wake(session, organization_id, endpoint_ids)
    log.info("deliveries_given_back", count=len(returned))
