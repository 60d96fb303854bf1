"""Lanes put right from the deliveries in them, which are the truth: when to look at them, and who goes next.

Upkeep asks for it each minute. That it finds anything is a defect, or somebody's hand: a metric counts it.
"""

from itertools import groupby
from operator import attrgetter

from psms.db.queries import lanes, orders, reconciling
from psms.runtime import Runtime
from psms.telemetry import RECONCILED, logger
from workflows.names import Task

log = logger(__name__)


def reconcile_lanes(rt: Runtime) -> int:
    """Put right what is wrong with lanes, and return how many hints and lines that were."""
    found = {"hint": _correct_hints(rt), "line": _start_lines(rt)}
    for what, count in found.items():
        RECONCILED.labels(what=what).inc(count)
    total = sum(found.values())
    if total:
        log.warning("lanes_put_right", hints=found["hint"], lines=found["line"])
        rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return total


def _correct_hints(rt: Runtime) -> int:
    with rt.db.begin_claim() as session:
        return reconciling.correct_hints(session)


def _start_lines(rt: Runtime) -> int:
    """Let somebody go in each line without a head, one organization after the other."""
    with rt.db.begin_claim() as session:
        found = reconciling.lines_without_head(session)
    started = 0
    for organization_id, own in groupby(found, key=attrgetter("organization_id")):
        turns = {(row.endpoint_id, row.order_key) for row in own}
        with rt.db.begin(organization_id) as session:
            now = lanes.lock(session, organization_id, [endpoint_id for endpoint_id, _ in turns])
            let_go = orders.let_next_go(session, organization_id, turns, now)
            lanes.wake(session, organization_id, let_go)
        started += len(let_go)
    return started
